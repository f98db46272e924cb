"""Which files a seal binds, and what it says of the place of the state."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from tapstack.deployment.surroundings import backend, configuration, endpoint, file_digests, uploaded
from tapstack.settings import load
from tapstack.terraform.source import OVERRIDE_NAME


def write(directory: Path, *names: str) -> None:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_every_file_that_terraform_or_tap_reads_is_bound(tmp_path: Path) -> None:
    read = [
        "a.tf",
        "b.tf.json",
        "c.tfvars",
        "env/d.tfvars.json",
        "m/n/e.tf",
        ".terraform.lock.hcl",
        "tap.toml",
    ]
    write(
        tmp_path, *read, "README.md", "m/page.html", ".terraform/modules/x/f.tf", ".hidden.tf", OVERRIDE_NAME
    )
    assert file_digests(tmp_path, []) == {name: hashlib.sha256(name.encode()).hexdigest() for name in read}


def test_an_editors_lock_is_no_configuration(tmp_path: Path) -> None:
    write(tmp_path, "a.tf")
    for name in (".#a.tf", "b.tf"):
        (tmp_path / name).symlink_to("nobody@nowhere.1:1")
    assert list(file_digests(tmp_path, [])) == ["a.tf"]


def plan(after: Any, actions: list[str], type_: str = "aws_s3_object") -> dict[str, Any]:
    change = {"actions": actions, "after": after}
    return {"resource_changes": [{"address": f"{type_}.x", "type": type_, "change": change}]}


def test_what_a_resource_uploads_is_named_by_its_plan(tmp_path: Path) -> None:
    write(tmp_path, "files/a.html", "../beside.html", "b.zip")
    after = {
        "source": "./files/a.html",
        "more": [{"code": "b.zip"}, "../beside.html", str(tmp_path / "b.zip")],
    }
    assert uploaded(plan(after, ["create"]), tmp_path) == {"files/a.html", "b.zip", "../beside.html"}


@pytest.mark.parametrize(
    ("after", "actions", "type_"),
    [
        ({"source": "a.html"}, ["delete"], "aws_s3_object"),
        ({"source": "a.html"}, ["no-op"], "aws_s3_object"),
        # Writes the file itself.
        ({"filename": "a.html"}, ["create"], "local_file"),
        # A path on a machine that the stack describes.
        ({"host_path": "/etc/hosts"}, ["create"], "aws_ecs_task_definition"),
        ({"text": "x" * 5000, "other": "\0", "empty": "", "number": 7, "none": None}, ["create"], "aws_x"),
        ({"directory": "."}, ["create"], "aws_x"),
        (None, ["create"], "aws_x"),
    ],
)
def test_other_texts_name_no_file(tmp_path: Path, after: Any, actions: list[str], type_: str) -> None:
    write(tmp_path, "a.html")
    assert uploaded(plan(after, actions, type_), tmp_path) == set()


def prepared(directory: Path, **env: str) -> Any:
    """As much of a prepared stack as the place of its state and its modules need."""
    data_dir = directory / ".tap" / "prod" / "terraform"
    data_dir.mkdir(parents=True, exist_ok=True)
    (directory / "tap.toml").write_text("[environments.prod]\n")
    return SimpleNamespace(
        settings=load(directory, "prod"),
        data_dir=data_dir,
        driver=SimpleNamespace(env={"TF_DATA_DIR": str(data_dir), **env}),
        packages=[],
        sandbox=None,
    )


def test_the_place_of_a_state_and_of_aws_is_told_without_credentials(tmp_path: Path) -> None:
    stack = prepared(tmp_path, AWS_ENDPOINT_URL="https://me:secret@aws.example.org")
    config = {"address": "https://me:secret@states.example.org/one", "password": "secret", "username": "me"}
    record = Path(stack.driver.env["TF_DATA_DIR"], "terraform.tfstate")
    record.write_bytes(orjson.dumps({"backend": {"type": "http", "config": config}}))
    assert backend(stack) == "http address=https://states.example.org/one"
    assert endpoint(stack) == "AWS_ENDPOINT_URL=https://aws.example.org"


def test_modules_beside_the_stack_and_downloaded_ones_are_bound(tmp_path: Path) -> None:
    stack = prepared(tmp_path / "stack")
    write(tmp_path, "stack/main.tf", "beside/b.tf", "beside/README.md")
    write(tmp_path / "stack", ".tap/prod/terraform/modules/far/f.tf")
    modules = [
        {"Key": "", "Source": "", "Dir": "."},
        {"Key": "beside", "Source": "../beside", "Dir": "../beside"},
        {"Key": "far", "Source": "git::https://example.org/far", "Dir": ".tap/prod/terraform/modules/far"},
    ]
    noted = Path(stack.driver.env["TF_DATA_DIR"], "modules", "modules.json")
    noted.write_bytes(orjson.dumps({"Modules": modules}))
    assert set(configuration(stack).files) == {
        "main.tf",
        "tap.toml",
        "../beside/b.tf",
        ".tap/prod/terraform/modules/far/f.tf",
    }
