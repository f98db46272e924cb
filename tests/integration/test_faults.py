"""AWS fails, throttles, hangs, closes connections, loses answers: what heals, what is said, and what recovers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.environment import exports
from tests.conftest import STACKS, Answer, Tap
from tests.documented import documented, session
from tests.integration.faults import Faults, faults

pytestmark = pytest.mark.real

CI = ("--env", "ci")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("cloud") / "cloud"
    yield daemon.start(directory)
    daemon.stop(directory)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that Terraform is initialised once."""
    made = tmp_path_factory.mktemp("stack") / "recovery"
    shutil.copytree(STACKS / "recovery", made)
    return made


@pytest.fixture
def aws(sandbox: Sandbox) -> Iterator[Faults]:
    with faults(sandbox.url) as chosen:
        yield chosen


@pytest.fixture
def tap(directory: Path, sandbox: Sandbox, aws: Faults) -> Iterator[Tap]:
    """tap in the environment `ci`, whose AWS is the one that misbehaves; destroys what is left at the end."""
    variables = exports(sandbox, region="us-east-1") | {"AWS_ENDPOINT_URL": aws.url}
    env = {name: value for name, value in os.environ.items() if name not in variables}
    yield Tap(directory, env | {name: value for name, value in variables.items() if value})
    aws.heal()
    aws.over.set()
    for key in keys(sandbox):
        client(sandbox, "kms").schedule_key_deletion(KeyId=key)
    variables["AWS_ENDPOINT_URL"] = sandbox.url
    Tap(directory, env | {n: v for n, v in variables.items() if v}).succeeds("destroy", *CI, "--auto-approve")
    # What was imported from a lost answer is destroyed with the rest.
    assert daemon.inventory(sandbox).keys() <= {"kms"}


