"""State that is shared: a bucket on the embedded AWS as a real environment sees it, by AWS_ENDPOINT_URL."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import Answer, Tap
from tests.documented import documented, session, shown

pytestmark = pytest.mark.real

REGION = "us-east-1"
ROUNDS = 20
# Holds the state's lock until the file is there.
WAITS = "while [ -n '${var.gate}' ] && [ ! -e '${var.gate}' ]; do sleep 0.02; done"
STACK = f"""
variable "gate" {{
  type    = string
  default = ""
}}

variable "number" {{
  type    = number
  default = 0
}}

resource "terraform_data" "this" {{
  input            = var.number
  triggers_replace = [var.gate, var.number]

  provisioner "local-exec" {{
    command = "{WAITS}"
  }}
}}
"""
LOCK_ID = re.compile(r"lock ([0-9a-f-]{36}) of ")


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(value)


class Cloud:
    """An embedded AWS, and the environment of somebody for whom it is AWS."""

    def __init__(self, home: Tap) -> None:
        self.home = home
        home.succeeds("sandbox", "start")
        said: dict[str, str] = json.loads(home.succeeds("sandbox", "env", "--json").out)
        self.env = {name: value for name, value in os.environ.items() if name not in said}
        self.env |= {name: value for name, value in said.items() if value}
        session = boto3.Session("test", "test", region_name=REGION)
        self.s3, self.kms, dynamodb = (
            session.client(one, endpoint_url=said["AWS_ENDPOINT_URL"]) for one in ("s3", "kms", "dynamodb")
        )
        dynamodb.create_table(
            TableName="locks",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def bucket(self, *, versioned: bool = True) -> str:
        """A bucket that somebody made by hand."""
        name = f"state-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=name)
        if versioned:
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def state(self, bucket: str, key: str, version: str = "") -> dict[str, Any]:
        named = {"VersionId": version} if version else {}
        document: dict[str, Any] = json.loads(
            self.s3.get_object(Bucket=bucket, Key=key, **named)["Body"].read()
        )
        return document

    def put(self, bucket: str, key: str, text: str) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())


def in_prod(tap: Tap, *arguments: str) -> Answer:
    """What a terminal shows of a command in the environment of a Checkout."""
    return session(tap, *arguments, "--env", "prod")


def pages(tap: Checkout) -> dict[str, str]:
    """What the pages call the directory, and the bucket and the key of its settings."""
    settings = tomllib.loads((tap.directory / "tap.toml").read_text())["environments"]["prod"]["backend"]
    bucket, key = settings["bucket"], settings["key"]
    return {
        str(tap.directory): "/home/me/orders",
        f"{bucket}/{key}": "acme-states/orders.tfstate",
        bucket: "acme-states",
    }


class Checkout(Tap):
    """A stack in a directory of its own, in an environment that is not the sandbox."""

    def __call__(self, *arguments: str, **options: Any) -> Answer:
        return super().__call__(*arguments, "--env", "prod", **options)

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        return self.start(*arguments, "--env", "prod")

    def settings(self, backend: dict[str, Any] | None, more: str = "") -> None:
        text = f'[environments.prod]\nregion = "{REGION}"\n'
        if backend is not None:
            text += f"backend = {toml(backend)}\n"
        (self.directory / "tap.toml").write_text(text + more)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("cloud")
    (directory / "main.tf").write_text(STACK)
    home = Tap(directory)
    try:
        yield Cloud(home)
    finally:
        home("sandbox", "stop")


@pytest.fixture
def checkout(cloud: Cloud, tmp_path: Path) -> Callable[..., Checkout]:
    """Makes a checkout of the small stack with this backend."""

    def make(name: str, backend: dict[str, Any] | None, stack: str = STACK, more: str = "") -> Checkout:
        directory = tmp_path / name
        directory.mkdir()
        (directory / "main.tf").write_text(stack)
        tap = Checkout(directory, cloud.env)
        tap.settings(backend, more)
        return tap

    return make


@pytest.fixture(scope="module", autouse=True)
def creating(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Checkout, subprocess.Popen[str]]]:
    """`tap backend create`, begun before the other tests: the provider waits a minute for a lifecycle configuration."""
    directory = tmp_path_factory.mktemp("made")
    (directory / "main.tf").write_text(STACK)
    tap = Checkout(directory, cloud.env)
    tap.settings({"bucket": "acme-states", "key": "orders/terraform.tfstate", "tags": {"Team": "payments"}})
    with tap.starts("backend", "create", "--auto-approve", "--json") as run:
        yield tap, run
        run.kill()


@pytest.fixture(scope="module")
def made(creating: tuple[Checkout, subprocess.Popen[str]]) -> tuple[Checkout, dict[str, Any]]:
    """A checkout whose bucket `tap backend create` has made, and what it said as JSON."""
    tap, run = creating
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, out + err
    assert "The gate is open." in err
    # A minute in which AWS has nothing to say.
    waiting = re.search(
        r"^\S+Z still creating aws_s3_bucket_lifecycle_configuration\.state, 3\d s$", err, re.M
    )
    assert waiting, err
    documented("operations", "waiting", re.sub(r"3\d s$", "30 s", waiting[0]))
    return tap, json.loads(out)


def versions(cloud: Cloud, bucket: str, key: str) -> list[dict[str, Any]]:
    """Every version of a state, the oldest first."""
    listed = cloud.s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", [])
    ids = [one["VersionId"] for one in listed if one["Key"] == key]
    return sorted((cloud.state(bucket, key, id_) for id_ in ids), key=lambda state: int(state["serial"]))


# --- locks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "locks", [{}, {"use_lockfile": False, "dynamodb_table": "locks"}], ids=["file", "table"]
)
def test_a_lock_whose_owner_is_gone_is_explained_and_taken_away_by_name_only(
    checkout: Callable[..., Checkout], cloud: Cloud, tmp_path: Path, locks: dict[str, Any]
) -> None:
    backend = {"bucket": cloud.bucket(), "key": "k.tfstate", **locks}
    tap = checkout("killed", backend)
    tap.succeeds("apply", "--auto-approve")
    run = tap.starts("apply", "--auto-approve", "--var", f"gate={tmp_path / 'never'}")
    owner = terraform_of(run.pid)
    os.kill(owner, signal.SIGKILL)
    run.communicate(timeout=60)

    answer = in_prod(tap, "plan")
    assert answer.code == 1
    assert "The state is locked by " in answer.out
    found = LOCK_ID.search(answer.out)
    assert found
    assert f"tap unlock {found[1]} --env prod" in answer.out

    wrong = tap("unlock", "365e2e05-6970-7a66-4962-5b9a0d5acac9", "--yes")
    assert wrong.code == 64
    assert f"lock {found[1]} of " in wrong.err
    unasked = tap("unlock", found[1])
    assert (unasked.code, "give --yes" in unasked.err) == (64, True)
    assert tap("plan").code == 1

    right = in_prod(tap, "unlock", found[1], "--yes")
    assert "Held by " in right.out
    assert f"Took away the lock {found[1]}" in right.out
    if not locks:
        documented("operations", "lock", answer.out, pages(tap))
        documented("operations", "unlock", right.out, pages(tap))
    assert "The state is not locked: nothing to do." in tap.succeeds("unlock", found[1], "--yes").out
    tap.succeeds("apply", "--auto-approve", "--var", "number=2")


def terraform_of(tap: int) -> int:
    """The Terraform that applies for this tap, once its provisioner waits."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        # A Terraform that only plans, or shows, may end meanwhile.
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{tap}/task/{tap}/children").read_text().split():
                below = Path(f"/proc/{child}/task")
                with_children = [one for one in below.glob("*/children") if one.read_text().split()]
                if b"apply" in Path(f"/proc/{child}/cmdline").read_bytes() and with_children:
                    return int(child)
        time.sleep(0.05)
    raise AssertionError("no apply was begun")


