"""A report as Markdown, for a comment on a pull request: short at first sight, the rest to unfold.

What comes from a configuration is code or escaped: it can't mention anybody, link, or end a fold. A comment of GitHub
holds 65,536 characters; what does not fit is counted at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from tapstack import __version__
from tapstack.gate.ledger import EXPIRES_SOON_DAYS, Finding
from tapstack.gate.policy import Policy, Verdict
from tapstack.masking import MASK
from tapstack.report import plan_text
from tapstack.report.comparison import word
from tapstack.report.ledger_text import in_counts, many
from tapstack.report.report import Change, Plan, Report
from tapstack.report.visible import visible

_Item = TypeVar("_Item")

MARK: Final = "<!-- tap report -->"
"""The first line, by which a bot finds its comment again."""

# Bytes, of which there are never fewer than characters.
_LARGEST_COMMENT: Final = 65_535
_FOR_THE_END: Final = 1_500
_LONGEST: Final = 300
_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>()#@|~&!:$^=-]")
_DECISIONS: Final = {
    "open": "the gate is open",
    "closed": "the gate is closed",
    "error": "the gate could not decide, which counts as closed",
}


def render(report: Report) -> bytes:
    """At most 65,535 bytes, however large the plan."""
    return compose(report, _LARGEST_COMMENT)


def compose(report: Report, largest: int) -> bytes:
    """Likewise, with another limit in bytes, of at least 10,000."""
    head = [MARK, *_head(report), ""]
    paper = _Paper(largest - _FOR_THE_END - sum(map(_size, head)))
    _write(paper, report)
    whole = [*head, *paper.lines, *_end(report, paper.left_out), ""]
    return "\n".join(whole).encode("utf-8", "replace")


class _Paper:
    """Folds within a number of bytes; what one leaves over is for those that follow."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.lines: list[str] = []
        self.left_out: dict[str, int] = {}

    def fold(
        self,
        title: str,
        what: str,
        items: Sequence[_Item],
        entry: Callable[[_Item], str],
        *,
        share: float = 0.5,
        unfolded: bool = False,
        frame: tuple[str, ...] = (),
    ) -> None:
        """As many entries as fit into a share of the room that is left; nothing without items.

        `what` names the items that were left out; `frame` stands before and after them.
        """
        if not items:
            return
        top = [f"<details{' open' if unfolded else ''}><summary>{title}</summary>", "", *frame[:1]]
        bottom = [*frame[1:], "", "</details>", ""]
        room = int(self.room * share) - sum(map(_size, (*top, *bottom)))
        lines: list[str] = []
        for item in items:
            line = entry(item)
            room -= _size(line)
            if room < 0:
                self.left_out[what] = len(items) - len(lines)
                break
            lines.append(line)
        if lines:
            self.lines += [*top, *lines, *bottom]
            self.room -= sum(map(_size, (*top, *lines, *bottom)))


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace")) + 1


def _head(report: Report) -> Iterator[str]:
    decision = _DECISIONS[report.ledger.decision]
    yield f"### tap: {'refused by a guard' if report.ledger.decision == 'open' and report.refusals else decision}"
    yield ""
    where = f"{_code(report.place(report.stack))}, environment {_code(report.environment)}"
    blocking = sum(finding.blocks for finding in report.ledger.findings)
    blocks = f": {many(blocking, 'finding blocks', 'findings block')}" if blocking else ""
    yield f"{where}{blocks}."
    if report.plan:
        yield ""
        yield f"**Plan to {report.plan.operation}:** {_changes(report.plan)}."
        if override := report.plan.override:
            yield ""
            yield f"**Overridden** by {_escaped(override.by)}: {_escaped(override.reason)}"
    if report.plan is None or report.plan.operation == "apply":
        yield ""
        yield in_counts(report.ledger)


def _changes(plan: Plan) -> str:
    counts: dict[str, int] = {}
    for change in plan.changes:
        counts[change.action] = counts.get(change.action, 0) + 1
    outputs = (
        f", {many(plan.outputs_changed, 'output changes', 'outputs change')}" if plan.outputs_changed else ""
    )
    return f"{plan_text.summary(counts)}{outputs}"


