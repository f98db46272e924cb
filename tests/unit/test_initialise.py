"""When `terraform init` is needed, and when it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tapstack.terraform.binary import Binary
from tapstack.terraform.initialise import InitRecord
from tapstack.terraform.source import OVERRIDE_NAME

STACK = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
}
provider "aws" {}
module "part" {
  source = "./part"
}
resource "aws_sqs_queue" "q" {
  name = "one"
}
"""


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], InitRecord]:
    stack = tmp_path / "stack"
    (stack / "part").mkdir(parents=True)
    (stack / "main.tf").write_text(STACK)
    (stack / "part" / "main.tf").write_text('resource "aws_sns_topic" "t" {}\n')
    (stack / ".terraform.lock.hcl").write_text("one")

    def make(version: str = "1.11.4") -> InitRecord:
        return InitRecord(tmp_path / "init.json", stack, Binary(("terraform",), "terraform", version, "PATH"))

    assert make().needed()
    make().done()
    assert not make().needed()
    return make


def edit(tmp_path: Path, name: str, old: str, new: str) -> None:
    path = tmp_path / "stack" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("main.tf", "~> 5.100", "~> 5.99"),
        ("main.tf", "./part", "./part/../part2"),
        ("main.tf", 'provider "aws" {}', 'provider "aws" {}\nprovider "random" {}'),
        ("main.tf", "aws_sqs_queue", "random_id"),
        ("main.tf", "terraform {", 'terraform {\n  backend "s3" {}'),
        ("part/main.tf", "aws_sns_topic", "time_sleep"),
        (".terraform.lock.hcl", "one", "two"),
    ],
)
def test_what_init_reads_calls_for_init(
    record: Callable[[str], InitRecord], tmp_path: Path, name: str, old: str, new: str
) -> None:
    edit(tmp_path, name, old, new)
    assert record("1.11.4").needed()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("main.tf", '"one"', '"two"'),
        ("part/main.tf", "{}", '{\n  name = "x"\n}'),
        ("main.tf", "\nresource", "\n\nresource"),
    ],
)
def test_everything_else_does_not(
    record: Callable[[str], InitRecord], tmp_path: Path, name: str, old: str, new: str
) -> None:
    edit(tmp_path, name, old, new)
    assert not record("1.11.4").needed()


def test_another_terraform_calls_for_init(record: Callable[[str], InitRecord]) -> None:
    assert record("1.12.0").needed()


def test_a_file_that_does_not_parse_calls_for_init(
    record: Callable[[str], InitRecord], tmp_path: Path
) -> None:
    edit(tmp_path, "main.tf", "resource", "resource {{{")
    assert record("1.11.4").needed()


def test_a_spoilt_record_calls_for_init(record: Callable[[str], InitRecord], tmp_path: Path) -> None:
    (tmp_path / "init.json").write_text("{")
    assert record("1.11.4").needed()


@pytest.mark.parametrize("name", [".hidden.tf", OVERRIDE_NAME, "main.tf~"])
def test_what_is_no_configuration_does_not(
    record: Callable[[str], InitRecord], tmp_path: Path, name: str
) -> None:
    (tmp_path / "stack" / name).write_text("this is no Terraform {")
    assert not record("1.11.4").needed()


def test_templates_do_not_hide_what_init_depends_on(
    record: Callable[[str], InitRecord], tmp_path: Path
) -> None:
    edit(tmp_path, "main.tf", '"one"', '"%{ if var.a == "b" }${lookup({ c = "d" }, "c")}%{ endif }"')
    assert not record("1.11.4").needed()
    edit(tmp_path, "main.tf", "~> 5.100", "~> 5.99")
    assert record("1.11.4").needed()
