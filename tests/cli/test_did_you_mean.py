"""A word that is nearly right is answered with the one that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tapstack.app import tap
from tapstack.errors import TapError
from tests.conftest import Tap

Stack = Callable[[str], Tap]
SEAL = "20261121T101500.042Z-1f3a9c0d2b4e6f81"
SIGNED = "--owner me --reason r --until 2999-01-01"


def refusal(*arguments: str) -> str:
    try:
        tap.main(arguments, prog_name="tap", standalone_mode=False)
    except click.ClickException as failure:
        return failure.format_message()
    except TapError as failure:
        return f"{failure.message} {failure.hint}"
    raise AssertionError(f"{arguments} was not refused")


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAP_ENV", "TAP_CHDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tap.toml").write_text("[environments.prod]\n[environments.staging]\n")
    (tmp_path / "main.tf").write_text('resource "aws_kms_key" "main" {}\n')
    (tmp_path / ".tap" / "plans" / SEAL).mkdir(parents=True)
    (tmp_path / ".tap" / "plans" / SEAL / "seal.json").write_text("{}")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("pln", "There is no command 'pln'. Did you mean 'plan'?"),
        ("policies lst", "There is no command 'policies lst'. Did you mean 'policies list'?"),
        ("sandbox strat", "There is no command 'sandbox strat'. Did you mean 'sandbox start'?"),
        ("backend migrat", "There is no command 'backend migrat'. Did you mean 'backend migrate'?"),
        ("keys nwe", "There is no command 'keys nwe'. Did you mean 'keys new'?"),
        ("bananas", "There is no command 'bananas'."),
        ("plan --detailed-exitcod", "'--detailed-exitcode'"),
        ("policies show kms_key_rotaton", "Did you mean kms_key_rotation?"),
        ("policies test ckv_tap_3O1", "Did you mean CKV_TAP_301?"),
        ("config --env prd", "has prod, sandbox, staging; did you mean prod?"),
        ("check --format sarfi", "there is no format 'sarfi'; there are text, json,"),
        ("check --format sarfi", "Did you mean sarif?"),
        (f"waive aws_kms_key.mian CKV_TAP_301 {SIGNED}", "did you mean aws_kms_key.main?"),
        (f"waive aws_kms_key.main CKV_TAP_3O1 {SIGNED}", "did you mean CKV_TAP_301?"),
        ("graph --focus aws_kms_key.mian", "did you mean aws_kms_key.main?"),
        ("schema setings", "'settings'"),
    ],
)  # fmt: skip
def test_what_was_meant_is_named(arguments: str, meant: str) -> None:
    assert meant in refusal(*arguments.split())


def test_the_policies_that_the_settings_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tap.toml").write_text(
        '[policies]\ndisabled = ["kms_key_rotaton"]\n[policies.log_group_retentoin]\nexactly = 14\n'
        '[[waivers]]\npolicy = "requird_tags"\naddress = "a.b"\nowner = "o"\nreason = "r"\nuntil = 2999-01-01\n'
    )
    tap.main(["check"], prog_name="tap", standalone_mode=False)
    said = " ".join(capsys.readouterr().out.split())
    for meant in ("kms_key_rotation", "log_group_retention", "required_tags"):
        assert f"did you mean {meant}?" in said


@pytest.mark.real
def test_a_command_without_its_own_shows_help_and_no_error(tmp_path: Path) -> None:
    for arguments in ((), ("policies",), ("sandbox",)):
        answer = Tap(tmp_path)(*arguments)
        assert (answer.code, answer.out) == (64, "")
        assert answer.err.startswith("Usage: tap")


@pytest.mark.real
def test_a_seal_is_named_by_its_beginning(stack: Stack) -> None:
    tap = stack("local")
    tap.succeeds("plan")
    (seal,) = (path.name for path in (tap.directory / ".tap" / "plans").glob("[!.]*"))
    answer = tap("verify", seal[:20])
    assert (answer.code, f"Did you mean {seal}?" in answer.err) == (64, True)


@pytest.mark.real
def test_a_target_that_is_nowhere_is_refused_before_anything_is_planned(stack: Stack) -> None:
    tap = stack("local")
    for command in ("plan", "drift"):
        answer = tap(command, "--target", "terraform_data.greting")
        assert answer.code == 64, answer.said
        assert (
            "--target terraform_data.greting: there is no such resource in ., nor in its state." in answer.err
        )
        assert "did you mean terraform_data.greeting?" in answer.err
        assert "judging" not in answer.err
    tap.succeeds("apply", "--auto-approve")
    tap.succeeds("plan", "--target", 'terraform_data.guest["ann"]', "--var", 'guests=["ann"]')
    code = tap.directory / "main.tf"
    code.write_text(
        code.read_text()
        .replace('"greeting" {\n  input', '"renamed" {\n  input')
        .replace("greeting.output", "renamed.output")
    )
    gone = tap.succeeds("plan", "--target", "terraform_data.greeting")
    assert "- terraform_data.greeting" in gone.out
