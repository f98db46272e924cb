"""A report for a person: whole pages, at two widths, and what stays short however large the plan."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from tapstack.gate.policy import Enforcement, Severity
from tapstack.report import formats
from tapstack.report.report import Page, Report
from tapstack.seal.statement import Override
from tests.unit.reports import (
    BROKEN,
    CLOSED,
    FINDING,
    LEDGER,
    OPEN,
    PLAN,
    REFUSED,
    WAIVED,
    Change,
    finding,
    many,
)

CODE = """\
resource "aws_kms_key" "old" {
  enable_key_rotation = false
}

resource "aws_cloudwatch_log_group" "fn" {
  for_each          = local.functions
  retention_in_days = var.days
}
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration, in which the report is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.tf").write_text(CODE)
    return tmp_path


def text(report: Report, width: int = 80, **page: Any) -> str:
    return formats.render("text", replace(report, page=Page(width, **page))).decode()


def page() -> Report:
    """One screen with something of everything."""
    found = (
        finding(
            policy="CKV_TAP_101",
            name="kms_key_rotation",
            address="aws_kms_key.main",
            severity=Severity.HIGH,
            message="The key does not rotate.",
            attribute="enable_key_rotation",
            actual=False,
            expected=True,
            file="main.tf",
            line=2,
        ),
        finding(file="main.tf", line=7),
        finding(address='aws_cloudwatch_log_group.fn["writer"]', file="main.tf", line=7),
        replace(LEDGER.findings[1], file="main.tf", line=7, address='aws_cloudwatch_log_group.fn["later"]'),
        WAIVED,
    )
    return replace(CLOSED, ledger=replace(LEDGER, findings=found), plan=PLAN, stack=".")


def test_a_screen_of_80_columns(code: Path) -> None:
    assert (
        text(page())
        == """\
Changes: 1 to replace, 2 to create
  to replace:
  -/+ aws_kms_key.main
  to create:
    + aws_sqs_queue.a
    + aws_sqs_queue.b
  2 outputs change

4 findings: 1 HIGH, 3 MEDIUM

HIGH  kms_key_rotation  CKV_TAP_101  (soft-mandatory)
  FAIL    main.tf:2  aws_kms_key.main
          The key does not rotate.
          line 2:   enable_key_rotation = false
          wanted:   enable_key_rotation = true
  fix: enable_key_rotation = true

MEDIUM  log_group_retention  CKV_TAP_301  (soft-mandatory)
  FAIL    main.tf:7  aws_cloudwatch_log_group.fn["reader"]
          The log group keeps its events for 30 days. (retention_in_days: found
          30)
          line 7:   retention_in_days = var.days
          wanted:   retention_in_days = 14
  FAIL    main.tf:7  aws_cloudwatch_log_group.fn["writer"]
          The log group keeps its events for 30 days. (retention_in_days: found
          30, expected exactly 14)
  UNKNOWN main.tf:7  aws_cloudwatch_log_group.fn["later"]
          The retention is not known yet. (retention_in_days: found (known after
          apply), expected exactly 14)
  fix: retention_in_days = 14

2 policies x 4 resources: 1 pass, 1 fail, 1 unknown, 1 waived, 4 not applicable.
1 finding is waived, 1 of them until a day within 14 days.
Waived: CKV_TAP_101 for aws_kms_key.old by payments until 2026-12-05 (in 14
  days): shared until the split, OPS-1
The gate is closed: 3 findings block.

Next: mend what blocks, first main.tf:2.
  Why, and how: tap policies show kms_key_rotation
  Or accept it until a day:
    tap waive aws_kms_key.main CKV_TAP_101 --owner WHO --reason WHY --until DAY
"""
    )


def test_a_screen_of_40_columns(code: Path) -> None:
    report = replace(
        page(), plan=None, ledger=replace(page().ledger, findings=(finding(file="main.tf", line=7), WAIVED))
    )
    assert (
        text(report, 40)
        == """\
MEDIUM  log_group_retention  CKV_TAP_301  (soft-mandatory)
  FAIL    main.tf:7
          aws_cloudwatch_log_group.fn["reader"]
          The log group keeps its events
          for 30 days.
          (retention_in_days: found 30)
          line 7:   retention_in_days = var.days
          wanted:   retention_in_days = 14
  fix: retention_in_days = 14

2 policies x 4 resources: 1 pass, 1
  fail, 1 unknown, 1 waived, 4 not
  applicable.
1 finding is waived, 1 of them until a
  day within 14 days.
Waived: CKV_TAP_101 for aws_kms_key.old
  by payments until 2026-12-05 (in 14
  days): shared until the split, OPS-1
The gate is closed: 1 finding blocks.

Next: mend what blocks, first main.tf:7.
  Why, and how:
    tap policies show log_group_retention
  Or accept it until a day:
    tap waive 'aws_cloudwatch_log_group.fn["reader"]' CKV_TAP_301 --owner WHO --reason WHY --until DAY
"""
    )


def test_colour_adds_nothing_but_colour(code: Path) -> None:
    coloured = text(page(), colour=True)
    assert "\x1b[" in coloured
    assert click.unstyle(coloured) == text(page())


