"""A ledger for a person: what is wrong and where, what to do, and the decision, on one screen."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import click

from tapstack.gate.ledger import Finding, Ledger
from tapstack.gate.policy import Enforcement, Severity, Verdict

# Beyond this many errors, or findings of one policy, the rest is counted only.
_SHOWN: Final = 8
_COLOURS: Final = {
    Severity.CRITICAL: "magenta",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
_DECISIONS: Final = {"open": "green", "closed": "red", "error": "red"}


def render(ledger: Ledger, *, width: int, colour: bool) -> str:
    """Lines of at most `width` columns, but for paths, addresses and code, which are not broken.

    `colour` adds ANSI colours; everything they say is in the words as well.
    """
    return "\n".join(_Page(width, colour).lines(ledger)) + "\n"


class _Page:
    def __init__(self, width: int, colour: bool) -> None:
        self.width = max(width, 40)
        self.colour = colour

    def lines(self, ledger: Ledger) -> Iterator[str]:
        for error in ledger.errors[:_SHOWN]:
            where = "" if error.file is None or error.file in error.message else f" ({error.file})"
            yield from self._wrapped(f"Error: {_visible(error.message)}{where}", "", "  ")
        if len(ledger.errors) > _SHOWN:
            yield f"... and {len(ledger.errors) - _SHOWN} more errors; the JSON report lists all"
        if ledger.errors:
            yield ""
        # An ERROR is told above, with what was raised.
        findings = [f for f in ledger.findings if f.verdict not in (Verdict.ERROR, Verdict.WAIVED)]
        findings.sort(key=lambda one: (-one.severity.rank, one.policy, one.verdict is not Verdict.FAIL))
        for _, group in groupby(findings, key=lambda one: one.policy):
            yield from self._policy(ledger, list(group))
            yield ""
        yield from self._wrapped(_counts(ledger), "", "  ")
        if "checkov_pass" in ledger.counts:
            yield from self._wrapped(_checkov_counts(ledger), "", "  ")
        yield from self._waived(ledger)
        if ledger.disabled:
            yield from self._wrapped(f"Disabled by the settings: {', '.join(ledger.disabled)}", "", "  ")
        yield self._style(_decision(ledger), _DECISIONS[ledger.decision])

    def _waived(self, ledger: Ledger) -> Iterator[str]:
        soon = {id(finding) for finding in ledger.expiring}
        waived = [*ledger.expiring, *(f for f in ledger.findings if f.waiver and id(f) not in soon)]
        for finding in waived[:_SHOWN]:
            yield from self._wrapped(_visible(_waiver(finding, id(finding) in soon)), "Waived: ", "  ")
        if len(waived) > _SHOWN:
            yield f"... and {len(waived) - _SHOWN} more waived; the JSON report lists all"

    def _policy(self, ledger: Ledger, findings: list[Finding]) -> Iterator[str]:
        first = findings[0]
        severity = self._style(first.severity, _COLOURS[first.severity])
        yield f"{severity}  {first.name}  {first.policy}  ({_effect(first)})"
        for finding in findings[:_SHOWN]:
            yield from self._finding(finding)
        if len(findings) > _SHOWN:
            yield f"  ... and {len(findings) - _SHOWN} more; the JSON report lists all"
        remediation = next((p.remediation for p in ledger.policies if p.id == first.policy), "")
        for number, line in enumerate(remediation.splitlines()):
            yield f"  {'fix:' if number == 0 else '    '} {line}"

    def _finding(self, finding: Finding) -> Iterator[str]:
        place = f"{finding.file}:{finding.line}  " if finding.file else ""
        address = _visible(f"{finding.verdict:<8}{place}{finding.address}")
        if len(address) + 2 > self.width and place:
            yield _visible(f"  {finding.verdict:<8}{place}".rstrip())
            yield _visible(f"          {finding.address}")
        else:
            yield f"  {address}"
        yield from self._wrapped(_visible(f"{finding.message}{_comparison(finding)}"), " " * 10, " " * 10)

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
    when = f"in {_many(days, 'day', 'days')}" if days else "today"
    left = f" ({when})" if soon else ""
    end = f" until {waiver['until']}{left}" if waiver["until"] else f" in {waiver['place']}"
    return f"{finding.policy} for {finding.address}{owner}{end}: {waiver['reason']}{ticket}"


def _effect(finding: Finding) -> str:
    if finding.enforcement is Enforcement.ADVISORY:
        return "advisory"
    return f"{finding.enforcement}{'' if finding.blocks else ', does not block'}"


def _comparison(finding: Finding) -> str:
    """`(attribute: found 30, expected exactly 14)`, as far as there is something to compare."""
    parts = []
    if finding.actual is not None:
        parts.append(f"found {_word(finding.actual)}")
    if finding.expected is not None:
        parts.append(f"expected {_word(finding.expected)}")
    if not parts:
        return ""
    return f" ({finding.attribute}: {', '.join(parts)})" if finding.attribute else f" ({', '.join(parts)})"


def _word(value: Any) -> str:
    text = value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _visible(text: str) -> str:
    """Text from a configuration can't move the cursor or colour the screen."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _counts(ledger: Ledger) -> str:
    counts = ledger.counts
    words = [f"{counts['pass']} pass", f"{counts['fail']} fail", f"{counts['unknown']} unknown"]
    words += [f"{counts[word]} {word}" for word in ("waived", "error") if counts[word]]
    words.append(f"{counts['not_applicable']} not applicable")
    asked = _many(counts["policies"], "policy", "policies")
    return f"{asked} x {_many(counts['resources'], 'resource', 'resources')}: {', '.join(words)}."


def _checkov_counts(ledger: Ledger) -> str:
    counts = ledger.counts
    passed, failed, skipped = (counts[f"checkov_{word}"] for word in ("pass", "fail", "skipped"))
    return f"checkov's own checks: {passed} pass, {failed} fail, {skipped} skipped by comments in the code."


def _decision(ledger: Ledger) -> str:
    if ledger.decision == "open":
        return "The gate is open."
    if ledger.decision == "error":
        why = _many(len(ledger.errors), "error", "errors")
        return f"The gate could not decide, which counts as closed: {why}."
    blocking = sum(finding.blocks for finding in ledger.findings)
    return f"The gate is closed: {_many(blocking, 'finding blocks', 'findings block')}."


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
