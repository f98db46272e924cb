"""A report as JUnit XML, for the test reports of CI systems: a suite for each policy, a case for each resource.

The format has no owner; this is what Jenkins' schema (xunit-plugin, junit-10.xsd) takes. What blocks is a failure, what
the gate could not decide an error; what is wrong and does not block, or is waived, is skipped, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal
from xml.sax.saxutils import escape, quoteattr

from tapstack.gate.ledger import Finding
from tapstack.gate.policy import Verdict
from tapstack.masking import MASK
from tapstack.report.report import Report

Outcome = Literal["passed", "skipped", "failure", "error"]
_WORST_LAST: Final[tuple[Outcome, ...]] = ("passed", "skipped", "failure", "error")
# A policy is not for most resources.
_LEFT_OUT: Final = Verdict.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class _Case:
    classname: str
    name: str
    outcome: Outcome = "passed"
    type: str = ""
    message: str = ""
    text: str = ""


def render(report: Report) -> bytes:
    """UTF-8 XML. A CI system that goes by failures and errors is red exactly where tap's exit code is not 0."""
    suites = [(name, list(cases)) for name, cases in _suites(report)]
    counts = Counter(case.outcome for _, cases in suites for case in cases)
    total = f'tests="{counts.total()}" failures="{counts["failure"]}" errors="{counts["error"]}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_attribute(_name(report))} {total}>",
    ]
    for name, cases in suites:
        lines += _suite(name, cases)
    return "\n".join([*lines, "</testsuites>", ""]).encode()


def _name(report: Report) -> str:
    return f"tap: {report.place(report.stack)} ({report.environment})"


def _suites(report: Report) -> Iterator[tuple[str, Iterable[_Case]]]:
    if report.ledger.errors:
        yield (
            "gate",
            [
                _Case("gate", f"{error.kind} {number}", "error", error.kind, error.message, error.file or "")
                for number, error in enumerate(report.ledger.errors, 1)
            ],
        )
    if report.refusals:
        yield (
            "guards",
            [
                _Case("guards", f"guard {number}", "failure", "refused", refusal)
                for number, refusal in enumerate(report.refusals, 1)
            ],
        )
    # An ERROR is among the gate's, with what was raised.
    said = (*report.ledger.findings, *report.ledger.others)
    findings = sorted(
        (one for one in said if one.verdict not in (_LEFT_OUT, Verdict.ERROR)),
        key=lambda one: (one.policy, one.address),
    )
    for policy, group in groupby(findings, key=lambda one: one.policy):
        yield policy, [_case(list(one)) for _, one in groupby(group, key=lambda one: one.address)]


def _case(findings: list[Finding]) -> _Case:
    """What a policy says about one resource; the worst of it decides."""
    worst = max(findings, key=lambda one: _WORST_LAST.index(_outcome(one)))
    first, outcome = findings[0], _outcome(worst)
    classname = f"{first.policy} {first.name}"
    if outcome == "passed":
        return _Case(classname, first.address)
    text = "\n".join(_said(finding) for finding in findings)
    return _Case(
        classname, first.address, outcome, f"{worst.severity} {worst.verdict}", _message(worst), text
    )


def _outcome(finding: Finding) -> Outcome:
    if finding.verdict is Verdict.PASS:
        return "passed"
    return "failure" if finding.blocks else "skipped"


def _message(finding: Finding) -> str:
    if finding.waiver:
        owner = finding.waiver["owner"] or finding.waiver["place"]
        until = f" until {finding.waiver['until']}" if finding.waiver["until"] else ""
        return f"waived by {owner}{until}: {finding.waiver['reason']}"
    return finding.message if finding.blocks else f"does not block: {finding.message}"


def _said(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}: " if finding.file else ""
    compared = [
        f"{word}: {value}"
        for word, value in (
            ("attribute", finding.attribute),
            ("found", finding.actual),
            ("expected", finding.expected),
        )
        if value is not None
    ]
    return "\n  ".join([f"{place}{finding.verdict}: {finding.message}", *compared])


def _suite(name: str, cases: list[_Case]) -> Iterator[str]:
    counts = Counter(case.outcome for case in cases)
    yield (
        f'  <testsuite name={_attribute(name)} tests="{len(cases)}" failures="{counts["failure"]}" '
        f'errors="{counts["error"]}" skipped="{counts["skipped"]}">'
    )
    for case in cases:
        head = f"    <testcase classname={_attribute(case.classname)} name={_attribute(case.name)}"
        if case.outcome == "passed":
            yield f"{head}/>"
            continue
        yield f"{head}>"
        yield (
            f"      <{case.outcome} type={_attribute(case.type)} message={_attribute(case.message)}>"
            f"{escape(_text(case.text))}</{case.outcome}>"
        )
        yield "    </testcase>"
    yield "  </testsuite>"


def _attribute(text: str) -> str:
    return quoteattr(_text(text), {"\n": "&#10;", "\t": "&#9;"})


def _text(text: str) -> str:
    """Masked here, because XML writes secrets otherwise; it has no way to write most control characters."""
    masked = MASK.text(text)
    if masked.isprintable():
        return masked
    return "".join(char if char in "\t\n" or char.isprintable() else " " for char in masked)
