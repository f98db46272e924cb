"""Seals at work: real plans carried from one checkout to another, changed, swapped, judged again, refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest

from tapstack.sandbox import daemon
from tapstack.sandbox.environment import exports
from tests.conftest import ROOT, STACKS, TAP, Answer, Tap

pytestmark = pytest.mark.real

ACCOUNT, OTHER_ACCOUNT = "123456789012", "999999999999"
BUCKET = "tap-states"
CI = ("--env", "ci")
SIGNED = 'require_signature = true\ntrusted_keys = ["release.key.pub"]\n'
EIGHT = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"]


def guests(*names: str) -> tuple[str, str]:
    return "--var", f"guests={json.dumps(names)}"


@dataclass
class Checkout(Tap):
    """A copy of a stack with a state of its own in the bucket, its environment `ci` on the tests' cloud."""

    key: str = ""

    def settings(self, environment: str = "", rest: str = "") -> None:
        (self.directory / "tap.toml").write_text(f"{rest}\n[environments.ci]\n{environment}\n")

    @property
    def plans(self) -> Path:
        return self.directory / ".tap" / "plans"

    def plan(self, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self("plan", *CI, "--json", *arguments, env=env)
        assert answer.code == code, answer.said
        document: dict[str, Any] = json.loads(answer.out)
        return document

    def apply(self, *arguments: str, env: dict[str, str] | None = None) -> Answer:
        return self("apply", *CI, *arguments, env=env)

    def verify(self, plan_id: str, *, code: int = 0) -> dict[str, Any]:
        answer = self("verify", *CI, "--json", plan_id)
        assert answer.code == code, answer.said
        document: dict[str, Any] = json.loads(answer.out)
        assert document["exit_code"] == code
        return document

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def state(self) -> dict[str, Any]:
        """The state in the bucket; {} where there is none."""
        s3 = self.client("s3")
        if self.key not in [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]:
            return {}
        document: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=self.key)["Body"].read())
        return document

    def greeting(self) -> str | None:
        """What the last apply left in the state."""
        output: str | None = self.state().get("outputs", {}).get("greeting", {}).get("value")
        return output


