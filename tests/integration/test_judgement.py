"""What the gate and the seal let through, and what they don't, through the real commands."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import STACKS, Tap

pytestmark = pytest.mark.real

Stack = Callable[[str], Tap]
TWO = ("--policy", "log_group_retention", "--policy", "required_tags")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tap]:
    """One directory, initialised once, for the tests that leave it as they found it."""
    directory = tmp_path_factory.mktemp("group") / "group"
    shutil.copytree(STACKS / "group", directory)
    tap = Tap(directory)
    tap.succeeds("plan")
    yield tap
    tap("sandbox", "stop")


def plans(tap: Tap) -> Path:
    return tap.directory / ".tap" / "plans"


def planned(tap: Tap, *arguments: str) -> dict[str, Any]:
    answer = tap("plan", "--json", *arguments)
    document: dict[str, Any] = json.loads(answer.out)
    assert document["exit_code"] == answer.code
    return document


def test_a_closed_gate_is_exit_3_and_can_not_be_applied(group: Tap) -> None:
    plan = planned(group, "--var", "days=30")
    assert (plan["decision"], plan["exit_code"]) == ("closed", 3)
    (finding,) = plan["ledger"]["findings"]
    assert (finding["policy"], finding["address"], finding["attribute"]) == (
        "CKV_TAP_301",
        "aws_cloudwatch_log_group.one",
        "retention_in_days",
    )
    assert (finding["actual"], finding["file"], finding["line"]) == (30, "main.tf", 26)
    for arguments in ((), (plan["id"],), ("--auto-approve", "--var", "days=30")):
        answer = group("apply", *arguments)
        assert answer.code == 3, answer.said
    assert json.loads(group.succeeds("sandbox", "status", "--json").out)["holds"] == {}


def test_an_unknown_policy_or_parameter_is_exit_4(group: Tap) -> None:
    answer = group("check", "--policy", "log_group_retenshun")
    assert answer.code == 4
    assert "log_group_retention" in answer.out
    settings = group.directory / "tap.toml"
    settings.write_text("[policies.log_group_retention]\nexcatly = 14\n")
    try:
        answer = group("plan")
        assert answer.code == 4, answer.said
        assert "exactly" in answer.said
        assert group("apply").code == 4
    finally:
        settings.unlink()


def test_every_kind_of_input_is_judged_alike(group: Tap, tmp_path: Path) -> None:
    plan = planned(group)
    tfplan = plans(group) / plan["id"] / "tfplan"
    bare = {"TF_DATA_DIR": ".tap/sandbox/terraform", "TF_CLI_CONFIG_FILE": ".tap/sandbox/terraform.rc"}
    shown = subprocess.run(
        ["terraform", "show", "-json", str(tfplan)],
        cwd=group.directory,
        env=group.env | bare,
        capture_output=True,
        check=True,
    )
    document = tmp_path / "plan.json"
    document.write_bytes(shown.stdout)
    for path, kind in ((".", "hcl"), (str(tfplan), "plan"), (str(document), "plan")):
        ledger = json.loads(group.succeeds("check", path, "--json", *TWO).out)
        assert (ledger["input"]["kind"], ledger["decision"]) == (kind, "open")
        assert (ledger["counts"]["resources"], ledger["counts"]["pass"]) == (1, 2), kind


def test_a_state_is_judged_raw_and_as_terraform_shows_it(stack: Stack, tmp_path: Path) -> None:
    tap = stack("group")
    tap.succeeds("apply", "--auto-approve")
    state = tap.directory / ".tap" / "sandbox" / "terraform.tfstate"
    ledger = json.loads(tap.succeeds("check", str(state), "--json", *TWO).out)
    assert (ledger["input"]["kind"], ledger["counts"]["pass"]) == ("state", 2)
    settings = tap.directory / "tap.toml"
    settings.write_text("[policies.log_group_retention]\nexactly = 30\n")
    assert tap("check", str(state)).code == 3


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1}', '{"format_version": "9.0", "planned_values": {}}']
)
def test_a_file_that_is_no_plan_and_no_state_never_opens_the_gate(
    group: Tap, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "strange.json"
    path.write_text(text)
    answer = group("check", str(path))
    assert answer.code in (4, 64), answer.said
    assert answer.said.strip()


def test_what_changed_after_the_plan_is_named_and_not_applied(group: Tap) -> None:
    plan = planned(group)
    source = group.directory / "main.tf"
    text = source.read_text()
    source.write_text(text + "\n# changed\n")
    try:
        answer = group("apply")
    finally:
        source.write_text(text)
    assert answer.code == 5
    assert f"Plan {plan['id']} is not what was judged; nothing was applied:" in answer.err
    assert "  main.tf: sealed " in answer.err


@pytest.mark.parametrize("name", ["tfplan", "ledger.json"])
def test_a_plan_that_was_tampered_with_is_not_applied(group: Tap, name: str) -> None:
    plan = planned(group)
    path = plans(group) / plan["id"] / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    answer = group("apply", plan["id"])
    assert answer.code == 5
    assert f"  {'plan file' if name == 'tfplan' else 'ledger'}: sealed " in answer.err


def test_a_plan_against_another_cloud_is_not_applied(group: Tap) -> None:
    plan = planned(group)
    group.succeeds("sandbox", "stop")
    answer = group("apply", plan["id"])
    assert answer.code == 5
    assert "endpoint: sealed sandbox " in answer.err


def test_a_destroy_plan_is_applied_only_when_it_is_named(stack: Stack) -> None:
    tap = stack("local")
    tap.succeeds("apply", "--auto-approve")
    plan = planned(tap, "--destroy")
    answer = tap("apply")
    assert (answer.code, f"The newest plan, {plan['id']}, destroys everything" in answer.err) == (64, True)
    tap.succeeds("apply", plan["id"])
    assert tap.succeeds("output", "--json").out == "{}\n"


def test_an_environment_that_is_not_destroyable_is_not_destroyed(stack: Stack) -> None:
    tap = stack("local")
    (tap.directory / "tap.toml").write_text("[environments.sandbox]\ndestroyable = false\n")
    answer = tap("destroy", "--auto-approve")
    assert answer.code == 6
    assert "Environment sandbox is not destroyable" in answer.err
    plan = planned(tap, "--destroy")
    assert tap("apply", plan["id"]).code == 6


def test_init_runs_once_and_again_when_its_work_is_gone(group: Tap) -> None:
    assert "initialising" not in group.succeeds("plan").err
    shutil.rmtree(group.directory / ".tap" / "sandbox" / "terraform")
    answer = group.succeeds("plan")
    assert "initialising" in answer.err


def test_an_unchanged_handler_is_no_change_in_the_plan(group: Tap) -> None:
    handlers = group.directory / "handlers"
    handlers.mkdir()
    (handlers / "one.py").write_text("x = 1\n")
    extra = group.directory / "package.tf"
    extra.write_text(
        'output "package" {\n  value = filebase64sha256("${path.module}/.tap/packages/one.zip")\n}\n'
    )
    try:
        first = group.succeeds("plan", "--json")
        package = group.directory / ".tap" / "packages" / "one.zip"
        before = package.stat().st_mtime_ns
        (handlers / "one.py").touch()
        group.succeeds("plan")
        assert package.stat().st_mtime_ns == before
        assert json.loads(first.out)["outputs_changed"] == 1
    finally:
        shutil.rmtree(handlers)
        extra.unlink()


def test_the_doctor_says_whether_the_main_job_would_run(group: Tap) -> None:
    healthy = json.loads(group.succeeds("doctor", "--json").out)
    assert healthy["ok"] is True
    assert {"python", "packages", "hcl2", "embedded AWS", "terraform", "providers", "git"} <= {
        check["what"] for check in healthy["checks"]
    }
    answer = group("doctor", env={"TAP_TERRAFORM": "/no/such/terraform"})
    assert answer.code == 1
    assert "MISSING  terraform" in answer.out
    assert "install Terraform 1.6 or newer" in answer.out
    assert "The main job would not run here." in answer.out


def test_a_refresh_only_plan_is_judged_by_what_was_read_and_can_be_applied(stack: Stack) -> None:
    tap = stack("group")
    tap.succeeds("apply", "--auto-approve")
    refreshed = planned(tap, "--refresh-only")
    assert (refreshed["decision"], refreshed["ledger"]["counts"]["resources"]) == ("open", 2)
    tap.succeeds("apply", refreshed["id"])
