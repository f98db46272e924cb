"""Any Terraform directory: without a tap.toml, whatever parts of the language it uses, through its whole life.

Each directory of tests/directories says in a comment what is particular to it, and in its expected.toml what tap
must say of it: `exit_code` and `findings` (policy, address, verdict) of the check, the number of `resources`, and

  plan          the same for the plan, where it differs
  mended_by     variables that open a gate which is closed without them
  environment   variables of the environment
  changes       what the first plan changes
  outputs       after the apply
  says          a sentence that the plan must say
  secret        a text that nothing may say; where `kept` is false, no file of tap's may hold it either
  makes         a file that the stack itself makes
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT, Answer, Tap

pytestmark = pytest.mark.real

DIRECTORIES = ROOT / "tests" / "directories"
NAMES = sorted(path.name for path in DIRECTORIES.iterdir())
# What tap and Terraform leave in a directory.
_TRACES = {".tap", ".terraform.lock.hcl"}

Copy = Callable[..., Tap]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    """Copies one of the directories and stops its sandbox at the end."""
    made: list[Tap] = []

    def make(name: str, to: str = "") -> Tap:
        target = tmp_path / (to or name)
        shutil.copytree(DIRECTORIES / name, target, ignore=shutil.ignore_patterns(*_TRACES, ".terraform"))
        (target / "expected.toml").unlink()
        environment = {name: text for name, text in os.environ.items() if not name.startswith("TF_VAR_")}
        made.append(Tap(target, environment | expectations(name).get("environment", {})))
        return made[-1]

    yield make
    for tap in made:
        tap("sandbox", "stop")


def expectations(name: str) -> dict[str, Any]:
    return tomllib.loads((DIRECTORIES / name / "expected.toml").read_text("utf-8"))


def contents(directory: Path) -> dict[str, bytes]:
    """Every file and folder but tap's traces; a folder has no content."""
    found = (path for path in directory.rglob("*") if path.relative_to(directory).parts[0] not in _TRACES)
    return {str(path.relative_to(directory)): path.read_bytes() if path.is_file() else b"" for path in found}


def require_verdict(ledger: dict[str, Any], code: int, expected: dict[str, Any]) -> None:
    findings = [[finding["name"], finding["address"], finding["verdict"]] for finding in ledger["findings"]]
    assert code == ledger["exit_code"] == expected.get("exit_code", 0), ledger
    assert sorted(findings) == sorted(expected.get("findings", [])), ledger
    assert ledger["counts"]["resources"] == expected["resources"]


def earlier_version(tap: Tap) -> None:
    """What an earlier version of the stack has made is in the state."""
    now = tap.directory / "main.tf"
    text = now.read_text()
    shutil.copy(tap.directory / "before" / "main.tf", now)
    tap.succeeds("apply", "--auto-approve")
    now.write_text(text)