def _write(paper: _Paper, report: Report) -> None:
    ledger = report.ledger
    # An ERROR is among the errors, with what was raised.
    said = [one for one in ledger.findings if one.verdict is not Verdict.ERROR]
    said.sort(key=lambda one: (-one.severity.rank, one.policy))
    blocking = [one for one in said if one.blocks]
    others = [one for one in said if not one.blocks and not one.waiver]
    soon = {id(finding) for finding in ledger.expiring}
    waived = [*ledger.expiring, *(one for one in said if one.waiver and id(one) not in soon)]
    paper.fold(
        many(len(ledger.errors), "error", "errors"),
        "errors",
        ledger.errors,
        lambda error: f"- {_escaped(error.message)}",
        share=0.3,
        unfolded=True,
    )
    paper.fold(
        many(len(report.refusals), "refusal of a guard", "refusals of guards"),
        "refusals",
        report.refusals,
        lambda refusal: f"- {_escaped(refusal)}",
        share=0.3,
        unfolded=True,
    )
    _findings(
        paper, report, f"{many(len(blocking), 'finding blocks', 'findings block')}", blocking, unfolded=True
    )
    _findings(paper, report, f"{many(len(others), 'finding does', 'findings do')} not block", others)
    ending = f", {len(soon)} until a day within {EXPIRES_SOON_DAYS} days" if soon else ""
    title = f"{many(len(waived), 'finding is', 'findings are')} waived{ending}"
    paper.fold(title, "waived findings", waived, _waiver)
    if report.plan:
        _plan(paper, report.plan)


def _findings(
    paper: _Paper, report: Report, title: str, findings: list[Finding], *, unfolded: bool = False
) -> None:
    policies = report.policies()
    heads = [True, *(one.policy != other.policy for one, other in pairwise(findings))]
    paper.fold(
        title,
        f"{'blocking' if unfolded else 'other'} findings",
        list(zip(findings, heads, strict=False)),
        lambda item: _finding(
            report, item[0], policies.get(item[0].policy) if item[1] else None, first=item[1]
        ),
        share=0.6,
        unfolded=unfolded,
    )


def _finding(report: Report, finding: Finding, policy: Policy | None, *, first: bool) -> str:
    """An item of a list; the first of a policy comes with its head, and what mends it."""
    lines = []
    if first:
        lines = [
            "",
            f"**{finding.severity}** {_escaped(finding.name)} ({_code(finding.policy)}, {finding.enforcement})",
            "",
        ]
    if policy:
        fence = _fence(policy.remediation)
        lines += [f"{fence}hcl", policy.remediation, fence, ""]
    place = f", {_code(f'{report.place(finding.file)}:{finding.line}')}" if finding.file else ""
    compared = [
        f"{label} {_code(word(value))}"
        for label, value in (("found", finding.actual), ("expected", finding.expected))
        if value is not None
    ]
    attribute = f"{_code(finding.attribute)}: " if compared and finding.attribute else ""
    comparison = f" {attribute}{', '.join(compared)}." if compared else ""
    unknown = " (not known before apply)" if finding.verdict is Verdict.UNKNOWN else ""
    lines.append(f"- {_code(finding.address)}{place}{unknown}: {_escaped(finding.message)}{comparison}")
    return "\n".join(lines)


def _waiver(finding: Finding) -> str:
    waiver = finding.waiver or {}
    owner = f" by {_escaped(waiver['owner'])}" if waiver["owner"] else ""
    until = f" until {waiver['until']}" if waiver["until"] else f" in {_code(str(waiver['place']))}"
    return (
        f"- {_code(finding.policy)} for {_code(finding.address)}{owner}{until}: {_escaped(waiver['reason'])}"
    )


def _plan(paper: _Paper, plan: Plan) -> None:
    order = plan_text.order()
    changes = sorted(
        plan.changes, key=lambda one: (order.get(one.action, 0), plan_text.in_order(one.address))
    )
    fence = _fence(*(change.address for change in changes))

    def line(change: Change) -> str:
        return f"{plan_text.verb(change.action):<8} {_cut(visible(MASK.text(change.address)))}"

    title = f"Changes: {_changes(plan)}"
    paper.fold(title, "changes", changes, line, share=1.0, frame=(f"{fence}text", fence))


def _end(report: Report, left_out: dict[str, int]) -> Iterator[str]:
    if left_out:
        counted = ", ".join(f"{number} {what}" for what, number in left_out.items())
        yield f"**Left out for lack of room: {counted}.** The JSON report lists all findings."
        yield ""
    plan = report.plan
    if plan and plan.id and not plan.is_empty and not report.exit_code:
        signed = ", signed" if plan.signed else ""
        command = _code(f"tap apply{report.options} {plan.id}")
        yield f"Sealed as {_code(plan.id)}{signed}. To {plan.operation} exactly this: {command}"
        yield ""
    yield f"<sub>tap {__version__}</sub>"


def _code(text: str) -> str:
    """A code span, which nothing in the text can end."""
    shown = _cut(visible(MASK.text(text)))
    ticks = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if len(ticks) > 1 or not shown else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_entity, _cut(visible(MASK.text(text))))


def _entity(found: re.Match[str]) -> str:
    # GitHub looks for mentions and references after it has read the entities; a space without width stops it.
    stop = "&#8203;" if found[0] in "@#" else ""
    return f"&#{ord(found[0])};{stop}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _fence(*texts: str) -> str:
    """Longer than any row of backticks in the texts."""
    return "`" * max(3, *(1 + len(run) for text in texts for run in re.findall("`+", text)), 3)
