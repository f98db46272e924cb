"""The backend of tap.toml before any Terraform: settings, contradictions, the gate; and Terraform's words explained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tapstack.deployment import backend, state_place
from tapstack.deployment.bucket import Bucket
from tapstack.deployment.judge import judge_directory
from tapstack.deployment.state_lock import lock_in
from tapstack.deployment.state_place import Place
from tapstack.deployment.state_trouble import explained
from tapstack.errors import EnvironmentFailure, InputError, TerraformFailed
from tapstack.settings import Settings, load
from tapstack.terraform.binary import Binary

HERE = 'backend = { bucket = "acme-state", key = "k.tfstate" }'
NEWEST = Binary(("terraform",), "terraform", "1.11.4", "PATH")

Stack = Callable[..., Settings]


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack with this line in its environment, and this configuration."""

    def make(line: str, configuration: str = 'resource "terraform_data" "this" {}\n') -> Settings:
        (tmp_path / "tap.toml").write_text(f'[environments.prod]\nregion = "eu-west-1"\n{line}\n')
        (tmp_path / "main.tf").write_text(configuration)
        return load(tmp_path, "prod")

    return make


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('backend = { bucket = "acme-state" }', "environments.prod.backend"),
        ('backend = { bucket = "acme-state", key = "/k" }', "environments.prod.backend.key is '/k'"),
        (
            'backend = { bucket = "Acme_State", key = "k" }',
            "environments.prod.backend.bucket is 'Acme_State'",
        ),
        ('backend = { bucket = "acme-state", key = "k", encrypt = false }', "encrypt is False"),
        (
            'backend = { bucket = "acme-state", key = "k", use_lock_file = true }',
            "did you mean use_lockfile?",
        ),
        (
            'backend = { bucket = "acme-state", key = "k", kms_key_id = "alias/a" }',
            "Terraform takes no alias",
        ),
        (f"[environments.sandbox]\n{HERE}", "environments.sandbox has a backend"),
    ],
)
def test_a_backend_that_can_not_be_is_named_with_its_line(stack: Stack, line: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        stack(line)
    assert "tap.toml:" in caught.value.message or "sandbox" in said
    assert said in caught.value.message


def test_terraform_is_told_everything_and_no_more(stack: Stack, tmp_path: Path) -> None:
    settings = stack('backend = { bucket = "acme-state", key = "k.tfstate", tags = { Team = "a" } }')
    found = backend.of_environment(settings, NEWEST, tmp_path)
    assert found is not None
    assert orjson.loads(found.arguments_file.read_bytes()) == {
        "bucket": "acme-state",
        "key": "k.tfstate",
        "region": "eu-west-1",
        "use_lockfile": True,
        "encrypt": True,
    }
    assert found.override is not None
    assert found.override.read_text() == 'terraform {\n  backend "s3" {}\n}\n'
    assert str(found.place) == "s3://acme-state/k.tfstate"
    settings = stack(HERE, 'terraform {\n  backend "s3" {\n    key = "k.tfstate"\n  }\n}\n')
    found = backend.of_environment(settings, NEWEST, tmp_path)
    assert found is not None
    assert found.override is None


def test_a_terraform_without_lock_files_is_named(stack: Stack, tmp_path: Path) -> None:
    old = Binary(("terraform",), "terraform", "1.9.8", "PATH")
    with pytest.raises(EnvironmentFailure, match=r"Terraform 1\.9\.8 can't: 1\.10 or newer does"):
        backend.of_environment(stack(HERE), old, tmp_path)
    line = 'backend = { bucket = "acme-state", key = "k", use_lockfile = false, dynamodb_table = "locks" }'
    assert backend.of_environment(stack(line), old, tmp_path) is not None


@pytest.mark.parametrize(
    ("line", "configuration", "verdict"),
    [
        (HERE, "", "PASS"),
        (HERE, 'terraform {\n  backend "s3" {}\n}\n', "PASS"),
        ('backend = { bucket = "acme-state", key = "k", use_lockfile = false }', "", "FAIL"),
        (
            'backend = { bucket = "acme-state", key = "k", use_lockfile = false, dynamodb_table = "locks" }',
            "",
            "PASS",
        ),
        (HERE, 'terraform {\n  backend "local" {}\n}\n', "FAIL"),
        ("", "", "FAIL"),
        ("", 'terraform {\n  backend "s3" {}\n}\n', "UNKNOWN"),
    ],
)
def test_the_gate_sees_the_backend_of_tap_toml(
    stack: Stack, line: str, configuration: str, verdict: str
) -> None:
    settings = stack(line, 'resource "terraform_data" "this" {}\n' + configuration)
    ledger = judge_directory(settings.directory, settings, {}, ("state_is_locked_and_encrypted",))
    said = {
        str(one.verdict) for one in (*ledger.findings, *ledger.others) if one.address == "terraform.backend"
    }
    assert said == {verdict}


def test_how_a_place_is_locked_or_encrypted_is_no_part_of_it() -> None:
    one = Place("s3", {"bucket": "b", "key": "k", "region": "r", "kms_key_id": None})
    assert one.is_same(Place("s3", {"bucket": "b", "key": "k", "kms_key_id": "arn", "use_lockfile": True}))
    assert not one.is_same(Place("s3", {"bucket": "b", "key": "other"}))
    assert not one.is_same(Place("local", {}))
    assert Place("local", {"path": None}).is_same(Place("local", {}))
    http = Place("http", {"address": "https://me:secret@host/state"})
    assert http.described() == "http address=https://host/state"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"version": 4, "serial": "x"}', b"\xff"])
