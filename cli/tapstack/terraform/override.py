"""What a configuration says about real places is set aside for the embedded AWS, by an override file.

Terraform has no option for that: a `backend`, a `profile` or the `allowed_account_ids` of a provider can be replaced
by such a file only (https://developer.hashicorp.com/terraform/language/files/override), and only in the directory
itself. It is there as a link, while Terraform runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from tapstack.errors import EnvironmentFailure, TapError
from tapstack.terraform.source import IMPORTS_NAME, OVERRIDE_NAME, configuration_files, read_file

_BACKEND: Final = re.compile(rb"\b(?:backend|cloud)\b")
_LEADS_ELSEWHERE: Final = re.compile(
    rb"\b(?:profile|(?:allowed|forbidden)_account_ids|shared_(?:config|credentials)_files|endpoints)\b"
)
_ATTRIBUTES: Final = (
    "profile",
    "allowed_account_ids",
    "forbidden_account_ids",
    "shared_config_files",
    "shared_credentials_files",
)
# Without a path: Terraform would want to move a state that lies in the directory to any other one.
_LOCAL_BACKEND: Final = 'terraform {\n  backend "local" {}\n}\n'
_RECORD: Final = {
    "version": 3,
    "backend": {"type": "local", "config": {"path": None, "workspace_dir": None}, "hash": 0},
}
_WITH: Final = {
    OVERRIDE_NAME: "has set the backend aside or named one of its own",
    IMPORTS_NAME: "is recovering: its imports would become part of this plan",
}


@dataclass(frozen=True, slots=True)
class Override:
    """An override file's text, and the names of what it sets aside ("backend s3", "profile")."""

    text: str
    sets_aside: tuple[str, ...]

    @property
    def of_backend(self) -> bool:
        """Whether the configuration has a backend, for which the local one stands in."""
        return _LOCAL_BACKEND in self.text


def needed(directory: Path) -> Override | None:
    """What must be set aside of the root module in `directory`; None for nothing."""
    files = [file for file in configuration_files(directory) if file.is_file()]
    said = b"\n".join(file.read_bytes() for file in files)
    if not _BACKEND.search(said) and not _LEADS_ELSEWHERE.search(said):
        return None
    try:
        return _of_blocks(files)
    except (TapError, RecursionError):
        # Terraform may read what is not read here, and must not reach a backend then either.
        return Override(_LOCAL_BACKEND, ("backend",)) if _BACKEND.search(said) else None


def _of_blocks(files: list[Path]) -> Override | None:
    backends: dict[str, None] = {}
    providers: dict[str, dict[str, str]] = {}
    for block in (block for file in files for block in read_file(file)):
        if block.type == "terraform":
            backends |= {
                " ".join((inner.type, *inner.labels)): None
                for inner in block.blocks
                if inner.type in ("backend", "cloud")
            }
        elif block.type == "provider" and block.labels == ("aws",):
            replaced = {name: f"{name} = null" for name in _ATTRIBUTES if name in block.attributes}
            if any(inner.type == "endpoints" for inner in block.blocks):
                replaced["endpoints"] = "endpoints {}"
            if replaced:
                providers.setdefault(str(block.attributes.get("alias", "")), {}).update(replaced)
    if not backends and not providers:
        return None
    text = _LOCAL_BACKEND if backends else ""
    for alias, replaced in providers.items():
        lines = [*([f"alias = {json.dumps(alias)}"] if alias else []), *replaced.values()]
        text += 'provider "aws" {\n' + "".join(f"  {line}\n" for line in lines) + "}\n"
    return Override(text, (*backends, *dict.fromkeys(name for one in providers.values() for name in one)))


def prepare_backend(data_dir: Path, override: Override | None) -> None:
    """Let Terraform's record of the last init agree, so that init has no state to move between backends."""
    record = data_dir / "terraform.tfstate"
    if override is None or not override.of_backend:
        record.unlink(missing_ok=True)
    elif not record.is_file():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        record.write_bytes(orjson.dumps(_RECORD))


@contextlib.contextmanager
def linked(directory: Path, target: Path | None, name: str = OVERRIDE_NAME) -> Iterator[None]:
    """Have the file `target` in `directory` while the block runs; without one, see that none is there.

    Raises EnvironmentFailure while another tap needs another one: its backend would be used.
    """
    if target is None:
        remove_left_over(directory, name)
        yield
        return
    # Of several override files, the last by name wins; its name is such.
    link = directory / name
    with target.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        _link(link, os.path.relpath(target, directory))
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):
                # Several may be at work, each on an embedded AWS of its own: the last one clears up.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                link.unlink(missing_ok=True)


def _link(link: Path, target: str) -> None:
    if link.is_symlink() and _leads_to(link) != target:
        remove_left_over(link.parent, link.name)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(target)
    if _leads_to(link) != target:
        raise _in_use(link)


def _leads_to(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _in_use(link: Path) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"Another tap is at work in {link.parent}, where it {_WITH[link.name]}.",
        hint="wait until it is done, or work in another copy of the directory",
    )


def remove_left_over(directory: Path, name: str = OVERRIDE_NAME) -> None:
    """Remove the link of a tap that was killed. Raises EnvironmentFailure for one that is at work."""
    link = directory / name
    if not link.is_symlink():
        return
    with contextlib.suppress(FileNotFoundError), link.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(link) from None
    link.unlink(missing_ok=True)


@contextlib.contextmanager
def without_new_directories(directory: Path) -> Iterator[None]:
    """Remove the directories that Terraform makes for a workspace even where `-state` names another place."""
    workspaces = directory / "terraform.tfstate.d"
    before = {*workspaces.glob("*"), *([workspaces] if workspaces.exists() else [])}
    try:
        yield
    finally:
        for made in (*workspaces.glob("*"), workspaces):
            if made not in before:
                with contextlib.suppress(OSError):  # not empty: it is somebody's
                    made.rmdir()
