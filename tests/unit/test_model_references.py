"""What refers to what: the same answers from HCL, a plan and a state, wherever each of them can know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.model.hcl import from_hcl
from tapstack.model.plan import from_plan
from tapstack.model.references import Located
from tapstack.model.scope import BlockScope, ModuleScope, scope_of_module
from tapstack.model.stack import Address, Kind, Resource, Stack
from tapstack.model.state import from_state
from tapstack.model.values import MISSING, Unknown
from tapstack.terraform.source import Configuration, read_configuration

GRAPH = Path(__file__).parents[1] / "policies" / "documents" / "graph"
SOURCE: Configuration = read_configuration(GRAPH)
PLAN: Any = orjson.loads((GRAPH / "plan.json").read_bytes())
STATE: Any = orjson.loads((GRAPH / "state.json").read_bytes())
STACKS = {
    "hcl": from_hcl(SOURCE, {}),
    "plan and source": from_plan(PLAN, SOURCE),
    "plan": from_plan(PLAN),
    "state and source": from_state(STATE, SOURCE),
    "state": from_state(STATE),
}
KEY, QUEUE, TOPIC, BUCKET = "aws_kms_key", "aws_sqs_queue", "aws_sns_topic", "aws_s3_bucket"
DATA, LOGS = 'aws_kms_key.main["data"]', 'aws_kms_key.main["logs"]'
STORE = "module.store[1].aws_dynamodb_table.this"
POLICY = 'aws_iam_role_policy.function["reader"]'
ALARM = 'aws_cloudwatch_metric_alarm.throttles["orders"]'

everywhere = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())
with_locals = pytest.mark.parametrize(
    "stack",
    [stack for name, stack in STACKS.items() if name != "plan"],
    ids=[n for n in STACKS if n != "plan"],
)


def target(stack: Stack, address: str, path: str, *types: str) -> Any:
    found = stack.target(stack.resources[address], path, *types)
    return found.address if isinstance(found, Resource) else found


def uses(stack: Stack, address: str, *types: str) -> set[tuple[str, str]]:
    return {(use.resource.address, use.path) for use in stack.users(stack.resources[address], *types)}


@everywhere
@pytest.mark.parametrize(
    ("address", "path", "type_", "expected"),
    [
        ('aws_kms_alias.main["data"]', "target_key_id", KEY, DATA),
        ("aws_sns_topic.alarms", "kms_master_key_id", KEY, DATA),
        ("aws_sns_topic.alarms", "kms_master_key_id", "aws_kms_alias", 'aws_kms_alias.main["data"]'),
        ("aws_sqs_queue.work[1]", "kms_master_key_id", KEY, LOGS),
        ("aws_sqs_queue_policy.work[1]", "queue_url", QUEUE, "aws_sqs_queue.work[1]"),
        ("aws_sns_topic_subscription.work[0]", "endpoint", QUEUE, "aws_sqs_queue.work[0]"),
        (POLICY, "role", "aws_iam_role", 'aws_iam_role.function["reader"]'),
        ("aws_s3_bucket_public_access_block.documents", "bucket", BUCKET, "aws_s3_bucket.documents"),
        (f"module.standby.{STORE}", "server_side_encryption.0.kms_key_arn", KEY, "aws_kms_key.standby"),
    ],
)
def test_a_reference_leads_to_the_right_instance(
    stack: Stack, address: str, path: str, type_: str, expected: str
) -> None:
    assert target(stack, address, path, type_) == expected


@with_locals
@pytest.mark.parametrize(
    ("address", "path", "type_", "expected"),
    [
        ("aws_sns_topic.audit", "kms_master_key_id", KEY, DATA),
        ("aws_sqs_queue.dead_letters[1]", "kms_master_key_id", KEY, DATA),
        ("aws_sns_topic_subscription.work[1]", "topic_arn", TOPIC, "aws_sns_topic.alarms"),
        ('aws_cloudwatch_log_group.function["writer"]', "kms_key_id", KEY, LOGS),
        (f'module.service["orders"].{STORE}', "server_side_encryption.0.kms_key_arn", KEY, DATA),
        (f'module.service["refunds"].{STORE}', "server_side_encryption.0.kms_key_arn", KEY, LOGS),
        (
            ALARM,
            "dimensions.TableName",
            "aws_dynamodb_table",
            f'module.service["orders"].{STORE}'.replace("[1]", "[0]"),
        ),
    ],
)
def test_locals_module_arguments_and_outputs_are_followed(
    stack: Stack, address: str, path: str, type_: str, expected: str
) -> None:
    assert target(stack, address, path, type_) == expected


def test_a_plan_alone_does_not_tell_what_a_local_is() -> None:
    assert target(STACKS["plan"], "aws_sns_topic.audit", "kms_master_key_id", KEY) == Unknown(
        ('local.keys["data"]',)
    )
    orders = f'module.service["orders"].{STORE}'
    assert isinstance(target(STACKS["plan"], orders, "server_side_encryption.0.kms_key_arn", KEY), Unknown)


@with_locals
def test_a_list_leads_to_each_of_its_resources(stack: Stack) -> None:
    found = stack.targets(stack.resources[ALARM], "alarm_actions", TOPIC)
    assert found == (stack.resources["aws_sns_topic.alarms"], stack.resources["aws_sns_topic.audit"])


def test_what_a_list_holds_of_a_plan_alone_stays_unknown_in_part() -> None:
    stack = STACKS["plan"]
    alarms, rest = stack.targets(stack.resources[ALARM], "alarm_actions", TOPIC)
    assert alarms is stack.resources["aws_sns_topic.alarms"]
    assert isinstance(rest, Unknown)


@with_locals
def test_the_users_of_a_key_are_all_found(stack: Stack) -> None:
    found = uses(stack, DATA, TOPIC, QUEUE, "aws_dynamodb_table", "aws_cloudwatch_log_group")
    assert found == {
        ("aws_sns_topic.alarms", "kms_master_key_id"),
        ("aws_sns_topic.audit", "kms_master_key_id"),
        ("aws_sqs_queue.dead_letters[0]", "kms_master_key_id"),
        ("aws_sqs_queue.dead_letters[1]", "kms_master_key_id"),
        ('module.service["orders"].module.store[0].aws_dynamodb_table.this', "server_side_encryption"),
        ('module.service["orders"].module.store[1].aws_dynamodb_table.this', "server_side_encryption"),
    }


@everywhere
def test_users_are_found_behind_data_and_in_json(stack: Stack) -> None:
    assert uses(stack, LOGS, QUEUE) == {(f"aws_sqs_queue.work[{n}]", "kms_master_key_id") for n in (0, 1)}
    assert uses(stack, "aws_sqs_queue.dead_letters[1]", QUEUE) == {
        ("aws_sqs_queue.work[1]", "redrive_policy")
    }
    assert uses(stack, "aws_s3_bucket.documents") == {
        ("aws_s3_bucket_versioning.documents", "bucket"),
        ("aws_s3_bucket_public_access_block.documents", "bucket"),
    }


@pytest.mark.parametrize("name", ["hcl", "plan and source", "state and source"])
def test_dependencies_are_those_of_the_configuration(name: str) -> None:
    stack = STACKS[name]
    assert stack.dependencies(stack.resources[POLICY]) == {
        *(
            f'{type_}.function["{key}"]'
            for type_ in ("aws_cloudwatch_log_group", "aws_iam_role")
            for key in ("reader", "writer")
        ),
        "aws_sqs_queue_policy.work[0]",
        "aws_sqs_queue_policy.work[1]",
    }
    # Its key through the module's arguments; the bucket through the module's depends_on.
    table = stack.resources[f'module.service["orders"].{STORE}']
    assert stack.dependencies(table) == {DATA, LOGS, "aws_s3_bucket_versioning.documents"}


def test_a_state_alone_says_what_it_says_of_dependencies() -> None:
    stack = STACKS["state"]
    found = stack.dependencies(stack.resources['aws_cloudwatch_log_group.function["reader"]'])
    assert found == {DATA, LOGS}


@everywhere
def test_the_region_is_that_of_the_provider(stack: Stack) -> None:
    found = [
        stack.region(stack.resources[one]) for one in (DATA, "aws_kms_key.standby", f"module.standby.{STORE}")
    ]
    assert found == ["us-east-1", "us-west-2", "us-west-2"]


@with_locals
def test_outputs_refer_to_what_they_publish(stack: Stack) -> None:
    published = {
        name: {(r.resource.address, r.attribute) for r in one.references}
        for name, one in stack.outputs.items()
    }
    assert published["key_arns"] == {(DATA, "arn"), (LOGS, "arn")}
    assert published["queue_arns"] == {("aws_sqs_queue.work[0]", "arn"), ("aws_sqs_queue.work[1]", "arn")}
    assert published["orders_table"] == {(f'module.service["orders"].{STORE}', "arn")}


@everywhere
def test_a_sensitive_value_is_nowhere_to_be_read(stack: Stack) -> None:
    assert stack.outputs["token"].sensitive
    assert stack.outputs["token"].value == Unknown()
    assert "swordfish" not in repr((stack.outputs, stack.variables))


def test_variables_backend_and_lifecycle_are_known_where_they_are_written() -> None:
    assert STACKS["plan"].variables["environment"] == "dev"
    assert STACKS["plan"].variables["token"] == Unknown(("var.token",))
    for stack in (STACKS["hcl"], STACKS["plan and source"], STACKS["state and source"]):
        assert stack.backend == {"type": "local", "path": "graph.tfstate"}
        assert stack.resources["aws_s3_bucket.documents"].lifecycle["prevent_destroy"] is True
    assert (STACKS["plan"].backend, STACKS["plan"].resources["aws_s3_bucket.documents"].lifecycle) == (
        None,
        {},
    )


def test_data_that_was_read_while_planning_belongs_to_the_stack() -> None:
    stack = STACKS["plan"]
    assert stack.resources["data.aws_caller_identity.current"].get("account_id") == "123456789012"
    assert stack.resources["data.aws_iam_policy_document.queue[1]"].index == 1


def test_an_unknown_of_another_module_is_carried_over_by_its_full_address() -> None:
    stack = STACKS["plan and source"]
    table = stack.resources[f'module.service["refunds"].{STORE}']
    carried = stack.absolute(table, Unknown(("var.encryption",)))
    assert carried.references == (f"{LOGS}.arn",)
    assert isinstance(carried.references[0], Address)
    met_elsewhere = stack.resolve(stack.resources[f"module.standby.{STORE}"], carried)
    assert [(one.resource.address, one.attribute) for one in met_elsewhere] == [(LOGS, "arn")]


def test_an_expression_is_found_where_it_is_written() -> None:
    stack = STACKS["plan and source"]
    trust = stack.expression(stack.resources['aws_iam_role.function["reader"]'], "assume_role_policy")
    assert isinstance(trust, Located)
    assert trust.value.name == "jsonencode"
    policy = stack.expression(stack.resources[POLICY], "policy")
    assert isinstance(policy, Located)
    (group,) = stack.references(policy.place, policy.value)
    assert (group.resource.address, group.attribute) == ('aws_cloudwatch_log_group.function["reader"]', "arn")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/acme-dev-reader",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/acme-dev-reader:*",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/acme-dev-reader:log-stream:*",
    ],
)
@everywhere
def test_a_written_out_arn_names_the_resource(stack: Stack, arn: str) -> None:
    (found,) = stack.resolve(stack.resources["aws_iam_policy.describe"], arn)
    assert found.resource.address == 'aws_cloudwatch_log_group.function["reader"]'


# The way from an attribute to one of two keys, as HCL has it.


PROLOGUE = """
resource "aws_kms_key" "one" {}
resource "aws_kms_key" "two" {}
resource "aws_kms_key" "each" {
  for_each = toset(["a", "b"])
}
resource "aws_kms_key" "many" {
  count = 2
}
variable "which" {
  default = "two"
}
variable "unset" {}
locals {
  arns   = { one = aws_kms_key.one.arn, two = aws_kms_key.two.arn }
  more   = merge(local.arns, { three = aws_kms_key.many[1].arn })
  listed = [aws_kms_key.one.arn, aws_kms_key.two.arn]
  deep   = [{ keys = { a = [aws_kms_key.each["b"].arn] } }]
  round  = local.trip
  trip   = local.round
}
"""
ONE, TWO, MANY = "aws_kms_key.one", "aws_kms_key.two", "aws_kms_key.many[1]"


def stack_of(directory: Path, text: str, **variables: Any) -> Stack:
    (directory / "main.tf").write_text(text)
    return from_hcl(read_configuration(directory), variables)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("aws_kms_key.one.arn", ONE),
        ("local.arns.two", TWO),
        ('local.arns["two"]', TWO),
        ("local.arns[var.which]", TWO),
        ("local.listed[0]", ONE),
        ("local.more.three", MANY),
        ("local.more.one", ONE),
        ("local.deep[0].keys.a[0]", 'aws_kms_key.each["b"]'),
        ('var.which == "two" ? aws_kms_key.two.arn : aws_kms_key.one.arn', TWO),
        ("var.unset ? aws_kms_key.two.arn : aws_kms_key.one.arn", None),
        ("local.arns[var.unset]", None),
        ("aws_kms_key.many.*.arn[1]", MANY),
        ("[for key in aws_kms_key.many : key.arn][1]", MANY),
        ('{ for name, key in aws_kms_key.each : name => key.arn }["b"]', 'aws_kms_key.each["b"]'),
        ('lookup(local.arns, "two")', TWO),
        ("element(local.listed, 1)", TWO),
        ("values(aws_kms_key.each)[1].arn", 'aws_kms_key.each["b"]'),
        ('zipmap(["x", "y"], local.listed)["y"]', TWO),
        ("one([aws_kms_key.one.arn])", ONE),
        ("try(aws_kms_key.one.arn, null)", ONE),
        ('"${aws_kms_key.one.arn}"', ONE),
        ("aws_kms_key.absent.arn", None),
        ("local.round", None),
        ("local.absent", None),
        ("length(aws_kms_key.many)", None),
    ],
)
def test_an_expression_leads_to_one_resource_or_to_none(
    written: str, expected: str | None, tmp_path: Path
) -> None:
    stack = stack_of(
        tmp_path, f'{PROLOGUE}\nresource "aws_sns_topic" "t" {{\n  kms_master_key_id = {written}\n}}\n'
    )
    found = target(stack, "aws_sns_topic.t", "kms_master_key_id", KEY)
    assert found == expected if expected else not str(found).startswith("aws_kms_key")


def test_blocks_are_told_apart_by_what_is_known_of_them(tmp_path: Path) -> None:
    stack = stack_of(
        tmp_path,
        PROLOGUE
        + 'resource "aws_dynamodb_table" "t" {\n'
        + '  replica {\n    region_name = "us-west-2"\n    kms_key_arn = aws_kms_key.one.arn\n  }\n'
        + '  replica {\n    region_name = "eu-west-1"\n    kms_key_arn = aws_kms_key.two.arn\n  }\n}\n',
    )
    table = stack.resources["aws_dynamodb_table.t"]
    for number in (0, 1):
        region = table.get(f"replica.{number}.region_name")
        expected = {"us-west-2": ONE, "eu-west-1": TWO}[region]
        assert target(stack, table.address, f"replica.{number}.kms_key_arn", KEY) == expected


def test_each_value_and_count_index_are_those_of_the_instance(tmp_path: Path) -> None:
    stack = stack_of(
        tmp_path,
        PROLOGUE
        + 'resource "aws_sns_topic" "e" {\n  for_each = local.arns\n  kms_master_key_id = each.value\n}\n'
        + 'resource "aws_sns_topic" "c" {\n  count = 2\n  kms_master_key_id = local.listed[count.index]\n}\n',
    )
    found = {
        a: target(stack, a, "kms_master_key_id", KEY)
        for a in stack.resources
        if a.startswith("aws_sns_topic")
    }
    assert found == {
        'aws_sns_topic.e["one"]': ONE,
        'aws_sns_topic.e["two"]': TWO,
        "aws_sns_topic.c[0]": ONE,
        "aws_sns_topic.c[1]": TWO,
    }


@given(st.lists(st.sampled_from(["local", "list", "object", "variable"]), max_size=6))
def test_no_chain_of_names_is_too_long(links: list[str]) -> None:
    locals_: dict[str, Any] = {"l0": "${aws_kms_key.k.arn}"}
    variables: dict[str, Any] = {}
    last = "local.l0"
    for number, link in enumerate(links, 1):
        if link == "variable":
            # A default may not refer to anything in Terraform; the way through it is the same as through a call.
            variables[f"v{number}"] = f"${{{last}}}"
            last = f"var.v{number}"
            continue
        value: Any = f"${{{last}}}"
        locals_[f"l{number}"] = {"local": value, "list": [None, value], "object": {"k": value}}[link]
        last = f"local.l{number}" + {"local": "", "list": "[1]", "object": '["k"]'}[link]
    topic = Resource("aws_sns_topic.t", "aws_sns_topic", "t", unknown={"kms_master_key_id": True})
    key = Resource("aws_kms_key.k", "aws_kms_key", "k", unknown={"arn": True})
    blocks = {
        "aws_sns_topic.t": BlockScope({"kms_master_key_id": f"${{{last}}}"}),
        "aws_kms_key.k": BlockScope({}),
    }
    root = ModuleScope(locals=locals_, variables=variables, resources=blocks)
    stack = Stack(Kind.PLAN, {one.address: one for one in (topic, key)}, root=root)
    assert stack.target(topic, "kms_master_key_id", "aws_kms_key") is key
    assert [use.resource for use in stack.users(key, "aws_sns_topic")] == [topic]
    assert stack.dependencies(topic) == ({"aws_kms_key.k"} if "variable" not in links else frozenset())


def test_what_leads_back_to_itself_is_unknown_and_ends(tmp_path: Path) -> None:
    doubled = "\n".join(f'  d{n} = "${{local.d{n - 1}}}${{local.d{n - 1}}}"' for n in range(1, 60))
    stack = stack_of(
        tmp_path,
        f'{PROLOGUE}\nlocals {{\n  a = "${{local.b}}${{local.b}}"\n  b = [local.a, local.a][0]\n'
        f"  d0 = local.a\n{doubled}\n}}\n"
        'resource "aws_sns_topic" "t" {\n  kms_master_key_id = local.d59\n  name = aws_kms_alias.a.name\n}\n'
        'resource "aws_kms_alias" "a" {\n  target_key_id = aws_kms_alias.b.name\n}\n'
        'resource "aws_kms_alias" "b" {\n  target_key_id = aws_kms_alias.a.name\n}\n',
    )
    assert isinstance(target(stack, "aws_sns_topic.t", "kms_master_key_id", KEY), Unknown)
    assert isinstance(target(stack, "aws_kms_alias.a", "target_key_id", KEY), Unknown)
    assert uses(stack, "aws_kms_alias.a", TOPIC) == {("aws_sns_topic.t", "name")}
    assert stack.dependencies(stack.resources["aws_kms_alias.a"]) == {"aws_kms_alias.b"}


def test_a_text_that_doubles_itself_is_given_up(tmp_path: Path) -> None:
    doubled = "\n".join(f'  d{n} = "${{local.d{n - 1}}}${{local.d{n - 1}}}"' for n in range(1, 60))
    (tmp_path / "main.tf").write_text(
        f'locals {{\n  d0 = "x"\n{doubled}\n}}\nprovider "aws" {{\n  region = local.d59\n}}\n'
        'resource "aws_x" "a" {}\n'
    )
    resource = Resource("aws_x.a", "aws_x", "a", provider_key="aws")
    root = scope_of_module(read_configuration(tmp_path).root)
    assert Stack(Kind.PLAN, {"aws_x.a": resource}, root=root).region(resource) == Unknown()


def test_a_cycle_of_resources_is_seen_from_both_sides(tmp_path: Path) -> None:
    stack = stack_of(
        tmp_path,
        "locals {\n  role = aws_iam_role.r.arn\n}\n"
        'resource "aws_kms_key" "k" {\n  policy = jsonencode({ Principal = { AWS = local.role } })\n}\n'
        'resource "aws_iam_role" "r" {\n  inline_policy {\n'
        "    policy = jsonencode({ Resource = aws_kms_key.k.arn })\n  }\n}\n",
    )
    assert stack.dependencies(stack.resources["aws_kms_key.k"]) == {"aws_iam_role.r"}
    assert stack.dependencies(stack.resources["aws_iam_role.r"]) == {"aws_kms_key.k"}


# By value


def state_of(*resources: Resource) -> Stack:
    return Stack(Kind.STATE, {resource.address: resource for resource in resources})


def named(type_: str, label: str, /, **values: Any) -> Resource:
    return Resource(f"{type_}.{label}", type_, label, values=values)


def test_a_name_leads_only_to_the_types_that_are_asked_for() -> None:
    table, queue = named("aws_dynamodb_table", "t", name="main"), named("aws_sqs_queue", "q", name="main")
    user = named("aws_x", "u", table_name="main", tags={"Name": "main"}, label="main")
    stack = state_of(table, queue, user)
    assert stack.target(user, "table_name", "aws_dynamodb_table") is table
    assert stack.target(user, "table_name", "aws_kinesis_stream") == "main"
    assert stack.target(user, "table_name") == "main"
    assert uses(stack, table.address) == {("aws_x.u", "table_name")}
    assert uses(stack, queue.address) == set()


def test_of_two_resources_of_one_name_the_one_in_the_same_region_is_meant() -> None:
    east = named("aws_dynamodb_table", "east", name="orders", arn="arn:aws:dynamodb:us-east-1:1:table/orders")
    west = named("aws_dynamodb_table", "west", name="orders", arn="arn:aws:dynamodb:us-west-2:1:table/orders")
    alarm = named("aws_x", "a", arn="arn:aws:cloudwatch:us-west-2:1:alarm:a", table="orders")
    nowhere = named("aws_x", "b", table="orders")
    stack = state_of(east, west, alarm, nowhere)
    assert stack.target(alarm, "table", "aws_dynamodb_table") is west
    assert stack.target(nowhere, "table", "aws_dynamodb_table") == Unknown((east.address, west.address))


def test_what_is_not_of_the_stack_stays_what_it_is() -> None:
    user = named("aws_x", "u", key="arn:aws:kms:us-east-1:1:key/other", none=None, number=3)
    stack = state_of(user)
    assert stack.target(user, "key", KEY) == "arn:aws:kms:us-east-1:1:key/other"
    assert stack.target(user, "none", KEY) is MISSING
    assert stack.targets(user, "absent", KEY) == ()
    assert stack.target(user, "number", KEY) == 3
    assert stack.resolve(user, "arn:aws:kms:us-east-1:1:key/other") == ()


def test_an_alias_of_a_key_stands_for_the_key() -> None:
    key = named(
        "aws_kms_key",
        "k",
        key_id="11111111-2222-3333-4444-555555555555",
        id="11111111-2222-3333-4444-555555555555",
    )
    alias = named("aws_kms_alias", "a", name="alias/main", target_key_id=key.values["key_id"])
    topic = named("aws_sns_topic", "t", kms_master_key_id="alias/main")
    stack = state_of(key, alias, topic)
    assert stack.target(topic, "kms_master_key_id", KEY) is key
    assert uses(stack, key.address, TOPIC) == {("aws_sns_topic.t", "kms_master_key_id")}
