"""A report for GitHub Actions: the text, and the worst of it as annotations of the changed files.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tapstack.gate.ledger import Finding
from tapstack.gate.policy import Verdict
from tapstack.masking import MASK
from tapstack.report import report_markdown, report_text
from tapstack.report.comparison import comparison
from tapstack.report.report import Report

_Level = Literal["error", "warning", "notice"]
# GitHub shows so many of each level for a step, and drops the rest without a word.
_SHOWN: Final = 10
# Bytes; GitHub takes 1 MiB for all that a step writes.
_LARGEST_SUMMARY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Annotation:
    level: _Level
    title: str
    message: str
    file: str | None = None
    line: int | None = None
    end_line: int | None = None


def render(report: Report) -> bytes:
    """The text report and workflow commands. Paths are relative to the repository."""
    text = report_text.render(report).decode()
    # A line of the text must not be taken for a command, whatever a configuration calls its resources.
    token = f"tap-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    lines = [f"::stop-commands::{token}", text.rstrip("\n"), f"::{token}::", *_commands(report)]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def summary(report: Report) -> bytes:
    """Markdown for the summary of a step ($GITHUB_STEP_SUMMARY)."""
    return report_markdown.compose(report, _LARGEST_SUMMARY)


def _commands(report: Report) -> Iterator[str]:
    said: Counter[_Level] = Counter()
    left_out = 0
    for annotation in _annotations(report):
        said[annotation.level] += 1
        if said[annotation.level] <= _SHOWN:
            yield _command(report, annotation)
        else:
            left_out += 1
    if left_out:
        yield f"{left_out} more are not annotated: GitHub shows {_SHOWN} of each kind. The step's summary has more."


def _annotations(report: Report) -> Iterator[_Annotation]:
    ledger, policies = report.ledger, report.policies()
    for error in ledger.errors:
        yield _Annotation("error", f"tap: {error.kind}", error.message, error.file)
    for refusal in report.refusals:
        yield _Annotation("error", "tap: refused by a guard", refusal)
    # An ERROR is among the errors, with what was raised.
    findings = [one for one in ledger.findings if one.verdict not in (Verdict.ERROR, Verdict.WAIVED)]
    for finding in sorted(findings, key=lambda one: (not one.blocks, -one.severity.rank)):
        policy = policies.get(finding.policy)
        yield _finding(finding, policy.remediation if policy else "")
    for finding in ledger.expiring:
        waiver = finding.waiver or {}
        yield _Annotation(
            "notice",
            f"tap: a waiver of {finding.policy} ends on {waiver['until']}",
            f"{finding.address}: {waiver['reason']} ({waiver['owner']})",
            finding.file,
            finding.line,
        )


def _finding(finding: Finding, remediation: str) -> _Annotation:
    fix = f"\n\nFix:\n{remediation}" if remediation else ""
    return _Annotation(
        "error" if finding.blocks else "warning",
        f"{finding.severity} {finding.policy} {finding.name}",
        f"{finding.address}: {finding.message}{comparison(finding)}{fix}",
        finding.file,
        finding.line,
        finding.end_line,
    )


def _command(report: Report, annotation: _Annotation) -> str:
    properties = {"title": annotation.title}
    if annotation.file:
        properties["file"] = report.place(annotation.file)
    if annotation.file and annotation.line:
        properties |= {"line": str(annotation.line), "endLine": str(annotation.end_line or annotation.line)}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{annotation.level} {written}::{_data(annotation.message)}"


def _data(text: str) -> str:
    """As GitHub's own toolkit escapes a message; masked before, since the mask knows no escaped secret."""
    return MASK.text(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
