"""HCL evaluated without Terraform: what literals, variables and locals settle, and what stays unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.errors import GateFailed
from tapstack.model import template
from tapstack.model.hcl import from_hcl
from tapstack.model.stack import Stack
from tapstack.model.values import MISSING, Unknown
from tapstack.terraform.source import read_configuration

PROLOGUE = """
variable "days" {
  type    = number
  default = 14
}
variable "given" {}
variable "object" {
  default = { a = [1, { b = "deep" }] }
}
locals {
  prefix = "${var.given}-dev"
  twice  = "${local.prefix}/${local.prefix}"
  round  = local.round
}
"""


def stack_of(directory: Path, text: str, **variables: Any) -> Stack:
    (directory / "main.tf").write_text(text)
    return from_hcl(read_configuration(directory), variables)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("var.days", 14),
        ("var.object.a[1].b", "deep"),
        ('var.object["a"][0]', 1),
        ("var.object.absent", Unknown(("var.object.absent",))),
        ("local.twice", "acme-dev/acme-dev"),
        ('"${var.days} days, $${literal}"', "14 days, ${literal}"),
        ("local.round", Unknown(("local.round",))),
        ("local.absent", Unknown(("local.absent",))),
        ("aws_kms_key.k.arn", Unknown(("aws_kms_key.k.arn",))),
        ('"arn:${aws_kms_key.k.arn}"', Unknown(("aws_kms_key.k.arn",))),
        ("var.days > 3 ? 1 : 2", Unknown(("var.days",))),
        (
            'merge(local.x, { a = module.m.out, "b" = "${data.d_e.f.g}" })',
            Unknown(("local.x", "module.m.out", "data.d_e.f.g")),
        ),
        ("[var.days, each.key]", [14, Unknown(("each.key",))]),
        ("null", MISSING),
    ],
)
def test_a_value_is_settled_as_far_as_the_code_goes(written: str, value: Any, tmp_path: Path) -> None:
    stack = stack_of(tmp_path, f'{PROLOGUE}\nresource "a_b" "c" {{\n  v = {written}\n}}\n', given="acme")
    assert stack.resources["a_b.c"].get("v") == value


def test_a_variable_without_a_value_is_unknown_and_a_given_one_takes_its_type(tmp_path: Path) -> None:
    text = f'{PROLOGUE}\nresource "a_b" "c" {{\n  days = var.days\n  given = var.given\n}}\n'
    resource = stack_of(tmp_path, text, days="30").resources["a_b.c"]
    assert (resource.get("days"), resource.get("given")) == (30, Unknown(("var.given",)))


def test_blocks_are_lists_and_dynamic_ones_are_unknown(tmp_path: Path) -> None:
    text = (
        'resource "a_b" "c" {\n  one {\n    x = 1\n  }\n  one {\n    x = 2\n  }\n'
        '  dynamic "two" {\n    for_each = var.list\n    content {\n      x = two.value\n    }\n  }\n'
        "  lifecycle {\n    prevent_destroy = true\n  }\n  depends_on = [a_b.d]\n}\n"
    )
    values = stack_of(tmp_path, text).resources["a_b.c"].values
    assert values == {"one": [{"x": 1}, {"x": 2}], "two": Unknown(("var.list",))}


def test_what_count_switches_off_is_not_there(tmp_path: Path) -> None:
    text = 'resource "a_b" "c" {\n  count = 0\n}\nresource "a_b" "d" {\n  count = var.n\n}\n'
    assert list(stack_of(tmp_path, text).resources) == ["a_b.d"]


def test_default_tags_belong_to_their_provider(tmp_path: Path) -> None:
    text = (
        'provider "aws" {\n  default_tags {\n    tags = { A = "a" }\n  }\n}\n'
        'provider "aws" {\n  alias = "west"\n}\n'
        'resource "aws_sqs_queue" "east" {}\nresource "aws_sqs_queue" "west" {\n  provider = aws.west\n}\n'
    )
    stack = stack_of(tmp_path, text)
    assert stack.default_tags_of(stack.resources["aws_sqs_queue.east"]) == {"A": "a"}
    assert stack.default_tags_of(stack.resources["aws_sqs_queue.west"]) is MISSING


def test_a_module_gets_its_arguments_and_its_providers(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.tf").write_text(
        'variable "days" {}\nresource "aws_cloudwatch_log_group" "l" {\n  retention_in_days = var.days\n}\n'
    )
    text = (
        'provider "aws" {\n  alias = "west"\n  default_tags {\n    tags = { A = "a" }\n  }\n}\n'
        'locals {\n  days = 30\n}\nmodule "m" {\n  source = "./m"\n  days = local.days\n'
        "  providers = { aws = aws.west }\n}\n"
    )
    stack = stack_of(tmp_path, text)
    resource = stack.resources["module.m.aws_cloudwatch_log_group.l"]
    assert resource.get("retention_in_days") == 30
    assert resource.module_path == ("m",)
    assert stack.default_tags_of(resource) == {"A": "a"}


def test_a_configuration_that_was_not_read_as_a_whole_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match="module far comes from"):
        stack_of(tmp_path, 'module "far" {\n  source = "hashicorp/x/aws"\n}\n')
    (tmp_path / "more.tf.json").write_text("{}")
    with pytest.raises(GateFailed, match=r"more\.tf\.json"):
        stack_of(tmp_path, 'resource "a_b" "c" {}\n')


def test_a_resource_declared_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match=r"a_b\.c is declared twice"):
        stack_of(tmp_path, 'resource "a_b" "c" {}\nresource "a_b" "c" {}\n')


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("logs.${var.region}.amazonaws.com", ("var.region",)),
        ('${join(".", [a_b.c.d, "x.y_z.w", "${local.e}"])}', ("a_b.c.d", "local.e")),
        ('${a_b.c["k"].d} ${a_b.c[0].e} $${a_b.x.y}', ('a_b.c["k"].d', "a_b.c[0].e")),
        ("${[for s in var.list : s.name]}", ("var.list",)),
        ("%{ if var.on }x%{ endif }", ("var.on",)),
        ('${a_b.c.d == "}" ? 1 : var.z}', ("a_b.c.d", "var.z")),
    ],
)
def test_references_are_found_in_code_and_not_in_text(text: str, references: tuple[str, ...]) -> None:
    assert template.references(text) == references