def test_a_lock_is_waited_for(checkout: Callable[..., Checkout], cloud: Cloud, tmp_path: Path) -> None:
    backend = {"bucket": cloud.bucket(), "key": "k.tfstate"}
    one, two = (checkout(name, backend) for name in ("one", "two"))
    gate = tmp_path / "gate"
    run = one.starts("apply", "--auto-approve", "--var", f"gate={gate}", "--var", "number=1")
    terraform_of(run.pid)
    waiting = two.starts("apply", "--auto-approve", "--var", "number=2", "--lock-timeout", "60")
    time.sleep(3)
    assert waiting.poll() is None
    gate.touch()
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, out + err
    run.communicate(timeout=60)
    assert (
        cloud.state(backend["bucket"], "k.tfstate")["resources"][0]["instances"][0]["attributes"]["input"][
            "value"
        ]
        == 2
    )


# --- which backend --------------------------------------------------------------------------------


def test_a_stack_that_leaves_the_backend_open_takes_it_from_tap_toml(
    checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    bucket = cloud.bucket()
    tap = checkout(
        "open", {"bucket": bucket, "key": "k.tfstate"}, 'terraform {\n  backend "s3" {}\n}\n' + STACK
    )
    tap.succeeds("apply", "--auto-approve")
    assert cloud.state(bucket, "k.tfstate")["resources"]
    assert "initialising" not in tap.succeeds("plan").err
    # Nothing is lost where the same state is locked or encrypted in another way.
    tap.settings({"bucket": bucket, "key": "k.tfstate", "kms_key_id": made_key(cloud)})
    assert "initialising" in tap.succeeds("plan").err


def made_key(cloud: Cloud) -> str:
    return str(cloud.kms.create_key(Description="by hand")["KeyMetadata"]["Arn"])


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('backend "local" {}', "main.tf:2 declares the backend local"),
        ('backend "s3" {\n    bucket = "another"\n  }', 'declares a backend whose bucket is "another"'),
        ('backend "s3" {\n    use_lockfile = false\n  }', "declares a backend whose use_lockfile is false"),
        ('cloud {\n    organization = "acme"\n  }', "main.tf:2 declares the backend cloud"),
    ],
)
def test_two_backends_that_contradict_each_other_are_named(
    checkout: Callable[..., Checkout], declared: str, said: str
) -> None:
    backend = {"bucket": "acme", "key": "k.tfstate"}
    answer = checkout("two", backend, f"terraform {{\n  {declared}\n}}\n{STACK}")("plan")
    assert answer.code == 64
    assert said in answer.err
    assert "environments.prod.backend" in answer.err


