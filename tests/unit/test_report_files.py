"""Reports as files: whole or not at all, for whom the umask says, and whatever the path names."""

from __future__ import annotations

import errno
import os
import resource
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapstack.errors import EnvironmentFailure
from tapstack.report import files


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_is_for_whom_the_umask_says(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "report"
    files.write(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert [one.name for one in tmp_path.iterdir()] == ["report"]


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"old and longer")
    files.write(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_write_that_fails_half_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        assert [one.read_bytes() for one in tmp_path.iterdir() if one != path] == [b"new"]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFailure) as failure:
        files.write(path, b"new")
    assert failure.value.message == f"The report {path} can't be written: No space left on device."
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "report", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    files.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_device_is_written_to_and_stays_one() -> None:
    files.write(Path("/dev/null"), b"new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(EnvironmentFailure, match="No space left"):
        files.write(Path("/dev/full"), b"new")


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    files.write(pipe, b"new")
    reader.join(10)
    assert read == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_name_that_the_file_system_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="File name too long"):
        files.write(tmp_path / ("x" * 300), b"new")
    assert list(tmp_path.iterdir()) == []


def test_adding_to_a_file_keeps_what_others_wrote(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"before\n")
    files.append(path, b"after\n")
    assert path.read_bytes() == b"before\nafter\n"


def test_what_could_not_be_added_whole_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"before\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # three bytes more
    try:
        with pytest.raises(EnvironmentFailure, match="File too large"):
            files.append(path, b"after\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"before\n"
