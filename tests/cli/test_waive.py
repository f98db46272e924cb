"""`tap waive` and what a waiver does to `tap check`, as a person types them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import STACKS, Tap

pytestmark = pytest.mark.real

CHECK = ("check", "--var", "days=30", "--policy", "log_group_retention")
ADDRESS = "aws_cloudwatch_log_group.one"
WAIVE = ("waive", ADDRESS, "CKV_TAP_301", "--owner", "platform", "--reason", "audit wants 30 days")


@pytest.fixture
def group(tmp_path: Path) -> Tap:
    shutil.copytree(STACKS / "group", tmp_path / "group")
    return Tap(tmp_path / "group")


def test_a_finding_is_waived_by_name_and_until_a_day(group: Tap) -> None:
    assert group(*CHECK).code == 3
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    said = group.succeeds(*WAIVE, "--until", until).out
    assert said == f"tap.toml:1: CKV_TAP_301 is waived for {ADDRESS} up to and including {until}.\n"
    checked = group.succeeds(*CHECK).out
    assert "1 waived" in checked
    document = json.loads(group.succeeds(*CHECK, "--json").out)
    (finding,) = document["findings"]
    assert (finding["verdict"], finding["waiver"]["owner"]) == ("WAIVED", "platform")
    assert group("check", "--policy", "log_group_retention", "--var", "days=14").code == 4


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_the_last_day_is_utcs_in_every_zone(group: Tap, zone: str) -> None:
    today = datetime.now(UTC).date()
    (group.directory / "tap.toml").write_text(
        f'[[waivers]]\npolicy = "CKV_TAP_301"\naddress = "{ADDRESS}"\nowner = "o"\nreason = "r"\nuntil = {today}\n'
    )
    open_ = group(*CHECK, env={"TZ": zone})
    if datetime.now(UTC).date() == today:  # not across midnight
        assert open_.code == 0, open_.said
    text = (group.directory / "tap.toml").read_text()
    (group.directory / "tap.toml").write_text(text.replace(str(today), str(today - timedelta(days=1))))
    closed = group(*CHECK, env={"TZ": zone})
    assert closed.code == 4
    assert "expired on" in closed.out


def test_what_is_wrong_is_said_and_nothing_is_written(group: Tap) -> None:
    answer = group(*WAIVE, "--until", "2020-01-01")
    assert (answer.code, "expired on 2020-01-01" in answer.err) == (64, True)
    assert group(*WAIVE, "--until", "tomorrow").code == 64
    assert not (group.directory / "tap.toml").exists()