def test_two_environments_of_one_directory_do_not_take_each_others_backend(
    checkout: Callable[..., Checkout], cloud: Cloud, tmp_path: Path
) -> None:
    tap = checkout("shared", {"bucket": cloud.bucket(), "key": "k.tfstate"})
    gate = tmp_path / "gate"
    run = tap.starts("apply", "--auto-approve", "--var", f"gate={gate}")
    terraform_of(run.pid)
    other = Tap(tap.directory, cloud.env)
    try:
        answer = other("plan")
        assert answer.code == 1
        assert "Another tap is at work in " in answer.err
    finally:
        gate.touch()
        run.communicate(timeout=60)
        other("sandbox", "stop")


# --- moving it ------------------------------------------------------------------------------------

LOCALLY = '[policies]\ndisabled = ["state_is_locked_and_encrypted"]\n'


def test_a_state_moves_to_s3_and_back_and_is_never_left_behind(
    checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    bucket = cloud.bucket()
    backend = {"bucket": bucket, "key": "k.tfstate"}
    tap = checkout("moving", None, more=LOCALLY)
    tap.succeeds("apply", "--auto-approve", "--var", "number=1")
    local = json.loads((tap.directory / "terraform.tfstate").read_text())

    tap.settings(backend, LOCALLY)
    answer = in_prod(tap, "plan")
    assert answer.code == 6
    assert f"is in local terraform.tfstate (1 resource, serial {local['serial']}" in answer.out
    assert "tap backend migrate --to s3 --env prod" in answer.out
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=bucket)

    asked = tap("backend", "migrate", "--to", "s3")
    assert (asked.code, "give --yes" in asked.err) == (64, True)
    moved = in_prod(tap, "backend", "migrate", "--to", "s3", "--yes")
    assert moved.code == 0
    there = cloud.state(bucket, "k.tfstate")
    assert all(there[name] == local[name] for name in ("lineage", "resources"))
    assert there["serial"] >= local["serial"]
    assert not (tap.directory / "terraform.tfstate").exists()
    (copy,) = (tap.directory / ".tap" / "prod" / "archive").iterdir()
    assert str(copy) in moved.out
    names = {
        f"{bucket}/k.tfstate": "acme-terraform-state/orders/terraform.tfstate",
        copy.name: f"20261122T031245Z-default-serial-{local['serial']}.tfstate",
    }
    documented("state", "moving", answer.out, pages(tap) | names)
    documented("state", "moved", moved.out, pages(tap) | names)
    assert json.loads(copy.read_text())["resources"] == local["resources"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "nothing to do" in tap.succeeds("backend", "migrate", "--to", "s3", "--yes").out
    assert "No changes." in tap.succeeds("plan", "--var", "number=1").out

    tap.succeeds("apply", "--auto-approve", "--var", "number=2")
    back = tap.succeeds("backend", "migrate", "--to", "local", "--yes")
    assert "Remove `backend` from [environments.prod]" in back.out
    tap.settings(None, LOCALLY)
    again = json.loads((tap.directory / "terraform.tfstate").read_text())
    assert (again["lineage"], again["serial"] > local["serial"]) == (local["lineage"], True)
    assert "No changes." in tap.succeeds("plan", "--var", "number=2").out

    # The copy in the bucket stays, and is older from now on.
    tap.succeeds("apply", "--auto-approve", "--var", "number=3")
    tap.settings(backend, LOCALLY)
    assert tap("plan").code == 6
    tap.succeeds("backend", "migrate", "--to", "s3", "--yes")
    assert "No changes." in tap.succeeds("plan", "--var", "number=3").out
    values = [
        one["resources"][0]["instances"][0]["attributes"]["input"]["value"]
        for one in versions(cloud, bucket, "k.tfstate")
        if one["resources"]
    ]
    assert list(dict.fromkeys(values)) == [1, 2, 3]


def test_who_has_not_heard_of_a_move_to_another_key_goes_on_there(
    checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    bucket = cloud.bucket()
    one, two = (checkout(name, {"bucket": bucket, "key": "old.tfstate"}) for name in ("one", "two"))
    one.succeeds("apply", "--auto-approve")
    assert "No changes." in two.succeeds("plan").out
    for tap in (one, two):
        tap.settings({"bucket": bucket, "key": "new.tfstate"})
    assert two("plan").code == 6
    one.succeeds("backend", "migrate", "--to", "s3", "--yes")
    assert "No changes." in two.succeeds("plan").out


def test_a_local_state_that_was_left_behind_is_not_taken_for_the_one_that_counts(
    checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    bucket = cloud.bucket()
    one, two = (checkout(name, {"bucket": bucket, "key": "k.tfstate"}) for name in ("one", "two"))
    one.succeeds("apply", "--auto-approve", "--var", "number=1")
    state = cloud.state(bucket, "k.tfstate")
    left = two.directory / "terraform.tfstate"
    left.write_text(json.dumps(state | {"serial": 0, "outputs": {"o": {"value": 1, "type": "number"}}}))
    answer = two("plan")
    assert (answer.code, f"There is a state in {left} and another one in the backend" in answer.err) == (
        1,
        True,
    )
    assert cloud.state(bucket, "k.tfstate") == state
    left.unlink()
    assert "No changes." in two.succeeds("plan", "--var", "number=1").out


def test_every_workspace_moves(checkout: Callable[..., Checkout], cloud: Cloud) -> None:
    bucket = cloud.bucket()
    tap = checkout("spaces", {"bucket": bucket, "key": "old.tfstate"})
    for number, workspace in enumerate(("default", "blue"), 1):
        tap.env = cloud.env | {"TF_WORKSPACE": workspace}
        tap.succeeds("apply", "--auto-approve", "--var", f"number={number}")
    tap.settings({"bucket": bucket, "key": "new.tfstate"})
    answer = tap.succeeds("backend", "migrate", "--to", "s3", "--yes")
    assert "workspace blue: 1 resource," in answer.err
    for key, number in (("new.tfstate", 1), ("env:/blue/new.tfstate", 2)):
        (resource,) = cloud.state(bucket, key)["resources"]
        assert resource["instances"][0]["attributes"]["input"]["value"] == number


def test_a_state_does_not_move_onto_another_one(checkout: Callable[..., Checkout], cloud: Cloud) -> None:
    bucket = cloud.bucket()
    tap = checkout("mine", None, more=LOCALLY)
    tap.succeeds("apply", "--auto-approve")
    mine = json.loads((tap.directory / "terraform.tfstate").read_text())
    tap.settings({"bucket": bucket, "key": "k.tfstate"}, LOCALLY)
    for theirs, said in (
        (mine | {"lineage": str(uuid.uuid4())}, "holds another state (lineage "),
        (mine | {"serial": mine["serial"] + 1}, "holds a later version of this state"),
        (mine | {"resources": []}, "holds a different version of this state"),
    ):
        cloud.put(bucket, "k.tfstate", json.dumps(theirs))
        answer = tap("backend", "migrate", "--to", "s3", "--yes")
        assert (answer.code, said in answer.err) == (6, True), answer.said
        assert cloud.state(bucket, "k.tfstate") == theirs
    assert json.loads((tap.directory / "terraform.tfstate").read_text()) == mine
    cloud.put(bucket, "k.tfstate", json.dumps(mine | {"serial": 0, "resources": []}))
    tap.succeeds("backend", "migrate", "--to", "s3", "--yes")


def test_there_must_be_a_state_to_move(checkout: Callable[..., Checkout], cloud: Cloud) -> None:
    tap = checkout("none", {"bucket": cloud.bucket(), "key": "k.tfstate"})
    answer = tap("backend", "migrate", "--to", "s3", "--yes")
    assert (answer.code, "There is no state in local terraform.tfstate" in answer.err) == (64, True)
    (tap.directory / "terraform.tfstate").write_text('{"version": 4, "seri')
    answer = tap("backend", "migrate", "--to", "s3", "--yes")
    assert (answer.code, "terraform.tfstate is cut off" in answer.err) == (1, True)


# --- what can be wrong with it --------------------------------------------------------------------


@pytest.fixture
def applied(checkout: Callable[..., Checkout], cloud: Cloud) -> tuple[Checkout, str]:
    """A checkout whose state is in a bucket, and the bucket."""
    bucket = cloud.bucket()
    tap = checkout("applied", {"bucket": bucket, "key": "k.tfstate"})
    tap.succeeds("apply", "--auto-approve", "--var", "number=1")
    return tap, bucket


def test_a_state_that_can_not_be_read_is_explained(applied: tuple[Checkout, str], cloud: Cloud) -> None:
    tap, bucket = applied
    whole = json.dumps(cloud.state(bucket, "k.tfstate"))
    newer = re.sub('"terraform_version": "[^"]*"', '"terraform_version": "2.0.1"', whole)
    newer = newer.replace('"version": 4', '"version": 5')
    for text, said in (
        (newer, "The state has format version 5, written by Terraform 2.0.1, which Terraform "),
        (whole[:300], "The state is cut off, or is no Terraform state"),
        ("<html>503</html>", "The state is cut off, or is no Terraform state"),
    ):
        cloud.put(bucket, "k.tfstate", text)
        for command in (
            ("plan",),
            ("apply", "--auto-approve"),
            ("backend", "migrate", "--to", "local", "--yes"),
        ):
            answer = in_prod(tap, *command)
            assert answer.code == 1, answer.out
            assert said in answer.out
            if text is newer and command == ("plan",):
                documented("operations", "newer", answer.out, pages(tap))
            if text == whole[:300] and command == ("plan",):
                documented("operations", "cut", answer.out, pages(tap))
    # Of the same format, it is read.
    cloud.put(
        bucket, "k.tfstate", re.sub('"terraform_version": "[^"]*"', '"terraform_version": "9.9.9"', whole)
    )
    assert "No changes." in tap.succeeds("plan", "--var", "number=1").out
    checked = tap("backend", "check")
    assert (checked.code, "written by Terraform 9.9.9: this one is " in checked.out) == (1, True)


def test_a_state_that_was_emptied_or_deleted_is_not_taken_for_a_new_stack(
    applied: tuple[Checkout, str], cloud: Cloud
) -> None:
    tap, bucket = applied
    whole = json.dumps(cloud.state(bucket, "k.tfstate"))
    cloud.put(bucket, "k.tfstate", "")
    emptied = tap("plan")
    assert emptied.code == 1
    assert "There is no state in s3://" in emptied.err
    assert "was overwritten with nothing" in emptied.err
    cloud.s3.delete_object(Bucket=bucket, Key="k.tfstate")
    deleted = tap("plan")
    assert (deleted.code, "it was deleted on " in deleted.err) == (1, True)
    assert "LACKING  state" in tap("backend", "check").out
    cloud.put(bucket, "k.tfstate", whole)
    assert "No changes." in tap.succeeds("plan", "--var", "number=1").out
    # A stack that was destroyed records nothing, and may begin again.
    tap.succeeds("destroy", "--auto-approve")
    tap.succeeds("plan")


def test_a_sealed_plan_does_not_apply_to_another_or_an_older_state(
    applied: tuple[Checkout, str], cloud: Cloud
) -> None:
    tap, bucket = applied
    state = cloud.state(bucket, "k.tfstate")
    plan = json.loads(tap("plan", "--var", "number=2", "--json").out)["id"]
    lower, other = state | {"serial": state["serial"] - 1}, state | {"lineage": str(uuid.uuid4())}
    for changed, said in ((lower, "serial: sealed "), (other, "lineage: sealed ")):
        cloud.put(bucket, "k.tfstate", json.dumps(changed))
        answer = in_prod(tap, "apply", plan)
        assert (answer.code, said in answer.out) == (5, True), answer.out
    lineages = {state["lineage"]: "5e60245a-8f3b-…", other["lineage"]: "c26f5a31-90d2-…"}
    documented("operations", "lineage", answer.out, pages(tap) | lineages)
    cloud.put(bucket, "k.tfstate", json.dumps(state))
    source = tap.directory / "main.tf"
    source.write_text(f"{STACK}\n")
    answer = in_prod(tap, "apply", plan)
    assert answer.code == 5, answer.out
    documented("operations", "seal", answer.out, pages(tap))
    source.write_text(STACK)
    tap.succeeds("apply", plan)


def test_a_backend_that_vanishes_midway_leaves_the_state_behind_and_says_where(
    applied: tuple[Checkout, str], cloud: Cloud, tmp_path: Path
) -> None:
    tap, bucket = applied
    gate = tmp_path / "gate"
    run = tap.starts("apply", "--auto-approve", "--var", f"gate={gate}", "--var", "number=2")
    terraform_of(run.pid)
    found = cloud.s3.list_object_versions(Bucket=bucket)
    for one in (*found["Versions"], *found["DeleteMarkers"]):
        cloud.s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    cloud.s3.delete_bucket(Bucket=bucket)
    gate.touch()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 1, out + err
    said = "…\n" + err[err.index("Error: Terraform did its work") :]
    documented("operations", "vanished", shown(("apply", "--env", "prod"), said, 1), pages(tap))
    kept = tap.directory / "errored.tfstate"
    assert f"it is kept in {kept}" in err
    assert "NoSuchBucket" in err
    assert json.loads(kept.read_text())["resources"][0]["instances"][0]["attributes"]["input"]["value"] == 2
    answer = in_prod(tap, "plan")
    assert answer.code == 1
    assert f"The bucket {bucket}, which keeps the state of environment prod, does not exist." in answer.out
    documented("operations", "no-bucket", answer.out, pages(tap))
    kept.rename(tmp_path / "kept.tfstate")
    tap.settings({"bucket": cloud.bucket(), "key": "k.tfstate"})
    answer = tap("plan")
    assert (answer.code, f"was in s3://{bucket}/k.tfstate, which does not answer" in answer.err) == (1, True)
    (tap.directory / ".tap" / "prod" / "terraform" / "terraform.tfstate").unlink()
    tap.succeeds("plan")


def test_a_bucket_without_versions_is_named(checkout: Callable[..., Checkout], cloud: Cloud) -> None:
    tap = checkout("unversioned", None, more=LOCALLY)
    tap.succeeds("apply", "--auto-approve")
    tap.settings({"bucket": cloud.bucket(versioned=False), "key": "k.tfstate"}, LOCALLY)
    answer = tap.succeeds("backend", "migrate", "--to", "s3", "--yes")
    assert "The bucket keeps no earlier versions of the state" in answer.err
    checked = tap("backend", "check", "--json")
    document = json.loads(checked.out)
    assert (checked.code, document["ok"]) == (1, False)
    documented("operations", "unversioned", in_prod(tap, "backend", "check").out, pages(tap))
    (versioning,) = (one for one in document["checks"] if one["what"] == "versioning")
    assert versioning["found"].startswith("off: ")
    assert "put-bucket-versioning" in versioning["mend"]


def test_commands_about_the_backend_need_one(checkout: Callable[..., Checkout]) -> None:
    tap = checkout("without", None)
    for command in ("create", "check"):
        answer = tap("backend", command)
        assert (answer.code, "Environment prod has no backend in " in answer.err) == (64, True)
    sandbox = Tap(tap.directory, tap.env)("backend", "create")
    assert (sandbox.code, "a backend belongs to another environment" in sandbox.err) == (64, True)


# --- making it ------------------------------------------------------------------------------------


def test_create_makes_a_bucket_that_keeps_states_safe(
    made: tuple[Checkout, dict[str, Any]], cloud: Cloud
) -> None:
    _, said = made
    s3, bucket, key = cloud.s3, said["bucket"], said["kms_key_id"]
    assert len(said["changes"]) == 9
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert cloud.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (lifecycle,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert lifecycle["NoncurrentVersionExpiration"] == {"NewerNoncurrentVersions": 100, "NoncurrentDays": 365}
    (owner,) = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owner["ObjectOwnership"] == "BucketOwnerEnforced"
    tags = {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags == {
        "Environment": "prod",
        "Project": "terraform-state",
        "ManagedBy": "terraform",
        "Team": "payments",
    }
    own = cloud.state(bucket, "tap-backend.tfstate")
    assert {one["name"] for one in own["resources"] if one["mode"] == "managed"} == {"state"}
    head = s3.head_object(Bucket=bucket, Key="tap-backend.tfstate")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_create_has_nothing_to_do_a_second_time_even_from_elsewhere(
    made: tuple[Checkout, dict[str, Any]], checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    _, said = made
    backend = {"bucket": said["bucket"], "key": "elsewhere.tfstate", "tags": {"Team": "payments"}}
    tap = checkout("elsewhere", backend)
    before = cloud.s3.list_object_versions(Bucket=said["bucket"])["Versions"]
    answer = tap.succeeds("backend", "create")
    assert f"The bucket {said['bucket']} is there: nothing to do." in answer.out
    after = cloud.s3.list_object_versions(Bucket=said["bucket"])["Versions"]
    own = "tap-backend.tfstate"
    assert [one for one in after if one["Key"] == own] == [one for one in before if one["Key"] == own]
    # Without the key, Terraform would encrypt with another one than the bucket's.
    assert tap("backend", "check").code == 1
    printed = answer.out[answer.out.index("[environments.prod]") :]
    (tap.directory / "tap.toml").write_text(printed.replace("\n", f'\nregion = "{REGION}"\n', 1))
    checked = tap.succeeds("backend", "check")
    assert f"ok       encryption    with {said['kms_key_id']}" in checked.out
    assert "LACKING" not in checked.out


def test_a_state_is_encrypted_with_the_key_and_sealed_by_its_place(
    made: tuple[Checkout, dict[str, Any]], checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    _, said = made
    backend = {"bucket": said["bucket"], "key": "sealed.tfstate", "kms_key_id": said["kms_key_id"]}
    tap = checkout("sealed", backend)
    tap.succeeds("apply", "--auto-approve")
    head = cloud.s3.head_object(Bucket=said["bucket"], Key="sealed.tfstate")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", said["kms_key_id"])
    (seal,) = (tap.directory / ".tap" / "plans").glob("*/seal.json")
    where = json.loads(seal.read_text())["predicate"]["where"]
    assert where["backend"] == f"s3 bucket={said['bucket']} key=sealed.tfstate region={REGION}"
    told = tap.directory / ".tap" / "prod" / "backend.tfbackend.json"
    assert told.stat().st_mode & 0o777 == 0o600
    assert not {*json.loads(told.read_text())} & {"access_key", "secret_key", "token"}
    assert sorted(path.name for path in tap.directory.iterdir()) == [".tap", "main.tf", "tap.toml"]


def test_create_asks_the_policies_first(checkout: Callable[..., Checkout], cloud: Cloud) -> None:
    more = '[policies.required_tags]\nkeys = ["CostCentre"]\n'
    tap = checkout("judged", {"bucket": "never-made", "key": "k.tfstate"}, more=more)
    answer = tap("backend", "create", "--auto-approve")
    assert answer.code == 3
    assert "required_tags" in answer.err
    assert "never-made" not in [one["Name"] for one in cloud.s3.list_buckets()["Buckets"]]


def test_create_leaves_a_bucket_alone_that_it_has_not_made(
    checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    bucket = cloud.bucket()
    answer = checkout("other", {"bucket": bucket, "key": "k.tfstate"})("backend", "create", "--auto-approve")
    assert answer.code == 6
    assert f"The bucket {bucket} exists, and `tap backend create` has not made it" in answer.err


def test_create_goes_on_where_it_was_interrupted(
    made: tuple[Checkout, dict[str, Any]], checkout: Callable[..., Checkout], cloud: Cloud
) -> None:
    _, said = made
    own = cloud.state(said["bucket"], "tap-backend.tfstate")
    cloud.s3.delete_object(Bucket=said["bucket"], Key="tap-backend.tfstate")
    backend = {"bucket": said["bucket"], "key": "k.tfstate", "tags": {"Team": "payments"}}
    tap = checkout("interrupted", backend)
    directory = tap.directory / ".tap" / "prod" / "backend"
    directory.mkdir(parents=True)
    (directory / "terraform.tfstate").write_text(json.dumps(own))
    answer = json.loads(tap.succeeds("backend", "create", "--auto-approve", "--json").out)
    assert (answer["changes"], answer["kms_key_id"]) == ([], said["kms_key_id"])
    again = cloud.state(said["bucket"], "tap-backend.tfstate")
    assert (again["lineage"], again["resources"]) == (own["lineage"], own["resources"])
    assert not (directory / "terraform.tfstate").exists()


def test_of_two_applies_at_once_one_wins_and_the_other_says_who_holds_the_lock(
    made: tuple[Checkout, dict[str, Any]], checkout: Callable[..., Checkout], cloud: Cloud, tmp_path: Path
) -> None:
    _, said = made
    key = "race/terraform.tfstate"
    backend = {"bucket": said["bucket"], "key": key, "kms_key_id": said["kms_key_id"]}
    both = [checkout(name, backend) for name in ("one", "two")]
    won = []
    named = 0
    for number in range(1, ROUNDS + 1):
        gate = tmp_path / f"gate-{number}"
        variables = ("--var", f"number={number}", "--var", f"gate={gate}")
        runs = [tap.starts("apply", "--auto-approve", *variables) for tap in both]
        deadline = time.monotonic() + 60
        # The one that has the lock waits until the other one has given up.
        while all(run.poll() is None for run in runs):
            assert time.monotonic() < deadline, "neither gave up: both have the lock"
            time.sleep(0.02)
        gate.touch()
        answers = [
            Answer(run.returncode, *output) for run in runs for output in [run.communicate(timeout=60)]
        ]
        assert sorted(answer.code for answer in answers) == [0, 1], [answer.said for answer in answers]
        (loser,) = (answer for answer in answers if answer.code)
        # The winner gives its plan's lock back before it takes the one of its apply.
        if "Error: The state was locked a moment ago" not in loser.err:
            assert re.search(
                r"Error: The state is locked by \S+@\S+ \((apply|plan), Terraform [\d.]+\) since ", loser.err
            ), loser.err
            assert LOCK_ID.search(loser.err)
            named += 1
        won.append(next(place for place, answer in enumerate(answers) if not answer.code))
        (state,) = cloud.state(said["bucket"], key)["resources"]
        assert state["instances"][0]["attributes"]["input"]["value"] == number
    assert named > ROUNDS / 2
    kept = versions(cloud, said["bucket"], key)
    numbers = [
        one["resources"][0]["instances"][0]["attributes"]["input"]["value"]
        for one in kept
        if one["resources"]
    ]
    assert len({one["lineage"] for one in kept}) == 1
    assert len({one["serial"] for one in kept}) == len(kept), "every version has a serial of its own"
    assert list(dict.fromkeys(numbers)) == [*range(1, ROUNDS + 1)], "every round's state survives, in order"
