"""A ledger as JSON and as text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import orjson
import pytest

from tapstack.gate.ledger import ErrorKind, Finding, GateError, Input, Ledger, empty_counts
from tapstack.gate.policy import Enforcement, Policy, Severity, Verdict
from tapstack.gate.registry import load
from tapstack.report import ledger_json, ledger_text


def _retention() -> Policy:
    policy = load().find("log_group_retention")
    assert policy is not None
    return policy()


FINDING = Finding(
    policy="CKV_TAP_301",
    name="log_group_retention",
    address='aws_cloudwatch_log_group.fn["reader"]',
    verdict=Verdict.FAIL,
    severity=Severity.MEDIUM,
    enforcement=Enforcement.HARD_MANDATORY,
    message="The log group keeps its events for 30 days.",
    fingerprint="f" * 32,
    blocks=True,
    attribute="retention_in_days",
    actual=30,
    expected="exactly 14",
    file="terraform/tap_stack.tf",
    line=67,
    end_line=72,
)
COUNTS = empty_counts() | {"resources": 3, "policies": 2, "pass": 2, "fail": 1, "not_applicable": 3}
CLOSED = Ledger(
    "closed",
    Input("plan", "plan.json", "a" * 64),
    COUNTS,
    (FINDING,),
    policies=(_retention(),),
    disabled=("acme",),
)


def text(ledger: Ledger, width: int = 80, colour: bool = False) -> str:
    return ledger_text.render(ledger, width=width, colour=colour)


def test_the_json_is_the_published_schema() -> None:
    assert orjson.loads(ledger_json.render(CLOSED)) == {
        "schema": "tap.ledger/1",
        "decision": "closed",
        "exit_code": 3,
        "input": {"kind": "plan", "path": "plan.json", "sha256": "a" * 64},
        "counts": {
            "resources": 3,
            "policies": 2,
            "pass": 2,
            "fail": 1,
            "unknown": 0,
            "not_applicable": 3,
            "waived": 0,
            "error": 0,
        },
        "disabled": ["acme"],
        "findings": [
            {
                "policy": "CKV_TAP_301",
                "name": "log_group_retention",
                "address": 'aws_cloudwatch_log_group.fn["reader"]',
                "verdict": "FAIL",
                "severity": "MEDIUM",
                "enforcement": "hard-mandatory",
                "attribute": "retention_in_days",
                "actual": 30,
                "expected": "exactly 14",
                "message": "The log group keeps its events for 30 days.",
                "file": "terraform/tap_stack.tf",
                "line": 67,
                "end_line": 72,
                "fingerprint": "f" * 32,
                "overridden": False,
                "waiver": None,
            }
        ],
        "obligations": [],
        "expiring": [],
        "errors": [],
    }


def test_errors_are_in_the_json_with_their_kind() -> None:
    error = GateError(ErrorKind.PARSE, "main.tf:2: no", "main.tf")
    document = orjson.loads(ledger_json.render(replace(CLOSED, decision="error", errors=(error,))))
    assert document["exit_code"] == 4
    assert document["errors"] == [{"kind": "parse", "message": "main.tf:2: no", "file": "main.tf"}]


def test_what_passed_is_in_the_json_only_when_everything_is_asked_for() -> None:
    ledger = replace(CLOSED, others=(replace(FINDING, verdict=Verdict.PASS),))
    found = [
        [
            finding["verdict"]
            for finding in orjson.loads(ledger_json.render(ledger, everything=everything))["findings"]
        ]
        for everything in (False, True)
    ]
    assert found == [["FAIL"], ["FAIL", "PASS"]]


@pytest.mark.parametrize("odd", [2**70, "\udcff", float("nan"), [{"a": 2**64}]])
def test_an_odd_value_does_not_break_the_json(odd: Any) -> None:
    orjson.loads(ledger_json.render(replace(CLOSED, findings=(replace(FINDING, actual=odd),))))


def test_the_text_of_a_closed_gate() -> None:
    assert text(CLOSED) == (
        "MEDIUM  log_group_retention  CKV_TAP_301  (hard-mandatory)\n"
        '  FAIL    terraform/tap_stack.tf:67  aws_cloudwatch_log_group.fn["reader"]\n'
        "          The log group keeps its events for 30 days. (retention_in_days: found\n"
        "          30, expected exactly 14)\n"
        "  fix: retention_in_days = 14\n"
        "\n"
        "2 policies x 3 resources: 2 pass, 1 fail, 0 unknown, 3 not applicable.\n"
        "Disabled by the settings: acme\n"
        "The gate is closed: 1 finding blocks.\n"
    )


def test_the_text_of_an_open_gate_is_its_counts_and_the_decision() -> None:
    ledger = Ledger("open", Input("hcl"), empty_counts() | {"resources": 1, "policies": 1, "pass": 1})
    assert text(ledger) == (
        "1 policy x 1 resource: 1 pass, 0 fail, 0 unknown, 0 not applicable.\nThe gate is open.\n"
    )


def test_the_text_of_a_gate_that_could_not_decide_starts_with_why() -> None:
    error = GateError(ErrorKind.POLICY_IMPORT, "The policy in p.py can't be loaded: ImportError: no", "p.py")
    ledger = Ledger("error", Input("hcl"), empty_counts(), errors=(error,))
    lines = text(ledger).splitlines()
    assert lines[0] == "Error: The policy in p.py can't be loaded: ImportError: no"
    assert lines[-1] == "The gate could not decide, which counts as closed: 1 error."


def test_the_worst_severity_comes_first_and_advisory_findings_say_so() -> None:
    low = replace(
        FINDING, policy="ACME_1", severity=Severity.LOW, enforcement=Enforcement.ADVISORY, blocks=False
    )
    critical = replace(FINDING, policy="ACME_2", severity=Severity.CRITICAL)
    heads = [
        line
        for line in text(replace(CLOSED, findings=(low, FINDING, critical))).splitlines()
        if "ACME" in line
    ]
    assert [head.split()[0] for head in heads] == ["CRITICAL", "LOW"]
    assert heads[1].endswith("(advisory)")


def test_an_unknown_that_only_warns_says_that_it_does_not_block() -> None:
    warned = replace(FINDING, verdict=Verdict.UNKNOWN, blocks=False)
    assert "(hard-mandatory, does not block)" in text(replace(CLOSED, decision="open", findings=(warned,)))


def test_many_findings_of_one_policy_stay_on_one_screen() -> None:
    many = tuple(replace(FINDING, address=f"aws_cloudwatch_log_group.l{n}") for n in range(500))
    page = text(replace(CLOSED, findings=many))
    assert "... and 492 more" in page
    assert len(page.splitlines()) < 40


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_sentences_fit_the_width(width: int) -> None:
    whole = {
        '          aws_cloudwatch_log_group.fn["reader"]',
        "MEDIUM  log_group_retention  CKV_TAP_301  (hard-mandatory)",
    }
    assert all(len(line) <= width for line in text(CLOSED, width).splitlines() if line not in whole)


def test_colour_adds_nothing_but_colour() -> None:
    coloured = text(CLOSED, colour=True)
    assert "\x1b[" in coloured
    assert click.unstyle(coloured) == text(CLOSED)


def test_text_from_a_configuration_can_not_move_the_cursor() -> None:
    page = text(
        replace(CLOSED, findings=(replace(FINDING, address="a_b.c\x1b[2J", message="x\ny", actual="\x1b[H"),))
    )
    assert "\x1b" not in page
    assert "\\x1b[2J" in page


def test_many_errors_stay_on_one_screen() -> None:
    errors = tuple(GateError(ErrorKind.PARSE, f"main.tf:{number}: no") for number in range(30))
    text = ledger_text.render(
        Ledger("error", Input("hcl"), empty_counts(), errors=errors), width=80, colour=False
    )
    assert "... and 22 more errors; the JSON report lists all" in text
    assert len(text.splitlines()) < 15