def made_by_hand(tap: Tap) -> None:
    """What the import blocks name is there already."""
    tap.succeeds("sandbox", "start")
    environment = json.loads(tap.succeeds("sandbox", "env", "--json").out)
    session = boto3.Session("test", "test", region_name="us-east-1")
    parameters, roles = (
        session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"]) for service in ("ssm", "iam")
    )
    tags = {"Environment": "dev", "Project": "tap", "ManagedBy": "terraform"}
    for name in ("/found/one", "/found/two"):
        parameters.put_parameter(
            Name=name,
            Type="String",
            Value="made by hand",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    roles.create_role(RoleName="found", AssumeRolePolicyDocument=json.dumps(document))


def states_of_its_own(tap: Tap) -> None:
    """Terraform has been at work here without tap: it would want to move these states to another backend."""
    state = (tap.directory / "state" / "real.json").read_bytes()
    for folder in (".", "terraform.tfstate.d/green"):
        (tap.directory / folder).mkdir(parents=True, exist_ok=True)
        (tap.directory / folder / "terraform.tfstate").write_bytes(state)


BEFORE: dict[str, Callable[[Tap], None]] = {
    "moved_and_removed": earlier_version,
    "import_blocks": made_by_hand,
    "backend_local": states_of_its_own,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_without_tap_toml_lives_its_whole_life(name: str, copy: Copy) -> None:
    expected, tap = expectations(name), copy(name)
    answers: list[Answer] = []

    def run(*arguments: str) -> Answer:
        answers.append(tap(*arguments))
        return answers[-1]

    def succeeds(*arguments: str) -> Answer:
        answer = run(*arguments)
        assert answer.code == 0, f"{arguments} ended with {answer.code}:\n{answer.said}"
        return answer

    if name in BEFORE:
        BEFORE[name](tap)
    before = contents(tap.directory)
    given = [part for text in expected.get("mended_by", ()) for part in ("--var", text)]

    checked = run("check", "--json")
    require_verdict(json.loads(checked.out), checked.code, expected)

    planned = run("plan", "--json")
    plan = json.loads(planned.out)
    require_verdict(plan["ledger"], planned.code, expected | expected.get("plan", {}))
    assert expected.get("says", "") in planned.err
    if "changes" in expected:
        assert sorted(f"{change['action']} {change['address']}" for change in plan["changes"]) == sorted(
            expected["changes"]
        )

    if given:
        succeeds("check", *given)
    applied = succeeds("apply", *(["--auto-approve", *given] if given else [plan["id"]]))
    assert f"No tap.toml in {tap.directory}: defaults hold." in applied.err
    second = succeeds("plan", "--detailed-exitcode", *given)
    assert "initialising" not in second.err
    outputs = json.loads(succeeds("output", "--json").out)
    assert {key: outputs[key]["value"] for key in expected.get("outputs", {})} == expected.get("outputs", {})
    require_no_secret(tap, answers, expected)
    succeeds("destroy", "--auto-approve", *given)

    assert json.loads(tap.succeeds("sandbox", "status", "--json").out)["holds"] == expected.get("left", {})
    after = contents(tap.directory)
    if "makes" in expected:
        assert after.pop(expected["makes"])
    assert after == before


def require_no_secret(tap: Tap, answers: list[Answer], expected: dict[str, Any]) -> None:
    secret = expected.get("secret")
    if secret is None:
        return
    assert not [answer.said for answer in answers if secret in answer.said]
    if expected.get("kept", True):
        return
    files = [path for path in (tap.directory / ".tap").rglob("*") if path.is_file() and not path.is_symlink()]
    for path in (path for path in files if "providers" not in path.parts):
        packed = zipfile.ZipFile(path) if zipfile.is_zipfile(path) else None
        data = [packed.read(one) for one in packed.namelist()] if packed else [path.read_bytes()]
        assert not any(secret.encode() in one for one in data), path


def needs_aws(name: str) -> bool:
    return any("hashicorp/aws" in file.read_text("utf-8") for file in (DIRECTORIES / name).glob("*.tf*"))


# Whole lives again: only the quick ones.
@pytest.mark.parametrize("name", [name for name in NAMES if not needs_aws(name)])
def test_a_directory_without_tap_toml_is_rehearsed(name: str, copy: Copy) -> None:
    expected, tap = expectations(name), copy(name)
    before = contents(tap.directory)
    answer = tap.succeeds("rehearse")
    assert expected.get("says", "") in answer.err
    require_no_secret(tap, [answer], expected)
    after = contents(tap.directory)
    if "makes" in expected:
        assert after.pop(expected["makes"])
    assert after == before


def test_workspaces_have_states_of_their_own(copy: Copy) -> None:
    tap = copy("workspaces")
    environment = tap.env
    for workspace in ("blue", "green"):
        tap.env = environment | {"TF_WORKSPACE": workspace}
        tap.succeeds("apply", "--auto-approve")
    plan = json.loads(tap.succeeds("plan", "--destroy", "--json").out)
    # As `terraform workspace select` leaves it.
    del tap.env["TF_WORKSPACE"]
    record = tap.directory / ".terraform" / "environment"
    record.parent.mkdir()
    record.write_text("blue")
    answer = tap.succeeds("plan", "--detailed-exitcode")
    assert "in workspace blue (terraform workspace select)" in answer.err
    assert tap.succeeds("output", "workspace").out == "in blue\n"
    answer = tap("apply", plan["id"])
    assert answer.code == 5
    assert "workspace: sealed green, now blue" in answer.err
    record.unlink()
    assert json.loads(tap.succeeds("output", "--json").out) == {}
    tap.succeeds("sandbox", "stop")
    archive = tap.directory / ".tap" / "sandbox" / "archive"
    assert sorted(path.stem.partition("-")[2] for path in archive.iterdir()) == ["blue", "green"]
    assert not (tap.directory / "terraform.tfstate.d").exists()


def test_the_directory_may_have_any_name_and_be_a_link_to_elsewhere(copy: Copy, tmp_path: Path) -> None:
    tap = copy("templates", to='größe & räume/it\'s "here" $HOME')
    elsewhere = tmp_path / "shared file.tf"
    (tap.directory / "main.tf").rename(elsewhere)
    (tap.directory / "main.tf").symlink_to(elsewhere)
    (tmp_path / "link").symlink_to(tap.directory)
    linked = Tap(tmp_path, tap.env)
    assert linked("check", "link").code == 0
    linked.succeeds("apply", "-C", "link", "--auto-approve")
    linked.succeeds("plan", "-C", "link", "--detailed-exitcode")
    tap.succeeds("destroy", "--auto-approve")


def test_a_module_from_elsewhere_is_judged_in_the_plan_only(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'module "bucket" {\n  source  = "terraform-aws-modules/s3-bucket/aws"\n  version = "4.1.0"\n}\n'
    )
    answer = Tap(tmp_path)("check")
    assert answer.code == 4
    said = " ".join(answer.said.split())
    assert (
        "main.tf:1: module bucket comes from terraform-aws-modules/s3-bucket/aws, which is not read" in said
    )


def test_a_directory_of_directories_is_not_guessed_at(tmp_path: Path) -> None:
    for name in ("envs/dev", "envs/prod", "modules/network", "modules/table"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "main.tf").touch()
    for command in ("check", "plan"):
        answer = Tap(tmp_path)(command)
        assert answer.code == 64, command
        assert (
            "there is some in envs/dev, envs/prod, modules/network and 1 more: name the one you mean"
            in answer.err
        )


def test_an_apply_is_told_again_what_no_plan_keeps(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "token" {\n  type      = list(string)\n  ephemeral = true\n}\n'
        'resource "terraform_data" "user" {\n  input = "once"\n'
        '  provisioner "local-exec" {\n    command = "test ${var.token[0]} = canary"\n  }\n}\n'
    )
    tap = Tap(tmp_path)
    try:
        tap.succeeds("apply", "--auto-approve", "--var", 'token=["canary"]')
        tap.succeeds("destroy", "--auto-approve", "--var", 'token=["canary"]')
        (tmp_path / "tap.toml").write_text('[environments.sandbox]\nvariables = { token = ["canary"] }\n')
        tap.succeeds("plan")
        tap.succeeds("apply")
    finally:
        tap("sandbox", "stop")
