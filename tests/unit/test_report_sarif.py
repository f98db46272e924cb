"""A report as SARIF, against the official schema and what code scanning needs."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tapstack.report import formats
from tapstack.report.report import Report
from tests.conftest import ROOT
from tests.unit.reports import BROKEN, CLOSED, FINDING, LEDGER, OPEN, REFUSED, RETENTION, finding, many

SCHEMA = json.loads((ROOT / "tests" / "schemas" / "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def run(report: Report) -> dict[str, Any]:
    document = json.loads(formats.render("sarif", report))
    (only,) = document["runs"]
    assert isinstance(only, dict)
    return only


def of(*findings: Any) -> Report:
    return replace(CLOSED, ledger=replace(LEDGER, findings=findings))


@pytest.mark.parametrize(
    "report", [CLOSED, OPEN, BROKEN, REFUSED, replace(CLOSED, everything=True), many(50)]
)
def test_it_holds_to_the_official_schema(report: Report) -> None:
    document = json.loads(formats.render("sarif", report))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert document["version"] == "2.1.0"


def test_the_schema_would_see_a_mistake() -> None:
    document = json.loads(formats.render("sarif", CLOSED))
    document["runs"][0]["results"][0]["level"] = "bad"
    assert list(VALIDATOR.iter_errors(document))


def test_a_result_whole() -> None:
    assert run(of(FINDING))["results"] == [
        {
            "ruleId": "CKV_TAP_301",
            "ruleIndex": 1,
            "kind": "fail",
            "level": "error",
            "message": {
                "text": 'aws_cloudwatch_log_group.fn["reader"]: The log group keeps its events for 30 days. '
                "(retention_in_days: found 30, expected exactly 14)"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "terraform/tap_stack.tf", "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": 67, "endLine": 72},
                    },
                    "logicalLocations": [
                        {"fullyQualifiedName": 'aws_cloudwatch_log_group.fn["reader"]', "kind": "resource"}
                    ],
                }
            ],
            "partialFingerprints": {"tapFinding/v1": "f" * 32},
            "properties": {
                "verdict": "FAIL",
                "severity": "MEDIUM",
                "enforcement": "soft-mandatory",
                "blocks": True,
            },
        }
    ]


def test_a_rule_says_why_and_how_to_fix_it() -> None:
    rules = run(CLOSED)["tool"]["driver"]["rules"]
    rule = rules[1]
    assert rule["id"] == RETENTION.id
    assert rule["name"] == RETENTION.name
    assert rule["shortDescription"] == {"text": RETENTION.title}
    assert RETENTION.rationale in rule["help"]["text"]
    assert RETENTION.remediation in rule["help"]["text"]
    assert "```hcl\nretention_in_days = 14\n```" in rule["help"]["markdown"]
    assert rule["helpUri"] == RETENTION.references[0]
    assert rule["defaultConfiguration"] == {"level": "warning"}
    assert 4.0 <= float(rule["properties"]["security-severity"]) < 7.0
    for result in run(CLOSED)["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_check_of_checkovs_own_is_a_rule_as_well() -> None:
    rules = run(of(finding(policy="CKV_AWS_158", name="Ensure logs are encrypted")))["tool"]["driver"][
        "rules"
    ]
    assert [
        (rule["id"], rule["shortDescription"]["text"]) for rule in rules if rule["id"] == "CKV_AWS_158"
    ] == [("CKV_AWS_158", "Ensure logs are encrypted")]


def test_lines_may_move_and_fingerprints_stay() -> None:
    before, after = (run(of(finding(line=line, end_line=line)))["results"][0] for line in (67, 167))
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]


def test_what_is_waived_is_suppressed_with_its_reason() -> None:
    (waived,) = [one for one in run(CLOSED)["results"] if "suppressions" in one]
    assert waived["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "shared until the split"}
    ]
    waiver = {**(LEDGER.findings[2].waiver or {}), "place": "terraform/tap_stack.tf:13", "until": None}
    (commented,) = run(of(replace(LEDGER.findings[2], waiver=waiver)))["results"]
    assert commented["suppressions"][0]["kind"] == "inSource"


def test_what_is_not_known_and_does_not_block_is_an_open_question() -> None:
    unknown = run(CLOSED)["results"][1]
    assert (unknown["properties"]["verdict"], unknown["kind"], unknown["level"]) == (
        "UNKNOWN",
        "open",
        "none",
    )


def test_errors_and_refusals_are_notifications() -> None:
    (invocation,) = run(BROKEN)["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 4)
    said = [one["message"]["text"] for one in invocation["toolExecutionNotifications"]]
    assert said == [error.message for error in BROKEN.ledger.errors]
    (invocation,) = run(REFUSED)["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 6)
    assert [one["message"]["text"] for one in invocation["toolExecutionNotifications"]] == list(
        REFUSED.refusals
    )


def test_two_stacks_of_one_repository_are_told_apart() -> None:
    ids = {run(replace(CLOSED, stack=stack))["automationDetails"]["id"] for stack in ("a", "b")}
    assert ids == {"tap/a/sandbox/", "tap/b/sandbox/"}


def test_paths_are_those_of_the_repository_and_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "infra").mkdir()
    monkeypatch.chdir(tmp_path / "infra")
    report = replace(of(finding(file="a b/ü.tf")), root=tmp_path)
    location = run(report)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "infra/a%20b/%C3%BC.tf"


def test_a_file_whose_name_is_no_text_has_a_uri() -> None:
    name = os.fsdecode(b"\xff.tf")
    uri = run(of(finding(file=name)))["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uri"
    ]
    assert uri == "%FF.tf"


def test_a_finding_without_a_place_stands_for_what_was_judged() -> None:
    location = run(of(finding(file=None, line=None, end_line=None)))["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "plan.json"
    assert location["physicalLocation"]["region"] == {"startLine": 1}


@pytest.mark.slow
def test_more_results_than_code_scanning_takes_are_cut_and_counted() -> None:
    only = run(many(50_000))
    assert len(only["results"]) == 25_000
    assert all(result["level"] == "error" for result in only["results"])
    (notification,) = only["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "25000 of 50000 results are here; the JSON report has all."
