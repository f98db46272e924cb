"""Where a state is kept, and what is kept there: read without a look at any configuration."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from tapstack.deployment.workspace import DEFAULT, STATE_FILE
from tapstack.errors import EnvironmentFailure
from tapstack.terraform.driver import Driver

LOCAL: Final = "local"
# The fields of a backend that say where the state is; the others may be credentials.
_FIELDS: Final = (
    "bucket",
    "key",
    "workspace_key_prefix",
    "region",
    "path",
    "prefix",
    "hostname",
    "organization",
    "address",
    "storage_account_name",
    "container_name",
)
_USER_INFO: Final = re.compile(r"(?<=//)[^/@]*@")


@dataclass(frozen=True, slots=True)
class Place:
    """A backend's type and its arguments; `str` says which it is, without credentials."""

    type: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        if self.type == "s3":
            return f"s3://{self.arguments.get('bucket')}/{self.arguments.get('key')}"
        return f"local {STATE_FILE}" if self.described() == LOCAL else self.described()

    def described(self) -> str:
        """Type and address in one form for all types: "s3 bucket=b key=k region=r"."""
        named = {name: self.arguments[name] for name in _FIELDS if self.arguments.get(name)}
        return " ".join(
            [self.type, *(f"{name}={_USER_INFO.sub('', str(value))}" for name, value in named.items())]
        )

    def is_same(self, other: Place) -> bool:
        """Whether both name one place; how it is locked or encrypted is no part of it."""
        # S3's buckets have one name space for all regions.
        fields = [name for name in _FIELDS if not (name == "region" and self.type == "s3")]
        return self.type == other.type and all(
            (self.arguments.get(name) or None) == (other.arguments.get(name) or None) for name in fields
        )


@dataclass(frozen=True, slots=True)
class State:
    """What a state (format 4) says of itself; `content` are its resources and outputs."""

    lineage: str
    serial: int
    content: Mapping[str, Any]
    text: bytes

    @property
    def resources(self) -> int:
        """How many instances of resources it records."""
        return sum(len(one.get("instances") or ()) for one in self.content["resources"])

    @property
    def holds_something(self) -> bool:
        """Whether anything is lost with it."""
        return any(self.content.values())

    def is_copy_of(self, other: State) -> bool:
        """Whether it is the other state and says the same; Terraform counts on where it writes it."""
        return self.lineage == other.lineage and self.serial >= other.serial and self.content == other.content

    def __str__(self) -> str:
        several = "" if self.resources == 1 else "s"
        return f"{self.resources} resource{several}, serial {self.serial}, lineage {self.lineage}"


def read(text: bytes, where: str) -> State:
    """A state from its text, as it is stored. Raises EnvironmentFailure for one that is cut off or is none."""
    try:
        document: dict[str, Any] = orjson.loads(text)
        content = {"resources": document.get("resources") or [], "outputs": document.get("outputs") or {}}
        return State(str(document.get("lineage") or ""), int(document.get("serial") or 0), content, text)
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError) as failure:
        raise EnvironmentFailure(
            f"The state in {where} is cut off, or is no Terraform state: {failure}.",
            hint="restore an earlier version of it",
        ) from None


def kept(place: Place, driver: Driver) -> dict[str, State]:
    """The states of a place by workspace, in the form that this Terraform gives them; a workspace without one is left
    out.

    `driver` has the binary, the environment and, for local states, the directory. Raises EnvironmentFailure for a
    state that can't be read, TerraformFailed for a place that can't be reached.
    """
    if place.type == LOCAL and not _local_files(place, driver.directory):
        return {}
    with _alone(place, driver) as terraform:
        found = {
            name: read(text, f"{place}, workspace {name}")
            for name in terraform.workspaces()
            if (text := _in_workspace(terraform, name).state_pull()).strip()
        }
    # Terraform answers with an empty state where there is none.
    return {name: state for name, state in found.items() if state.lineage}


def put(place: Place, driver: Driver, states: Mapping[str, State]) -> None:
    """Put states, with their lineages, where none or earlier ones of them are.

    Raises TerraformFailed where Terraform finds another or a later state meanwhile, or the place locked.
    """
    there = kept(place, driver)
    with _alone(place, driver) as terraform:
        for name, state in states.items():
            file = terraform.directory / "pushed.tfstate"
            file.touch(mode=0o600)
            file.write_bytes(state.text)
            inside = _in_workspace(terraform, name)
            # A workspace that is new begins with an empty state, which has a lineage too.
            inside.state_push(file, force=name != DEFAULT and name not in there)
            arrived = read(inside.state_pull(), str(place))
            if arrived.lineage != state.lineage and arrived.content == state.content:
                # Where there was none, Terraform has given it a new lineage, as its own -migrate-state does.
                inside.state_push(file, force=True)


def remove_local(place: Place, directory: Path) -> None:
    """Remove the files of states that are kept elsewhere now."""
    for path in _local_files(place, directory):
        path.unlink()


@contextlib.contextmanager
def _alone(place: Place, driver: Driver) -> Iterator[Driver]:
    """Terraform in a directory of its own, with this backend: no configuration, and no memory of another one."""
    arguments = {name: value for name, value in place.arguments.items() if value is not None}
    if place.type == LOCAL:
        default, others = _local_paths(place, driver.directory)
        arguments = {"path": str(default), "workspace_dir": str(others)}
    with tempfile.TemporaryDirectory(prefix="tap-state-") as private:  # mode 0700
        directory = Path(private)
        configuration = {"terraform": {"backend": {place.type: arguments}}}
        Path(directory, "main.tf.json").write_bytes(orjson.dumps(configuration))
        env = {**driver.env, "TF_DATA_DIR": str(directory / "data"), "TF_WORKSPACE": DEFAULT}
        alone = replace(
            driver, directory=directory, env=env, init_env=env, state=None, override=None, backend_config=None
        )
        alone.init()
        yield alone


def _in_workspace(driver: Driver, name: str) -> Driver:
    return replace(driver, env={**driver.env, "TF_WORKSPACE": name})


def _local_paths(place: Place, directory: Path) -> tuple[Path, Path]:
    """The file of the default workspace, and the directory of the others."""
    default = directory / (place.arguments.get("path") or STATE_FILE)
    return default.resolve(), (
        directory / (place.arguments.get("workspace_dir") or f"{STATE_FILE}.d")
    ).resolve()


def _local_files(place: Place, directory: Path) -> list[Path]:
    """Those that hold a state. Raises EnvironmentFailure for one that is cut off."""
    default, others = _local_paths(place, directory)
    # Terraform leaves an empty file where it has moved a state away.
    files = [
        path for path in (default, *others.glob(f"*/{STATE_FILE}")) if path.is_file() and path.stat().st_size
    ]
    for path in files:
        read(path.read_bytes(), str(path))
    return files
