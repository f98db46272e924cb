"""The outputs in the pages are held by tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import documented as module
from tests.conftest import ROOT
from tests.documented import documented, normalised

BLOCK = re.compile(r"^<!-- output: ([\w-]+) -->$", re.MULTILINE)


def test_every_block_has_a_test_that_produces_it() -> None:
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    held = set(re.findall(r'documented\(\s*"([\w/-]+)",\s*"([\w-]+)"', tests))
    shown = {
        (page.relative_to(ROOT / "docs").with_suffix("").as_posix(), name)
        for page in (ROOT / "docs").rglob("*.md")
        for name in BLOCK.findall(page.read_text("utf-8"))
    }
    assert shown == held


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.delenv("TAP_WRITE_DOCS", raising=False)
    path = tmp_path / "docs" / "p.md"
    path.parent.mkdir()
    path.write_text("A\n\n<!-- output: one -->\n```text\nold\n```\nB\n<!-- output: two -->\n```text\n```\n")
    return path


def said(name: str, text: str) -> None:
    documented("p", name, text)


def test_a_page_that_shows_something_else_fails_until_it_is_written(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said("one", "old")
    with pytest.raises(AssertionError, match="TAP_WRITE_DOCS=1 writes what is said now"):
        said("one", "new")
    with pytest.raises(AssertionError, match="has no block <!-- output: three -->"):
        said("three", "new")
    monkeypatch.setenv("TAP_WRITE_DOCS", "1")
    said("one", "new\n")
    said("two", "two")
    said("two", "2")
    assert page.read_text() == (
        "A\n\n<!-- output: one -->\n```text\nnew\n```\nB\n<!-- output: two -->\n```text\n2\n```\n"
    )


def test_what_changes_from_run_to_run_is_the_same() -> None:
    text = "2026-11-21T14:55:39Z (process 12, since 2026-11-21 14:55:39 UTC) in /a/b and /a, 3 seconds ago"
    same = "2026-11-22T03:12:45Z (process 4711, since 2026-11-22 03:12:45 UTC) in there and here, 29 seconds ago\n"
    assert normalised(text, {"/a": "here", "/a/b": "there"}) == same
