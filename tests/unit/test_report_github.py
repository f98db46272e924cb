"""A report for GitHub Actions: commands that the runner reads back as they were meant, and the step's summary."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.gate.ledger import Finding
from tapstack.report import formats
from tapstack.report.report import Report
from tests.unit.reports import BROKEN, CLOSED, FINDING, LEDGER, OPEN, REFUSED, finding, many

Command = tuple[str, dict[str, str], str]


def of(*findings: Finding) -> Report:
    return replace(CLOSED, ledger=replace(LEDGER, findings=findings))


def commands(report: Report) -> list[Command]:
    """What the runner sees: nothing between stop-commands and its token, as its documentation has it."""
    found: list[Command] = []
    stopped = ""
    for line in formats.render("github", report).decode().split("\n"):
        read = re.match(r"\s*::([\w-]+)(?: ([^:]*))?::(.*)", line)
        if stopped:
            stopped = "" if line.strip() == f"::{stopped}::" else stopped
        elif read and read[1] == "stop-commands":
            stopped = read[3]
        elif read:
            pairs = (pair.partition("=") for pair in (read[2] or "").split(",") if pair)
            found.append((read[1], {name: unescaped(value) for name, _, value in pairs}, unescaped(read[3])))
    assert not stopped
    return found


def unescaped(text: str) -> str:
    for written, meant in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(written, meant)
    return text


def test_a_command_whole() -> None:
    lines = formats.render("github", of(FINDING)).decode().splitlines()
    assert lines[-1] == (
        "::error title=MEDIUM CKV_TAP_301 log_group_retention,file=terraform/tap_stack.tf,line=67,endLine=72::"
        'aws_cloudwatch_log_group.fn["reader"]: The log group keeps its events for 30 days. '
        "(retention_in_days: found 30, expected exactly 14)%0A%0AFix:%0Aretention_in_days = 14"
    )


def test_what_blocks_is_an_error_the_rest_a_warning_and_what_expires_a_notice() -> None:
    assert [(level, properties["title"]) for level, properties, _ in commands(CLOSED)] == [
        ("error", "MEDIUM CKV_TAP_301 log_group_retention"),
        ("warning", "MEDIUM CKV_TAP_301 log_group_retention"),
        ("notice", "tap: a waiver of CKV_TAP_101 ends on 2026-12-05"),
    ]


def test_errors_of_the_gate_and_refusals_of_guards_are_errors() -> None:
    assert [(level, message) for level, _, message in commands(BROKEN)][:2] == [
        ("error", "main.tf:2: a block was expected"),
        ("error", "ACME_1 (a) on b.c raised KeyError: 'x'"),
    ]
    assert [message for _, _, message in commands(REFUSED)] == list(REFUSED.refusals)
    assert commands(OPEN) == []


@given(st.text(), st.text(min_size=1))
def test_no_text_becomes_a_command_of_its_own(message: str, name: str) -> None:
    report = of(finding(message=message, name=name))
    (command,) = [one for one in commands(report) if one[0] != "notice"]
    assert command[0] == "error"
    assert set(command[1]) == {"title", "file", "line", "endLine"}


def test_a_resource_that_is_called_like_a_command_is_none() -> None:
    report = of(finding(address="::error::x", message="a\n::set-output name=x::y", file=None, line=None))
    assert [level for level, _, _ in commands(report)] == ["error"]
    text = formats.render("github", report).decode()
    assert text.index("::stop-commands::") < text.index("::error::x")


def test_paths_are_those_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "infra").mkdir()
    monkeypatch.chdir(tmp_path / "infra")
    ((_, properties, _),) = commands(replace(of(FINDING), root=tmp_path))
    assert properties["file"] == "infra/terraform/tap_stack.tf"


@pytest.mark.slow
def test_many_findings_are_as_many_annotations_as_github_shows() -> None:
    report = many(50_000)
    levels = [level for level, _, _ in commands(report)]
    assert (levels.count("error"), levels.count("warning")) == (10, 10)
    lines = formats.render("github", report).decode().splitlines()
    assert lines[-1] == (
        "49980 more are not annotated: GitHub shows 10 of each kind. The step's summary has more."
    )
    assert len(lines) < 100


@pytest.mark.slow
def test_the_summary_of_a_step_is_the_markdown_with_more_room() -> None:
    report = many(50_000, 20_000)
    summary = formats.summary(report)
    assert len(formats.render("markdown", report)) < 65_536 < len(summary) <= 1_000_000
    assert formats.summary(CLOSED) == formats.render("markdown", CLOSED)
