"""The record by which processes find a running sandbox."""

from pathlib import Path

import pytest

from tapstack.sandbox import record
from tapstack.sandbox.record import Sandbox


def sandbox(directory: Path) -> Sandbox:
    return Sandbox(
        id="b" * 32,
        pid=77,
        port=5001,
        url="http://127.0.0.1:5001",
        log=directory / "server.log",
        started="2026-01-01T00:00:00+00:00",
    )


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    record.write(tmp_path, sandbox(tmp_path))
    assert record.read(tmp_path) == sandbox(tmp_path)


def test_the_record_is_for_its_owner_only_and_nothing_else_is_left_behind(tmp_path: Path) -> None:
    record.write(tmp_path, sandbox(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.json"]
    assert record.record_file(tmp_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"schema": "other/1"}', '{"schema": "tap.sandbox/1"}']
)
def test_an_unreadable_record_is_no_record(tmp_path: Path, text: str) -> None:
    record.record_file(tmp_path).write_text(text)
    assert record.read(tmp_path) is None


def test_the_record_of_another_sandbox_is_not_removed(tmp_path: Path) -> None:
    record.write(tmp_path, sandbox(tmp_path))
    record.remove(tmp_path, "c" * 32)
    assert record.read(tmp_path) is not None
    record.remove(tmp_path, "b" * 32)
    assert record.read(tmp_path) is None
