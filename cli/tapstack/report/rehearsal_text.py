"""A rehearsal for a person: one line a step as it ends, and at the end what came of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from tapstack.report import ledger_text
from tapstack.report.rehearsal_step import STEPS, Kept, Report, Step
from tapstack.report.screen import Screen

_COLOURS: Final = {"passed": "green", "failed": "red", "none": "yellow"}
_WIDTH: Final = max(map(len, STEPS))


def step(step: Step, screen: Screen, *, verbose: bool = False) -> str:
    """One line; beneath it what failed, and with `verbose` what the smoke test printed."""
    outcome = step.outcome
    when = "" if screen.terminal else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} "
    verdict = screen.style(f"{outcome.verdict:<6}", _COLOURS[outcome.verdict])
    lines = [f"{when}{verdict} {step.seconds:6.1f} s  {step.name:<{_WIDTH}}  {outcome.detail}"]
    failed = outcome.verdict == "failed"
    if outcome.said and (failed or verbose):
        lines += [f"  | {_visible(line)}" for line in outcome.said.splitlines()]
    if outcome.ledger is not None and failed:
        lines += [
            "",
            ledger_text.render(outcome.ledger, width=screen.width, colour=screen.colour()).rstrip(),
            "",
        ]
    if outcome.hint:
        lines.append(f"  -> {outcome.hint}")
    return "\n".join(lines)


def end(report: Report, screen: Screen) -> str:
    """What the sandbox can't show, where to look if something failed, and the answer in the last line."""
    return "\n".join(
        [*_limits(report), *(_kept(report.kept) if report.kept else ()), _answer(report, screen)]
    )


def _limits(report: Report) -> Iterator[str]:
    if report.limits:
        yield "What the embedded AWS cannot show:"
        yield from (f"  - {sentence}" for sentence in report.limits)


def _kept(kept: Kept) -> Iterator[str]:
    server = f"the embedded AWS at {kept.url}" if kept.url else "the embedded AWS is gone"
    yield f"Kept to be looked at: {server}"
    yield from (f"  {name:<11}  {os.path.relpath(path)}" for name, path in kept.files.items())
    script = shlex.quote(os.path.relpath(kept.environment))
    yield f'  look         eval "$(cat {script})"   # then aws, terraform show, ...'
    where = os.path.relpath(kept.stack)
    yield f"  remove       tap rehearse {'' if where == os.curdir else f'{shlex.quote(where)} '}--clean"


def _answer(report: Report, screen: Screen) -> str:
    if report.failure is None:
        return screen.style(f"Rehearsed {report.stack} in {report.seconds:.1f} s: everything held.", "green")
    missed = f"; not reached: {', '.join(report.not_reached)}" if report.not_reached else ""
    return screen.style(
        f"The rehearsal of {report.stack} failed after {report.seconds:.1f} s at: {report.failure.name}{missed}.",
        "red",
    )


def _visible(text: str) -> str:
    """What a smoke test prints can't move the cursor or colour the screen."""
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)
