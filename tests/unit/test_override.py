"""What of a configuration is set aside for the embedded AWS, and for how long the file that does it is there."""

from __future__ import annotations

import fcntl
from pathlib import Path

import orjson
import pytest

from tapstack.errors import EnvironmentFailure
from tapstack.terraform import override
from tapstack.terraform.source import OVERRIDE_NAME, configuration_files


def written(directory: Path, text: str) -> override.Override | None:
    (directory / "main.tf").write_text(text)
    return override.needed(directory)


@pytest.mark.parametrize(
    ("text", "sets_aside"),
    [
        ('terraform {\n  backend "s3" {\n    bucket = "b"\n  }\n}\n', ("backend s3",)),
        ('terraform {\n  cloud {\n    organization = "o"\n  }\n}\n', ("cloud",)),
        ('provider "aws" {\n  profile = var.profile\n}\n', ("profile",)),
        ('provider "aws" {\n  endpoints {\n    s3 = "http://localhost:4566"\n  }\n}\n', ("endpoints",)),
        # What can't be read here may be Terraform all the same, and must not reach a backend.
        ('terraform {\n  backend "s3" {}\n}\nlocals {\n  for = 1\n}\n', ("backend",)),
    ],
)
def test_what_leads_to_real_places_is_set_aside(
    text: str, sets_aside: tuple[str, ...], tmp_path: Path
) -> None:
    found = written(tmp_path, text)
    assert found is not None
    assert found.sets_aside == sets_aside
    assert found.of_backend == text.startswith("terraform")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# the backend's profile\n",
        'provider "aws" {\n  region = "us-east-1"\n}\n',
        'provider "other" {\n  profile = "p"\n}\n',
        'resource "aws_iam_instance_profile" "p" {\n  name = "profile"\n}\n',
    ],
)
def test_most_configurations_need_none(text: str, tmp_path: Path) -> None:
    assert written(tmp_path, text) is None


def test_each_provider_configuration_is_overridden_by_its_alias(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        'provider "aws" {\n  profile = "p"\n}\n'
        'provider "aws" {\n  alias = "w"\n  profile = "p"\n  allowed_account_ids = ["1"]\n}\n',
    )
    assert found is not None
    assert found.text == (
        'provider "aws" {\n  profile = null\n}\n'
        'provider "aws" {\n  alias = "w"\n  profile = null\n  allowed_account_ids = null\n}\n'
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / ".tap").mkdir()
    path = tmp_path / ".tap" / "override.tf"
    path.write_text('terraform {\n  backend "local" {}\n}\n')
    return path


def test_the_link_is_there_while_terraform_runs_and_is_nobodys_configuration(
    tmp_path: Path, target: Path
) -> None:
    link = tmp_path / OVERRIDE_NAME
    with override.linked(tmp_path, target):
        assert link.read_text() == target.read_text()
        assert configuration_files(tmp_path) == []
        with override.linked(tmp_path, target):
            pass
        assert link.is_symlink(), "the other one is still at work"
    assert not link.is_symlink()


def test_who_works_elsewhere_waits_for_the_embedded_aws(tmp_path: Path, target: Path) -> None:
    with (
        override.linked(tmp_path, target),
        pytest.raises(EnvironmentFailure, match="Another tap is at work in"),
        override.linked(tmp_path, None),
    ):
        pass


def test_two_backends_are_never_in_force_at_once(tmp_path: Path, target: Path) -> None:
    other = tmp_path / ".tap" / "other.tf"
    other.write_text('terraform {\n  backend "s3" {}\n}\n')
    link = tmp_path / OVERRIDE_NAME
    with override.linked(tmp_path, target):
        with (
            pytest.raises(EnvironmentFailure, match="Another tap is at work in "),
            override.linked(tmp_path, other),
        ):
            pass
        assert link.read_text() == target.read_text()
    link.symlink_to(".tap/override.tf")
    with override.linked(tmp_path, other):
        assert link.read_text() == other.read_text()
    assert not link.is_symlink()


def test_what_a_killed_tap_left_is_removed(tmp_path: Path, target: Path) -> None:
    link = tmp_path / OVERRIDE_NAME
    link.symlink_to(".tap/override.tf")
    with override.linked(tmp_path, None):
        assert not link.is_symlink()
    link.symlink_to("nowhere")
    override.remove_left_over(tmp_path)
    assert not link.is_symlink()
    with target.open("rb") as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_terraforms_record_of_the_backend_agrees_with_the_override(tmp_path: Path) -> None:
    record = tmp_path / "data" / "terraform.tfstate"
    local = override.Override('terraform {\n  backend "local" {}\n}\n', ("backend s3",))
    override.prepare_backend(record.parent, local)
    assert orjson.loads(record.read_bytes())["backend"]["type"] == "local"
    record.write_bytes(b"Terraform's own")
    override.prepare_backend(record.parent, local)
    assert record.read_bytes() == b"Terraform's own"
    override.prepare_backend(record.parent, None)
    assert not record.exists()


def test_new_empty_directories_of_workspaces_are_removed_and_others_stay(tmp_path: Path) -> None:
    workspaces = tmp_path / "terraform.tfstate.d"
    with override.without_new_directories(tmp_path):
        (workspaces / "blue").mkdir(parents=True)
    assert not workspaces.exists()
    (workspaces / "green").mkdir(parents=True)
    with override.without_new_directories(tmp_path):
        for name in ("blue", "red"):
            (workspaces / name).mkdir()
        (workspaces / "red" / "terraform.tfstate").touch()
    assert sorted(path.name for path in workspaces.iterdir()) == ["green", "red"]
