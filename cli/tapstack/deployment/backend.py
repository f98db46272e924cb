"""Where an environment keeps its state by tap.toml: how Terraform is told, and that no other state is left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from tapstack.deployment.state_place import LOCAL, Place, State, kept
from tapstack.errors import EnvironmentFailure, InputError, Refused, TapError, TerraformFailed
from tapstack.settings import FILE_NAME, BackendSection, Settings
from tapstack.terraform.binary import Binary
from tapstack.terraform.driver import Driver
from tapstack.terraform.releases import LOCK_FILES, NAMES
from tapstack.terraform.source import Block, configuration_files, read_file

_S3: Final = "s3"
# In Terraform's data directory: the backend of the last init, no state.
_RECORD: Final = "terraform.tfstate"
# For a configuration that declares none: what is in the file for init belongs to some block.
_OVERRIDE: Final = 'terraform {\n  backend "s3" {}\n}\n'


@dataclass(frozen=True, slots=True)
class Backend:
    """The backend that tap.toml names: its place, the file with its arguments, and the override that declares it.

    `override` is None where the configuration declares one itself.
    """

    place: Place
    arguments_file: Path
    override: Path | None


def require_backend(settings: Settings) -> BackendSection:
    """The backend that tap.toml names for the environment. Raises InputError where it names none."""
    if settings.is_sandbox:
        raise InputError(
            "The embedded AWS keeps its state beside itself; a backend belongs to another environment.",
            hint="give --env NAME",
        )
    if settings.backend is None:
        raise InputError(
            f"Environment {settings.environment} has no backend in {settings.path}.",
            hint=f'under [environments.{settings.environment}]: backend = {{ bucket = "...", key = "..." }}',
        )
    return settings.backend


def of_environment(settings: Settings, binary: Binary, work: Path) -> Backend | None:
    """The backend that tap.toml names, its files written into `work`; None where it names none.

    Raises InputError where the configuration declares another one, EnvironmentFailure for a Terraform that can't
    lock it.
    """
    chosen = settings.backend_arguments()
    if not chosen:
        return None
    block = declared(settings.directory)
    if block is not None:
        _require_agreement(settings, block, chosen)
    if chosen["use_lockfile"] and not binary.has(LOCK_FILES):
        raise EnvironmentFailure(
            f"The backend of environment {settings.environment} locks with a file, which "
            f"{NAMES[binary.kind]} {binary.version} can't: {LOCK_FILES.said(binary.kind)} or newer does.",
            hint="use a newer one, or set use_lockfile = false and dynamodb_table in the backend",
        )
    file = work / "backend.tfbackend.json"
    _write(file, orjson.dumps(chosen))
    override = None
    if block is None:
        override = work / "backend_override.tf"
        _write(override, _OVERRIDE.encode())
    return Backend(Place(_S3, chosen), file, override)


def declared(directory: Path) -> Block | None:
    """The `backend` or `cloud` block of the root module in `directory`; None without one.

    What can't be read declares none here; Terraform says what is wrong with it.
    """
    for file in configuration_files(directory):
        with contextlib.suppress(TapError, OSError, RecursionError):
            said = file.read_bytes()
            if b"backend" not in said and b"cloud" not in said:
                continue
            for block in (one for one in read_file(file) if one.type == "terraform"):
                for inner in block.blocks:
                    if inner.type in ("backend", "cloud"):
                        return inner
    return None


def recorded(data_dir: Path) -> Place:
    """The backend of the last init, as Terraform noted it; the local one where there was none."""
    try:
        noted = orjson.loads(Path(data_dir, _RECORD).read_bytes()).get("backend") or {}
    except (FileNotFoundError, orjson.JSONDecodeError, AttributeError):
        noted = {}
    return Place(str(noted.get("type") or LOCAL), noted.get("config") or {})


def forget(data_dir: Path) -> None:
    """Let there be no last init: Terraform drops a backend of which the configuration says nothing in no other way."""
    Path(data_dir, _RECORD).unlink(missing_ok=True)


def require_nothing_left_behind(before: Place, now: Place, driver: Driver, environment: str) -> None:
    """Raise Refused where init would leave a state of the place `before` that is not in the place `now` as well.

    Raises EnvironmentFailure where nobody can tell, because that place does not answer.
    """
    if before.is_same(now):
        return
    try:
        held = {name: state for name, state in kept(before, driver).items() if state.holds_something}
    except TerraformFailed as failure:
        raise EnvironmentFailure(
            f"The state of environment {environment} was in {before}, which does not answer; {FILE_NAME} says {now}.",
            hint=f"if that place is gone for good, remove {Path(driver.env['TF_DATA_DIR'], _RECORD)}",
        ) from failure
    if not held:
        return
    there = kept(now, driver)
    for name, state in held.items():
        if not _goes_on(state, there.get(name)):
            raise Refused(
                f"The state of environment {environment} is in {before} ({state}), and would stay there: {FILE_NAME} "
                f"says {now}, where there is {there.get(name) or 'none'}.",
                hint=f"tap backend migrate --to {now.type} --env {environment}; or set the backend back",
            )


def _goes_on(state: State, other: State | None) -> bool:
    """Whether the other state is this one, or a later one of it."""
    return other is not None and other.lineage == state.lineage and other.serial >= state.serial


def _require_agreement(settings: Settings, block: Block, chosen: Mapping[str, Any]) -> None:
    place = f"{block.position.file}:{block.position.line}"
    setting = f"environments.{settings.environment}.backend"
    type_ = block.labels[0] if block.labels else block.type
    if type_ != _S3:
        raise InputError(
            f"{place} declares the backend {type_}, and {setting} of {settings.path} one on S3: only one can hold.",
            hint='remove one of them; `backend "s3" {}` takes what tap.toml says',
        )
    for name, value in block.attributes.items():
        if name in chosen and value is not None and value != chosen[name]:
            raise InputError(
                f"{place} declares a backend whose {name} is {_toml(value)}; {setting} of {settings.path} says "
                f"{_toml(chosen[name])}.",
                hint=f"remove {name} from one of them",
            )


def _toml(value: Any) -> str:
    return orjson.dumps(value).decode()


def _write(path: Path, text: bytes) -> None:
    """For this user alone, and not again where it is the same: several may be at work."""
    if path.is_file() and path.read_bytes() == text:
        return
    path.touch(mode=0o600)
    path.write_bytes(text)
