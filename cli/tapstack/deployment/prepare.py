"""Everything before Terraform's first verb: directories, binary, packages, embedded AWS, init."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import orjson

from tapstack.errors import EnvironmentFailure, InputError, SandboxFailed
from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.environment import isolated
from tapstack.settings import Settings
from tapstack.terraform import binary, mirror, packaging
from tapstack.terraform.driver import Driver
from tapstack.terraform.environment import terraform_environment
from tapstack.terraform.events import Event
from tapstack.terraform.initialise import InitRecord

STATE_FILE = "terraform.tfstate"


class Observer(Protocol):
    """Is told what happens, to show it."""

    def phase(self, what: str) -> None:
        """A new step has begun."""

    def event(self, event: Event) -> None:
        """Terraform said something."""

    def signal(self, count: int) -> None:
        """A stop signal arrived while Terraform runs; `count` is 1 for the first."""


@dataclass(slots=True)
class Prepared:
    """A stack ready for Terraform's verbs."""

    settings: Settings
    driver: Driver
    packages: list[packaging.Package]
    sandbox: Sandbox | None
    init: InitRecord
    observer: Observer

    def ensure_initialised(self, *, force: bool = False) -> None:
        """Run `terraform init` where something it depends on has changed, or always."""
        if force or self.init.needed():
            self.observer.phase("initialising providers and modules")
            self.driver.init()
            self.init.done()


def work_directory(settings: Settings) -> Path:
    """tap's own directory for the environment: private, and ignored by git."""
    try:
        settings.work.mkdir(mode=0o700, exist_ok=True)
        ignore = settings.work / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        settings.environment_work.mkdir(mode=0o700, exist_ok=True)
    except OSError as failure:
        raise EnvironmentFailure(
            f"{settings.work} can't be written: {failure.strerror}.",
            hint="tap keeps plans, packages and the sandbox's state there; make the directory writable",
        ) from failure
    return settings.environment_work


def require_configuration(directory: Path) -> None:
    """Raise InputError unless `directory` holds Terraform configuration."""
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory.")
    if not any(path.name.endswith((".tf", ".tf.json")) for path in directory.iterdir()):
        raise InputError(
            f"{directory} holds no Terraform configuration: expected at least one .tf file.",
            hint="name it with -C DIR",
        )


def prepare(
    settings: Settings,
    observer: Observer,
    *,
    lock_timeout: float = 0.0,
    package: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> Prepared:
    """Package the functions, start the embedded AWS if that is where the stack goes, find Terraform.

    `package` is False for commands that read nothing but the state. Does not init yet: see
    Prepared.ensure_initialised. Raises TapError of several kinds, each a sentence.
    """
    require_configuration(settings.directory)
    work = work_directory(settings)
    found = binary.find(environ, cache=settings.work / "terraform-version.json")
    packages = _packages(settings) if package else []
    mirror_directory = mirror.find(environ) if mirror.wanted(environ) else None
    init_base = dict(environ)
    if settings.region:
        init_base |= {"AWS_REGION": settings.region}
    base = init_base
    sandbox = None
    if settings.is_sandbox:
        sandbox = _sandbox(observer, work)
        base = isolated(environ, sandbox, region=settings.region or "us-east-1")
        # init may need the network for providers and modules, but nothing of the caller's AWS.
        init_base = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    cli_config = _cli_configuration(settings.work, mirror_directory)

    def terraform_env(variables: Mapping[str, str]) -> dict[str, str]:
        return terraform_environment(variables, data_dir=work / "terraform", cli_config=cli_config)

    driver = Driver(
        binary=found,
        directory=settings.directory,
        env=terraform_env(base),
        init_env=terraform_env(init_base),
        state=work / STATE_FILE if settings.is_sandbox else None,
        lock_timeout=lock_timeout,
        timeout=settings.stack.timeout_minutes * 60,
        on_event=observer.event,
        on_signal=observer.signal,
        watch=_watch(sandbox, work) if sandbox else None,
    )
    record = InitRecord(work / "init.json", settings.directory, found, (str(mirror_directory),))
    return Prepared(settings, driver, packages, sandbox, record, observer)


def _packages(settings: Settings) -> list[packaging.Package]:
    return packaging.build(
        settings.directory / settings.stack.handlers,
        settings.work / "packages",
        cache=settings.work / "vendored",
        python_version=settings.stack.python_version,
        architecture=settings.stack.architecture,
    )


def _cli_configuration(work: Path, mirror_directory: Path | None) -> Path | None:
    if mirror_directory is None:
        return None
    path = work / "terraform.rc"
    text = mirror.cli_configuration(mirror_directory)
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    return path


def _sandbox(observer: Observer, work: Path) -> Sandbox:
    running = daemon.find(work)
    held = recorded_resources(work / STATE_FILE)
    owner = work / "state-owner"
    if held and (running is None or _read(owner) != running.id):
        raise SandboxFailed(
            f"The embedded AWS that {work / STATE_FILE} describes is gone, and the {held} resources in it with it.",
            hint="`tap sandbox stop` sets the state aside (nothing is deleted); then begin afresh",
        )
    if running is None:
        observer.phase("starting the embedded AWS")
        running = daemon.ensure(work)
    if _read(owner) != running.id:
        owner.write_text(running.id)
    return running


def recorded_resources(state: Path) -> int:
    """How many resources a state file records; 0 where there is none."""
    try:
        document = orjson.loads(state.read_bytes())
        return sum(len(resource.get("instances", [])) for resource in document.get("resources", []))
    except FileNotFoundError:
        return 0
    except (orjson.JSONDecodeError, AttributeError) as failure:
        raise EnvironmentFailure(
            f"{state} is not a Terraform state ({failure}).",
            hint=f"restore {state}.backup, or move the file away",
        ) from failure


def set_state_aside(work: Path) -> Path | None:
    """Move the sandbox's state out of the way, since the cloud it describes has ended; None if it records nothing."""
    state = work / STATE_FILE
    kept = None
    if recorded_resources(state):
        kept = work / "archive" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tfstate"
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        state.rename(kept)
    for leftover in (state, work / f"{STATE_FILE}.backup", work / "state-owner"):
        leftover.unlink(missing_ok=True)
    return kept


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _watch(sandbox: Sandbox, work: Path) -> Callable[[], str | None]:
    """Ends a Terraform that talks to a server which is no longer there: it would retry for many minutes."""

    def watch() -> str | None:
        if daemon.alive(sandbox):
            return None
        return (
            f"The embedded AWS (process {sandbox.pid}, {sandbox.url}) ended while Terraform was at work; its log is "
            f"{sandbox.log}. What it held is gone; the state is kept in {work / STATE_FILE}. "
            "Run `tap sandbox stop`, which sets the state aside, and begin afresh."
        )

    return watch
