"""What the tests of whole workflows share: a cloud, and the product as others get it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tapstack.sandbox import daemon
from tapstack.sandbox.environment import exports
from tests.conftest import ROOT

BUCKET = "tap-states"
# What a CI system or whoever runs the tests may have set, and what a job must not find.
_OUTSIDE = ("GITHUB_", "RUNNER_", "CI", "TAP_", "TF_VAR_", "PYTEST", "PYTHON", "VIRTUAL_ENV", "COLUMNS")
_KEPT = ("TAP_TERRAFORM", "TAP_PROVIDER_MIRROR")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a job with credentials for a cloud that has a bucket for states."""
    directory = tmp_path_factory.mktemp("cloud") / "cloud"
    variables = exports(daemon.start(directory), region="us-east-1")
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in variables and (name in _KEPT or not name.startswith(_OUTSIDE))
    }
    env |= {name: value for name, value in variables.items() if value}
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_bucket(Bucket=BUCKET)
    yield env
    daemon.stop(directory)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository's files, committed or about to be: others clone it, download it, build it."""
    directory = tmp_path_factory.mktemp("product") / "tap"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    return directory


def git(directory: Path, *arguments: str) -> str:
    """What git says, by somebody of its own."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=directory, capture_output=True, check=True, text=True
    )
    return done.stdout.strip()
