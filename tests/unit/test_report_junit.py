"""A report as JUnit XML, against the schema of Jenkins' plugin."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from tapstack.report import formats
from tapstack.report.report import Report
from tests.conftest import ROOT
from tests.unit.reports import BROKEN, CLOSED, FINDING, LEDGER, OPEN, REFUSED, UNKNOWN, finding, many

SCHEMA = xmlschema.XMLSchema(ROOT / "tests" / "schemas" / "junit-10.xsd")


def parsed(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(formats.render("junit", report))  # noqa: S314


@pytest.mark.parametrize("report", [CLOSED, OPEN, BROKEN, REFUSED, many(200)])
def test_it_holds_to_the_schema(report: Report) -> None:
    SCHEMA.validate(formats.render("junit", report).decode())


def test_every_suite_whole() -> None:
    assert formats.render("junit", CLOSED).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<testsuites name="tap: terraform (sandbox)" tests="4" failures="1" errors="0">\n'
        '  <testsuite name="CKV_TAP_101" tests="1" failures="0" errors="0" skipped="1">\n'
        '    <testcase classname="CKV_TAP_101 kms_key_rotation" name="aws_kms_key.old">\n'
        '      <skipped type="HIGH WAIVED" message="waived by payments until 2026-12-05: shared until the split">'
        "terraform/tap_stack.tf:12: WAIVED: The key does not rotate.\n"
        "  attribute: enable_key_rotation\n"
        "  found: False\n"
        "  expected: True</skipped>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        '  <testsuite name="CKV_TAP_301" tests="3" failures="1" errors="0" skipped="1">\n'
        '    <testcase classname="CKV_TAP_301 log_group_retention" name=\'aws_cloudwatch_log_group.fn["reader"]\'>\n'
        '      <failure type="MEDIUM FAIL" message="The log group keeps its events for 30 days.">'
        "terraform/tap_stack.tf:67: FAIL: The log group keeps its events for 30 days.\n"
        "  attribute: retention_in_days\n"
        "  found: 30\n"
        "  expected: exactly 14</failure>\n"
        "    </testcase>\n"
        '    <testcase classname="CKV_TAP_301 log_group_retention" name="aws_cloudwatch_log_group.good"/>\n'
        '    <testcase classname="CKV_TAP_301 log_group_retention" name="aws_cloudwatch_log_group.later">\n'
        '      <skipped type="MEDIUM UNKNOWN" message="does not block: The retention is not known yet.">'
        "terraform/tap_stack.tf:90: UNKNOWN: The retention is not known yet.\n"
        "  attribute: retention_in_days\n"
        "  found: (known after apply)\n"
        "  expected: exactly 14</skipped>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )


@pytest.mark.parametrize(("report", "red"), [(CLOSED, True), (OPEN, False), (BROKEN, True), (REFUSED, True)])
def test_it_is_red_exactly_where_the_exit_code_is_not_0(report: Report, red: bool) -> None:
    root = parsed(report)
    assert (root.get("failures") != "0" or root.get("errors") != "0") is red
    assert bool(report.exit_code) is red


def test_what_the_gate_could_not_decide_is_an_error_and_told_once() -> None:
    errors = list(parsed(BROKEN).iter("error"))
    assert [(error.get("type"), error.get("message")) for error in errors] == [
        ("parse", "main.tf:2: a block was expected"),
        ("policy-raised", "ACME_1 (a) on b.c raised KeyError: 'x'"),
    ]


def test_one_resource_is_one_case_whatever_a_policy_says_of_it() -> None:
    second = finding(attribute="kms_key_id", message="No key.", blocks=False)
    root = parsed(replace(CLOSED, ledger=replace(LEDGER, findings=(FINDING, second, UNKNOWN), others=())))
    assert root.get("tests") == "2"
    (failure,) = root.iter("failure")
    assert failure.get("message") == FINDING.message
    assert "No key." in (failure.text or "")


@given(st.text(), st.text(min_size=1))
def test_any_text_is_xml(message: str, address: str) -> None:
    report = replace(CLOSED, ledger=replace(LEDGER, findings=(finding(message=message, address=address),)))
    assert len(list(parsed(report).iter("failure"))) == 1
