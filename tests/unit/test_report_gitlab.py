"""A report as GitLab's code quality, by what its documentation and its own validator ask for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tapstack.gate.policy import Severity
from tapstack.report import formats
from tapstack.report.report import Report
from tests.unit.reports import BROKEN, CLOSED, FINDING, LEDGER, OPEN, REFUSED, finding, many

# https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
DOCUMENTED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 32},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./|/)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def entries(report: Report) -> list[dict[str, Any]]:
    found = json.loads(formats.render("gitlab", report))
    jsonschema.validate(found, DOCUMENTED)
    assert isinstance(found, list)
    return found


def of(*findings: Any) -> Report:
    return replace(CLOSED, ledger=replace(LEDGER, findings=findings))


def test_an_entry_whole() -> None:
    (entry,) = entries(of(FINDING))
    assert len(entry.pop("fingerprint")) == 64
    assert entry == {
        "description": 'aws_cloudwatch_log_group.fn["reader"]: The log group keeps its events for 30 days.',
        "check_name": "log_group_retention",
        "severity": "major",
        "location": {"path": "terraform/tap_stack.tf", "lines": {"begin": 67}},
    }


@pytest.mark.parametrize("report", [CLOSED, OPEN, BROKEN, REFUSED])
def test_it_is_empty_exactly_where_nothing_is_wrong(report: Report) -> None:
    assert bool(entries(report)) is bool(report.exit_code)


def test_severities_are_gitlabs_and_what_is_waived_is_no_entry() -> None:
    severities = [entries(of(finding(severity=severity)))[0]["severity"] for severity in Severity]
    assert severities == ["minor", "major", "critical", "blocker"]
    assert [entry["severity"] for entry in entries(CLOSED)] == ["major", "info"]


def test_fingerprints_stay_when_lines_move_and_tell_stacks_apart(tmp_path: Path) -> None:
    def fingerprint(report: Report) -> str:
        found: str = entries(report)[0]["fingerprint"]
        return found

    here = fingerprint(of(FINDING))
    assert fingerprint(of(finding(line=99))) == here
    assert fingerprint(replace(of(FINDING), stack="other")) != here
    assert fingerprint(replace(of(FINDING), environment="prod")) != here


@pytest.mark.slow
def test_fifty_thousand_findings_are_fifty_thousand_fingerprints() -> None:
    assert (
        len({entry["fingerprint"] for entry in json.loads(formats.render("gitlab", many(50_000)))}) == 50_000
    )