def test_what_is_no_state_is_named(text: bytes) -> None:
    with pytest.raises(EnvironmentFailure, match="in here is cut off, or is no Terraform state"):
        state_place.read(text, "here")


LOCKED = """Error acquiring the state lock
Error message: operation error S3: PutObject, https response error StatusCode: 412, api error PreconditionFailed
Lock Info:
  ID:        365e2e05-6970-7a66-4962-5b9a0d5acac9
  Path:      acme-state/one/terraform.tfstate
  Operation: OperationTypeApply
  Who:       alice@build-7
  Version:   1.11.4
  Created:   2026-11-21 12:50:32.949004317 +0000 UTC
  Info:

Terraform acquires a state lock to protect the state from being written
"""


def test_a_lock_says_whose_it_is_and_how_old() -> None:
    lock = lock_in(LOCKED)
    assert lock is not None
    assert lock.said(datetime(2026, 11, 21, 15, 0, tzinfo=UTC)) == (
        "alice@build-7 (apply, Terraform 1.11.4) since 2026-11-21 12:50:32 UTC (2 hours ago); "
        "lock 365e2e05-6970-7a66-4962-5b9a0d5acac9 of acme-state/one/terraform.tfstate"
    )
    assert lock_in("Error acquiring the state lock: no lock info found") is None


@pytest.mark.parametrize(
    ("said", "sentence", "hint"),
    [
        (
            LOCKED,
            "The state is locked by alice@build-7",
            "tap unlock 365e2e05-6970-7a66-4962-5b9a0d5acac9 --env prod",
        ),
        (
            'Failed to get existing workspaces: S3 bucket "acme-state" does not exist.\n\nThe referenced',
            "The bucket acme-state, which keeps the state of environment prod, does not exist.",
            "tap backend create --env prod",
        ),
        (
            "Unsupported state file format\nThe state file uses format version 5, which is not supported by Terraform "
            "1.11.4. This state file was created by Terraform 2.0.1.",
            "The state has format version 5, written by Terraform 2.0.1, which Terraform 1.11.4 can't read.",
            "as new as the one",
        ),
        (
            "Unsupported state file format\nThe state file could not be parsed as JSON: syntax error at byte 200.",
            "it could not be parsed as JSON: syntax error at byte 200.",
            "earlier versions",
        ),
        (
            "Failed to save state\nError saving state: failed to upload state: operation error S3: PutObject, https "
            "response error StatusCode: 404, RequestID: X, HostID: Y, api error NoSuchBucket: The specified bucket "
            "does not exist\nFailed to persist state to backend\nThe error shown above",
            "did not take the state (NoSuchBucket: The specified bucket does not exist): it is kept in ",
            "tap recover --env prod",
        ),
    ],
)
def test_terraforms_words_about_a_state_become_a_sentence(
    stack: Stack, said: str, sentence: str, hint: str
) -> None:
    found = explained(TerraformFailed(said), stack(HERE))
    assert sentence in found.message
    assert hint in (found.hint or "")
    assert found.exit_code == 1


EXPIRED = "api error ExpiredToken: The provided token has expired."
NOT_SAVED = f"Error saving state: failed to upload state: operation error S3: PutObject, {EXPIRED}"


@pytest.mark.parametrize(
    ("said", "hint", "told"),
    [
        (EXPIRED, None, "the credentials have expired: get new ones, then start again"),
        (
            EXPIRED,
            "`tap recover` helps",
            "the credentials have expired: get new ones; then `tap recover` helps",
        ),
        (
            "api error RequestExpired: Request has expired.",
            "h",
            "the credentials have expired: get new ones; then h",
        ),
        (
            f"Failed to save state\n{NOT_SAVED}\nFailed to persist state to backend\nThe error shown above",
            None,
            "the credentials have expired: get new ones, then: tap recover --env prod",
        ),
        ("api error AccessDenied: ExpiredTokens is not a table", "h", "h"),
    ],
)
def test_credentials_that_have_expired_are_named_first(
    stack: Stack, said: str, hint: str | None, told: str
) -> None:
    assert explained(TerraformFailed(said, hint=hint), stack(HERE)).hint == told


def test_other_failures_stay_as_they_are(stack: Stack) -> None:
    other = TerraformFailed("terraform plan failed with 2 errors, shown above.", hint="h")
    assert explained(other, stack(HERE)) is other


def test_a_policy_that_refuses_plain_http_is_known() -> None:
    statement = '{"Statement": {"Effect": "%s", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}}'
    policies = {None: None, "": False, statement % "Deny": True, statement % "Allow": False}
    assert {text: Bucket(True, policy=text).refuses_plain_http for text in policies} == policies


def test_a_lock_that_was_gone_before_it_was_read_is_told_as_such(stack: Stack) -> None:
    said = (
        "Error acquiring the state lock\n  Error message: operation error S3: PutObject, https response error "
        "StatusCode: 412, api error PreconditionFailed: At least one of the pre-conditions you specified did not hold"
    )
    found = explained(TerraformFailed(said), stack(HERE))
    assert found.message.startswith("The state was locked a moment ago, and the lock was gone")
    assert found.hint == "again, or wait for it: --lock-timeout SECONDS"
    refused = TerraformFailed("Error acquiring the state lock\n  Error message: api error AccessDenied")
    assert explained(refused, stack(HERE)).message == refused.message
