"""A report as GitLab's code quality: what a merge request adds to, and removes from, the findings.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import orjson

from tapstack.gate.ledger import Finding
from tapstack.gate.policy import Severity, Verdict
from tapstack.report.ledger_json import encodable
from tapstack.report.report import Report

_SEVERITIES: Final = {
    Severity.LOW: "minor",
    Severity.MEDIUM: "major",
    Severity.HIGH: "critical",
    Severity.CRITICAL: "blocker",
}


def render(report: Report) -> bytes:
    """A JSON array; what is waived is not in it. Paths are relative to the project's directory."""
    entries = [*_entries(report)]
    return orjson.dumps(encodable(entries), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _entries(report: Report) -> Iterator[dict[str, Any]]:
    for error in report.ledger.errors:
        identity = ("error", error.kind, error.message)
        yield _entry(report, error.message, f"gate-{error.kind}", "blocker", error.file, None, identity)
    for refusal in report.refusals:
        yield _entry(report, f"Refused: {refusal}", "guard", "blocker", None, None, ("guard", refusal))
    # An ERROR is among the errors, with what was raised.
    for finding in report.ledger.findings:
        if finding.verdict not in (Verdict.WAIVED, Verdict.ERROR):
            yield _entry(
                report,
                f"{finding.address}: {finding.message}",
                finding.name,
                _severity(finding),
                finding.file,
                finding.line,
                ("finding", finding.fingerprint),
            )


def _severity(finding: Finding) -> str:
    unknown = finding.verdict is Verdict.UNKNOWN and not finding.blocks
    return "info" if unknown else _SEVERITIES[finding.severity]


def _entry(
    report: Report,
    description: str,
    check: str,
    severity: str,
    file: str | None,
    line: int | None,
    identity: tuple[str, ...],
) -> dict[str, Any]:
    # GitLab joins the reports of all jobs: the same address in another stack is another finding.
    whole = "\0".join((report.place(report.stack), report.environment, *identity))
    return {
        "description": description,
        "check_name": check,
        "fingerprint": hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest(),
        "severity": severity,
        "location": {"path": report.place(file), "lines": {"begin": line or 1}},
    }
