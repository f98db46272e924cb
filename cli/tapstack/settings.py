"""tap.toml: one file per stack, validated, with the place that every value came from."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tapstack import buffers
from tapstack.errors import InputError
from tapstack.suggestion import nearest

FILE_NAME = "tap.toml"
SANDBOX = "sandbox"
_REGION = r"^[a-z]{2}(-[a-z]+)+-\d+$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StackSection(_Section):
    """`[stack]`: what is deployed, whatever the environment."""

    name: str = Field(default="", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$|^$")
    handlers: str = "handlers"
    smoke: str | None = None
    timeout_minutes: float = Field(default=60.0, gt=0)
    python_version: str = Field(default="3.13", pattern=r"^3\.\d+$")
    architecture: Literal["x86_64", "arm64"] = "x86_64"


Limit = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d{1,3}(\.\d+)?%$")]
"""A number of resources, or a share of those that exist: "20%"."""


def _no_alias(key: str) -> str:
    # https://developer.hashicorp.com/terraform/language/backend/s3#kms_key_id
    if key.startswith("alias/") or ":alias/" in key or not key:
        raise ValueError(
            f"backend.kms_key_id is {key!r}: the ARN of a key was expected, Terraform takes no alias"
        )
    return key


class BackendSection(_Section):
    """`[environments.NAME] backend`: where the state is kept on S3, always encrypted."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    key: str = Field(pattern=r"^[^/].*[^/]$|^[^/]$")
    region: str | None = Field(default=None, pattern=_REGION)
    use_lockfile: bool = True
    dynamodb_table: str | None = Field(default=None, min_length=3)
    kms_key_id: Annotated[str, AfterValidator(_no_alias)] | None = None
    encrypt: Literal[True] = True
    tags: dict[str, str] = {}


class EnvironmentSection(_Section):
    """`[environments.NAME]`: where, with which variables, and what is allowed there."""

    region: str | None = Field(default=None, pattern=_REGION)
    backend: BackendSection | None = None
    variables: dict[str, Any] = {}
    var_files: list[str] = []
    destroyable: bool = True
    account_id: str | None = Field(default=None, pattern=r"^\d{12}$")
    regions: list[str] | None = None
    max_destroy: Limit | None = None
    max_replace: Limit | None = None
    max_changes: Limit | None = None
    protected: list[str] = []
    require_signature: bool = False
    trusted_keys: list[str] = []
    seal_valid_hours: float = Field(default=24.0, gt=0)
    allow_override: bool = False
    max_waiver_days: int | None = Field(default=None, ge=0)
    allow_inline_waivers: bool = False
    policies: dict[str, dict[str, Any]] = {}


def _directories(value: object) -> object:
    """Said once, where pydantic would explain each half of the union."""
    named = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one for one in named):
        raise ValueError(f"policies.directory is {value!r}: expected a directory, or a list of directories")
    return value


class PoliciesSection(_Section):
    """`[policies]`: a table of parameters per policy, and what holds for all of them."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    directory: Annotated[str | list[str], BeforeValidator(_directories)] = []
    disabled: list[str] = []
    unknown: Literal["block", "warn"] = "block"

    @model_validator(mode="after")
    def _tables_only(self) -> PoliciesSection:
        for name, value in self.parameters.items():
            if not isinstance(value, dict):
                raise ValueError(
                    f"{name} is not a key of [policies]; a policy's parameters are a table, [policies.{name}]"
                )
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by policy name, as written."""
        return self.__pydantic_extra__ or {}


class WaiverSection(_Section):
    """One `[[waivers]]`. The gate, not this, says what is wrong with one that lacks an owner, a reason or an end."""

    policy: str = Field(min_length=1)
    address: str = Field(min_length=1)
    owner: str = ""
    reason: str = ""
    until: date | None = None
    ticket: str = ""
    environments: list[str] | None = None


