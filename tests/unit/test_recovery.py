"""What journals and left-over states tell after an apply that did not come to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tapstack.deployment import adoption, attempts, errored_state, journal, orphans, recovery, state_place
from tapstack.deployment.attempts import Attempt, Intent
from tapstack.deployment.journalling import said
from tapstack.deployment.prepare import Prepared
from tapstack.errors import EnvironmentFailure
from tapstack.settings import load
from tapstack.terraform import imports, rescue, running
from tapstack.terraform.binary import Binary
from tapstack.terraform.driver import Driver
from tapstack.terraform.events import Diagnostic

ROLE = Intent("aws_iam_role.r", "aws_iam_role", {"name": "r"})
KEY = Intent("aws_kms_key.k", "aws_kms_key", {"description": "k"})


def write(directory: Path, *lines: dict[str, Any] | str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines)
    (directory / "apply.jsonl").write_text(text)
    return directory


def verified(at: str = "2026-11-21T10:00:00.000+00:00", operation: str = "apply") -> dict[str, str]:
    return {
        "at": at,
        "stage": "verified",
        "operation": operation,
        "environment": "ci",
        "workspace": "default",
    }


def begins(address: str, action: str = "create") -> dict[str, str]:
    return {
        "at": "2026-11-21T10:00:01.000+00:00",
        "stage": "apply_start",
        "address": address,
        "action": action,
    }


def ends(address: str, how: str = "apply_complete", **more: str) -> dict[str, str]:
    return {"stage": how, "address": address, "action": "create", **more}


def attempt(directory: Path, *lines: dict[str, Any] | str) -> Attempt:
    found = attempts.read(write(directory, *lines))
    assert found is not None
    return found


# --- the journal


def test_a_line_that_was_cut_off_is_left_out_and_the_next_writer_begins_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "apply.jsonl"
    path.write_text('{"stage":"verified"}\n{"stage":"apply_sta')
    assert [one["stage"] for one in journal.read(path)] == ["verified"]
    lines = journal.Journal(path)
    lines.write("applied")
    lines.close()
    assert [one["stage"] for one in journal.read(path)] == ["verified", "applied"]


def test_wherever_a_journal_is_cut_it_is_read_as_one_that_just_stops(tmp_path: Path) -> None:
    lines = (verified(), begins(ROLE.address), ends(ROLE.address, id="r"), {"stage": "applied"})
    path = write(tmp_path / "p", *lines) / "apply.jsonl"
    whole = path.read_bytes()
    for cut in range(len(whole) - 2):
        path.write_bytes(whole[:cut])
        found = attempts.read(path.parent)
        assert found is None or (found.killed and found.unsettled), whole[:cut]
        assert (found is None) is (b"\n" not in whole[: cut + 1])


# --- what is open


@pytest.mark.parametrize(
    ("lines", "open_"),
    [
        ([{"stage": "applied"}], False),
        ([], True),
        ([begins("a.b"), ends("a.b"), {"stage": "failed", "error": "DiagnosedFailure"}], False),
        ([begins("a.b"), {"stage": "failed", "error": "TerraformFailed", "killed": True}], True),
        ([{"stage": "failed", "error": "KeyboardInterrupt"}], False),
        # A signal that came before Terraform could answer it.
        ([{"stage": "failed", "error": "Interrupted", "killed": True}], False),
        (
            [begins("a.b"), {"stage": "stopping"}, ends("a.b"), {"stage": "failed", "error": "Interrupted"}],
            True,
        ),
        ([begins("a.b"), {"stage": "state_kept", "path": "/e"}, {"stage": "failed"}], True),
        ([begins("a.b"), {"stage": "recovered"}], False),
        (["{ not json", begins("a.b")], True),
    ],
)
def test_what_is_open_after_an_apply(tmp_path: Path, lines: list[Any], open_: bool) -> None:
    assert attempt(tmp_path / "p", verified(), *lines).unsettled is open_


@pytest.mark.parametrize(
    ("text", "pending"),
    [
        ("creating IAM Role (r): api error EntityAlreadyExists: Role with name r already exists.", True),
        ("creating DynamoDB Table (t): api error ResourceInUseException: Table already exists", True),
        ("https response error StatusCode: 0, RequestID: , request send failed", True),
        ("api error InternalFailure: https response error StatusCode: 500", True),
        ("api error ExpiredTokenException: The security token is expired", True),
        ("context deadline exceeded", True),
        ("api error AccessDenied: not authorized to perform: iam:CreateRole, StatusCode: 403", False),
        ("api error ValidationError: 1 validation error detected, StatusCode: 400", False),
    ],
)
def test_after_which_errors_something_may_exist(tmp_path: Path, text: str, pending: bool) -> None:
    found = attempt(
        tmp_path / "p",
        verified(),
        begins(ROLE.address),
        ends(ROLE.address, "apply_errored"),
        {"stage": "error", "address": ROLE.address, "what": attempts.meaning(text)},
        {"stage": "failed", "error": "DiagnosedFailure"},
    )
    assert (ROLE.address in found.pending()) is pending
    assert found.unsettled is pending


def test_after_a_kill_everything_that_was_planned_may_exist(tmp_path: Path) -> None:
    attempts.note(write(tmp_path / "p"), [ROLE, KEY])
    lines = (verified(), begins(ROLE.address))
    assert set(attempt(tmp_path / "p", *lines).pending()) == {ROLE.address, KEY.address}
    ended = attempt(tmp_path / "p", *lines, {"stage": "failed"})
    assert set(ended.pending()) == {ROLE.address}


def test_a_later_apply_settles_what_has_a_name_and_not_what_has_none(tmp_path: Path) -> None:
    for name, intent in (("1", ROLE), ("2", KEY)):
        attempts.note(write(tmp_path / name), [intent])
        write(tmp_path / name, verified(f"2026-11-21T0{name}:00:00"), begins(intent.address))
    write(tmp_path / "3", verified("2026-11-21T03:00:00"), {"stage": "applied"})
    write(tmp_path / "4", {**verified("2026-11-21T04:00:00"), "environment": "prod"})
    every = attempts.of_environment(tmp_path, "ci", "default")
    assert [one.id for one in every] == ["3", "2", "1"]
    assert [one.id for one in attempts.unsettled(every)] == ["2"]
    assert attempts.of_environment(tmp_path, "ci", "other") == []


def test_an_attempt_is_later_than_another_whatever_the_clock_said(tmp_path: Path) -> None:
    write(tmp_path / "1", {**verified("2026-11-21T03:00:00"), "number": 1}, {"stage": "applied"})
    assert attempts.next_number(tmp_path) == 2
    # The clock was set back by an hour.
    write(tmp_path / "2", {**verified("2026-11-21T02:00:00"), "number": 2}, begins(ROLE.address))
    every = attempts.of_environment(tmp_path, "ci", "default")
    assert [one.id for one in every] == ["2", "1"]
    assert [one.id for one in attempts.unsettled(every)] == ["2"]
    assert attempts.next_number(tmp_path / "absent") == 1


def test_what_was_done_is_told_in_one_sentence(tmp_path: Path) -> None:
    work = attempt(
        tmp_path / "p",
        verified(),
        *map(begins, ("a.one", "a.two", "a.three")),
        ends("a.one"),
        ends("a.two", "apply_errored"),
    ).work
    assert said(work, 4, killed=False, kept=[]) == (
        "1 of 4 changes were made, 1 in flight (a.three), 1 failed (a.two); what was made is in the state."
    )
    assert said(work, 4, killed=True, kept=[]).endswith("what it did last may not be in the state.")
    assert said(work, 4, killed=False, kept=[Path("/e")]).endswith("the state of it is kept in /e.")


# --- what a plan tells


def planned(**after: Any) -> dict[str, Any]:
    sensitive = after.pop("sensitive", {})
    change = {"actions": ["create"], "after": after, "after_sensitive": sensitive}
    return {
        "resource_changes": [
            {
                "address": 'module.m["x"].aws_sns_topic.t[0]',
                "type": "aws_sns_topic",
                "name": "t",
                "mode": "managed",
                "change": change,
            }
        ],
        "variables": {"region": {"value": "eu-west-1"}},
        "configuration": {
            "provider_config": {"aws.far": {"expressions": {"region": {"references": ["var.region"]}}}},
            "root_module": {
                "module_calls": {
                    "m": {
                        "module": {
                            "resources": [
                                {"address": "aws_sns_topic.t", "provider_config_key": "aws.far"},
                            ]
                        }
                    }
                }
            },
        },
    }


def test_a_planned_creation_is_noted_with_what_its_id_needs() -> None:
    (intent,) = attempts.intents(planned(name="t", tags_all={"Project": "p"}, policy="{}"))
    assert (intent.known, intent.region, intent.provider) == ({"name": "t"}, "eu-west-1", "aws.far")
    assert intent.tags == {"Project": "p"}


def test_not_even_the_name_of_a_secret_is_noted(tmp_path: Path) -> None:
    found = list(attempts.intents(planned(name="hunter2hunter2", sensitive={"name": True})))
    attempts.note(tmp_path, found)
    assert "hunter2" not in (tmp_path / attempts.CREATES).read_text()
    assert (tmp_path / attempts.CREATES).stat().st_mode & 0o777 == 0o600


def test_the_tags_of_a_stack_are_those_that_all_carry() -> None:
    one = Intent("a", "aws_a", {}, tags={"Project": "p", "Name": "a"})
    two = Intent("b", "aws_b", {}, tags={"Project": "p", "Name": "b"})
    assert orphans.common_tags([one, two, KEY]) == {"Project": "p"}
    assert orphans.common_tags([KEY]) == {}


def test_an_id_is_text_for_terraform_whatever_is_in_it() -> None:
    text = imports.text({'a.b["${x}"]': 'q"${y}%{z}\\'})
    assert 'id = "q\\"$${y}%%{z}\\\\"' in text


# --- what Terraform says of imports


def diagnostic(summary: str, detail: str = "", address: str = "", filename: str = "") -> Diagnostic:
    return Diagnostic("error", summary, detail, address, filename, 0, None)


MISSING = 'While attempting to import an existing object to "{}", the provider detected that no object exists'


def test_what_does_not_exist_is_told_apart_from_what_is_unclear_and_from_other_errors() -> None:
    left = {ROLE.address: "r", "aws_sns_topic.t": "arn:t", 'aws_x.y["a"]': "y"}
    blamed = adoption._blamed(
        [
            diagnostic("Cannot import non-existent remote object", MISSING.format(ROLE.address)),
            diagnostic("reading SNS Topic (arn:t): operation error"),
            diagnostic("Unsupported argument", filename="main.tf"),
        ],
        left,
    )
    assert blamed == {ROLE.address: "", "aws_sns_topic.t": "reading SNS Topic (arn:t): operation error"}
    assert adoption._blamed([diagnostic("Unsupported argument", filename="main.tf")], left) == {}
    # Nobody is named: none can be planned for, and the plan without them tells whose fault it was.
    assert set(adoption._blamed([diagnostic("unexpected format of ID")], left)) == set(left)


# --- states that could not be saved


def state(serial: int, *names: str, lineage: str = "L") -> str:
    resources = [
        {
            "mode": "managed",
            "type": "aws_a",
            "name": name,
            "instances": [{"attributes": {"id": f"id-{name}"}}],
        }
        for name in names
    ]
    return json.dumps({"version": 4, "lineage": lineage, "serial": serial, "resources": resources})


@pytest.fixture
def stack(tmp_path: Path) -> Prepared:
    """A stack on the embedded AWS as far as files are concerned; nothing is started."""
    (tmp_path / "main.tf").touch()
    settings = load(tmp_path, "sandbox")
    settings.environment_work.mkdir(parents=True)
    driver = Driver(
        Binary(("terraform",), "terraform", "1.11.4", "PATH"),
        tmp_path,
        env={},
        init_env={},
        state=settings.environment_work / "terraform.tfstate",
    )
    return Prepared(settings, driver, [], None, None, None, None)  # type: ignore[arg-type]


def current(stack: Prepared) -> state_place.State:
    return recovery._state(stack)


def test_an_errored_state_that_is_newer_becomes_the_state_and_both_are_kept(stack: Prepared) -> None:
    assert stack.driver.state is not None
    stack.driver.state.write_text(state(3, "a"))
    left = stack.settings.directory / rescue.ERRORED
    left.write_text(state(4, "a", "b"))
    found, others = errored_state.find(stack, current(stack), ())
    assert ([one.path for one in found], others) == ([left], [])
    assert errored_state.push(stack, current(stack), found[0])
    assert json.loads(stack.driver.state.read_text())["serial"] == 4
    assert not left.exists()
    kept = sorted((stack.settings.environment_work / "archive").iterdir())
    assert [json.loads(one.read_text())["serial"] for one in kept] == [3, 4]
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in kept)


def test_an_errored_state_that_is_older_is_not_taken_but_what_it_alone_knows_is(stack: Prepared) -> None:
    assert stack.driver.state is not None
    stack.driver.state.write_text(state(9, "a", "c"))
    left = stack.settings.directory / rescue.ERRORED
    left.write_text(state(4, "a", "b"))
    (found,), _ = errored_state.find(stack, current(stack), ())
    assert not errored_state.push(stack, current(stack), found)
    assert left.exists()
    assert json.loads(stack.driver.state.read_text())["serial"] == 9
    recorded = dict(errored_state.instances(current(stack)))
    assert errored_state.unknown_to(recorded, found) == {"aws_a.b": "id-b"}
    # Aside, it is in nobody's way, and is still found.
    aside = errored_state.set_aside(stack, left)
    assert not left.exists()
    assert [one.path for one in errored_state.find(stack, current(stack), ())[0]] == [aside]


def test_an_errored_state_of_something_else_is_left_alone(stack: Prepared) -> None:
    assert stack.driver.state is not None
    stack.driver.state.write_text(state(3, "a"))
    left = stack.settings.directory / rescue.ERRORED
    left.write_text(state(4, "b", lineage="other"))
    found, (sentence,) = errored_state.find(stack, current(stack), [left])
    assert found == []
    assert "its lineage is other, that of environment sandbox is L." in sentence
    left.write_text(state(4, "b")[:30])
    _, (sentence,) = errored_state.find(stack, current(stack), [left])
    assert "cut off" in sentence


def test_before_there_is_a_state_an_errored_one_counts_only_if_a_journal_names_it(stack: Prepared) -> None:
    left = stack.settings.directory / rescue.ERRORED
    left.write_text(state(1, "a"))
    assert errored_state.find(stack, current(stack), ())[0] == []
    (found,), _ = errored_state.find(stack, current(stack), [left])
    assert errored_state.push(stack, current(stack), found)


@pytest.mark.parametrize("text", [b"", b'{"version": 4, "seri', b"[]"])
def test_an_errored_state_that_is_no_whole_state_is_put_out_of_the_way(stack: Prepared, text: bytes) -> None:
    left = stack.settings.directory / "errored.tfstate"
    assert errored_state.archive_unreadable(stack) == ""
    left.write_text(state(1, "a"))
    assert errored_state.archive_unreadable(stack) == ""
    left.write_bytes(text)
    said = errored_state.archive_unreadable(stack)
    (kept,) = (stack.settings.environment_work / "archive").iterdir()
    assert said == f"{left} is no whole state: it is kept in {kept}."
    assert (left.exists(), kept.read_bytes()) == (False, text)


def test_no_apply_begins_over_an_errored_state(stack: Prepared) -> None:
    left = stack.settings.directory / rescue.ERRORED
    left.write_text(state(4))
    refused = "could not be saved; another apply could overwrite it"
    with pytest.raises(EnvironmentFailure, match=refused):
        stack.driver.apply(Path("plan"))
    with pytest.raises(EnvironmentFailure, match=refused):
        stack.driver.destroy()
    assert left.read_text() == state(4)


# --- who is still at work


def _until_visible(process: subprocess.Popen[bytes]) -> None:
    # Linux lets go of whoever started it a moment before it has an environment.
    while process.poll() is None and not Path(f"/proc/{process.pid}/environ").read_bytes():
        time.sleep(0.001)


def test_a_terraform_without_its_tap_is_waited_for_and_an_orphan_provider_ended(tmp_path: Path) -> None:
    env = {**os.environ, "TF_DATA_DIR": str(tmp_path)}
    provider = tmp_path / "terraform-provider-none_v1"
    provider.symlink_to(sys.executable)
    sleep = "import time; time.sleep(60)"
    with subprocess.Popen([str(provider), "-c", sleep], env=env) as orphan:
        _until_visible(orphan)
        said: list[str] = []
        running.wait(tmp_path, 5, said.append)
        assert (orphan.wait(5), said) == (-9, [])
    with subprocess.Popen(["sleep", "1.5"], env=env) as process:
        _until_visible(process)
        with pytest.raises(EnvironmentFailure, match=rf"sleep \(process {process.pid}\) is still at work"):
            running.wait(tmp_path, 0, said.append)
        # Somebody else's directory is nobody's business here.
        running.wait(tmp_path / "other", 0, said.append)
        running.wait(tmp_path, 30, said.append)
        assert process.wait(5) == 0
        assert f"sleep (process {process.pid}), whose tap is gone" in said[0]
