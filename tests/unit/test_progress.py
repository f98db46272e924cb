"""What a person sees while Terraform works."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from tapstack.report import plan_text, progress
from tapstack.report.screen import Screen
from tapstack.terraform.events import Event


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def err(monkeypatch: pytest.MonkeyPatch) -> Any:
    def replace(stream: io.StringIO) -> io.StringIO:
        monkeypatch.setattr("sys.stderr", stream)
        return stream

    return replace


def started(address: str) -> Event:
    return Event("apply_start", "", address, "create")


def finished(address: str, seconds: int) -> Event:
    return Event("apply_complete", "", address, "create", seconds)


def test_a_pipe_gets_one_dated_line_a_step_and_a_resource(err: Any) -> None:
    said = err(io.StringIO())
    display = progress.make(Screen())
    display.expect(2)
    display.phase("applying")
    for address in ("aws_kms_key.a", "aws_sqs_queue.b"):
        display.event(started(address))
    display.event(Event("apply_complete", "", "data.aws_iam_policy_document.p", "read", 0))
    display.event(Event("apply_progress", "", "aws_kms_key.a", "create", 10))
    display.event(Event("apply_progress", "", "aws_kms_key.a", "create", 30))
    display.event(finished("aws_kms_key.a", 31))
    display.close()
    lines = [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "", line) for line in said.getvalue().splitlines()]
    assert lines == [
        "applying",
        "still creating aws_kms_key.a, 30 s",
        "created aws_kms_key.a after 31 s (1/2)",
    ]


def test_a_replacement_is_two_steps() -> None:
    assert plan_text.steps({"create": 2, "replace": 4, "update": 1}) == 11


def test_a_long_silence_is_broken_and_says_what_it_may_be(err: Any) -> None:
    said = err(io.StringIO())
    now = [0.0]
    display = progress.PlainProgress(Screen(), lambda: now[0])
    display.phase("planning")
    display.event(Event("refresh_start", "", "aws_kms_key.a"))
    for second in range(1, 95):
        now[0] = second
        display.waiting()
    display.phase("applying")
    display.event(started("aws_dynamodb_table.b"))
    for second in range(100, 180, 10):
        now[0] = second
        display.event(Event("apply_progress", "", "aws_dynamodb_table.b", "create", second - 95))
        display.waiting()
    lines = [re.sub(r"^\S+ ", "", line) for line in said.getvalue().splitlines()]
    assert lines == [
        "planning",
        "still planning, refreshing aws_kms_key.a, 30 s",
        "still planning, refreshing aws_kms_key.a, 60 s (nothing ended for 60 s: AWS is slow, or throttles or fails "
        "and the provider tries again)",
        "still planning, refreshing aws_kms_key.a, 90 s (nothing ended for 90 s: AWS is slow, or throttles or fails "
        "and the provider tries again)",
        "applying",
        "still creating aws_dynamodb_table.b, 35 s",
        "still creating aws_dynamodb_table.b, 65 s (nothing ended for 66 s: AWS is slow, or throttles or fails and "
        "the provider tries again)",
    ]


def test_a_terminal_sees_what_is_done_what_is_in_flight_and_for_how_long(err: Any) -> None:
    said = err(Terminal())
    now = [0.0]
    display = progress.make(Screen(environ={"NO_COLOR": "1"}))
    assert isinstance(display, progress.LiveProgress)
    display._work = progress.Work(lambda: now[0])
    display.expect(8)
    display.phase("applying")
    for number in range(7):
        display.event(started(f"aws_sqs_queue.q{number}"))
        now[0] += 1
    display.event(finished("aws_sqs_queue.q0", 7))
    display._live.refresh()
    display.close()
    text = said.getvalue()
    assert "applying: 1/8 done, 6 in flight, 0 s" in text
    assert "creating aws_sqs_queue.q1 6 s" in text
    assert "and 1 more" in text


def test_quiet_keeps_diagnostics_only(err: Any) -> None:
    said = err(io.StringIO())
    display = progress.make(Screen(quiet=True))
    display.phase("applying")
    display.event(finished("aws_kms_key.a", 1))
    assert said.getvalue() == ""


def plain(text: str, _colour: str) -> str:
    return text


def test_changes_are_grouped_with_what_must_not_be_missed_first() -> None:
    changes = [
        ("aws_b.new", "create"),
        ("aws_a.new", "create"),
        ("aws_c.old", "delete"),
        ("aws_d.x", "replace"),
    ]
    assert plan_text.render(changes, 1, style=plain).splitlines() == [
        "Changes: 1 to replace, 1 to destroy, 2 to create",
        "  to replace:",
        "  -/+ aws_d.x",
        "  to destroy:",
        "    - aws_c.old",
        "  to create:",
        "    + aws_a.new",
        "    + aws_b.new",
        "  1 output changes",
    ]


def test_instances_stand_in_the_order_of_their_numbers() -> None:
    changes = [(f"aws_a.r[{number}]", "create") for number in (10, 9, 1, 0)]
    lines = plan_text.render(changes, 0, style=plain).splitlines()[1:]
    assert [line.split()[-1] for line in lines] == ["aws_a.r[0]", "aws_a.r[1]", "aws_a.r[9]", "aws_a.r[10]"]


def test_what_must_not_be_missed_has_the_room_that_there_is() -> None:
    changes = [
        (f"aws_{action}.r[{n}]", action) for n in range(50) for action in ("create", "delete", "update")
    ]
    lines = plan_text.render(changes, 0, style=plain).splitlines()
    assert [sum(f"aws_{action}." in line for line in lines) for action in ("delete", "update", "create")] == [
        30,
        3,
        3,
    ]


def test_a_long_list_is_cut_and_says_so() -> None:
    changes = [(f"aws_a.r{n:03}", "create") for n in range(100)]
    assert (
        plan_text.render(changes, 0, style=plain).splitlines()[-1] == "      and 70 more (--full shows them)"
    )
    assert len(plan_text.render(changes, 0, style=plain, full=True).splitlines()) == 101