class SettingsFile(_Section):
    """The whole of tap.toml."""

    stack: StackSection = StackSection()
    environments: dict[str, EnvironmentSection] = {}
    policies: PoliciesSection = PoliciesSection()
    waivers: list[WaiverSection] = []

    @model_validator(mode="after")
    def _sandbox_keeps_its_own_state(self) -> SettingsFile:
        if SANDBOX in self.environments and self.environments[SANDBOX].backend is not None:
            raise ValueError(
                f"environments.{SANDBOX} has a backend: its state lives and dies with the embedded AWS; a backend "
                "belongs to another environment"
            )
        return self

    @model_validator(mode="after")
    def _environments_exist(self) -> SettingsFile:
        known = {SANDBOX, *self.environments}
        for waiver in self.waivers:
            for name in waiver.environments or ():
                if name not in known:
                    raise ValueError(
                        f"the waiver of {waiver.policy} for {waiver.address} is for environment {name!r}: "
                        f"there are {', '.join(sorted(known))}"
                    )
        return self


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as it holds: its dotted key, its value, and where it came from."""

    key: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """tap.toml as one environment sees it. `path` is None where there is no file and defaults hold."""

    directory: Path
    path: Path | None
    environment: str
    stack: StackSection
    where: EnvironmentSection
    policies: PoliciesSection
    lines: Mapping[str, int]
    waivers: tuple[tuple[WaiverSection, str], ...] = ()
    """Those of this environment, each with its place, file:line."""
    apart: Path | None = None
    """A rehearsal's own directory: it is kept there, on an embedded AWS of its own, whatever the environment."""

    @property
    def is_sandbox(self) -> bool:
        """Whether this environment is the embedded AWS."""
        return self.environment == SANDBOX or self.apart is not None

    @property
    def env_option(self) -> str:
        """How a command names the environment: " --env prod"; "" for the default one."""
        return "" if self.is_sandbox else f" --env {self.environment}"

    @property
    def name(self) -> str:
        """The stack's name, by default its directory's."""
        return self.stack.name or self.directory.resolve().name

    @property
    def region(self) -> str | None:
        """The region given to providers through the environment; None leaves the caller's."""
        return self.where.region or ("us-east-1" if self.is_sandbox else None)

    @property
    def backend(self) -> BackendSection | None:
        """Where the environment keeps its state by tap.toml; None on an embedded AWS, whose state is its own."""
        return None if self.is_sandbox else self.where.backend

    def backend_arguments(self) -> dict[str, Any]:
        """What tap.toml says of the backend, as arguments of Terraform's "s3"; {} where it names none."""
        if self.backend is None:
            return {}
        said = self.backend.model_dump(exclude_none=True, exclude={"tags"})
        return {"region": self.region, **said} if self.region else said

    @property
    def work(self) -> Path:
        """tap's own directory of this stack; git-ignored."""
        return self.directory / ".tap"

    @property
    def environment_work(self) -> Path:
        """tap's own directory of this environment, or of the rehearsal."""
        return self.apart or self.work / self.environment

    def policy_directories(self) -> tuple[Path, ...]:
        """Where the stack's own policies are; whether the directories exist is not looked at."""
        named = self.policies.directory
        return tuple(self.directory / one for one in ([named] if isinstance(named, str) else named))

    def policy_parameters(self) -> dict[str, dict[str, Any]]:
        """Parameters by policy name: the environment's over the stack's, key by key."""
        merged = {name: dict(table) for name, table in self.policies.parameters.items()}
        for name, table in self.where.policies.items():
            merged[name] = merged.get(name, {}) | table
        return merged

    def values(self) -> Iterator[Value]:
        """Every setting with its source: a line of tap.toml, or the default."""
        for section, prefix in (
            (self.stack, "stack"),
            (self.where, f"environments.{self.environment}"),
            (self.policies, "policies"),
        ):
            for key, value in section.model_dump().items():
                dotted = f"{prefix}.{key}"
                line = self.lines.get(dotted)
                source = f"{FILE_NAME}:{line}" if line else "default"
                if dotted == "stack.name" and not value:
                    value, source = self.name, "default: the directory's name"
                elif key == "region" and value is None and self.is_sandbox:
                    value = self.region
                yield Value(dotted, value, source)


