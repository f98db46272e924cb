"""What every report is made from: the judgement, and the plan that was judged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, Protocol

from tapstack.errors import ExitCode
from tapstack.gate.ledger import Ledger
from tapstack.gate.policy import Policy
from tapstack.model.stack import Stack
from tapstack.seal.statement import Override


class Change(Protocol):
    """One resource that a plan changes; `action` is create, update, delete, replace, import, move or forget."""

    @property
    def address(self) -> str:
        """The resource's address."""

    @property
    def action(self) -> str:
        """What happens to it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What Terraform is about to do. `refusals` are the guards' sentences; `id` is the seal's, "" without one."""

    operation: Literal["apply", "destroy"]
    changes: Sequence[Change] = ()
    outputs_changed: int = 0
    refusals: Sequence[str] = ()
    override: Override | None = None
    id: str = ""
    signed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing."""
        return not self.changes and not self.outputs_changed


@dataclass(frozen=True, slots=True)
class Step:
    """What an apply did to one resource: `began` and `ended` are seconds from the apply's begin, `ended` is None
    where nobody knows; `outcome` is "done", "failed" or "in flight".
    """

    address: str
    action: str
    began: float
    ended: float | None
    outcome: Literal["done", "failed", "in flight"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What an apply has done, in the order in which it began; `began` is a UTC time, `seconds` how long it took.

    `result` is "applied", "failed", or "cut short" where it came to no end.
    """

    id: str
    operation: str
    began: str
    seconds: float
    result: Literal["applied", "failed", "cut short"]
    steps: Sequence[Step] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What a person reads a report on: `width` in columns; `full` leaves nothing out, however long it gets."""

    width: int = 80
    colour: bool = False
    full: bool = False


PAPER: Final = Page()
"""A file."""


@dataclass(frozen=True, slots=True)
class Report:
    """One judgement for all formats.

    `stack` is the stack's directory, relative to the working directory as the paths of findings are; `options` are
    those that commands about this environment need (" --env prod"); `everything` adds what passed; `root` is what
    CI systems take paths from. A destroy plan is judged by the guards alone: its ledger counts nothing. `model` is
    what was judged, as far as it could be read; `timeline` tells of its apply, if there was one.
    """

    ledger: Ledger
    stack: str = "."
    environment: str = "sandbox"
    options: str = ""
    plan: Plan | None = None
    page: Page = PAPER
    everything: bool = False
    root: Path = Path()
    model: Stack | None = None
    timeline: Timeline | None = None

    @property
    def refusals(self) -> Sequence[str]:
        """The guards' sentences."""
        return self.plan.refusals if self.plan else ()

    @property
    def exit_code(self) -> ExitCode:
        """The gate's answer, then the guards'."""
        if self.ledger.exit_code is ExitCode.DONE and self.refusals:
            return ExitCode.REFUSED
        return self.ledger.exit_code

    def place(self, file: str | None) -> str:
        """A file as CI systems name it: relative to `root`, with slashes; what was judged where there is none."""
        judged = self.stack if self.plan else self.ledger.input.path
        return _relative(file or judged or self.stack, self.root, Path.cwd())

    def policies(self) -> Mapping[str, Policy]:
        """The policies that were asked, by id; checkov's own checks are not among them."""
        return {policy.id: policy for policy in self.ledger.policies}


@lru_cache(maxsize=4096)
def _relative(path: str, root: Path, here: Path) -> str:
    return Path(os.path.relpath(here / path, here / root)).as_posix()
