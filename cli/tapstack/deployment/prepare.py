"""Everything before Terraform's first verb: directories, binary, packages, embedded AWS, init."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import orjson

from tapstack.deployment import backend
from tapstack.deployment.backend import Backend
from tapstack.deployment.state_place import LOCAL, Place
from tapstack.deployment.variables import for_apply
from tapstack.deployment.workspace import DEFAULT, Workspace, selected, states
from tapstack.errors import EnvironmentFailure, InputError, SandboxFailed
from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.environment import isolated
from tapstack.settings import Settings
from tapstack.terraform import binary, mirror, override, packaging
from tapstack.terraform.driver import Driver
from tapstack.terraform.environment import terraform_environment
from tapstack.terraform.events import Event
from tapstack.terraform.initialise import InitRecord
from tapstack.terraform.source import no_configuration


class Observer(Protocol):
    """Is told what happens, to show it."""

    def phase(self, what: str) -> None:
        """A new step has begun."""

    def event(self, event: Event) -> None:
        """Terraform said something."""

    def signal(self, count: int) -> None:
        """A stop signal arrived while Terraform runs; `count` is 1 for the first."""

    def waiting(self) -> None:
        """Terraform is at work; called about once a second."""


@dataclass(slots=True)
class Prepared:
    """A stack ready for Terraform's verbs."""

    settings: Settings
    driver: Driver
    packages: list[packaging.Package]
    sandbox: Sandbox | None
    init: InitRecord
    observer: Observer
    workspace: Workspace
    backend: Backend | None = None

    @property
    def data_dir(self) -> Path:
        """Terraform's own directory of this environment."""
        return Path(self.driver.env["TF_DATA_DIR"])

    def ensure_initialised(self, *, force: bool = False) -> None:
        """Run `terraform init` where something it depends on has changed, or always."""
        if force or self.init.needed():
            self.observer.phase("initialising providers and modules")
            self.driver.init(reconfigure=self._settle_backend())
            if self.workspace.source:
                # Terraform has noted the workspace, and would take it for selected when nobody names one.
                Path(self.data_dir, "environment").unlink(missing_ok=True)
            self.init.done()

    def _settle_backend(self) -> bool:
        """Whether Terraform need not compare the backend with that of the last init, because tap has.

        Raises Refused where a state would be left behind.
        """
        before = backend.recorded(self.data_dir)
        if self.settings.is_sandbox or (self.backend is None and before.type == LOCAL):
            return False
        if self.backend is None and backend.declared(self.settings.directory) is not None:
            return False
        now = self.backend.place if self.backend else Place(LOCAL, {})
        backend.require_nothing_left_behind(before, now, self.driver, self.settings.environment)
        if self.backend is None:
            backend.forget(self.data_dir)
        return self.backend is not None


def work_directory(settings: Settings) -> Path:
    """tap's own directory for the environment: private, and ignored by git."""
    try:
        settings.work.mkdir(mode=0o700, exist_ok=True)
        # What carries plans from job to job forgets their modes.
        settings.work.chmod(0o700)
        ignore = settings.work / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        settings.environment_work.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        raise no_configuration(directory)


