"""The GitHub Action, step by step as action.yml has them: a plan on a pull request, its apply on the merge."""

from __future__ import annotations

import io
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from tests.conftest import STACKS, Tap
from tests.e2e.conftest import BUCKET, git
from tests.e2e.github import MARK, SCRIPTS, Hub, Job, Runner, hub

pytestmark = pytest.mark.real

INPUTS = {"environment": "prod", "directory": "infra", "artifact-key": "correct horse battery staple"}
SETTINGS = f"""
[environments.prod]
account_id = "123456789012"
region = "us-east-1"
backend = {{ bucket = "{BUCKET}", key = "action.tfstate" }}
require_signature = true
trusted_keys = ["release.key.pub"]
"""


@dataclass
class House:
    """A repository with a stack in `infra`, a pull request that is open, and the machines of its jobs."""

    origin: Path
    key: str
    machine: Runner
    hub: Hub

    def clone(self, name: str) -> Path:
        directory = self.origin.parent / name
        git(self.origin, "clone", "--quiet", str(self.origin), str(directory))
        return directory

    def plan(self, checkout: Path, **inputs: str) -> Job:
        head = git(self.origin, "rev-parse", "HEAD")
        event = {"repository": {"private": True}, "pull_request": {"number": 7, "head": {"sha": head}}}
        return self.machine.run(
            checkout, event, "f" * 40, INPUTS | {"command": "plan", "signing-key": self.key} | inputs
        )

    def apply(self, checkout: Path, commit: str) -> Job:
        shutil.rmtree(self.machine.home / "temp" / "tap" / "downloaded", ignore_errors=True)
        return self.machine.run(
            checkout, {"repository": {"private": True}}, commit, INPUTS | {"command": "apply"}
        )


@pytest.fixture(scope="module")
def house(cloud: dict[str, str], product: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    origin = directory / "origin"
    shutil.copytree(STACKS / "group", origin / "infra")
    Tap(directory).succeeds("keys", "new", "release.key")
    shutil.copy(directory / "release.key.pub", origin / "infra")
    (origin / "infra" / "tap.toml").write_text(SETTINGS)
    (origin / ".gitignore").write_text(".tap/\n")
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "one")
    with hub(directory / "store") as known:
        yield House(
            origin,
            (directory / "release.key").read_text(),
            Runner(directory / "machine", product, cloud, known),
            known,
        )


