"""What counts as everything in a policy document."""

from __future__ import annotations

import pytest

from tapstack.gate.wildcard import is_every_action, is_every_resource, is_narrowed
from tapstack.model.policy_document import Statement
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import Unknown

OWNER = Resource(address="aws_sqs_queue.q", type="aws_sqs_queue", name="q")
STACK = Stack(Kind.STATE, {OWNER.address: OWNER})


@pytest.mark.parametrize(
    ("action", "every"),
    [
        ("*", True),
        ("s3:*", True),
        ("s3:**", True),
        ("*:*", True),
        ("s3:?*", True),
        ("s3:Get*", False),
        ("s3:GetObject", False),
        ("s3:????", False),
    ],
)
def test_a_whole_service_is_told_from_a_part_of_it(action: str, every: bool) -> None:
    assert is_every_action(action) is every


@pytest.mark.parametrize(
    ("pattern", "every"),
    [
        ("*", True),
        ("**", True),
        ("arn:*", True),
        ("arn:aws:*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:logs:*:*:*", True),
        ("arn:aws:logs:*", True),
        ("arn:aws:logs:us-east-1:*", False),
        ("arn:aws:logs:us-east-1:111122223333:*", False),
        ("arn:aws:dynamodb:*:*:table/*", False),
        ("arn:aws:s3:::uploads/*", False),
        ("arn:aws:s3:::uploads", False),
        ("", False),
    ],
)
def test_an_arn_that_leaves_everything_open_is_told_from_one_that_narrows(pattern: str, every: bool) -> None:
    assert is_every_resource(pattern) is every


def narrowed(operator: str, key: str, *values: str | Unknown) -> bool | None:
    statement = Statement(
        sid="",
        effect="Allow",
        actions=("sqs:SendMessage",),
        not_actions=(),
        resources=("*",),
        not_resources=(),
        principals={"*": ("*",)},
        not_principals={},
        conditions={operator: {key: values}},
    )
    return is_narrowed(statement, {"aws:sourcearn", "aws:sourceip", "aws:sourceaccount"}, OWNER, STACK)


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:SourceAccount", "111122223333", True),
        ("stringequals", "AWS:SOURCEACCOUNT", "111122223333", True),
        ("ForAnyValue:StringEquals", "aws:SourceAccount", "111122223333", True),
        ("ForAllValues:StringEquals", "aws:SourceAccount", "111122223333", False),
        ("StringEqualsIfExists", "aws:SourceAccount", "111122223333", False),
        ("StringNotEquals", "aws:SourceAccount", "111122223333", False),
        ("Null", "aws:SourceAccount", "false", False),
        ("StringLike", "aws:SourceAccount", "*", False),
        ("StringEquals", "aws:UserAgent", "tap", False),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::uploads", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:*", False),
        ("IpAddress", "aws:SourceIp", "192.0.2.0/24", True),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0", False),
        ("IpAddress", "aws:SourceIp", "::/0", False),
    ],
)
def test_a_condition_narrows_only_if_strangers_can_not_meet_it(
    operator: str, key: str, value: str, expected: bool
) -> None:
    assert narrowed(operator, key, value) is expected


def test_one_wide_value_among_narrow_ones_lets_everybody_in() -> None:
    assert narrowed("StringLike", "aws:SourceAccount", "111122223333", "*") is False


def test_a_value_that_is_not_known_can_be_a_wildcard_only_where_wildcards_count() -> None:
    assert narrowed("StringEquals", "aws:SourceAccount", Unknown()) is True
    assert narrowed("StringLike", "aws:SourceAccount", Unknown()) is None
