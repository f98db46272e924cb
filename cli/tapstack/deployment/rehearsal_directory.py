"""The directories of rehearsals, `.tap/rehearsals/<id>`: each with its own sandbox, state and plans, under a lock."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tapstack.deployment import lock
from tapstack.deployment.prepare import Prepared
from tapstack.errors import EnvironmentFailure
from tapstack.report.rehearsal_step import Kept
from tapstack.sandbox import daemon, environment
from tapstack.sandbox.daemon import Sandbox
from tapstack.seal.statement import PLAN_NAME
from tapstack.seal.store import stamp
from tapstack.settings import Settings

_LOCK: Final = "operation.lock"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class RehearsalDirectory:
    """One rehearsal's files; its name sorts by time."""

    path: Path

    @property
    def plan(self) -> Path:
        """The directory of the plan that is judged and applied."""
        return self.path / "plan"

    @property
    def second_plan(self) -> Path:
        """The directory of the plan after the apply."""
        return self.path / "second-plan"

    @property
    def ledger(self) -> Path:
        """What the gate said of the plan."""
        return self.path / "ledger.json"

    @property
    def environment(self) -> Path:
        """Shell commands that point AWS tools and Terraform at the rehearsal, once it is kept."""
        return self.path / "environment.sh"

    def _files(self, prepared: Prepared | None) -> Mapping[str, Path]:
        named = {
            **({"state": prepared.driver.state} if prepared and prepared.driver.state else {}),
            "plan": self.plan / PLAN_NAME,
            "second plan": self.second_plan / PLAN_NAME,
            "ledger": self.ledger,
            "log": self.path / "server.log",
        }
        return {name: path for name, path in named.items() if path.is_file()}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, so that nobody takes it for one that was left."""
        with lock.held(self.path / _LOCK, "rehearse", timeout=0.0):
            yield

    def keep(self, settings: Settings, sandbox: Sandbox, prepared: Prepared | None) -> Kept:
        """Write down how to look at it, and say what there is."""
        variables = environment.exports(sandbox, region=settings.region or "us-east-1")
        stray = {name for name in os.environ if name.startswith("AWS_") and name not in variables}
        variables |= dict.fromkeys(stray, "")
        if prepared is not None:
            env = prepared.driver.env
            variables |= {name: env[name] for name in ("TF_DATA_DIR", "TF_CLI_CONFIG_FILE") if name in env}
        self.environment.write_text(environment.script(variables), "utf-8")
        url = sandbox.url if daemon.alive(sandbox) else ""
        return Kept(settings.directory, self.path, self.environment, url, self._files(prepared))

    def remove(self) -> None:
        """End the sandbox and delete everything; a stop signal has to wait for it."""
        with signals_deferred():
            daemon.stop(self.path)
            if self.path.is_dir():
                shutil.rmtree(self.path)


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Let a stop signal wait for the end of the block, where it becomes a KeyboardInterrupt."""
    arrived: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup's
            signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        raise KeyboardInterrupt


def new(settings: Settings) -> RehearsalDirectory:
    """A directory that no other rehearsal has; it is not made yet."""
    return RehearsalDirectory(_home(settings) / f"{stamp(datetime.now(UTC))}-{secrets.token_hex(2)}")


def kept(settings: Settings) -> list[RehearsalDirectory]:
    """Those that failed and were kept, or whose tap was killed; the oldest first."""
    return [one for one in _all(settings) if _is_free(one)]


def clean(settings: Settings) -> list[RehearsalDirectory]:
    """End and delete those that were kept, and say which; one that is running is left alone."""
    removed = []
    for directory in _all(settings):
        try:
            with directory.held():
                directory.remove()
        except EnvironmentFailure:
            continue
        removed.append(directory)
    return removed


def _home(settings: Settings) -> Path:
    return settings.work / "rehearsals"


def _all(settings: Settings) -> list[RehearsalDirectory]:
    # Without a lock file it is being made at this moment.
    return [RehearsalDirectory(path.parent) for path in sorted(_home(settings).glob(f"*/{_LOCK}"))]


def _is_free(directory: RehearsalDirectory) -> bool:
    try:
        with directory.held():
            return True
    except EnvironmentFailure:
        return False