def groups(cloud: dict[str, str]) -> list[str]:
    logs = boto3.client(
        "logs",
        endpoint_url=cloud["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]]


def test_from_the_pull_request_to_the_merge(house: House, cloud: dict[str, str]) -> None:
    """One house, one story: each job finds what the one before left."""
    merge = git(house.origin, "rev-parse", "HEAD")
    planned(house)
    planned_again_with_a_closed_gate(house)
    failed_before_there_was_a_judgement(house)
    kept = house.hub.store / house.hub.artifacts[0]["name"] / "sealed-plan"
    house.hub.pulls = [
        {"merged_at": None, "merge_commit_sha": merge, "head": {"sha": "0" * 40}},
        {"merged_at": "2026-11-21T10:00:00Z", "merge_commit_sha": merge, "head": {"sha": merge}},
    ]
    refused_where_it_was_tampered_with(house, kept, merge)
    assert groups(cloud) == []
    job = house.apply(house.clone("applied"), merge)
    assert (job.code, job.steps["apply"]["exit-code"]) == (0, "0"), job.log
    assert job.ran[-3:] == ["Find the sealed plan", "actions/download-artifact", "Apply"]
    assert re.fullmatch(r"Applied \S+: 1 created\.\n", job.summary)
    assert groups(cloud) == ["/one"]


def planned(house: House) -> None:
    job = house.plan(house.clone("planned"))
    assert job.code == 0, job.log
    assert "tap, version 9.8.7\n" in job.log
    assert job.ran == [
        "actions/setup-python",
        "Install tap",
        "Plan",
        "Comment",
        "Pack the sealed plan",
        "actions/upload-artifact",
    ]
    (comment,) = house.hub.comments
    assert MARK.match(comment["body"])
    assert "tap: the gate is open" in comment["body"]
    assert f"Sealed as `{job.steps['plan']['id']}`, signed." in comment["body"]
    assert "the gate is open" in job.summary
    assert Path(job.steps["plan"]["sarif"]).is_file()
    assert [one.split("?")[0].split("/")[-1] for one in house.hub.asked] == ["comments", "comments"]
    assert [one.split()[0] for one in house.hub.asked] == ["GET", "POST"]
    (artifact,) = house.hub.artifacts
    assert artifact["name"].endswith(git(house.origin, "rev-parse", "HEAD"))
    data = (house.hub.store / artifact["name"] / "sealed-plan").read_bytes()
    assert job.steps["plan"]["id"].encode() not in data
    assert house.key not in job.log


def planned_again_with_a_closed_gate(house: House) -> None:
    """The comment is written over, there is nothing to apply, and the job is red."""
    checkout = house.clone("closed")
    source = checkout / "infra" / "main.tf"
    source.write_text(source.read_text().replace("= 14", "= 30"))
    forged = house.hub.comment(f"{house.hub.comments[0]['body'].splitlines()[0]}\nsomebody else's", "User")
    house.hub.comments.insert(0, house.hub.comments.pop())
    house.hub.asked.clear()
    job = house.plan(checkout)
    assert (job.code, job.steps["plan"]["exit-code"]) == (3, "3"), job.log
    assert job.ran[-2:] == ["Plan", "Comment"]
    assert [one.split()[0] for one in house.hub.asked] == ["GET", "PATCH"]
    assert forged["body"].endswith("somebody else's")
    assert "tap: the gate is closed" in house.hub.comments[1]["body"]
    assert len(house.hub.artifacts) == 1


def failed_before_there_was_a_judgement(house: House) -> None:
    """What an earlier plan said must not stay."""
    checkout = house.clone("broken")
    (checkout / "infra" / "tap.toml").write_text("[environments.prod]\nregoin = 1\n")
    job = house.plan(checkout)
    assert (job.code, job.ran[-1]) == (64, "Comment"), job.log
    assert MARK.sub("", house.hub.comments[1]["body"]) == (
        "### tap: no plan\n\n`infra`, environment `prod`: the plan failed before anything could be judged; "
        "[the run](https://github.com/acme/infra/actions/runs/9000) says why.\n"
    )


def refused_where_it_was_tampered_with(house: House, kept: Path, merge: str) -> None:
    """By somebody without the key, and by somebody with it."""
    checkout, before = house.clone("tampered"), kept.read_bytes()
    sys.path.insert(0, str(SCRIPTS))
    try:
        import encryption
    finally:
        sys.path.remove(str(SCRIPTS))
    flipped = bytearray(before)
    flipped[len(flipped) // 2] ^= 1
    kept.write_bytes(bytes(flipped))
    job = house.apply(checkout, merge)
    assert job.code == 5, job.log
    assert "was not encrypted with this artifact-key, or it was changed" in job.log
    kept.write_bytes(
        encryption.encrypt(
            changed(encryption.decrypt(before, INPUTS["artifact-key"])), INPUTS["artifact-key"]
        )
    )
    job = house.apply(checkout, merge)
    assert (job.code, job.steps["apply"]["exit-code"]) == (5, "5"), job.log
    assert "is not what was judged; nothing was applied" in job.log
    assert job.summary == ""
    kept.write_bytes(before)


def changed(packed: bytes) -> bytes:
    """The same plan, with one byte of Terraform's file changed."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as before, tarfile.open(fileobj=made, mode="w") as after:
        for member in before.getmembers():
            file = before.extractfile(member)
            data = bytearray(file.read() if file else b"")
            if member.name.endswith("/tfplan"):
                data[-1] ^= 1
            after.addfile(member, io.BytesIO(bytes(data)))
    return made.getvalue()
