"""What is known of texts that are known in part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.model.hcl import from_hcl
from tapstack.model.text_parts import text_parts
from tapstack.model.values import Unknown
from tapstack.terraform.source import read_configuration

STACK = """
variable "environment" { default = "dev" }
variable "given" {}
locals {
  prefix = "acme-${var.environment}"
  name   = "${local.prefix}-${aws_vpc.v.id}"
}
resource "aws_vpc" "v" {}
resource "aws_sqs_queue" "dlq" { name = "orders-dlq" }
resource "aws_sqs_queue" "q" {
  name = %s
}
"""
VPC = Unknown(("aws_vpc.v.id",))


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ('"${local.prefix}-orders"', ("acme-dev-orders",)),
        ('"${local.prefix}-${aws_vpc.v.id}-x"', ("acme-dev-", VPC, "-x")),
        ("local.name", ("acme-dev-", VPC)),
        ('"a-${local.name}"', ("a-acme-dev-", VPC)),
        ('"${aws_sqs_queue.dlq.name}-${aws_vpc.v.id}"', ("orders-dlq-", VPC)),
        ("upper(aws_vpc.v.id)", (VPC,)),
        ('"${var.given}-1"', (Unknown(("var.given",)), "-1")),
        ("null", ()),
    ],
)
def test_settled_pieces_are_text_and_the_others_say_what_they_are_made_of(
    expression: str, parts: tuple[str | Unknown, ...], tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(STACK % expression)
    stack = from_hcl(read_configuration(tmp_path), {})
    assert text_parts(stack, stack.resources["aws_sqs_queue.q"], "name") == parts


def test_pieces_mean_the_same_in_every_module(tmp_path: Path) -> None:
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "main.tf").write_text(
        'variable "prefix" {}\nresource "aws_sqs_queue" "q" {\n  name = "${var.prefix}-q"\n}\n'
    )
    (tmp_path / "main.tf").write_text(
        'resource "aws_vpc" "v" {}\n'
        'module "queue" {\n  source = "./queue"\n  prefix = "acme-${aws_vpc.v.id}"\n}\n'
    )
    stack = from_hcl(read_configuration(tmp_path), {})
    queue = stack.resources["module.queue.aws_sqs_queue.q"]
    assert text_parts(stack, queue, "name") == ("acme-", VPC, "-q")
