"""Parsed files kept by their content, for the next command: reading HCL is what takes the time on a large stack.

The cache is the user's own (`$XDG_CACHE_HOME/tap/hcl`, else `~/.cache/tap/hcl`) and never a part of a checkout,
where somebody else could have put what a file is said to hold. An entry that is damaged, or was written by another
version of the reader, is not used; a directory that others may write to isn't either.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import stat
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

from tapstack.masking import MASK

# 5,000 resources in one file make an entry of 5 MB.
_MOST: Final = 128 * 1024 * 1024
_BETWEEN: Final = 256
_STORED: Final = itertools.count()
_DAY: Final = 24 * 60 * 60
_DIGEST: Final = hashlib.sha256().digest_size * 2
# What decides how a text is read, besides the text.
_READERS: Final = (
    ("tapstack.terraform", ("source.py", "quoted.py")),
    ("hcl2", ("hcl2.lark",)),
    ("lark", ("__init__.py",)),
)


def load(text: str) -> Any:
    """What `store` has kept for this text; None where there is nothing that can be trusted."""
    directory = _directory()
    if directory is None:
        return None
    entry = directory / _name(text)
    try:
        kept = entry.read_bytes()
        if time.time() - entry.stat().st_mtime > _DAY:
            os.utime(entry)  # the oldest are the first to go
    except OSError:
        return None
    digest, payload = kept[:_DIGEST], kept[_DIGEST:]
    if digest != hashlib.sha256(payload).hexdigest().encode():
        return None
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def store(text: str, value: Any) -> None:
    """Keep a value of JSON for this text, unless secrets stand in it; what isn't kept is parsed again next time."""
    directory = _directory()
    if directory is None or MASK.output(text) != text:
        return
    if next(_STORED) % _BETWEEN == 0:
        trim(directory)
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        payload = json.dumps(value, separators=(",", ":")).encode()
        if len(payload) > _MOST // 4:
            return
        handle, aside = tempfile.mkstemp(dir=directory)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(payload).hexdigest().encode() + payload)
            Path(aside).replace(directory / _name(text))
        except OSError:
            Path(aside).unlink(missing_ok=True)
            raise


def trim(directory: Path, most: int = _MOST) -> None:
    """Remove the entries that were not used for longest, where all together are more than `most` bytes."""
    found: list[tuple[float, int, str]] = []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                known = entry.stat(follow_symlinks=False)
                found.append((known.st_mtime, known.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    if total <= most:
        return
    for _, size, path in sorted(found):
        with contextlib.suppress(OSError):
            Path(path).unlink()
            total -= size
        if total <= most * 3 // 4:
            return


def _name(text: str) -> str:
    return hashlib.sha256(_reader() + text.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _reader() -> bytes:
    """What stands for the code that reads: a change of it makes other entries."""
    digest = hashlib.sha256()
    for package, names in _READERS:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            for name in names:
                digest.update(Path(place, name).read_bytes())
    return digest.digest()


@cache
def _directory() -> Path | None:
    """Where the entries are; None where no directory of the user's own can be had."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        directory = (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "tap" / "hcl"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = directory.lstat()
        _reader()
    except (OSError, RuntimeError):
        return None
    owned = stat.S_ISDIR(known.st_mode) and known.st_uid == os.geteuid() and not known.st_mode & 0o022
    return directory if owned else None
