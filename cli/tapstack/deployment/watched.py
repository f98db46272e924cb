"""What a judgement of a directory is made from: where its files are, and whether they have changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tapstack import buffers
from tapstack.deployment.known_secrets import LOCAL_SOURCE
from tapstack.settings import FILE_NAME, Settings

_CODE: Final = (".tf", ".tf.json")
_ENDINGS: Final = (*_CODE, ".tfvars", ".tfvars.json", ".py")

Stamp = Mapping[str, tuple[int, ...]]


def places(stack: Path, settings: Settings | None) -> tuple[Path, ...]:
    """The directories whose files are judged, the stack's own first, and the files that are named one by one.

    All are absolute, and need not exist.

    The files are looked through as text, because one that does not parse is the one that is going to change.
    `settings` are None where tap.toml can't be read.
    """
    found = dict.fromkeys(_modules(_absolute(stack)))
    if settings is not None:
        for own in settings.policy_directories():
            found.update(dict.fromkeys(_below(_absolute(own))))
        files = (_absolute(settings.directory / name) for name in settings.where.var_files)
        found.update(dict.fromkeys(files))
    return tuple(found)


def stamp(places: Iterable[Path]) -> Stamp:
    """Something that is equal as long as nothing there is changed, made, replaced or deleted."""
    found: dict[str, tuple[int, ...]] = {}
    for place in places:
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name == FILE_NAME or entry.name.endswith(_ENDINGS):
                        found[entry.path] = _stamp(Path(entry.path))
        except OSError:
            found[str(place)] = _stamp(place)
    return found


def present(places: Iterable[Path]) -> dict[Path, tuple[int, ...]]:
    """The directory of each place, or what there is above one that is not there, with what tells it from a successor
    of the same name."""
    found: dict[Path, tuple[int, ...]] = {}
    for place in places:
        here = next(path for path in (place, *place.parents) if path.is_dir())
        known = here.stat()
        found[here] = (known.st_dev, known.st_ino)
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        known = path.stat()
    except OSError:
        return ()
    return known.st_mtime_ns, known.st_size, known.st_ino, known.st_dev


def _modules(stack: Path) -> Iterator[Path]:
    """A module's directory and those of the local modules that it calls."""
    waiting, seen = [stack], set[Path]()
    while waiting:
        here = waiting.pop(0)
        if here in seen:
            continue
        seen.add(here)
        yield here
        for text in _texts(here):
            waiting += [_absolute(here / source) for source in LOCAL_SOURCE.findall(text)]


def _texts(directory: Path) -> Iterator[str]:
    try:
        files = sorted(path for path in directory.iterdir() if path.name.endswith(_CODE))
    except OSError:
        return
    for file in files:
        try:
            yield buffers.read_text(file, errors="replace")
        except OSError:
            continue


def _absolute(path: Path) -> Path:
    """Without `..`, and with symbolic links as they are: what they lead to may change."""
    return Path(os.path.normpath(path.absolute()))


def _below(directory: Path) -> Iterator[Path]:
    yield directory
    for here, names, _ in os.walk(directory):
        names[:] = sorted(name for name in names if not name.startswith((".", "__")))
        yield from (Path(here, name) for name in names)
