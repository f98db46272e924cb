"""Each rule by which a resource is found again, against the provider: a state is lost, and all of it adopted."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from tapstack.deployment import import_ids
from tapstack.sandbox import daemon
from tapstack.sandbox.environment import exports
from tests.conftest import STACKS, Tap

pytestmark = pytest.mark.real

CI = ("--env", "ci")
# One policy must be left to say something.
KEPT = "required_tags"
# Known from the provider's pages only: the embedded AWS has no such, or not as the provider wants it, or it takes
# minutes.
NOT_HERE = {
    "aws_autoscaling_group",
    "aws_cloudwatch_composite_alarm",
    "aws_db_instance",
    "aws_db_subnet_group",
    "aws_eks_cluster",
    "aws_kinesis_stream",
    "aws_kms_alias",
    "aws_lambda_alias",
    "aws_rds_cluster",
    "aws_sfn_state_machine",
}


def test_what_a_lost_state_recorded_is_found_by_its_names(tmp_path: Path) -> None:
    sandbox = daemon.start(tmp_path / "cloud")
    variables = exports(sandbox, region="us-east-1")
    env = {name: value for name, value in os.environ.items() if name not in variables}
    shutil.copytree(STACKS / "names", tmp_path / "names")
    tap = Tap(tmp_path / "names", env | {name: value for name, value in variables.items() if value})
    try:
        is_adopted(tap)
    finally:
        daemon.stop(tmp_path / "cloud")


def is_adopted(tap: Tap) -> None:
    with zipfile.ZipFile(tap.directory / "function.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "def handle(*_): pass\n")
    names = [one["name"] for one in json.loads(tap("policies", "list", "--json").out)["policies"]]
    disabled = json.dumps([name for name in names if name != KEPT])
    (tap.directory / "tap.toml").write_text(f"[policies]\ndisabled = {disabled}\n[environments.ci]\n")
    plan = json.loads(tap.succeeds("plan", *CI, "--json").out)["id"]
    directory = tap.directory / ".tap" / "plans" / plan
    creates = (directory / "creates.jsonl").read_text()
    tap.succeeds("apply", *CI)
    # As after the loss of a machine: neither the state nor the end of the journal have reached the disk.
    (tap.directory / "terraform.tfstate").unlink()
    (directory / "creates.jsonl").write_text(creates)
    journal = directory / "apply.jsonl"
    journal.write_text(journal.read_text().splitlines()[0] + "\n")

    answer = tap.succeeds("recover", *CI, "--auto-approve")
    made = {one["address"]: one["type"] for one in map(json.loads, creates.splitlines())}
    assert {*import_ids._RULES} - {*made.values()} == NOT_HERE
    adopted = set(
        re.findall(r"^(.+) exists \(.*\) and is not in the state: it is imported\.$", answer.out, re.M)
    )
    assert adopted == {*made}
    assert "to create" not in answer.out
    plan_again = tap("plan", *CI, "--detailed-exitcode")
    assert (plan_again.code, "No changes." in plan_again.out) == (0, True), plan_again.said
    tap.succeeds("destroy", *CI, "--auto-approve")
