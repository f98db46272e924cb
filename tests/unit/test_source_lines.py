"""The line of code that a finding is about, and the one that is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.masking import MASKED
from tapstack.report.source_lines import SourceLines, wanted
from tapstack.terraform.source import Position
from tests.unit.reports import finding


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration, in which the report is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.tf").write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "attribute", "expected", "instead"),
    [
        ("retention_in_days = var.days", "retention_in_days", "exactly 14", "retention_in_days = 14"),
        ("enabled=false", "rule.0.enabled", True, "enabled=true"),
        ('"enabled": false,', "enabled", True, '"enabled": true'),
        ('resource "a" "b" {', "rule.enabled", True, "rule.enabled = true"),
        ("timeout = 3", "timeout", 2.5, "timeout = 2.5"),
        ("retention_in_days = 1", "retention_in_days", "at least 14", "retention_in_days: at least 14"),
        ("mode = x", "mode", ["a", "b"], "mode: a, b"),
        ("mode = x", "mode", None, None),
        ("mode = x", None, "a", None),
        ("mode = x", "mode", {"a": 1}, None),
    ],
)
def test_the_wanted_line(line: str, attribute: str | None, expected: Any, instead: str | None) -> None:
    assert wanted(finding(attribute=attribute, expected=expected), line) == instead


def test_a_line_that_holds_a_secret_is_not_shown(code: Path) -> None:
    (code / "main.tf").write_text('password = "hunter2"\nx = 1\nx = 2\n')
    source = SourceLines()
    assert source.line(finding(file="main.tf", line=1)) == f"password = {MASKED}"
    assert source.line(finding(file="main.tf", line=2)) == "x = 1"
    assert source.line(finding(file="main.tf", line=3, actual=MASKED)) is None


@pytest.mark.parametrize("file", ["gone.tf", ".", "/dev/zero", None])
def test_a_line_that_can_not_be_read_is_left_out(code: Path, file: str | None) -> None:
    assert SourceLines().line(finding(file=file, line=1)) is None


def test_a_file_that_has_become_shorter_or_is_no_text(code: Path) -> None:
    (code / "main.tf").write_bytes(b"x = \xff\n")
    source = SourceLines()
    assert source.line(finding(file="main.tf", line=1)) == "x = �"
    assert source.line(finding(file="main.tf", line=9)) is None
    assert source.line(finding(file="main.tf", line=0)) is None


def test_a_block_is_shown_without_what_the_plan_calls_sensitive(tmp_path: Path) -> None:
    file = tmp_path / "main.tf"
    file.write_text(
        'resource "a" "b" {\n  name = "x-${var.given}"\n  inner {\n    token = {\n      a = 1\n    }\n'
        "    size = 3\n    rate = 4\n  }\n}\n"
    )
    place = Position(str(file), 1, 10)
    sensitive = {"name": True, "inner": [{"rate": True, "size": False}], "tags": {}}
    assert SourceLines().block(place, 20, sensitive) == [
        'resource "a" "b" {',
        "  name = (sensitive)",
        "  inner {",
        "    token = (sensitive)",
        "    size = 3",
        "    rate = (sensitive)",
        "  }",
        "}",
    ]
