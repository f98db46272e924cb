"""A rehearsal as text, JSON and JUnit, from the same report."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from tapstack.errors import ExitCode
from tapstack.gate.ledger import Input, Ledger, empty_counts
from tapstack.report import rehearsal_json, rehearsal_junit, rehearsal_text
from tapstack.report.rehearsal_step import STEPS, Kept, Outcome, Report, Step
from tapstack.report.screen import Screen
from tapstack.sandbox.limits import limits
from tests.conftest import ROOT

SCHEMA = xmlschema.XMLSchema(ROOT / "tests" / "schemas" / "junit-10.xsd")
HELD = Report("id", "shop", "sandbox", [Step(name, 1.0, Outcome("fine")) for name in STEPS], 13.0, (), None)
STOPPED = Outcome(
    "smoke.py ended with exit status 1", "failed", ExitCode.FAILED, "mend it", said="a\x00b\x1b[2J\n<&"
)


def failed_at(name: str, outcome: Outcome) -> Report:
    number = STEPS.index(name)
    kept = Kept(
        Path("s p"), Path("s p/.tap/r"), Path("s p/.tap/r/e.sh"), "http://1", {"state": Path("s p/x")}
    )
    steps = [*HELD.steps[:number], Step(name, 2.5, outcome)]
    return replace(HELD, steps=steps, limits=("A.", "B."), kept=kept)


@pytest.fixture
def screen() -> Screen:
    return Screen(environ={"NO_COLOR": "1"}, out=io.StringIO())


def test_the_last_line_says_whether_it_held(screen: Screen) -> None:
    assert rehearsal_text.end(HELD, screen) == "Rehearsed shop in 13.0 s: everything held."
    assert HELD.exit_code is ExitCode.DONE


def test_a_failure_says_where_to_look_and_how_to_remove_it(screen: Screen) -> None:
    report = failed_at("smoke test", STOPPED)
    assert rehearsal_text.end(report, screen).splitlines() == [
        "What the embedded AWS cannot show:",
        "  - A.",
        "  - B.",
        "Kept to be looked at: the embedded AWS at http://1",
        "  state        s p/x",
        "  look         eval \"$(cat 's p/.tap/r/e.sh')\"   # then aws, terraform show, ...",
        "  remove       tap rehearse 's p' --clean",
        "The rehearsal of shop failed after 13.0 s at: smoke test; "
        "not reached: destroy, nothing left, sandbox stopped.",
    ]
    assert report.exit_code is ExitCode.FAILED


def test_what_a_smoke_test_prints_can_not_move_the_cursor(screen: Screen) -> None:
    line = rehearsal_text.step(Step("smoke test", 2.5, STOPPED), screen)
    first, *rest = line.splitlines()
    assert first.endswith("failed    2.5 s  smoke test         smoke.py ended with exit status 1")
    assert rest == ["  | a\\x00b\\x1b[2J", "  | <&", "  -> mend it"]
    passed = Step("smoke test", 2.5, replace(STOPPED, verdict="passed", hint=None))
    assert len(rehearsal_text.step(passed, screen).splitlines()) == 1
    assert len(rehearsal_text.step(passed, screen, verbose=True).splitlines()) == 3


def test_a_closed_gate_shows_its_ledger(screen: Screen) -> None:
    ledger = Ledger("closed", Input("plan"), empty_counts())
    outcome = Outcome("the gate is closed", "failed", ExitCode.GATE_CLOSED, ledger=ledger)
    assert "The gate is closed: 0 findings block." in rehearsal_text.step(Step("gate", 1.0, outcome), screen)
    assert "block" not in rehearsal_text.step(Step("gate", 1.0, replace(outcome, verdict="passed")), screen)
    assert failed_at("gate", outcome).exit_code is ExitCode.GATE_CLOSED


def test_json_has_every_step_and_what_was_not_reached() -> None:
    said = json.loads(rehearsal_json.render(failed_at("smoke test", STOPPED)))
    assert said["schema"] == "tap.rehearsal/1"
    assert (said["passed"], said["failed"], said["exit_code"]) == (False, "smoke test", 1)
    assert [step["name"] for step in said["steps"]] + said["not_reached"] == list(STEPS)
    assert said["kept"]["files"] == {"state": "s p/x"}
    assert json.loads(rehearsal_json.render(HELD))["kept"] is None


def test_junit_is_xml_whatever_a_smoke_test_prints() -> None:
    none = Step("obligations", 0.0, Outcome("nothing", "none"))
    report = failed_at("smoke test", STOPPED)
    report = replace(report, steps=[none if step.name == none.name else step for step in report.steps])
    said = rehearsal_junit.render(report)
    SCHEMA.validate(said.decode())
    suite = ElementTree.fromstring(said).find("testsuite")  # noqa: S314
    assert suite is not None
    cases = list(suite.iter("testcase"))
    assert [case.get("name") for case in cases] == list(STEPS)
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "13",
        "failures": "1",
        "errors": "0",
        "skipped": "4",
    }
    failed = cases[STEPS.index("smoke test")]
    assert failed.findtext("system-out") == "a b [2J\n<&"
    assert [case.find("skipped") is not None for case in cases].count(True) == 4
    failure = failed.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.text) == ("exit code 1", "mend it")


def test_only_the_limits_that_concern_a_stack_are_told() -> None:
    assert limits({"terraform_data": 2}) == []
    assert len(limits({"aws_sqs_queue": 1, "terraform_data": 1})) == 2
    assert limits({"aws_iam_role": 3, "aws_sns_topic_policy": 1, "aws_cloudwatch_metric_alarm": 1})[2:] == [
        "aws_cloudwatch_metric_alarm: never fires.",
        "aws_iam_role, aws_sns_topic_policy: stored, not enforced: a missing permission shows on AWS only.",
    ]
