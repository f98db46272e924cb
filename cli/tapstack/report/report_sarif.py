"""A report as SARIF 2.1.0, for code scanning.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and for what GitHub reads of it,
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from tapstack import __version__
from tapstack.errors import ExitCode
from tapstack.gate.ledger import Finding
from tapstack.gate.policy import Enforcement, Policy, Severity, Verdict
from tapstack.report.comparison import comparison
from tapstack.report.ledger_json import encodable
from tapstack.report.report import Report

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
# A name of its own: GitHub keeps primaryLocationLineHash to itself and complains of another's.
_FINGERPRINT: Final = "tapFinding/v1"
# GitHub refuses a file with more.
_MOST_RESULTS: Final = 25_000
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
# Within GitHub's bounds of critical, high, medium and low.
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
_KINDS: Final = {Verdict.PASS: "pass", Verdict.NOT_APPLICABLE: "notApplicable"}


def render(report: Report) -> bytes:
    """UTF-8 JSON. Paths are relative to the repository; results beyond 25,000 are counted in a notification."""
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return orjson.dumps(encodable(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _run(report: Report) -> dict[str, Any]:
    ledger, policies = report.ledger, report.policies()
    # An ERROR is a notification, with what was raised.
    findings = [one for one in ledger.findings if one.verdict is not Verdict.ERROR]
    findings.sort(key=lambda one: not one.blocks)
    if report.everything:
        findings += ledger.others
    rules = {finding.policy: finding for finding in findings}
    numbers = {id_: number for number, id_ in enumerate(sorted({*policies, *rules}))}
    successful = ledger.decision != "error"
    return {
        "tool": {
            "driver": {
                "name": "tap",
                "version": __version__,
                "rules": [_rule(id_, policies.get(id_), rules.get(id_)) for id_ in numbers],
            }
        },
        "automationDetails": {"id": f"tap/{report.place(report.stack)}/{report.environment}/"},
        "invocations": [
            {
                "executionSuccessful": successful,
                "exitCode": int(report.exit_code),
                "exitCodeDescription": ExitCode(report.exit_code).meaning,
                "toolExecutionNotifications": [*_notifications(report, len(findings))],
            }
        ],
        "results": [_result(report, finding, numbers) for finding in findings[:_MOST_RESULTS]],
    }


def _rule(id_: str, policy: Policy | None, finding: Finding | None) -> dict[str, Any]:
    if policy is None:
        # A check of checkov's own: its page is in its message.
        severity = finding.severity if finding else Severity.MEDIUM
        name = finding.name if finding else id_
        return _described(id_, id_, name, "A check of checkov's own.", "", "", severity, advisory=False)
    advisory = policy.effective_enforcement is Enforcement.ADVISORY
    described = _described(
        id_,
        policy.name,
        policy.title,
        policy.rationale,
        f"{policy.rationale}\n\nHow to fix:\n\n{policy.remediation}",
        f"{policy.rationale}\n\n**How to fix**\n\n```hcl\n{policy.remediation}\n```\n\n"
        + "\n".join(f"- <{reference}>" for reference in policy.references),
        policy.effective_severity,
        advisory=advisory,
    )
    page = next((one for one in policy.references if one.startswith("https://")), None)
    return described | ({"helpUri": page} if page else {})


def _described(
    id_: str,
    name: str,
    title: str,
    about: str,
    help_text: str,
    help_markdown: str,
    severity: Severity,
    *,
    advisory: bool,
) -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "shortDescription": {"text": title},
        "fullDescription": {"text": about},
        "help": {"text": help_text or about, "markdown": help_markdown or about},
        "defaultConfiguration": {"level": "note" if advisory else _LEVELS[severity]},
        "properties": {
            "tags": ["security", "terraform"],
            "precision": "very-high",
            "security-severity": _SCORES[severity],
        },
    }


def _result(report: Report, finding: Finding, numbers: Mapping[str, int]) -> dict[str, Any]:
    kind = _kind(finding)
    result = {
        "ruleId": finding.policy,
        "ruleIndex": numbers[finding.policy],
        "kind": kind,
        "level": _level(finding) if kind == "fail" else "none",
        "message": {"text": f"{finding.address}: {finding.message}{comparison(finding)}"},
        "locations": [_location(report, finding)],
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
        "properties": {
            "verdict": finding.verdict,
            "severity": finding.severity,
            "enforcement": finding.enforcement,
            "blocks": finding.blocks,
        },
    }
    if finding.waiver:
        # Both stand in files of the repository; only a comment stands beside the code.
        commented = (finding.waiver["place"] or "").partition(":")[0] == finding.file
        result["suppressions"] = [
            {
                "kind": "inSource" if commented else "external",
                "status": "accepted",
                "justification": finding.waiver["reason"],
            }
        ]
    return result


def _kind(finding: Finding) -> str:
    if finding.verdict is Verdict.UNKNOWN and not finding.blocks:
        return "open"
    return _KINDS.get(finding.verdict, "fail")


def _level(finding: Finding) -> str:
    level = _LEVELS[finding.severity]
    if finding.blocks:
        # Whatever its severity, it stops the work.
        return "error"
    return "note" if finding.enforcement is Enforcement.ADVISORY else level


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    region: dict[str, int] = {"startLine": finding.line or 1}
    if finding.line and finding.end_line and finding.end_line >= finding.line:
        region["endLine"] = finding.end_line
    return {
        "physicalLocation": {"artifactLocation": _artifact(report, finding.file), "region": region},
        "logicalLocations": [{"fullyQualifiedName": finding.address, "kind": "resource"}],
    }


def _artifact(report: Report, file: str | None) -> dict[str, Any]:
    return {"uri": quote(report.place(file), errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _notifications(report: Report, results: int) -> Iterator[dict[str, Any]]:
    for error in report.ledger.errors:
        yield {
            "level": "error",
            "message": {"text": error.message},
            "descriptor": {"id": error.kind},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(report, error.file)}}],
        }
    for refusal in report.refusals:
        yield {"level": "error", "message": {"text": refusal}, "descriptor": {"id": "guard"}}
    if results > _MOST_RESULTS:
        text = f"{_MOST_RESULTS} of {results} results are here; the JSON report has all."
        yield {"level": "warning", "message": {"text": text}, "descriptor": {"id": "left-out"}}
