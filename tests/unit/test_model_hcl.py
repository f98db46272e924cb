"""HCL evaluated without Terraform: what literals, variables and locals settle, and what stays unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.errors import GateFailed
from tapstack.model import template
from tapstack.model.expression import unknowns
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
        ("var.days > 3 ? 1 : 2", 1),
        ("[for k, v in var.object : k]", ["a"]),
        ('"${local.twice}:${aws_kms_key.k.arn}"', Unknown(("aws_kms_key.k.arn",))),
        ("path.module", Unknown(("path.module",))),
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


def test_dynamic_blocks_over_what_is_known_stand_among_the_others(tmp_path: Path) -> None:
    text = (
        'resource "a_b" "c" {\n  rule {\n    x = 1\n  }\n'
        '  dynamic "rule" {\n    for_each = { b = [1], a = [a_b.d.id] }\n    iterator = it\n'
        "    content {\n      x = it.key\n"
        '      dynamic "inner" {\n        for_each = it.value\n        content {\n'
        '          y = "${it.key}-${inner.value}"\n        }\n      }\n    }\n  }\n'
        "  rule {\n    x = 2\n  }\n}\n"
    )
    assert stack_of(tmp_path, text).resources["a_b.c"].get("rule") == [
        {"x": 1},
        {"x": "a", "inner": [{"y": Unknown(("a_b.d.id",))}]},
        {"x": "b", "inner": [{"y": "b-1"}]},
        {"x": 2},
    ]


def test_count_and_for_each_make_instances_where_they_are_known(tmp_path: Path) -> None:
    text = (
        'locals {\n  names = { r = "reader", w = "writer" }\n}\n'
        'resource "a_b" "each" {\n  for_each = local.names\n  name = "${each.key}-${each.value}"\n}\n'
        'resource "a_b" "set" {\n  for_each = toset(["x.y"])\n  name = each.value\n}\n'
        'resource "a_b" "two" {\n  count = length(local.names)\n  name = count.index\n}\n'
        'resource "a_b" "some" {\n  for_each = a_b.d.ids\n  name = each.key\n}\n'
        'resource "a_b" "uses" {\n'
        '  one = a_b.each["w"].name\n  arn = a_b.each["w"].arn\n  all = values(a_b.each)[*].arn\n'
        "  each = { for k, v in a_b.each : k => v.name }\n  names = a_b.two[*].name\n}\n"
    )
    resources = stack_of(tmp_path, text).resources
    assert {address: r.get("name") for address, r in resources.items() if r.has("name")} == {
        'a_b.each["r"]': "r-reader",
        'a_b.each["w"]': "w-writer",
        'a_b.set["x.y"]': "x.y",
        "a_b.two[0]": 0,
        "a_b.two[1]": 1,
        "a_b.some": Unknown(("each.key",)),
    }
    assert [resources[address].index for address in ('a_b.each["r"]', "a_b.two[1]", "a_b.some")] == [
        "r",
        1,
        None,
    ]
    assert resources["a_b.uses"].values == {
        "one": "w-writer",
        "arn": Unknown(('a_b.each["w"].arn',)),
        "all": [Unknown(('a_b.each["r"].arn',)), Unknown(('a_b.each["w"].arn',))],
        "each": {"r": "r-reader", "w": "w-writer"},
        "names": [0, 1],
    }


def test_a_reference_to_a_resource_is_its_value_only_where_the_code_says_it(tmp_path: Path) -> None:
    text = (
        'resource "a_b" "c" {\n  name = "n"\n  null = null\n  me = a_b.c.you\n  you = a_b.c.me\n'
        "  block {\n    a = 1\n  }\n}\n"
        'data "a_d" "c" {\n  name = "n"\n}\n'
        'resource "a_b" "uses" {\n  a = a_b.c.name\n  b = a_b.c.id\n  c = a_b.c.null\n  d = a_b.c.me\n'
        "  e = a_b.c.block[0].a\n  f = a_b.c.block[0].z\n  g = a_b.c.block\n  h = data.a_d.c.name\n"
        '  i = try(a_b.c.block[0].z, "no")\n}\n'
    )
    values = stack_of(tmp_path, text).resources["a_b.uses"].values
    assert values == {
        "a": "n",
        "b": Unknown(("a_b.c.id",)),
        "c": Unknown(("a_b.c.null",)),
        "d": Unknown(("a_b.c.me",)),
        "e": 1,
        "f": Unknown(("a_b.c.block[0].z",)),
        "g": Unknown(("a_b.c.block",)),
        "h": Unknown(("data.a_d.c.name",)),
        "i": Unknown(("a_b.c.block[0].z",)),
    }


def test_modules_have_instances_and_outputs(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.tf").write_text(
        'variable "topic" {}\nvariable "name" {\n  type = string\n}\n'
        'resource "a_b" "c" {\n  name = var.name\n  topic = var.topic\n}\n'
        'output "name" {\n  value = a_b.c.name\n}\noutput "arn" {\n  value = a_b.c.arn\n}\n'
    )
    text = (
        'module "m" {\n  source = "./m"\n  for_each = toset(["x", "y"])\n'
        "  name = each.key\n  topic = a_b.t.arn\n}\n"
        'module "off" {\n  source = "./m"\n  count = 0\n  name = 1\n  topic = 1\n}\n'
        'module "some" {\n  source = "./m"\n  count = a_b.t.n\n  name = count.index\n  topic = 5\n}\n'
        'resource "a_b" "uses" {\n  name = module.m["y"].name\n  arn = module.m["y"].arn\n'
        "  all = [for m in module.m : m.name]\n  none = one(module.off[*].name)\n  some = module.some[0].name\n}\n"
    )
    resources = stack_of(tmp_path, text).resources
    assert {address: r.values for address, r in resources.items()} == {
        'module.m["x"].a_b.c': {"name": "x", "topic": Unknown(("var.topic",))},
        'module.m["y"].a_b.c': {"name": "y", "topic": Unknown(("var.topic",))},
        "module.some.a_b.c": {"name": Unknown(("var.name",)), "topic": 5},
        "a_b.uses": {
            "name": "y",
            "arn": Unknown(('module.m["y"].arn',)),
            "all": ["x", "y"],
            "none": None,
            "some": Unknown(("module.some[0].name",)),
        },
    }


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        ("type = set(string)", ["b", "a", "b"], ["a", "b"]),
        ("type = list(number)", ["1", 2], [1, 2]),
        ("type = map(string)", {"a": True}, {"a": "true"}),
        ('type = object({ a = string, b = optional(number, 5), c = optional(bool) })', {"a": 1, "z": 2},
         {"a": "1", "b": 5, "c": None}),
        ("type = tuple([string, bool])", [1, "true"], ["1", True]),
        ("type = list(string)", "no list", Unknown(("var.v",))),
        ("type = any", "${var.x}", "${var.x}"),
        ("sensitive = true", "secret", Unknown(("var.v",))),
        ("default = 7\n  nullable = false", None, 7),
        ("default = 7", None, MISSING),
    ],
)  # fmt: skip
def test_a_variable_has_its_declared_type(declared: str, given: Any, value: Any, tmp_path: Path) -> None:
    text = f'variable "v" {{\n  {declared}\n}}\nresource "a_b" "c" {{\n  v = var.v\n}}\n'
    stack = stack_of(tmp_path, text, v=given)
    assert stack.resources["a_b.c"].get("v") == value
    assert stack.variables["v"] == (None if value is MISSING else value)


def test_lifecycle_backend_and_outputs_are_handed_on(tmp_path: Path) -> None:
    text = (
        'terraform {\n  backend "s3" {\n    encrypt = true\n  }\n}\n'
        'resource "a_b" "c" {\n  lifecycle {\n    prevent_destroy = true\n  }\n  depends_on = [a_b.d]\n}\n'
        'resource "a_b" "d" {}\noutput "o" {\n  value = "x"\n}\n'
    )
    stack = stack_of(tmp_path, text)
    assert stack.backend == {"type": "s3", "encrypt": True}
    assert stack.resources["a_b.c"].lifecycle == {"prevent_destroy": True}
    assert stack.dependencies(stack.resources["a_b.c"]) == {"a_b.d"}
    assert stack.outputs["o"].value == "x"


@pytest.mark.parametrize(
    "text",
    [
        'locals {\n  l0 = "xxxxxxxx"\n'
        + "".join(f'  l{n} = "${{local.l{n - 1}}}${{local.l{n - 1}}}"\n' for n in range(1, 60)),
        "locals {\n  l0 = [1]\n"
        + "".join(f"  l{n} = [local.l{n - 1}, local.l{n - 1}]\n" for n in range(1, 60)),
        "locals {\n  l0 = 1\n"
        + "".join(f"  l{n} = local.l{n - 1}\n" for n in range(1, 2000))
        + "  l59 = l60\n",
    ],
    ids=["text", "list", "chain"],
)
def test_locals_that_grow_without_end_are_unknown(text: str, tmp_path: Path) -> None:
    value = stack_of(tmp_path, f'{text}}}\nresource "a_b" "c" {{\n  v = local.l59\n}}\n').resources["a_b.c"]
    assert next(unknowns(value.get("v")), None) is not None


def test_more_resources_than_anyone_has_are_refused(tmp_path: Path) -> None:
    blocks = "".join(f'resource "a_b" "c{n}" {{\n  count = 20000\n}}\n' for n in range(6))
    with pytest.raises(GateFailed, match="more than 100,000 resources"):
        stack_of(tmp_path, blocks)


def test_json_syntax_is_judged_like_hcl(tmp_path: Path) -> None:
    (tmp_path / "json.tf.json").write_text(
        '{"//": "comment", "variable": {"days": {"type": "number", "default": "30"}},'
        '"resource": {"aws_dynamodb_table": {"t": {"name": "${var.days}-t", "tags": {"A": "a"},'
        '"point_in_time_recovery": {"enabled": true}, "depends_on": ["aws_sqs_queue.q"]}},'
        '"aws_sqs_queue": {"q": [{"name": "q", "provider": "aws.west"}]}},'
        '"provider": {"aws": [{}, {"alias": "west", "default_tags": {"tags": {"B": "b"}}}]}}'
    )
    stack = stack_of(tmp_path, 'resource "a_b" "c" {}\n')
    table, queue = stack.resources["aws_dynamodb_table.t"], stack.resources["aws_sqs_queue.q"]
    assert table.values == {"name": "30-t", "tags": {"A": "a"}, "point_in_time_recovery": [{"enabled": True}]}
    assert stack.dependencies(table) == {"aws_sqs_queue.q"}
    assert stack.default_tags_of(queue) == {"B": "b"}


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
        ("${[for my_item in a_b.c.list : my_item.name]}", ("a_b.c.list",)),
        ("${a_b.c.d ?? var.z(}", ("a_b.c.d",)),
    ],
)
def test_references_are_found_in_code_and_not_in_text(text: str, references: tuple[str, ...]) -> None:
    assert template.references(text) == references


@pytest.mark.parametrize(
    ("text", "value"),
    [('["a", "b"]', ["a", "b"]), ("[", Unknown(("var.list",))), ("a", Unknown(("var.list",)))],
)
def test_a_text_for_a_variable_of_another_type_is_an_expression(
    text: str, value: Any, tmp_path: Path
) -> None:
    written = 'variable "list" {\n  type = list(string)\n}\nresource "a_b" "c" {\n  v = var.list\n}\n'
    assert stack_of(tmp_path, written, list=text).resources["a_b.c"].get("v") == value


def test_the_workspace_is_known_where_it_is_said_in_called_modules_too(tmp_path: Path) -> None:
    inner = 'resource "a_b" "c" {\n  v = "in ${terraform.workspace}"\n}\n'
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.tf").write_text(inner)
    (tmp_path / "main.tf").write_text(f'{inner}module "m" {{\n  source = "./inner"\n}}\n')
    configuration = read_configuration(tmp_path)
    for workspace, value in (("blue", "in blue"), (None, Unknown(("terraform.workspace",)))):
        stack = from_hcl(configuration, {}, workspace)
        assert [resource.get("v") for resource in stack.resources.values()] == [value, value]
