"""Policies as statements: from text, jsonencode and the data source, in HCL, in a real plan, in a state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.model.hcl import from_hcl
from tapstack.model.plan import from_plan
from tapstack.model.policy_document import Document, Statement, of_text
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Unknown
from tapstack.terraform.source import read_configuration

RECORDED = Path(__file__).parent / "policy_documents"
PLAN = json.loads((RECORDED / "plan.json").read_text())


@pytest.fixture(scope="module", params=["hcl", "plan with source"])
def stack(request: pytest.FixtureRequest) -> Stack:
    source = read_configuration(RECORDED)
    return from_hcl(source, {}) if request.param == "hcl" else from_plan(PLAN, source)


def said(stack: Stack, address: str) -> list[dict[str, Any]]:
    """The statements of a resource's policy, without what is empty, with what unknown texts refer to."""
    resource = stack.resources[address]
    document = stack.document(resource, "policy")
    assert isinstance(document, Document)
    assert document.complete
    return [_said(stack, resource, statement) for statement in document.statements]


def _said(stack: Stack, resource: Resource, statement: Statement) -> dict[str, Any]:
    def shown(value: Any) -> Any:
        if isinstance(value, Unknown):
            return {f"{one.resource.address}.{one.attribute}" for one in stack.resolve(resource, value)}
        if isinstance(value, tuple):
            return [shown(item) for item in value]
        return {key: shown(item) for key, item in value.items()} if isinstance(value, dict) else value

    found = {name: shown(getattr(statement, name)) for name in Statement.__slots__}
    return {name: value for name, value in found.items() if value}


QUEUE_A, QUEUE_B = {'aws_sqs_queue.each["a"].arn'}, {'aws_sqs_queue.each["b"].arn'}


def _denied(queue: str) -> dict[str, Any]:
    return {
        "effect": "Deny",
        "actions": ["sqs:DeleteQueue"],
        "resources": [{f'aws_sqs_queue.each["{queue}"].arn'}],
        "conditions": {"StringEquals": {"aws:SourceVpc": [{f'aws_sqs_queue.each["{queue}"].id'}]}},
    }


@pytest.mark.parametrize("key", ["a", "b"])
def test_jsonencode_is_read_with_the_right_instances(stack: Stack, key: str) -> None:
    own = {"effect": "Allow", "actions": ["sqs:*"], "resources": [{f'aws_sqs_queue.each["{key}"].arn'}]}
    assert said(stack, f'aws_iam_policy.encoded["{key}"]') == [own, _denied("a"), _denied("b")]


def test_a_heredoc_is_read_around_what_is_unknown_in_it(stack: Stack) -> None:
    assert said(stack, "aws_iam_policy.heredoc") == [
        {"effect": "Allow", "actions": ["sqs:SendMessage"], "resources": [QUEUE_A]},
        {"effect": "Deny", "actions": ["*"], "resources": [{"aws_kms_key.main.arn"}]},
    ]


def test_a_data_source_is_its_own_statements_after_its_sources_and_before_its_overrides(stack: Stack) -> None:
    assert said(stack, "aws_iam_policy.data") == [
        {
            "sid": "Receive",
            "effect": "Allow",
            "actions": ["sqs:ReceiveMessage"],
            "resources": [QUEUE_B, QUEUE_B],
        },
        {"sid": "Open", "effect": "Allow", "actions": ["kms:*"], "resources": [{"aws_kms_key.main.arn"}]},
        {"effect": "Allow", "not_actions": ["iam:*"], "not_resources": ["arn:aws:s3:::x"]},
    ]


def test_dynamic_statements_principals_and_conditions_are_read(stack: Stack) -> None:
    assert said(stack, "aws_kms_key.main") == [
        {
            "sid": sid,
            "effect": "Allow",
            "actions": [action],
            "resources": ["*"],
            "principals": {"Service": [f"{sid.lower()}.us-east-1.amazonaws.com"]},
            "conditions": {"StringLike": {"aws:SourceArn": ["arn:aws:*:${aws:username}"]}},
        }
        for sid, action in (("Logs", "kms:Decrypt"), ("Sns", "kms:GenerateDataKey"))
    ]