def test_it_is_ascii_so_that_every_terminal_and_every_voice_can_say_it(code: Path) -> None:
    for report in (page(), OPEN, BROKEN, REFUSED):
        assert text(report).isascii()


@pytest.mark.parametrize(
    ("report", "last"),
    [
        (OPEN, "The gate is open."),
        (BROKEN, "Next: mend what the errors name; until then nothing can be applied."),
        (
            replace(OPEN, plan=PLAN, options=" --env prod"),
            "    tap apply --env prod 20261121T101500.042Z-1f3a9c0d2b4e6f81",
        ),
        (replace(OPEN, plan=replace(PLAN, changes=(), outputs_changed=0)), "The gate is open."),
        (
            replace(OPEN, ledger=replace(OPEN.ledger, findings=(WAIVED,))),
            "Next: mend what is waived before 2026-12-05 is over.",
        ),
    ],
)
def test_the_last_line_says_what_to_do_next(report: Report, last: str) -> None:
    assert text(report).splitlines()[-1] == last


def test_a_refusal_is_not_followed_by_how_to_apply() -> None:
    said = text(replace(REFUSED, options=" --env prod", environment="prod"))
    assert said.splitlines()[-4:] == [
        "Refused: 1 resource is replaced, and max_replace is 0.",
        "",
        "Next: plan less, or change what tap.toml allows ([environments.prod]); `tap",
        "  config --env prod` shows it.",
    ]
    assert PLAN.id not in said


def test_an_override_says_by_whom_and_of_what() -> None:
    override = Override(by="ann", reason="night shift", of=("CKV_TAP_301 of a.b",))
    assert "Overridden by ann: night shift\n  CKV_TAP_301 of a.b\n" in text(
        replace(OPEN, plan=replace(PLAN, override=override))
    )


def test_a_destroy_plan_tells_of_no_policies() -> None:
    said = text(replace(OPEN, plan=replace(PLAN, operation="destroy", changes=(Change("a.b", "delete"),))))
    assert "polic" not in said
    assert said.startswith("Changes: 1 to destroy\n    - a.b\n")
    assert "To destroy exactly this:" in said


def test_what_may_not_be_waived_is_not_offered() -> None:
    policy = LEDGER.policies[1]
    hard = type(policy.name, (type(policy),), {"waivable": False, "__module__": "tests.hard"})()
    report = replace(CLOSED, ledger=replace(LEDGER, policies=(hard,)))
    assert "tap waive" in text(CLOSED)
    assert "tap waive" not in text(report)


def test_a_judgement_of_another_directory_says_where() -> None:
    said = text(CLOSED, 200)
    assert "tap policies show -C terraform log_group_retention" in said
    assert "tap waive -C terraform 'aws_cloudwatch_log_group.fn[\"reader\"]' CKV_TAP_301" in said


@pytest.mark.parametrize("width", [40, 80])
def test_fifty_thousand_findings_and_twenty_thousand_changes_stay_short(width: int) -> None:
    said = text(many(50_000, 20_000), width)
    assert len(said.splitlines()) < 110
    assert "20 to destroy, 19980 to create" in said
    assert "50000 findings: 10000 HIGH, 40000 MEDIUM" in said
    assert said.count("    - module.") == 20
    assert "(--full shows them)" in said


def test_full_leaves_nothing_out() -> None:
    said = text(many(5_000, 2_000), full=True)
    assert said.count("aws_cloudwatch_log_group.group[") >= 5_000
    assert said.count("aws_sqs_queue.queue") == 2_000
    assert not re.search(r"and \d+ more", said)


def test_many_policies_are_a_line_each_and_then_a_number() -> None:
    found = tuple(finding(policy=f"ACME_{number}", name=f"p{number}") for number in range(60))
    said = text(replace(CLOSED, ledger=replace(LEDGER, findings=found)))
    assert "MEDIUM  p21  ACME_21  (soft-mandatory): 1 finding\n" in said
    assert "... and 28 findings of 28 more policies; the JSON report lists all\n" in said
    assert len(said.splitlines()) < 100


def test_text_of_a_configuration_can_not_move_the_cursor() -> None:
    report = replace(
        CLOSED,
        ledger=replace(LEDGER, findings=(finding(address="a\x1b[2J", message="x\ny", name="\x1b[H"),)),
        plan=replace(PLAN, changes=(Change("b\x1b[2J\r", "create"),), refusals=("\x1b[1A",)),
    )
    assert "\x1b" not in text(report)
    assert "\r" not in text(report)


def test_an_advisory_finding_that_is_the_worst_is_not_what_to_mend_first() -> None:
    advisory = finding(
        severity=Severity.CRITICAL, enforcement=Enforcement.ADVISORY, blocks=False, file="other.tf", line=1
    )
    said = text(replace(CLOSED, ledger=replace(LEDGER, findings=(advisory, FINDING))))
    assert "first terraform/tap_stack.tf:67" in said


def test_a_line_without_end_is_cut(code: Path) -> None:
    (code / "main.tf").write_text("x = " + "1" * 100_000)
    said = text(replace(CLOSED, ledger=replace(LEDGER, findings=(finding(file="main.tf", line=1),))))
    assert max(map(len, said.splitlines())) <= 120