def load(directory: Path, environment: str) -> Settings:
    """The settings of `directory` for `environment`; defaults where there is no tap.toml.

    Raises InputError, naming file, line, key, what was found and what was expected, for a file that is
    malformed or has an unknown key or a wrong type, and for an environment that is not in it.
    """
    path = directory / FILE_NAME
    text = _read(path)
    try:
        raw = tomllib.loads(text or "")
    except tomllib.TOMLDecodeError as failure:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(failure))
        where = f":{place.group(1)}" if place else ""
        reason = re.sub(r" \(at .*\)$", "", str(failure))
        raise InputError(
            f"{path}{where} is not TOML: {reason}.", hint="see https://toml.io for the format"
        ) from None
    lines = dict(_key_lines(text or ""))
    try:
        file = SettingsFile.model_validate(raw)
    except ValidationError as failure:
        raise InputError(_explain(path, lines, failure)) from None
    known = {SANDBOX, *file.environments}
    if environment not in known:
        near = nearest(environment, known)
        meant = f"; did you mean {near}?" if near else "."
        raise InputError(
            f"There is no environment {environment!r}: {_describe(path, text)} has "
            f"{', '.join(sorted(known))}{meant}",
            hint=f"add [environments.{environment}] to {path}",
        )
    return Settings(
        directory=directory.resolve(),
        path=path if text is not None else None,
        environment=environment,
        stack=file.stack,
        where=file.environments.get(environment, EnvironmentSection()),
        policies=file.policies,
        lines=lines,
        waivers=tuple(
            (waiver, f"{os.path.relpath(path)}:{lines.get(f'waivers.{number}', lines.get('waivers', 1))}")
            for number, waiver in enumerate(file.waivers)
            if waiver.environments is None or environment in waiver.environments
        ),
    )


def _describe(path: Path, text: str | None) -> str:
    return str(path) if text is not None else f"{path.parent} without a {FILE_NAME}"


def _read(path: Path) -> str | None:
    try:
        return buffers.read_text(path)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as failure:
        raise InputError(f"{path} is not UTF-8 text (byte {failure.start}).") from None
    except OSError as failure:
        raise InputError(f"{path} can't be read: {failure.strerror}.") from failure


def _explain(path: Path, lines: Mapping[str, int], failure: ValidationError) -> str:
    sentences = []
    for error in failure.errors():
        keys = [str(part) for part in error["loc"]]
        dotted = ".".join(keys)
        line = next(
            (lines[k] for k in (".".join(keys[:n]) for n in range(len(keys), 0, -1)) if k in lines), None
        )
        place = f"{path}:{line}" if line else str(path)
        if error["type"] == "extra_forbidden":
            near = nearest(keys[-1], _known_keys(keys[:-1]))
            meant = (
                f"; did you mean {near}?" if near else f"; known keys: {', '.join(_known_keys(keys[:-1]))}."
            )
            sentences.append(f"{place}: unknown key {dotted}{meant}")
        else:
            expected = error["msg"].removeprefix("Value error, ")
            found = "" if error["type"] == "value_error" else f"{dotted} is {error['input']!r}: "
            sentences.append(f"{place}: {found}{expected[0].lower() + expected[1:]}.")
    return "\n".join(sentences)


def _known_keys(section: list[str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "stack": StackSection,
        "environments": EnvironmentSection,
        "waivers": WaiverSection,
    }
    if not section:
        return sorted(SettingsFile.model_fields)
    if section[-1] == "backend" and section[0] == "environments":
        return sorted(BackendSection.model_fields)
    return sorted(models[section[0]].model_fields) if section[0] in models else []


_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


def _key_lines(text: str) -> Iterator[tuple[str, int]]:
    """Dotted key to 1-based line. tomllib keeps no positions; keys inside inline tables get their line's key."""
    table = ""
    members: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.match(line):
            table = _dotted(match.group(2))
            if match.group(1) == "[[":
                name, table = table, f"{table}.{members[table]}"
                members[name] += 1
            yield table, number
        elif match := _KEY.match(line):
            key = _dotted(match.group(1))
            yield f"{table}.{key}" if table else key, number


def _dotted(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def schema() -> dict[str, Any]:
    """The JSON Schema of tap.toml, for editors."""
    return {"$id": "urn:tapstack:settings:v1", **SettingsFile.model_json_schema()}
