"""Every page of the documentation that shows commands is walked as a newcomer would; the transcript is the output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.walk import Walk, newcomer

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "docs").rglob("*.md")
    if "```console\n" in path.read_text("utf-8")
)
NOT_RUN = {
    "make install": "every run of these tests has done it",
}


@pytest.mark.real
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_is_said(page: str, tmp_path: Path) -> None:
    with newcomer(tmp_path) as shell:
        print(Walk(ROOT / page, shell).go(NOT_RUN))


def walked(tmp_path: Path, page: str) -> str:
    """A page of its own, walked; the transcript."""
    path, home = tmp_path / "page.md", tmp_path / "home"
    path.write_text(page, "utf-8")
    home.mkdir()
    with newcomer(home) as shell:
        return Walk(path, shell).go({"rm -rf /": "nobody should"})


BLOCK = "```console\n{}\n```\n"


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("$ echo one\ntwo", "-- what is said:\none\n"),
        ("$ echo one", "-- what is said:\none\n"),
        ("$ true\none", "-- the page:\none\n"),
        ("$ printf 'one\\ntwo\\nthree\\n'\none\n...\nfour", "two"),
        ("$ printf 'one\\ntwo\\nthree\\n'\n...\ntwo", "three"),
        ("$ printf 'one\\ntwo\\n'\none\n...\none\n...\ntwo", "two"),
        ("$ false\n$ true", "the command before `true` ends with 1, and the page does not say so"),
        ("$ false", "the last command ends with 1, and the page does not say so"),
        ("$ false\n$ echo $?\n0", "-- what is said:\n1\n"),
        ("$ exit 3", "the shell is gone"),
        ("one", "a console block begins with what nobody typed"),
    ],
)
def test_a_page_that_shows_something_else_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: str, problem: str
) -> None:
    monkeypatch.delenv("TAP_WRITE_DOCS", raising=False)
    with pytest.raises(AssertionError) as found:
        walked(tmp_path, BLOCK.format(block))
    assert problem in str(found.value)


def test_files_are_written_where_the_reader_is_and_commands_go_on_in_one_shell(tmp_path: Path) -> None:
    page = "".join(
        (
            BLOCK.format("$ mkdir a && cd a\n$ word=stays\n$ rm -rf /"),
            '```toml title="b/c.toml"\nx = 1\n```\n```text\n$ not looked at\n```\n',
            BLOCK.format("$ cat b/c.toml\nx = 1\n$ echo $word \\\n    on\nstays on\n$ pwd\n/home/me/a"),
            BLOCK.format(
                "$ cat <<END\n> a line\n> END\na line\n$ cat\n$ ls -A ~\na\ntap\n$ env | grep ^TAP_\n$ echo $?\n1"
            ),
        )
    )
    assert "# rm -rf /: not run, nobody should\n" in walked(tmp_path, page)


def test_what_is_said_now_is_written_and_what_was_left_out_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_WRITE_DOCS", "1")
    page = (
        "Before.\n\n" + BLOCK.format("$ echo new\nold\n$ seq 9\n0\n...\n8\n9\n$ date -u +%F") + "\nAfter.\n"
    )
    walked(tmp_path, page)
    right = "Before.\n\n" + BLOCK.format("$ echo new\nnew\n$ seq 9\n1\n...\n8\n9\n$ date -u +%F\n2026-11-22")
    assert (tmp_path / "page.md").read_text() == right + "\nAfter.\n"
