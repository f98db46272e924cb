"""The manual pages, as the programs that show manual pages read them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tapstack import manual
from tapstack.errors import ExitCode
from tests.cli.commands import every_command

DATED = {"SOURCE_DATE_EPOCH": "1795219200"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return manual.write(tmp_path_factory.mktemp("man") / "man1", DATED)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_every_command_has_a_page(pages: list[Path]) -> None:
    assert [page.name for page in pages] == [f"{path.replace(' ', '-')}.1" for path, _ in every_command()]


def test_the_same_program_makes_the_same_pages(pages: list[Path]) -> None:
    assert manual.pages(DATED) == {page.name: page.read_text("utf-8") for page in pages}
    assert '"2026-11-21"' in manual.pages(DATED)["tap.1"]
    assert '.TH TAP 1 "" "tap' in manual.pages({})["tap.1"]


@pytest.mark.real
def test_pages_are_written_by_a_program_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for directory, environ, code, said in (
        ("man/man1", DATED, 0, "read one with: man -l man/man1/tap.1"),
        ("file/man", DATED, 1, "Error: file/man can't be written: Not a directory."),
        ("other", {"SOURCE_DATE_EPOCH": "today"}, 64, "SOURCE_DATE_EPOCH is 'today'"),
    ):
        argv = [sys.executable, "-m", "tapstack.manual", directory]
        done = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
    assert not (tmp_path / "other").exists()
    assert (tmp_path / "man" / "man1" / "tap-policies-show.1").exists()


@pytest.mark.real
def test_mandoc_has_nothing_to_say(pages: list[Path]) -> None:
    done = subprocess.run([program("mandoc"), "-Tlint", *pages], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.real
def test_groff_has_nothing_to_say(pages: list[Path]) -> None:
    done = subprocess.run(
        [program("groff"), "-man", "-ww", "-Tutf8", "-z", *pages], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.real
def test_man_shows_every_option_as_the_help_has_it(pages: list[Path]) -> None:
    read = program("man")
    for page, (path, context) in zip(pages, every_command(), strict=True):
        done = subprocess.run(
            [read, "-l", page],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "MANWIDTH": "200", "LANG": "C.UTF-8", "MANPAGER": "cat"},
        )
        shown = " ".join(re.sub(r".\x08", "", done.stdout).split())
        assert done.stderr == ""
        wanted = [
            option for one in context.command.get_params(context) for option in one.opts if option[0] == "-"
        ]
        assert [option for option in wanted if option not in shown] == [], path
        assert path in shown


@pytest.mark.real
def test_man_shows_examples_as_they_are_typed(pages: list[Path]) -> None:
    page = next(page for page in pages if page.name == "tap-waive.1")
    done = subprocess.run([program("man"), "-l", page], capture_output=True, text=True, check=True)
    assert (
        "      tap waive 'module.edge.aws_sqs_queue.*' sqs_queue_encryption --owner edge \\\n" in done.stdout
    )


def test_the_exit_codes_are_on_the_first_page(pages: list[Path]) -> None:
    text = pages[0].read_text("utf-8").partition(".SH EXIT STATUS")[2]
    for code in ExitCode:
        assert f".B {code.value}\n" in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (".TH is no request here", r"\&.TH is no request here"),
        ("'quoted' `code` \"said\"", r"\(aqquoted\(aq \(gacode\(ga \(dqsaid\(dq"),
        (r"a\b --c ~/^", r"a\eb \-\-c \(ti/\(ha"),
    ],
)
def test_what_roff_would_read_otherwise(text: str, escaped: str) -> None:
    assert manual._escaped(text) == escaped