def client(sandbox: Sandbox, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=sandbox.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def keys(sandbox: Sandbox) -> list[str]:
    """The keys that are there and are not waiting to be deleted."""
    kms = client(sandbox, "kms")
    described = (kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"])
    return [
        one["KeyId"] for one in described if one["KeyState"] == "Enabled" and one["KeyManager"] == "CUSTOMER"
    ]


def pages(tap: Tap) -> dict[str, str]:
    """What the pages call the directory and the environment."""
    return {
        str(tap.directory): "/home/me/orders",
        "--env ci": "--env prod",
        "environment ci": "environment prod",
    }


def recorded(tap: Tap) -> dict[str, str]:
    """Address and id of what the state records."""
    document = json.loads((tap.directory / "terraform.tfstate").read_text())
    return {
        f"{one['type']}.{one['name']}": str(one["instances"][0]["attributes"]["id"])
        for one in document["resources"]
        if one["instances"]
    }


def is_whole(tap: Tap) -> None:
    """Nothing is open, and a plan is empty."""
    answer = tap("plan", *CI, "--detailed-exitcode")
    assert answer.code == 0, answer.said
    assert "No changes." in answer.out
    assert "`tap recover" not in answer.said


def test_errors_throttling_closed_connections_and_a_wrong_clock_heal_by_themselves(
    tap: Tap, aws: Faults, sandbox: Sandbox
) -> None:
    faulty = {
        "CreateTable": "500",
        "CreateRole": "throttle",
        "CreateLogGroup": "close",
        "CreateKey": "skewed",
    }
    for call, kind in faulty.items():
        aws.inject(call, kind, 2)  # type: ignore[arg-type]
    tap.succeeds("apply", *CI, "--auto-approve")
    for call, kind in faulty.items():
        assert aws.count(call, kind) == 2  # type: ignore[arg-type]
    is_whole(tap)
    answer = tap.succeeds("recover", *CI)
    assert "Nothing to recover" in answer.out

    client(sandbox, "logs").put_retention_policy(logGroupName="/recovery", retentionInDays=1)
    drift = session(tap, "drift", *CI, "--detailed-exitcode", "-q")
    assert drift.code == 2, drift.out
    documented("operations", "drift", drift.out, pages(tap))

    # AWS says of each that it is gone, which is what was asked for.
    deletions = ("DeleteTable", "DeleteRole", "DeleteLogGroup", "DeleteParameter")
    for call in deletions:
        aws.inject(call, "lost")
    tap.succeeds("destroy", *CI, "--auto-approve")
    for call in deletions:
        assert (aws.count(call, "lost"), aws.count(call, None)) == (1, 1)


def test_what_was_created_by_requests_whose_answers_were_lost_is_adopted_and_an_orphan_is_named(
    tap: Tap, aws: Faults, sandbox: Sandbox
) -> None:
    for call in ("CreateTable", "CreateRole", "CreateLogGroup", "CreateKey"):
        aws.inject(call, "lost")
    answer = tap("apply", *CI, "--auto-approve")
    assert answer.code == 1, answer.said
    assert (
        "3 failed (aws_cloudwatch_log_group.main, aws_dynamodb_table.main, aws_iam_role.main)" in answer.err
    )
    assert "what was made is in the state." in answer.err
    assert "`tap recover --env ci` finds what exists but is not in the state" in answer.err
    # Nothing but an import helps: the next apply fails in the same way, and loses nothing of what is known.
    again = tap("apply", *CI, "--auto-approve")
    assert again.code == 1
    assert "EntityAlreadyExists" in again.err

    answer = session(tap, "recover", *CI, "--orphans", "--auto-approve", "-q")
    assert answer.code == 0, answer.out
    for address, id_ in (
        ("aws_dynamodb_table.main", "recovery"),
        ("aws_iam_role.main", "recovery"),
        ("aws_cloudwatch_log_group.main", "/recovery"),
    ):
        assert f"{address} exists ({id_}) and is not in the state: it is imported." in answer.out
        assert recorded(tap)[address] == id_
    (orphan,) = {*keys(sandbox)} - {recorded(tap)["aws_kms_key.main"]}
    assert f"arn:aws:kms:us-east-1:123456789012:key/{orphan}" in answer.out
    assert f"key/{recorded(tap)['aws_kms_key.main']}" not in answer.out
    # The keys of other tests wait for their end, and are told as well.
    own = [line for line in answer.out.splitlines() if "  arn:" not in line or orphan in line]
    documented("operations", "lost", "\n".join(own), pages(tap))
    # The log group's retention was not set before the answer was lost.
    assert "1 changed, 2 imported, 2 created" in answer.out
    is_whole(tap)


def test_somebody_elses_resource_of_the_same_name_is_not_adopted(tap: Tap, sandbox: Sandbox) -> None:
    iam = client(sandbox, "iam")
    iam.create_role(
        RoleName="recovery",
        AssumeRolePolicyDocument="{}",
        Tags=[{"Key": "Project", "Value": "another"}],
    )
    answer = tap("apply", *CI, "--auto-approve")
    assert answer.code == 1
    answer = tap("recover", *CI, "--auto-approve")
    assert answer.code == 6, answer.said
    assert "aws_iam_role.main exists (recovery), but its tags are not those of this stack" in answer.err
    assert "Project=another there, Environment=dev, ManagedBy=terraform, Project=recovery here." in answer.err
    assert "tap recover --env ci --import 'aws_iam_role.main=recovery' takes it all the same" in answer.err
    assert "aws_iam_role.main" not in recorded(tap)
    assert iam.list_role_tags(RoleName="recovery")["Tags"] == [{"Key": "Project", "Value": "another"}]
    tap.succeeds("recover", *CI, "--auto-approve", "--import", "aws_iam_role.main=recovery")
    is_whole(tap)


def test_an_orphan_that_was_named_is_adopted_by_its_id(tap: Tap, aws: Faults, sandbox: Sandbox) -> None:
    aws.inject("CreateKey", "lost", 1)
    # The second request is refused: the state has no key, and there is one.
    process = tap.start("apply", *CI, "--auto-approve")
    while not aws.count("CreateKey", "lost"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    aws.inject("CreateKey", "expired", 100)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    aws.heal()
    (orphan,) = keys(sandbox)
    answer = tap("recover", *CI)
    assert answer.code == 64  # it asks, and there is nobody
    assert "aws_kms_key.main was being created at " in answer.out
    assert 'there may be a key with description "recovery", tag Environment=dev' in answer.out
    assert "tap recover --env ci --import 'aws_kms_key.main=ID'" in answer.out
    assert f"arn:aws:kms:us-east-1:123456789012:key/{orphan}" in answer.out
    tap.succeeds("recover", *CI, "--auto-approve", "--import", f"aws_kms_key.main={orphan}")
    assert recorded(tap)["aws_kms_key.main"] == orphan
    assert keys(sandbox) == [orphan]
    is_whole(tap)


def test_credentials_that_expire_during_an_apply(tap: Tap, aws: Faults) -> None:
    process = tap.start("apply", *CI, "--auto-approve")
    while not aws.count("CreateTable", None):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    aws.inject("*", "expired", 10_000)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert "ExpiredToken" in err
    assert "changes were made" in err
    assert (
        "the credentials have expired: get new ones; then `tap recover --env ci` finds what exists but is not"
        in err
    )
    planned = session(tap, "plan", *CI, "-q")
    assert planned.code == 1
    documented("operations", "expired", planned.out, pages(tap))
    aws.heal()
    answer = tap.succeeds("recover", *CI, "--auto-approve")
    assert "The apply of " in answer.out
    is_whole(tap)


def test_an_aws_that_never_answers_is_left_by_one_interrupt(tap: Tap, aws: Faults) -> None:
    aws.inject("CreateTable", "hang", 1)
    process = tap.start("apply", *CI, "--auto-approve")
    while not aws.count("CreateTable", "hang") or not aws.count("CreateRole", None):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    answer = ended(process)
    assert answer.code == 130, answer.said
    assert re.search(r"\d of 6 changes were made, .*aws_dynamodb_table\.main", answer.err), answer.err
    assert "`tap recover --env ci`" in answer.err
    answer = tap.succeeds("recover", *CI, "--auto-approve")
    assert "aws_dynamodb_table.main was not created." in answer.out
    is_whole(tap)


def ended(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    return Answer(process.returncode, out, err)


# --- a state that can't be saved

BACKEND = """
terraform {
  backend "s3" {
    bucket       = "states"
    key          = "steps.tfstate"
    region       = "us-east-1"
    use_lockfile = true
  }
}
"""
STATE = "PUT /states/steps.tfstate"


@pytest.fixture
def steps(tmp_path: Path, sandbox: Sandbox, aws: Faults) -> Tap:
    """A stack without AWS whose state is in a bucket of the AWS that misbehaves."""
    directory = tmp_path / "steps"
    shutil.copytree(STACKS / "steps", directory)
    (directory / "backend.tf").write_text(BACKEND)
    (directory / "tap.toml").write_text(
        '[environments.ci]\n[policies]\ndisabled = ["state_is_locked_and_encrypted"]\n'
    )
    client(sandbox, "s3").create_bucket(Bucket="states")
    variables = exports(sandbox, region="us-east-1") | {"AWS_ENDPOINT_URL": aws.url}
    env = {name: value for name, value in os.environ.items() if name not in variables}
    return Tap(directory, env | {name: value for name, value in variables.items() if value})


def test_a_state_that_could_not_be_saved_is_never_overwritten_and_is_brought_back(
    steps: Tap, aws: Faults, sandbox: Sandbox
) -> None:
    s3 = client(sandbox, "s3")
    steps.succeeds("plan", *CI)
    aws.inject(STATE, "expired", 1000)
    answer = session(steps, "apply", *CI)
    assert answer.code == 1, answer.out
    left = steps.directory / "errored.tfstate"
    assert "the backend did not take the state (ExpiredToken: The security token " in answer.out
    assert f"it is kept in {left}" in answer.out
    assert "the credentials have expired: get new ones, then: tap recover --env ci" in answer.out
    documented("operations", "errored", answer.out, pages(steps))
    text = left.read_bytes()
    aws.heal()
    assert "Contents" not in s3.list_objects_v2(Bucket="states", Prefix="steps.tfstate")

    # Another apply would create everything again, and might write over it.
    for command in ("apply", "destroy"):
        refused = session(steps, command, *CI, "--auto-approve")
        assert refused.code == 1
        assert f"{left} is the state of an apply that could not be saved" in refused.out
    documented("operations", "errored-destroy", refused.out, pages(steps))
    assert left.read_bytes() == text

    asked = steps("recover", *CI)
    assert (asked.code, left.read_bytes() == text) == (64, True)
    answer = session(steps, "recover", *CI, "--auto-approve")
    assert answer.code == 0, answer.out
    documented("operations", "errored-recover", answer.out, pages(steps))
    assert "is a state that could not be saved: 3 resources" in answer.out
    assert "is the state now" in answer.out
    assert not left.exists()
    (kept,) = (steps.directory / ".tap" / "ci" / "archive").iterdir()
    assert kept.read_bytes() == text
    is_whole(steps)
    steps.succeeds("destroy", *CI, "--auto-approve")
    s3.delete_object(Bucket="states", Key="steps.tfstate")
    s3.delete_bucket(Bucket="states")