def test_a_policy_is_found_in_another_module_and_behind_another_resource(stack: Stack) -> None:
    send = {"effect": "Allow", "actions": ["sqs:SendMessage"]}
    own = {"module.role.aws_sqs_queue.own.arn"}
    assert said(stack, "module.role.aws_iam_role_policy.given") == [{**send, "resources": [QUEUE_B]}]
    assert said(stack, "aws_iam_policy.foreign") == [{**send, "resources": [own, QUEUE_A]}]
    assert said(stack, "aws_iam_policy.same") == said(stack, 'aws_iam_policy.encoded["a"]')


def test_what_is_made_of_a_policy_by_an_unknown_function_is_not_taken_for_it(stack: Stack) -> None:
    assert isinstance(stack.document(stack.resources["aws_iam_policy.opaque"], "policy"), Unknown)


def test_a_statement_whose_effect_is_not_known_makes_the_document_incomplete(stack: Stack) -> None:
    document = stack.document(stack.resources["aws_iam_policy.partly"], "policy")
    assert document == Document(
        (Statement("", "Allow", actions=("sqs:SendMessage",), resources=("*",)),), complete=False
    )


def test_a_policy_that_is_not_set_is_missing(stack: Stack) -> None:
    assert stack.document(stack.resources["aws_sqs_queue.without"], "policy") is MISSING


def test_a_plan_without_its_source_tells_what_the_data_sources_in_it_say() -> None:
    stack = from_plan(PLAN)
    assert said(stack, "aws_kms_key.main")[0]["sid"] == "Logs"
    document = stack.document(stack.resources["aws_iam_policy.data"], "policy")
    assert isinstance(document, Document)
    # The override is a jsonencode, whose text a plan doesn't have.
    assert not document.complete
    resource = stack.resources["aws_iam_policy.data"]
    opened = _said(stack, resource, document.statements[1])
    assert opened["resources"] == [{"aws_kms_key.main.arn"}]
    assert isinstance(stack.document(stack.resources["aws_iam_policy.heredoc"], "policy"), Unknown)


@pytest.mark.parametrize(
    ("policy", "statement"),
    [
        (
            {"Statement": {"Effect": "Allow", "Action": "a:B", "Resource": "*", "Principal": "*"}},
            Statement("", "Allow", actions=("a:B",), resources=("*",), principals={"*": ("*",)}),
        ),
        (
            {
                "Statement": [
                    {"Sid": "s", "Effect": "Deny", "NotAction": ["a:B"], "NotPrincipal": {"AWS": "1"}}
                ]
            },
            Statement("s", "Deny", not_actions=("a:B",), not_principals={"AWS": ("1",)}),
        ),
        (
            {"statement": [{"effect": "Allow", "condition": {"Bool": {"aws:SecureTransport": False}}}]},
            Statement("", "Allow", conditions={"Bool": {"aws:SecureTransport": ("false",)}}),
        ),
    ],
)
def test_one_value_and_a_list_of_it_are_the_same(policy: Any, statement: Statement) -> None:
    resource = Resource("aws_iam_policy.p", "aws_iam_policy", "p", values={"policy": json.dumps(policy)})
    stack = Stack(Kind.STATE, {resource.address: resource})
    assert stack.document(resource, "policy") == Document((statement,), complete=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"Statement": "x"}',
        '{"Statement": [{"Action": "a:B"}]}',
        '{"Statement": [{"Effect": "allow"}]}',
        '{"Statement": [{"Effect": "Allow", "Effect": "Deny"}]}',
        '{"Statement": [{"Effect": "Allow", "effect": "Deny"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": [["a:B"]]}]}',
        '{"Statement": [{"Effect": "Allow", "Principal": ["*"]}]}',
        '{"Statement": [{"Effect": "Allow", "Condition": {"Bool": "x"}}]}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_a_policy_that_is_none_is_never_complete(text: str) -> None:
    assert of_text(text) == Document((), complete=False)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Action", "Principal", "Condition", "x"]), below
        )
    ),
)


@given(_VALUES)
def test_no_structure_makes_it_raise(value: Any) -> None:
    text = json.dumps(
        {"Statement": [{"Effect": "Allow", "Action": value, "Condition": value, "Principal": value}]}
    )
    assert isinstance(of_text(text), Document)
    assert isinstance(of_text(json.dumps(value)), Document)