def carry(plan_id: str, source: Tap, target: Tap) -> None:
    """What a CI's artefact store does: the plan's directory and nothing else, modes forgotten."""
    into = target.directory / ".tap" / "plans" / plan_id
    shutil.copytree(source.directory / ".tap" / "plans" / plan_id, into)
    for path in (into, *into.parents[:2], *into.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a caller who has credentials for a cloud with a bucket for states."""
    directory = tmp_path_factory.mktemp("cloud") / "cloud"
    variables = exports(daemon.start(directory), region="us-east-1")
    env = {name: value for name, value in os.environ.items() if name not in variables}
    env |= {name: value for name, value in variables.items() if value}
    Checkout(directory, env).client("s3").create_bucket(Bucket=BUCKET)
    yield env
    daemon.stop(directory)


@pytest.fixture(scope="module")
def checkout(
    cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Checkout]]:
    """Makes checkouts of a stack; those that share a `key` share the state."""
    made: list[Checkout] = []

    def make(name: str = "guests", *, key: str = "", at: str = "stack") -> Checkout:
        directory = tmp_path_factory.mktemp("checkout") / at
        shutil.copytree(STACKS / name, directory, ignore=shutil.ignore_patterns(".tap", "__pycache__"))
        key = key or f"{directory.parent.name}.tfstate"
        source = directory / "main.tf"
        source.write_text(source.read_text().replace(f"{name}.tfstate", key))
        made.append(Checkout(directory, dict(cloud), key))
        made[-1].settings()
        return made[-1]

    yield make
    for one in made:
        if (one.directory / ".tap" / "sandbox").exists():
            one("sandbox", "stop")


@pytest.fixture(scope="module")
def house(checkout: Callable[..., Checkout]) -> Checkout:
    """Ten resources that exist; the tests that use it apply nothing, or nothing that stays."""
    house = checkout()
    assert house.apply("--auto-approve").code == 0
    return house


# --- from one CI job to the next


def git(directory: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=directory, capture_output=True, check=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def handed(
    checkout: Callable[..., Checkout], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Checkout, Checkout, str]:
    """A stack planned and signed in one clone, another clone elsewhere with nothing but that plan, and its id."""
    first = checkout("handover", at="planned here")
    key = first.directory.parent / "release.key"
    first("keys", "new", str(key))
    shutil.copy(f"{key}.pub", first.directory)
    first.settings(f'account_id = "{ACCOUNT}"\n{SIGNED}')
    (first.directory / ".gitignore").write_text(".tap/\n")
    git(first.directory, "init", "--quiet")
    git(first.directory, "add", "--all")
    git(first.directory, "commit", "--quiet", "--message", "one")
    second = Checkout(
        tmp_path_factory.mktemp("elsewhere") / "a" / "b" / "applied here", dict(first.env), first.key
    )
    plan_id = first.plan("--sign", str(key))["id"]
    git(first.directory, "clone", "--quiet", str(first.directory), str(second.directory))
    carry(plan_id, first, second)
    return first, second, plan_id


def test_verify_needs_no_network_no_init_and_no_credentials(
    handed: tuple[Checkout, Checkout, str], tmp_path: Path
) -> None:
    _, second, plan_id = handed
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def closed(event, args):\n"
        "    if event == 'socket.connect':\n"
        "        raise SystemExit('somebody asked the network')\n"
        "sys.addaudithook(closed)\n"
    )
    search = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    offline = {"PYTHONPATH": search, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    control = "import socket; socket.create_connection(('127.0.0.1', 1))"
    done = subprocess.run(
        [sys.executable, "-c", control], env={**os.environ, "PYTHONPATH": search}, capture_output=True
    )
    assert b"asked the network" in done.stderr
    answer = second("verify", *CI, plan_id, env=offline)
    assert answer.code == 0, answer.said
    lines = answer.out.splitlines()
    assert lines[-1] == "The seal holds."
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert "signature: by release.key.pub" in answer.out
    assert f"of commit {git(second.directory, 'rev-parse', 'HEAD')[:12]}" in answer.out
    assert f"account {ACCOUNT}" in answer.out
    assert not (second.directory / ".tap" / "ci" / "terraform").exists()


def test_credentials_of_another_account_are_refused_before_anything_else(
    handed: tuple[Checkout, Checkout, str],
) -> None:
    first, second, plan_id = handed
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/deploy"
    assumed = first.client("sts").assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]
    other = {
        "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
        "AWS_SESSION_TOKEN": assumed["SessionToken"],
    }
    said = f"These credentials are of account {OTHER_ACCOUNT}; environment ci is account {ACCOUNT}."
    for answer in (second.apply(plan_id, env=other), first("plan", *CI, env=other)):
        assert (answer.code, said in answer.err) == (6, True), answer.said
        assert not {"initialising", "planning"} & set(answer.err.split())
    assert second.state() == {}


def test_what_changed_on_the_way_is_named_and_nothing_is_applied(
    handed: tuple[Checkout, Checkout, str],
) -> None:
    """A package, and a file that the provider would read during the apply: the plan holds only its name."""
    _, second, plan_id = handed
    changed = [second.directory / "handlers" / "shared.py", second.directory / "files" / "page.html"]
    before = [path.read_text() for path in changed]
    for path in changed:
        path.write_text("ANSWER = 43\n")
    try:
        answer = second.apply(plan_id)
    finally:
        for path, text in zip(changed, before, strict=True):
            path.write_text(text)
    assert answer.code == 5
    assert re.findall(r"^  (\S+): sealed \w{12}, now \w{12}$", answer.err, re.MULTILINE) == [
        ".tap/packages/shared.zip",
        "files/page.html",
    ]
    assert second.state() == {}


def test_another_region_in_the_environment_is_another_place(handed: tuple[Checkout, Checkout, str]) -> None:
    _, second, plan_id = handed
    answer = second.apply(plan_id, env={"AWS_REGION": "eu-west-1"})
    assert answer.code == 5
    assert "  default_region: sealed us-east-1, now eu-west-1" in answer.err


def test_a_plan_signed_in_one_checkout_is_applied_in_another(handed: tuple[Checkout, Checkout, str]) -> None:
    first, second, plan_id = handed
    assert second.apply(plan_id).code == 0
    (group,) = second.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("acme-dev-one", 14)
    page = second.client("s3").get_object(Bucket=BUCKET, Key="acme-dev-page")["Body"].read()
    assert page == (STACKS / "handover" / "files" / "page.html").read_bytes()
    (layer,) = second.client("lambda").list_layer_versions(LayerName="acme-dev-shared")["LayerVersions"]
    assert layer["Version"] == 1
    assert len(second.state()["resources"]) == 3
    kept = second.plans / plan_id
    assert sorted(path.name for path in kept.iterdir()) == [
        "apply.jsonl",
        "ledger.json",
        "seal.dsse.json",
        "seal.json",
    ]
    journal = [json.loads(line) for line in (kept / "apply.jsonl").read_text().splitlines()]
    assert [one["stage"] for one in journal if one["stage"] in ("verified", "applied")] == [
        "verified",
        "applied",
    ]
    assert sum(one["stage"] == "apply_complete" for one in journal) == 3
    answer = second.apply(plan_id)
    assert (answer.code, "has been applied already" in answer.err) == (64, True)
    # Where it was planned, the same plan is as it was; the state has moved.
    answer = first.apply(plan_id)
    assert answer.code == 5
    assert re.search(r"^  serial: sealed 0, now \d+$", answer.err, re.MULTILINE)


# --- whose seal it is


@pytest.fixture(scope="module")
def demanding(checkout: Callable[..., Checkout]) -> Checkout:
    """An environment that wants each plan signed by one key; other.key is another."""
    stack = checkout()
    for name in ("release.key", "other.key"):
        stack("keys", "new", name)
    stack.settings(SIGNED)
    return stack


def test_a_plan_without_a_signature_or_by_another_key_is_refused(demanding: Checkout) -> None:
    unsigned = demanding.plan()
    assert unsigned["signed"] is False
    stranger = demanding.plan("--sign", "other.key")
    assert stranger["signed"] is True
    for plan, said in ((unsigned, "has no signature"), (stranger, "is signed by none of the trusted keys")):
        answer = demanding.apply(plan["id"])
        assert (answer.code, said in answer.err) == (6, True), answer.said
        assert demanding.verify(plan["id"], code=6)["checks"][1] == {
            "name": "signature",
            "ok": False,
            "said": f"Plan {plan['id']} {said}; environment ci demands one.",
        }
    assert demanding.state() == {}


def test_a_signature_does_not_move_to_another_plan(demanding: Checkout) -> None:
    good = demanding.plan("--sign", "release.key")["id"]
    bad = demanding.plan("--var", "greeting=bad")["id"]
    shutil.copy(demanding.plans / good / "seal.dsse.json", demanding.plans / bad)
    answer = demanding.apply(bad)
    assert (answer.code, "The signature is that of another seal" in answer.err) == (5, True)


def test_a_changed_seal_has_another_name_and_no_signature(demanding: Checkout) -> None:
    """The plan file swapped, and the seal rewritten to match it: an attacker who holds no key."""
    good, bad = (
        demanding.plan(*more)["id"] for more in (("--sign", "release.key"), ("--var", "greeting=bad"))
    )
    forged = (demanding.plans / bad / "seal.json").read_bytes()
    shutil.copytree(demanding.plans / good, demanding.plans / "kept")
    for name in ("tfplan", "ledger.json", "seal.json"):
        shutil.copy(demanding.plans / bad / name, demanding.plans / good)
    assert (demanding.plans / good / "seal.json").read_bytes() == forged
    answer = demanding.apply(good)
    assert (answer.code, f"its digest makes it {bad}, not {good}" in answer.err) == (5, True)
    assert demanding("verify", *CI, good).code == 5
    shutil.rmtree(demanding.plans / "kept")
    shutil.rmtree(demanding.plans / good)
    assert demanding.state() == {}


def test_terraform_is_never_given_the_signing_key(checkout: Callable[..., Checkout], tmp_path: Path) -> None:
    """Providers and provisioners are other people's programs."""
    stack = checkout()
    stack("keys", "new", "release.key")
    seen = tmp_path / "environment"
    (stack.directory / "nosy.tf").write_text(
        'resource "terraform_data" "nosy" {\n  provisioner "local-exec" {\n'
        f'    command = "env > {seen}"\n  }}\n}}\n'
    )
    key = (stack.directory / "release.key").read_text()
    stack.settings(SIGNED)
    assert stack.apply("--auto-approve", env={"TAP_SIGNING_KEY": key}).code == 0
    assert "TF_DATA_DIR" in seen.read_text()
    assert "PRIVATE KEY" not in seen.read_text()


def test_a_seal_expires(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    stack.settings("seal_valid_hours = 0.0003")
    plan = stack.plan()["id"]
    time.sleep(1.2)
    answer = stack.apply(plan)
    assert (answer.code, f"Plan {plan} was valid until " in answer.err) == (6, True)
    assert stack.verify(plan, code=6)["checks"][-1]["ok"] is False
    assert stack.state() == {}


# --- the check and the use are of the same bytes


@pytest.fixture(scope="module")
def swapped(checkout: Callable[..., Checkout]) -> Checkout:
    return checkout()


def two_plans(stack: Checkout) -> tuple[str, Path, bytes]:
    """A sealed plan, where it lies, and another plan of the very same state that somebody would rather see applied."""
    other = stack.plan("--var", "greeting=swapped")["id"]
    sealed = stack.plan("--var", "greeting=sealed")["id"]
    return sealed, stack.plans / sealed / "tfplan", (stack.plans / other / "tfplan").read_bytes()


def put(path: Path, data: bytes) -> None:
    """Replace a file at once, unless its directory is gone."""
    aside = path.with_name("aside")
    aside.write_bytes(data)
    aside.replace(path)


@pytest.mark.parametrize("_round", range(4))
def test_a_plan_that_is_swapped_all_the_time_is_never_applied(swapped: Checkout, _round: int) -> None:
    sealed, path, other = two_plans(swapped)
    before, own = swapped.state().get("serial"), path.read_bytes()
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            put(path, other)
            put(path, own)

    with ThreadPoolExecutor() as threads:
        swapping = threads.submit(swap)
        try:
            answer = swapped.apply(sealed)
        finally:
            done.set()
        swapping.result()
    assert answer.code in (0, 5), answer.said
    if answer.code == 0:
        assert swapped.greeting() == "sealed"
        assert swapped("destroy", *CI, "--auto-approve").code == 0
    else:
        assert "  plan file: sealed " in answer.err
        assert swapped.state().get("serial") == before


def test_a_plan_that_is_swapped_after_its_verification_is_not_the_one_applied(swapped: Checkout) -> None:
    """The journal says when tap has verified and Terraform has not begun."""
    sealed, path, other = two_plans(swapped)
    journal = path.with_name("apply.jsonl")
    with swapped.start("apply", *CI, sealed) as process:
        while process.poll() is None and not journal.exists():
            time.sleep(0.001)
        put(path, other)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert swapped.greeting() == "sealed"


# --- what happened since


def test_a_state_that_has_moved_since_the_plan_is_not_applied_to(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    first, second = (stack.plan("--var", f"greeting={word}")["id"] for word in ("one", "two"))
    assert stack.apply(first).code == 0
    answer = stack.apply(second)
    assert answer.code == 5
    assert re.search(
        r"^  lineage: sealed none, now [0-9a-f-]{36}\n  serial: sealed 0, now \d+$", answer.err, re.MULTILINE
    )
    assert stack.greeting() == "one"


def test_another_workspace_is_another_place(house: Checkout) -> None:
    house.settings()
    plan = house.plan("--var", "greeting=hi")["id"]
    answer = house.apply(plan, env={"TF_WORKSPACE": "blue"})
    assert answer.code != 0
    assert house.greeting() == "hello"
    checks = {
        one["name"]: one
        for one in json.loads(house("verify", *CI, "--json", plan, env={"TF_WORKSPACE": "blue"}).out)[
            "checks"
        ]
    }
    assert "workspace: sealed default, now blue" in checks["now"]["said"]


def test_a_module_beside_the_stack_is_sealed_too(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    beside = stack.directory.parent / "beside"
    (stack.directory / "table").rename(beside)
    (stack.directory / "table.tf").write_text('module "table" {\n  source = "../beside"\n}\n')
    plan = stack.plan()["id"]
    (beside / "main.tf").write_text('resource "terraform_data" "main" {\n  input = "three legs"\n}\n')
    answer = stack.apply(plan)
    assert (answer.code, "  ../beside/main.tf: sealed " in answer.err) == (5, True)
    assert stack.state() == {}


OURS = '[policies]\ndirectory = "rules"\n'


def test_policies_that_changed_since_the_plan_are_asked_again(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    stack.settings(rest=OURS)
    rule = stack.directory / "rules" / "polite.py"
    text = rule.read_text()
    plan = stack.plan()["id"]

    rule.write_text(text.replace('{"oi"}', '{"oi", "hello"}'))
    answer = stack.apply(plan)
    assert answer.code == 3
    assert "Policies changed since the plan (ACME_1), and the gate is closed now: ACME_1 of " in answer.err

    rule.write_text(text.replace("yield passed", "raise KeyError(resource)\n            yield passed"))
    answer = stack.apply(plan)
    assert (answer.code, "Policies changed since the plan (ACME_1): " in answer.err) == (4, True)

    rule.write_text(text)
    broken = rule.with_name("broken.py")
    broken.write_text("import nothing_of_that_name\n")
    answer = stack.apply(plan)
    assert (answer.code, "broken.py can't be loaded" in answer.err) == (4, True), answer.said
    broken.unlink()
    assert stack.state() == {}

    rule.write_text(text + "\n# A word more.\n")
    answer = stack.apply(plan)
    assert (answer.code, "judging again" in answer.err) == (0, True), answer.said


def test_a_package_that_is_exchanged_during_the_apply_is_said_afterwards(
    checkout: Callable[..., Checkout],
) -> None:
    """By then it may have been uploaded: nothing can undo that, and nobody may take it for what was judged."""
    stack = checkout()
    (stack.directory / "handlers").mkdir()
    (stack.directory / "handlers" / "one.py").write_text("x = 1\n")
    (stack.directory / "meanwhile.tf").write_text(
        'resource "terraform_data" "meanwhile" {\n  provisioner "local-exec" {\n'
        '    command = "echo >> .tap/packages/one.zip"\n  }\n}\n'
    )
    plan = stack.plan()["id"]
    answer = stack.apply(plan)
    assert answer.code == 5
    assert f"Plan {plan} was applied, but files changed meanwhile" in answer.err
    assert "  .tap/packages/one.zip: sealed " in answer.err
    assert stack.greeting() == "hello"


def test_a_newer_policy_does_not_open_a_gate_that_was_closed(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    stack.settings(rest=OURS)
    plan = stack.plan("--var", "greeting=oi", code=3)["id"]
    rule = stack.directory / "rules" / "polite.py"
    rule.write_text(rule.read_text().replace('{"oi"}', '{"nothing"}'))
    assert stack.apply(plan).code == 3
    assert stack.state() == {}


def test_of_two_applies_of_one_plan_at_once_one_wins_and_the_other_says_so(
    checkout: Callable[..., Checkout],
) -> None:
    stack = checkout()
    plan = stack.plan("--var", "seconds=2")["id"]
    with stack.start("apply", *CI, plan) as one, stack.start("apply", *CI, plan) as two:
        said = [process.communicate(timeout=120)[1] for process in (one, two)]
    codes = [one.returncode, two.returncode]
    assert sorted(codes) == [0, 1], said
    assert "holds this environment; nothing was done." in said[codes.index(1)]
    assert stack.state()["serial"] == 1
    waited = stack.apply(plan, "--lock-timeout", "60")
    assert (waited.code, "has been applied already" in waited.err) == (64, True)


def test_of_two_checkouts_that_apply_one_plan_at_once_one_wins_and_the_other_says_so(
    checkout: Callable[..., Checkout],
) -> None:
    first = checkout(at="first")
    second = checkout(at="second", key=first.key)
    plan = first.plan("--var", "seconds=3")["id"]
    carry(plan, first, second)
    with first.start("apply", *CI, plan) as one:
        while not (first.plans / plan / "apply.jsonl").exists():
            assert one.poll() is None
            time.sleep(0.01)
        answer = second.apply(plan)
        _, said = one.communicate(timeout=120)
    assert one.returncode == 0, said
    assert answer.code in (1, 5), answer.said
    # The lock is held, the state has moved before tap looked, or between tap's look and Terraform's own.
    reasons = ("Error acquiring the state lock", "  serial: sealed 0, now ", "Saved plan is stale")
    assert any(reason in answer.err for reason in reasons), answer.err
    assert first.state()["serial"] == 1
    # Nothing of it was begun there, so the plan is kept; now it is too late for it.
    assert second.apply(plan).code == 5


# --- guards


def refused(stack: Checkout, *arguments: str, reason: str = "") -> list[str]:
    """The guards' sentences about a plan, which is then applied by no way."""
    before = stack.state()
    over = ("--override", reason) if reason else ()
    plan = stack.plan(*arguments, *over, code=6)
    assert plan["decision"] == "open"
    ways = [(plan["id"],)]
    if "--destroy" not in arguments:
        ways.append(("--auto-approve", *arguments, *over))
    for way in ways:
        answer = stack.apply(*way)
        assert answer.code == 6, answer.said
        said = " ".join(answer.said.split())  # a screen breaks lines
        assert all(sentence in said for sentence in plan["refusals"]), answer.said
    assert stack.state() == before
    sentences: list[str] = plan["refusals"]
    return sentences


@pytest.mark.parametrize(
    ("settings", "arguments", "sentence"),
    [
        (
            "max_destroy = 0",
            guests(*EIGHT[:7]),
            'The plan destroys 1 of what exists, max_destroy allows 0: terraform_data.guest["hal"].',
        ),
        (
            'max_destroy = "20%"',
            guests(*EIGHT[:5]),
            "The plan destroys 3 of what exists, max_destroy allows 2 (20% of 10): "
            'terraform_data.guest["fay"], terraform_data.guest["gus"], terraform_data.guest["hal"].',
        ),
        (
            "max_replace = 0",
            ("--var", "edition=2"),
            "The plan replaces 1 of what exists, max_replace allows 0: terraform_data.menu.",
        ),
        (
            'max_changes = "20%"',
            ("--var", "greeting=hi"),
            "The plan changes 9 of what exists, max_changes allows 2 (20% of 10): "
            + ", ".join(f'terraform_data.guest["{name}"]' for name in EIGHT[:5])
            + " and 4 more.",
        ),
        (
            'protected = ["terraform_data.menu"]',
            ("--var", "edition=2"),
            "The plan replaces terraform_data.menu, which is protected (terraform_data.menu).",
        ),
        (
            'protected = ["*.g?est"]',
            guests(*EIGHT[1:]),
            'The plan destroys terraform_data.guest["ann"], which is protected (*.g?est).',
        ),
        (
            'protected = ["terraform_data.main"]',
            ("--destroy",),
            "The plan destroys module.table.terraform_data.main, which is protected (terraform_data.main).",
        ),
    ],
    ids=["number", "share", "replaced", "changed", "address", "pattern", "destroy"],
)
def test_a_guard_refuses_a_plan_and_names_what_it_is_about(
    house: Checkout, settings: str, arguments: tuple[str, ...], sentence: str
) -> None:
    house.settings(settings)
    assert refused(house, *arguments) == [sentence]


def test_a_block_that_was_deleted_is_protected_all_the_same(house: Checkout) -> None:
    house.settings('protected = ["module.table.*"]')
    block = house.directory / "table.tf"
    text = block.read_text()
    block.unlink()
    try:
        said = refused(house)
    finally:
        block.write_text(text)
    assert said == [
        "The plan destroys module.table.terraform_data.main, which is protected (module.table.*)."
    ]


def test_what_is_within_the_limits_is_let_through(house: Checkout) -> None:
    house.settings(
        'max_destroy = "20%"\nmax_changes = "20%"\nmax_replace = 0\nprotected = ["terraform_data.menu"]'
    )
    assert house.plan(*guests(*EIGHT[:6]))["counts"] == {"delete": 2}
    house.settings("max_destroy = 0\nmax_changes = 0\nmax_replace = 0")
    assert house.plan(*guests(*EIGHT, "ivy", "joe"))["counts"] == {"create": 2}


def test_destroy_obeys_the_guards(house: Checkout) -> None:
    before = house.state()
    for settings, said in (
        ('protected = ["module.table.*"]', "module.table.terraform_data.main, which is protected"),
        ('max_destroy = "50%"', "The plan destroys 10 of what exists, max_destroy allows 5 (50% of 10)"),
        ("destroyable = false", "Environment ci is not destroyable"),
    ):
        house.settings(settings)
        answer = house("destroy", *CI, "--auto-approve")
        assert (answer.code, said in answer.said) == (6, True), answer.said
    plan = house.plan("--destroy")["id"]
    assert (house.apply(plan).code, house.state()) == (6, before)


def test_only_the_regions_named_may_be_worked_in(checkout: Callable[..., Checkout]) -> None:
    """A provider that names none works where the environment says."""
    stack = checkout("handover")
    source = stack.directory / "main.tf"
    head = source.read_text().partition('provider "aws"')[0]
    tags = 'default_tags {\n    tags = { Environment = "dev", Project = "tap", ManagedBy = "terraform" }\n  }'
    here = (
        'resource "aws_cloudwatch_log_group" "{}" {{\n  provider = {}\n  name = "acme-dev-region"\n'
        "  retention_in_days = 14\n"
        '  kms_key_id = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"\n}}\n'
    )
    source.write_text(
        f'{head}provider "aws" {{\n  {tags}\n}}\n'
        f'provider "aws" {{\n  alias = "there"\n  region = "us-east-1"\n  {tags}\n}}\n'
        + here.format("here", "aws")
        + here.format("there", "aws.there")
    )
    stack.settings('region = "eu-west-1"\nregions = ["eu-west-1"]')
    said = ["The plan works in us-east-1; allowed: eu-west-1."]
    assert stack.plan(code=6)["refusals"] == said
    assert stack.state() == {}


# --- overrides


def test_an_override_is_refused_where_none_is_allowed_and_without_a_reason(house: Checkout) -> None:
    house.settings("max_destroy = 0")
    answer = house("plan", *CI, "--override", "outage", *guests("ann"))
    assert (answer.code, "Environment ci allows no override." in answer.err) == (6, True)
    house.settings("max_destroy = 0\nallow_override = true")
    answer = house("plan", *CI, "--override", " ", *guests("ann"))
    assert (answer.code, "--override needs a reason" in answer.err) == (64, True)


def test_an_override_goes_past_limits_and_soft_findings_and_is_sealed_with_its_reason(
    checkout: Callable[..., Checkout],
) -> None:
    stack = checkout()
    assert stack.apply("--auto-approve").code == 0
    stack.settings("max_replace = 0\nallow_override = true", OURS)
    rude = ("--var", "greeting=oi", "--var", "edition=2")
    assert stack.plan(*rude, code=3)["ledger"]["counts"]["fail"] == 9
    plan = stack.plan(*rude, "--override", "outage, OPS-1")
    assert plan["override"]["reason"] == "outage, OPS-1"
    said = stack.verify(plan["id"])
    override = said["seal"]["predicate"]["judgement"]["override"]
    assert (bool(override["by"]), override["reason"]) == (True, "outage, OPS-1")
    assert override["of"] == [
        *(f'ACME_1 of terraform_data.guest["{name}"]' for name in EIGHT),
        "ACME_1 of terraform_data.menu",
        "The plan replaces 1 of what exists, max_replace allows 0: terraform_data.menu.",
    ]
    judged = next(one["said"] for one in said["checks"] if one["name"] == "judgement")
    assert judged.endswith(f"overridden by {override['by']}: outage, OPS-1")
    assert stack.apply(plan["id"]).code == 0
    assert stack.greeting() == "oi"


def test_an_override_goes_past_nothing_that_is_protected_or_hard_mandatory(house: Checkout) -> None:
    house.settings('max_replace = 0\nallow_override = true\nprotected = ["terraform_data.menu"]')
    assert refused(house, "--var", "edition=2", reason="outage") == [
        "The plan replaces terraform_data.menu, which is protected (terraform_data.menu)."
    ]
    house.settings("allow_override = true", f'{OURS}[policies.polite]\nenforcement = "hard-mandatory"\n')
    plan = house.plan("--var", "greeting=oi", "--override", "outage", code=3)
    assert (plan["decision"], plan["override"]) == ("closed", None)
    assert house.apply(plan["id"]).code == 3


# --- verify


def test_verify_tells_a_good_plan_from_a_changed_a_tampered_and_an_applied_one(
    checkout: Callable[..., Checkout],
) -> None:
    stack = checkout()
    plan = stack.plan()["id"]
    good = stack.verify(plan)
    assert [(one["name"], one["ok"]) for one in good["checks"]] == [
        (name, True) for name in ("id", "signature", "files", "now", "judgement", "time")
    ]
    assert (good["schema"], good["id"]) == ("tap.verification/1", plan)
    assert good["seal"] == json.loads((stack.plans / plan / "seal.json").read_bytes())

    source, text = stack.directory / "main.tf", (stack.directory / "main.tf").read_text()
    source.write_text(text + "\n")
    answer = stack("verify", *CI, plan)
    source.write_text(text)
    assert answer.code == 5
    assert re.search(r"^FAIL  now: main\.tf: sealed \w{12}, now \w{12}$", answer.out, re.MULTILINE)
    assert answer.out.endswith("The seal does not hold; `tap apply` would refuse it.\n")

    path = stack.plans / plan / "tfplan"
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    failed = [one["name"] for one in stack.verify(plan, code=5)["checks"] if not one["ok"]]
    path.write_bytes(data)
    assert failed == ["files"]

    assert stack.apply(plan).code == 0
    applied = {one["name"]: one for one in stack.verify(plan)["checks"]}
    assert applied["files"]["said"] == "the plan was applied, the ledger is the sealed one"


def test_verify_says_that_a_plan_which_holds_would_be_refused(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    stack.settings(rest=OURS)
    plan = stack.plan("--var", "greeting=oi", code=3)["id"]
    answer = stack("verify", *CI, plan)
    assert answer.code == 3
    assert answer.out.endswith("The seal holds, but `tap apply` would refuse the plan.\n")


def test_verify_starts_no_embedded_aws(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    plan = json.loads(stack.succeeds("plan", "--json").out)["id"]
    stack.succeeds("verify", plan)
    stack.succeeds("sandbox", "stop")
    answer = stack("verify", plan)
    assert answer.code == 5
    assert re.search(r"endpoint: sealed sandbox \w+, now no sandbox: it was stopped", answer.out)
    assert not (stack.directory / ".tap" / "sandbox" / "sandbox.json").exists()


def test_a_name_that_no_plan_can_have_is_said(house: Checkout) -> None:
    for name in ("x" * 300, "..", "a/b"):
        assert house("verify", *CI, name).code == 64


# --- at rest


def test_what_tap_keeps_is_for_its_user_only_whatever_the_umask(checkout: Callable[..., Checkout]) -> None:
    stack = checkout()
    (stack.directory / "handlers").mkdir()
    (stack.directory / "handlers" / "one.py").write_text("x = 1\n")
    before = os.umask(0)
    try:
        stack("keys", "new", "release.key")
        for command in ("plan", "apply", "output", "plan", "check", "config"):
            stack.succeeds(command)
            stack.succeeds(command, *CI, *(("--sign", "release.key") if command == "plan" else ()))
        plan = stack.plan()["id"]
        stack.succeeds("check", *CI, str(stack.plans / plan / "tfplan"), "--policy", "required_tags")
        stack.succeeds("verify", *CI, plan)
        stack.succeeds("destroy", "--auto-approve")
        stack.succeeds("sandbox", "status")
        stack.succeeds("sandbox", "stop")
    finally:
        os.umask(before)
    work = stack.directory / ".tap"
    # Terraform's own data directories have Terraform's modes; nobody else gets as far.
    data = [work / name / "terraform" for name in ("ci", "sandbox")]
    open_to_others = [
        str(path.relative_to(work))
        for path in (work, *work.rglob("*"))
        if not path.is_symlink()
        and stat.S_IMODE(path.stat().st_mode) & 0o077
        and not any(path.is_relative_to(one) for one in data)
    ]
    assert open_to_others == []
    assert {path.name for path in work.iterdir()} >= {"plans", "packages", "ci", "sandbox"}
    assert stat.S_IMODE((stack.directory / "release.key").stat().st_mode) == 0o600
    # What goes into the repository is everybody's.
    assert stat.S_IMODE((stack.directory / "release.key.pub").stat().st_mode) == 0o644


def test_a_carried_directory_is_closed_again(checkout: Callable[..., Checkout]) -> None:
    first = checkout()
    second = checkout(key=first.key)
    plan = first.plan()["id"]
    carry(plan, first, second)
    second.verify(plan)
    assert stat.S_IMODE((second.directory / ".tap").stat().st_mode) == 0o700


# --- schemas


def schema(name: str) -> dict[str, Any]:
    done = subprocess.run([str(TAP), "schema", name], capture_output=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(document)
    return document


def holds(document: Any, of: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(of).is_valid(document))


@pytest.fixture(scope="module")
def rude(checkout: Callable[..., Checkout]) -> tuple[Checkout, dict[str, Any]]:
    stack = checkout()
    stack.settings(rest=OURS)
    return stack, stack.plan("--var", "greeting=oi", code=3)


def test_real_seals_and_ledgers_have_the_published_shape(rude: tuple[Checkout, dict[str, Any]]) -> None:
    stack, plan = rude
    directory = stack.plans / plan["id"]
    seal = json.loads((directory / "seal.json").read_bytes())
    assert holds(seal, schema("seal"))
    ledger = json.loads((directory / "ledger.json").read_bytes())
    checked = json.loads(stack("check", *CI, "--json", "--var", "greeting=oi").out)
    ledgers = schema("ledger")
    for document in (ledger, checked):
        assert document["findings"]
        jsonschema.validate(document, ledgers)
        jsonschema.validate(document["findings"], schema("findings"))
        assert not holds({**document, "more": 1}, ledgers)
    assert not holds([{**ledger["findings"][0], "more": 1}], schema("findings"))
    for path in ((), ("predicate",), ("predicate", "where"), ("predicate", "judgement")):
        changed = json.loads(json.dumps(seal))
        part = changed
        for step in path:
            part = part[step]
        part["more"] = 1
        assert not holds(changed, schema("seal")), path


def test_settings_have_the_published_shape() -> None:
    settings = schema("settings")
    text = (ROOT / "terraform" / "tap.toml").read_text()
    document = json.loads(json.dumps(tomllib.loads(text), default=str))
    jsonschema.validate(document, settings)
    assert not holds({**document, "enviroments": {}}, settings)
    assert not holds({"environments": {"prod": {"max_destory": 0}}}, settings)
    assert not holds({"environments": {"prod": {"max_destroy": "lots"}}}, settings)
    assert holds({"environments": {"prod": {"max_destroy": "20%", "protected": ["a.b"]}}}, settings)
