"""A report for a person: what changes, what is wrong and where, the decision, and what to do next, on one screen."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator

import click

from tapstack.errors import ExitCode
from tapstack.gate.policy import Verdict
from tapstack.masking import MASK
from tapstack.report import ledger_text, plan_text
from tapstack.report.report import Page, Plan, Report
from tapstack.report.source_lines import SourceLines
from tapstack.report.visible import visible


def render(report: Report) -> bytes:
    """Lines of at most the page's width, but for paths, addresses and code, which are not broken."""
    blocks = [_plan(report.plan, report.page)] if report.plan else []
    if report.plan is None or report.plan.operation == "apply":
        blocks.append(
            ledger_text.render(
                report.ledger,
                width=report.page.width,
                colour=report.page.colour,
                full=report.page.full,
                source=SourceLines(),
            ).rstrip("\n")
        )
    blocks += ["\n".join(lines) for lines in (list(_guards(report)), list(_next(report))) if lines]
    return ("\n\n".join(blocks) + "\n").encode("utf-8", "replace")


def _plan(plan: Plan, page: Page) -> str:
    def style(text: str, colour: str) -> str:
        return click.style(text, fg=colour, bold=True) if page.colour else text

    changes = ((MASK.text(change.address), change.action) for change in plan.changes)
    return plan_text.render(changes, plan.outputs_changed, style=style, full=page.full)


def _guards(report: Report) -> Iterator[str]:
    for refusal in report.refusals:
        yield from _wrapped(f"Refused: {refusal}", report.page)
    if report.plan and (override := report.plan.override):
        yield from _wrapped(f"Overridden by {override.by}: {override.reason}", report.page)
        for one in override.of:
            yield from _wrapped(f"  {one}", report.page)


def _next(report: Report) -> Iterator[str]:
    """What to do, in the order in which it has to be done."""
    if report.ledger.errors:
        yield from _wrapped(
            "Next: mend what the errors name; until then nothing can be applied.", report.page
        )
    elif report.exit_code is ExitCode.GATE_CLOSED:
        yield from _mend(report)
    elif report.exit_code is ExitCode.REFUSED:
        yield from _wrapped(
            "Next: plan less, or change what tap.toml allows "
            f"([environments.{report.environment}]); `tap config{report.options}` shows it.",
            report.page,
        )
    elif report.plan and report.plan.id and not report.plan.is_empty:
        signed = ", signed" if report.plan.signed else ""
        yield from _command(
            f"Sealed as {report.plan.id}{signed}. To {report.plan.operation} exactly this:",
            f"tap apply{report.options} {report.plan.id}",
            report.page,
        )
    elif soonest := report.ledger.expiring:
        until = soonest[0].waiver and soonest[0].waiver["until"]
        yield from _wrapped(f"Next: mend what is waived before {until} is over.", report.page)


def _mend(report: Report) -> Iterator[str]:
    blocking = [finding for finding in report.ledger.findings if finding.blocks]
    if not blocking:
        return
    worst = max(blocking, key=lambda one: (one.severity.rank, one.verdict is Verdict.FAIL))
    place = f"{worst.file}:{worst.line}" if worst.file else worst.address
    yield from _wrapped(f"Next: mend what blocks, first {place}.", report.page)
    where = "" if report.stack == "." else f" -C {shlex.quote(report.stack)}"
    policy = report.policies().get(worst.policy)
    if policy:
        yield from _command("  Why, and how:", f"tap policies show{where} {policy.name}", report.page)
    if policy is None or policy.waivable:
        waive = f"tap waive{where} {shlex.quote(worst.address)} {worst.policy} --owner WHO --reason WHY --until DAY"
        yield from _command("  Or accept it until a day:", visible(waive), report.page)


def _command(sentence: str, command: str, page: Page) -> list[str]:
    """A sentence and a command, which is not broken, so that it can be copied."""
    line = f"{sentence} {command}"
    return [line] if len(line) <= page.width else [*_wrapped(sentence, page), f"    {command}"]


def _wrapped(text: str, page: Page) -> list[str]:
    return textwrap.wrap(
        visible(MASK.text(text)),
        max(page.width, 40),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