def prepare(
    settings: Settings,
    observer: Observer,
    *,
    lock_timeout: float = 0.0,
    package: bool = True,
    cloud: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> Prepared:
    """Package the functions, start the embedded AWS if that is where the stack goes, find Terraform.

    `package` is False for commands that read nothing but the state, `cloud` for those that run nothing: they take the
    embedded AWS as they find it. Does not init yet: see Prepared.ensure_initialised. Raises TapError of several kinds,
    each a sentence.
    """
    require_configuration(settings.directory)
    work = work_directory(settings)
    found = binary.find(environ, cache=settings.work / "terraform-version.json")
    packages = build_packages(settings) if package else []
    mirror_directory = mirror.find(environ) if mirror.wanted(environ) else None
    workspace = selected(settings.directory, environ)
    if workspace.source:
        observer.phase(f"in workspace {workspace.name} ({workspace.source})")
    init_base = dict(environ) | ({"TF_WORKSPACE": workspace.name} if workspace.source else {})
    if settings.region:
        init_base |= {"AWS_REGION": settings.region}
    base = init_base
    sandbox = None
    set_aside = None
    state = workspace.state(work)
    named = backend.of_environment(settings, found, work)
    if settings.is_sandbox:
        set_aside = _set_aside(settings, work / "terraform", observer)
        sandbox = _sandbox(observer, work) if cloud else daemon.find(work)
        state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        region = settings.region or "us-east-1"
        # init may need the network for providers and modules, but nothing of the caller's AWS, and it knows of no
        # workspace whose state Terraform does not keep itself.
        init_base = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
        base = isolated(environ, sandbox, region=region) if sandbox else {**init_base, "AWS_REGION": region}
        base |= {"TF_WORKSPACE": workspace.name}
        init_base |= {"TF_WORKSPACE": DEFAULT}
    cli_config = _cli_configuration(work, mirror_directory)

    def terraform_env(variables: Mapping[str, str]) -> dict[str, str]:
        return terraform_environment(variables, data_dir=work / "terraform", cli_config=cli_config)

    driver = Driver(
        binary=found,
        directory=settings.directory,
        env=terraform_env(base),
        init_env=terraform_env(init_base),
        state=state if sandbox else None,
        lock_timeout=lock_timeout,
        timeout=settings.stack.timeout_minutes * 60,
        on_event=observer.event,
        on_signal=observer.signal,
        watch=_watch(observer, sandbox, state),
        override=named.override if named else set_aside,
        backend_config=named.arguments_file if named else None,
        ephemeral=for_apply(settings),
    )
    depends_on = [str(mirror_directory), set_aside.read_text() if set_aside else ""]
    depends_on += [named.arguments_file.read_text()] if named else []
    record = InitRecord(work / "init.json", settings.directory, found, tuple(depends_on))
    return Prepared(settings, driver, packages, sandbox, record, observer, workspace, named)


def build_packages(settings: Settings) -> list[packaging.Package]:
    """The functions' packages, built where they changed; [] for a stack without functions."""
    return packaging.build(
        settings.directory / settings.stack.handlers,
        settings.work / "packages",
        cache=settings.work / "vendored",
        python_version=settings.stack.python_version,
        architecture=settings.stack.architecture,
    )


def _set_aside(settings: Settings, data_dir: Path, observer: Observer) -> Path | None:
    """The override file that keeps the configuration's backend and credentials out of the sandbox, if it has any."""
    found = override.needed(settings.directory)
    override.prepare_backend(data_dir, found)
    if found is None:
        return None
    observer.phase(f"setting aside, for the embedded AWS: {', '.join(found.sets_aside)}")
    path = settings.work / "override.tf"
    if not path.is_file() or path.read_text() != found.text:
        path.write_text(found.text)
    return path


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
    owner = work / "state-owner"
    if running is None or _read(owner) != running.id:
        for state, held in recorded(work).items():
            raise SandboxFailed(
                f"The embedded AWS that {state} describes is gone, and the {held} resources in it with it.",
                hint="`tap sandbox stop` sets the state aside (nothing is deleted); then begin afresh",
            )
    if running is None:
        observer.phase("starting the embedded AWS")
        running = daemon.ensure(work)
    if _read(owner) != running.id:
        owner.write_text(running.id)
    return running


def recorded(work: Path) -> dict[Path, int]:
    """How many resources the state of each workspace records; those that record none are left out."""
    return {state: held for state in states(work) if (held := recorded_resources(state))}


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
    """Move the sandbox's state out of the way, since the cloud it describes has ended; None if it records nothing.

    With several workspaces, where all of their states are now.
    """
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    there, kept = states(work), []
    for state in recorded(work):
        name = "" if state.parent == work else f"-{state.parent.name}"
        kept.append(work / "archive" / f"{now}{name}.tfstate")
        kept[-1].parent.mkdir(mode=0o700, exist_ok=True)
        state.rename(kept[-1])
    for leftover in (*there, *(Path(f"{state}.backup") for state in there), work / "state-owner"):
        leftover.unlink(missing_ok=True)
    return kept[0].parent if len(kept) > 1 else next(iter(kept), None)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _watch(observer: Observer, sandbox: Sandbox | None, state: Path) -> Callable[[], str | None]:
    """Ends a Terraform that talks to a server which is no longer there: it would retry for many minutes."""

    def watch() -> str | None:
        observer.waiting()
        if sandbox is None or daemon.alive(sandbox):
            return None
        return (
            f"The embedded AWS (process {sandbox.pid}, {sandbox.url}) ended while Terraform was at work; its log is "
            f"{sandbox.log}. What it held is gone; the state is kept in {state}. "
            "Run `tap sandbox stop`, which sets the state aside, and begin afresh."
        )

    return watch
