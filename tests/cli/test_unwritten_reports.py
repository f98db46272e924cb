"""Reports that can't be written: what was there stays, and the gate's answer is not hidden."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapstack.report import formats
from tests.conftest import TAP, Tap

pytestmark = pytest.mark.real

CLOSED = ("check", "--var", "days=30")
OPEN = ("check", "--var", "days=14")
FULL = Path("/dev/full")


@pytest.mark.parametrize(
    ("arguments", "code", "name"), [*((CLOSED, 3, name) for name in formats.NAMES), (OPEN, 1, "html")]
)
def test_a_report_that_can_not_be_written_does_not_hide_the_gates_answer(
    group: Tap, arguments: tuple[str, ...], code: int, name: str
) -> None:
    answer = group(*arguments, "--format", f"{name}={FULL}", "--format", "junit=x.xml")
    assert answer.code == code
    assert "Error: The report /dev/full can't be written: No space left on device." in answer.err
    # The others are there all the same.
    assert "The gate is " in answer.out
    assert (group.directory / "x.xml").exists()


@pytest.mark.parametrize(("arguments", "code"), [(CLOSED, 3), (OPEN, 1)])
def test_nor_does_a_summary_that_can_not_be_written(
    group: Tap, arguments: tuple[str, ...], code: int
) -> None:
    answer = group(*arguments, "--format", "github", env={"GITHUB_STEP_SUMMARY": str(FULL)})
    assert (answer.code, "The report /dev/full can't be written" in answer.err) == (code, True)


@pytest.mark.parametrize("option", ["--format=text", "--format=json", "--json"])
def test_a_stdout_that_is_full_or_closed(group: Tap, option: str) -> None:
    for redirection, broken in ((f">{FULL}", 1), (">&-", 0)):
        for arguments, code in ((CLOSED, 3), (OPEN, broken)):
            command = f"{TAP} {' '.join(arguments)} {option} --format junit=x.xml {redirection}"
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=group.directory,
                env=group.env,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == code, (command, done.stderr)
            assert ("can't be written to stdout: No space left" in done.stderr) is bool(broken)
            assert "Traceback" not in done.stderr
            (group.directory / "x.xml").unlink()


def test_detailed_exit_codes_do_not_hide_a_missing_report(stack: Callable[[str], Tap]) -> None:
    tap = stack("local")
    assert tap("plan", "--detailed-exitcode").code == 2
    assert tap("plan", "--detailed-exitcode", "--format", f"json={FULL}").code == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, half a megabyte large."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs root: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize(("name", "pages"), [("sarif", 2), ("html", 2), ("text", 0)])
def test_a_disk_that_fills_while_a_report_is_written_keeps_the_one_before(
    group: Tap, small_disk: Path, name: str, pages: int
) -> None:
    report = small_disk / "report"
    group(*CLOSED, "--format", f"{name}={report}")
    before = report.read_bytes()
    # Room for some of the next one, and not for all of it.
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes((free.f_bavail - pages) * free.f_frsize))
    answer = group(*OPEN, "--format", f"{name}={report}")
    assert answer.code == 1
    assert f"The report {report} can't be written: No space left on device." in answer.err
    assert report.read_bytes() == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "report"]
    (small_disk / "filler").unlink()
    group.succeeds(*OPEN, "--format", f"{name}={report}")
    assert report.read_bytes() not in (before, b"")


def test_a_disk_that_fills_while_a_summary_is_added_to_keeps_what_was_there(
    group: Tap, small_disk: Path
) -> None:
    summary = small_disk / "summary.md"
    summary.write_text("before\n")
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize))
    group(*CLOSED, "--all", "--full", "--format", "github", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.read_text().startswith("before\n")


def test_a_read_only_directory(group: Tap, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    answer = group(*CLOSED, "--format", f"markdown={small_disk / 'x.md'}")
    assert answer.code == 3
    assert "x.md can't be written: Read-only file system." in answer.err
