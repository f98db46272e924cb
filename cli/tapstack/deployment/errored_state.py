"""States that Terraform could not save where they belong: found, brought there, and never overwritten or lost."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tapstack.deployment import state_place
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.state_place import State
from tapstack.errors import TapError
from tapstack.seal.store import stamp
from tapstack.terraform.rescue import ERRORED, places


@dataclass(frozen=True, slots=True)
class ErroredState:
    """One of them; `state` is what it says."""

    path: Path
    state: State


def find(prepared: Prepared, current: State, noted: Iterable[Path]) -> tuple[list[ErroredState], list[str]]:
    """Those of this environment, oldest first, and a sentence for each that is not to be used.

    They are known by the lineage of the `current` state; before there is one, by `noted`, the paths that a journal
    names.
    """
    of_journal = {path.resolve() for path in noted if path.is_file()}
    found, left = [], []
    for path in sorted({*_candidates(prepared), *of_journal}):
        try:
            state = state_place.read(path.read_bytes(), str(path))
        except TapError as failure:
            left.append(failure.message)
            continue
        if state.lineage == current.lineage or (not current.lineage and path in of_journal):
            found.append(ErroredState(path, state))
        elif path.name == ERRORED:
            left.append(
                f"{path} is the state of something else: its lineage is {state.lineage}, that of environment "
                f"{prepared.settings.environment} is {current.lineage or 'none yet'}."
            )
    return sorted(found, key=lambda one: one.state.serial), left


def _candidates(prepared: Prepared) -> Iterator[Path]:
    directory = prepared.settings.directory.resolve()
    if (directory / ERRORED).is_file():
        yield directory / ERRORED
    near = prepared.driver.state.parent if prepared.driver.state else directory
    for place in (prepared.settings.environment_work, *places(near)):
        with contextlib.suppress(OSError):
            yield from (
                path.resolve() for path in place.glob("errored-*.tfstate") if os.access(path, os.R_OK)
            )


def push(prepared: Prepared, current: State, found: ErroredState) -> bool:
    """Make it the state, and keep the file in the archive; False where the state has moved on since.

    Raises TerraformFailed where the backend does not take it.
    """
    if current.lineage == found.state.lineage and current.serial >= found.state.serial:
        return False
    if prepared.driver.state is None:
        prepared.driver.state_push(found.path)
    else:
        _replace(prepared, prepared.driver.state, found.state.text)
    archive(prepared, found.path)
    return True


def set_aside(prepared: Prepared, path: Path) -> Path:
    """Move a file to where no Terraform overwrites it and the next recovery finds it."""
    return _move(path, prepared.settings.environment_work / f"errored-{stamp(datetime.now(UTC))}.tfstate")


def archive(prepared: Prepared, path: Path) -> Path:
    """Move a file to this environment's archive, under a name that nothing has there."""
    return _move(path, _archive(prepared) / f"errored-{stamp(datetime.now(UTC))}.tfstate")


def archive_unreadable(prepared: Prepared) -> str:
    """Move an `errored.tfstate` that is no state out of the way of the next apply; the sentence, "" without one.

    On a full disk Terraform leaves the beginning of one, or an empty file.
    """
    path = prepared.settings.directory.resolve() / ERRORED
    if not path.is_file():
        return ""
    try:
        state_place.read(path.read_bytes(), str(path))
    except TapError:
        return f"{path} is no whole state: it is kept in {archive(prepared, path)}."
    return ""


def _move(path: Path, target: Path) -> Path:
    # Not by renaming: it may come from another file system.
    _write(target, path.read_bytes())
    path.unlink()
    return target


def unknown_to(recorded: Container[str], found: ErroredState) -> dict[str, str]:
    """Address and id of what an errored state records and `recorded`, the addresses of the state, does not."""
    return {
        address: str(id_)
        for address, instance in instances(found.state)
        if address not in recorded and (id_ := (instance.get("attributes") or {}).get("id"))
    }


def instances(state: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Address and record of each managed resource; objects that wait to be destroyed are left out."""
    for resource in state.content["resources"]:
        if resource.get("mode") != "managed":
            continue
        module = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource.get("instances") or ():
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
            if not instance.get("deposed"):
                yield f"{module}{resource['type']}.{resource['name']}{index}", instance


def _replace(prepared: Prepared, state: Path, text: bytes) -> None:
    if state.is_file():
        _write(_archive(prepared) / f"before-{stamp(datetime.now(UTC))}.tfstate", state.read_bytes())
    new = state.with_name(f"{state.name}.new")
    new.unlink(missing_ok=True)
    _write(new, text)
    new.replace(state)


def _archive(prepared: Prepared) -> Path:
    directory = prepared.settings.environment_work / "archive"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def _write(path: Path, text: bytes) -> None:
    # What it is made from may be gone the moment this returns.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
