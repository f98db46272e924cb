"""What a rehearsal has to tell: its steps and how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tapstack.errors import ExitCode
from tapstack.gate.ledger import Ledger

STEPS: Final = (
    "package",
    "sandbox",
    "init",
    "plan",
    "gate",
    "apply",
    "second plan",
    "gate on the state",
    "obligations",
    "smoke test",
    "destroy",
    "nothing left",
    "sandbox stopped",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: "none" where the stack has nothing for it.

    `said` is what the smoke test printed; `diagnostics` are Terraform's, which were shown when they came.
    """

    detail: str
    verdict: Literal["passed", "failed", "none"] = "passed"
    exit_code: ExitCode = ExitCode.DONE
    hint: str | None = None
    ledger: Ledger | None = None
    said: str = ""
    diagnostics: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of STEPS with its outcome; `seconds` is wall time."""

    name: str
    seconds: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Kept:
    """What a failed rehearsal left to look at.

    `stack` is the stack's directory; `environment` is a file of shell commands; `url` is "" where the sandbox is
    gone; `files` are by name: state, plan, second plan, ledger, log.
    """

    stack: Path
    directory: Path
    environment: Path
    url: str
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole rehearsal; `seconds` is wall time, `limits` are sentences on what the sandbox cannot show."""

    id: str
    stack: str
    environment: str
    steps: Sequence[Step]
    seconds: float
    limits: Sequence[str]
    kept: Kept | None

    @property
    def failure(self) -> Step | None:
        """The step that failed, if any."""
        return next((step for step in self.steps if step.outcome.verdict == "failed"), None)

    @property
    def exit_code(self) -> ExitCode:
        """That of the step that failed."""
        return self.failure.outcome.exit_code if self.failure else ExitCode.DONE

    @property
    def not_reached(self) -> Sequence[str]:
        """The names of the steps after the one that failed."""
        return STEPS[len(self.steps) :]
