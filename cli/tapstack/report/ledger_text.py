"""A ledger for a person: what is wrong and where, what to do, and the decision, on one screen."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Final

import click

from tapstack.gate.ledger import EXPIRES_SOON_DAYS, Finding, Ledger
from tapstack.gate.policy import Enforcement, Severity, Verdict
from tapstack.report.comparison import comparison
from tapstack.report.source_lines import SourceLines, wanted
from tapstack.report.visible import visible

# Beyond this many errors, or findings of the only policy, the rest is counted only.
_SHOWN: Final = 8
# Of several policies: findings of each, and of all of them; beyond that, policies in one line each.
_SHOWN_OF_EACH: Final = 3
_SHOWN_OF_ALL: Final = 12
_SHOWN_POLICIES: Final = 20
_COLOURS: Final = {
    Severity.CRITICAL: "magenta",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
# Code is not broken, and what is longer than this is cut.
_LONGEST_LINE: Final = 120
_DECISIONS: Final = {"open": "green", "closed": "red", "error": "red"}


def render(
    ledger: Ledger, *, width: int, colour: bool, full: bool = False, source: SourceLines | None = None
) -> str:
    """Lines of at most `width` columns, but for paths, addresses and code, which are not broken.

    `colour` adds ANSI colours; everything they say is in the words as well. `full` leaves nothing out; with `source`,
    the line that a finding is about stands beside the one that is wanted.
    """
    return "\n".join(_Page(width, colour, full, source).lines(ledger)) + "\n"


class _Page:
    def __init__(self, width: int, colour: bool, full: bool, source: SourceLines | None) -> None:
        self.width = max(width, 40)
        self.colour = colour
        self.full = full
        self.source = source

    def lines(self, ledger: Ledger) -> Iterator[str]:
        for error in ledger.errors[: self._limit(_SHOWN)]:
            where = "" if error.file is None or error.file in error.message else f" ({error.file})"
            yield from self._wrapped(f"Error: {visible(error.message)}{where}", "", "  ")
        if len(ledger.errors) > self._limit(_SHOWN):
            yield f"... and {len(ledger.errors) - _SHOWN} more errors; the JSON report lists all"
        if ledger.errors:
            yield ""
        yield from self._findings(ledger)
        yield from self._wrapped(in_counts(ledger), "", "  ")
        if "checkov_pass" in ledger.counts:
            yield from self._wrapped(_checkov_counts(ledger), "", "  ")
        yield from self._waived(ledger)
        if ledger.disabled:
            yield from self._wrapped(f"Disabled by the settings: {', '.join(ledger.disabled)}", "", "  ")
        yield self._style(_decision(ledger), _DECISIONS[ledger.decision])

    def _findings(self, ledger: Ledger) -> Iterator[str]:
        # An ERROR is told above, with what was raised.
        findings = [f for f in ledger.findings if f.verdict not in (Verdict.ERROR, Verdict.WAIVED)]
        findings.sort(key=lambda one: (-one.severity.rank, one.policy, one.verdict is not Verdict.FAIL))
        groups = [list(group) for _, group in groupby(findings, key=lambda one: one.policy)]
        remediations = {policy.id: policy.remediation for policy in ledger.policies}
        if len(groups) > 1:
            yield from self._wrapped(_severities(findings), "", "  ")
            yield ""
        shown, of_all = 0, self._limit(_SHOWN if len(groups) == 1 else _SHOWN_OF_ALL)
        while groups and shown < of_all:
            group = groups.pop(0)
            limit = self._limit(min(_SHOWN_OF_EACH, of_all - shown) if groups or shown else _SHOWN)
            shown += min(limit, len(group))
            yield from self._policy(group, limit, remediations.get(group[0].policy, ""))
            yield ""
        for group in groups[:_SHOWN_POLICIES]:
            yield f"{self._head(group[0])}: {many(len(group), 'finding', 'findings')}"
        if rest := groups[_SHOWN_POLICIES:]:
            more = many(sum(map(len, rest)), "finding", "findings")
            yield from self._wrapped(
                f"... and {more} of {many(len(rest), 'more policy', 'more policies')}; the JSON report lists all",
                "",
                "  ",
            )
        if groups:
            yield ""

    def _waived(self, ledger: Ledger) -> Iterator[str]:
        soon = {id(finding) for finding in ledger.expiring}
        waived = [*ledger.expiring, *(f for f in ledger.findings if f.waiver and id(f) not in soon)]
        if waived:
            ending = f", {len(soon)} of them until a day within {EXPIRES_SOON_DAYS} days" if soon else ""
            yield from self._wrapped(
                f"{many(len(waived), 'finding is', 'findings are')} waived{ending}.", "", "  "
            )
        for finding in waived[: self._limit(_SHOWN)]:
            yield from self._wrapped(visible(_waiver(finding, id(finding) in soon)), "Waived: ", "  ")
        if len(waived) > self._limit(_SHOWN):
            yield f"... and {len(waived) - _SHOWN} more waived; the JSON report lists all"

    def _policy(self, findings: list[Finding], limit: int, remediation: str) -> Iterator[str]:
        yield self._head(findings[0])
        place = None
        for finding in findings[:limit]:
            # Instances of one block share its lines.
            yield from self._finding(finding, with_line=(finding.file, finding.line) != place)
            place = finding.file, finding.line
        if len(findings) > limit:
            yield f"  ... and {len(findings) - limit} more; the JSON report lists all"
        for number, line in enumerate(remediation.splitlines()):
            yield f"  {'fix:' if number == 0 else '    '} {line}".rstrip()

    def _head(self, finding: Finding) -> str:
        severity = self._style(finding.severity, _COLOURS[finding.severity])
        return f"{severity}  {visible(finding.name)}  {finding.policy}  ({_effect(finding)})"

    def _finding(self, finding: Finding, *, with_line: bool) -> Iterator[str]:
        place = f"{finding.file}:{finding.line}  " if finding.file else ""
        address = visible(f"{finding.verdict:<8}{place}{finding.address}")
        if len(address) + 2 > self.width and place:
            yield visible(f"  {finding.verdict:<8}{place}".rstrip())
            yield visible(f"          {finding.address}")
        else:
            yield f"  {address}"
        line = self.source.line(finding) if self.source else None
        instead = wanted(finding, line) if line and with_line else None
        said = comparison(finding, None if instead is None else line)
        yield from self._wrapped(visible(f"{finding.message}{said}"), " " * 10, " " * 10)
        if line and with_line:
            yield self._code(f"line {finding.line}:", line)
        if instead:
            yield self._code("wanted:", instead)

    def _code(self, label: str, line: str) -> str:
        shown = f"{' ' * 10}{label:<9} {visible(line)}"
        return shown if len(shown) <= max(self.width, _LONGEST_LINE) else f"{shown[: _LONGEST_LINE - 3]}..."

    def _limit(self, number: int) -> int:
        return sys.maxsize if self.full else number

    def _wrapped(self, text: str, first: str, rest: str) -> list[str]:
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _style(self, text: str, colour: str) -> str:
        return click.style(text, fg=colour, bold=True) if self.colour else str(text)


def _waiver(finding: Finding, soon: bool) -> str:
    waiver = finding.waiver or {}
    owner = f" by {waiver['owner']}" if waiver["owner"] else ""
    ticket = f", {waiver['ticket']}" if waiver["ticket"] else ""
    days = waiver["days_left"]
    when = f"in {many(days, 'day', 'days')}" if days else "today"
    left = f" ({when})" if soon else ""
    end = f" until {waiver['until']}{left}" if waiver["until"] else f" in {waiver['place']}"
    return f"{finding.policy} for {finding.address}{owner}{end}: {waiver['reason']}{ticket}"


def _effect(finding: Finding) -> str:
    if finding.enforcement is Enforcement.ADVISORY:
        return "advisory"
    if finding.overridden:
        return f"{finding.enforcement}, overridden"
    return f"{finding.enforcement}{'' if finding.blocks else ', does not block'}"


def _severities(findings: list[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    each = ", ".join(f"{counts[one]} {one}" for one in sorted(counts, key=lambda one: -one.rank))
    return f"{many(len(findings), 'finding', 'findings')}: {each}"


def in_counts(ledger: Ledger) -> str:
    """The verdicts of all pairs, in a sentence."""
    counts = ledger.counts
    words = [f"{counts['pass']} pass", f"{counts['fail']} fail", f"{counts['unknown']} unknown"]
    words += [f"{counts[word]} {word}" for word in ("waived", "error") if counts[word]]
    words.append(f"{counts['not_applicable']} not applicable")
    asked = many(counts["policies"], "policy", "policies")
    return f"{asked} x {many(counts['resources'], 'resource', 'resources')}: {', '.join(words)}."


def _checkov_counts(ledger: Ledger) -> str:
    counts = ledger.counts
    passed, failed, skipped = (counts[f"checkov_{word}"] for word in ("pass", "fail", "skipped"))
    return f"checkov's own checks: {passed} pass, {failed} fail, {skipped} skipped by comments in the code."


def _decision(ledger: Ledger) -> str:
    if ledger.decision == "open":
        return "The gate is open."
    if ledger.decision == "error":
        why = many(len(ledger.errors), "error", "errors")
        return f"The gate could not decide, which counts as closed: {why}."
    blocking = sum(finding.blocks for finding in ledger.findings)
    return f"The gate is closed: {many(blocking, 'finding blocks', 'findings block')}."


def many(number: int, one: str, more: str) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else more}"
