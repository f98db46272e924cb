"""The state that Terraform prints when it can write it nowhere."""

from __future__ import annotations

import stat
from pathlib import Path

from tapstack.terraform import rescue

LINE = b'{"@level":"info","@message":"Emergency state dump","state":{"serial":3,"n":12345678901234567890123.50},"x":1}'


def test_the_state_is_cut_out_byte_for_byte() -> None:
    assert rescue.state_in(LINE) == b'{"serial":3,"n":12345678901234567890123.50}'


def test_other_lines_and_cut_ones_hold_no_state() -> None:
    assert rescue.state_in(b'{"@message":"Apply complete!","state":{"a":1}}') is None
    assert rescue.state_in(LINE[:90]) is None


def test_it_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    kept = rescue.keep(b"{}", tmp_path)
    assert kept is not None
    assert (kept.parent, kept.read_bytes(), stat.S_IMODE(kept.stat().st_mode)) == (tmp_path, b"{}", 0o600)


def test_where_there_is_no_room_it_goes_elsewhere(tmp_path: Path) -> None:
    kept = rescue.keep(b"{}", tmp_path / "absent")
    assert kept is not None
    assert kept.parent != tmp_path / "absent"
    kept.unlink()
