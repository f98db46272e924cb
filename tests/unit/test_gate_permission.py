"""What a policy document allows: wildcards, denials, exceptions, conditions, and what isn't known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tapstack.gate.permission import Partial, Tri, allows, matches, meets
from tapstack.model.policy_document import Document, Statement
from tapstack.model.values import Unknown

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
LOGS = ("Service", "logs.us-east-1.amazonaws.com")
NOT_KNOWN = Unknown(("aws_kms_key.main.arn",))


def statement(effect: str = "Allow", **parts: Any) -> Statement:
    names = ("actions", "not_actions", "resources", "not_resources")
    maps = ("principals", "not_principals", "conditions")
    return Statement(
        sid=parts.pop("sid", ""),
        effect=effect,
        **{name: parts.pop(name, ()) for name in names},
        **{name: parts.pop(name, {}) for name in maps},
        **parts,
    )


def document(*statements: Statement, complete: bool = True) -> Document:
    return Document(statements=statements, complete=complete)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("kms:*", "kms:Decrypt", True),
        ("kms:GenerateDataKey*", "kms:GenerateDataKeyWithoutPlaintext", True),
        ("kms:Decrypt", "kms:DecryptX", False),
        ("kms:?ncrypt", "kms:Encrypt", True),
        ("s3:[a-z]et", "s3:get", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("home/${aws:username}/x", "home/eve/x", None),
        ("home/${aws:username}/x", "home/eve/y", False),
        ("a${*}b", "a*b", True),
        ("a${*}b", "acb", False),
        ("a$b", "a$b", True),
    ],
)
def test_a_pattern_describes_what_iam_says_it_does(pattern: str, text: str, expected: Tri) -> None:
    assert matches(pattern, text) is expected


def test_actions_match_whatever_their_case_and_resources_do_not() -> None:
    allowed = document(statement(actions=("KMS:decrypt",), resources=("arn:aws:s3:::Bucket",)))
    assert allows(allowed, action="kms:Decrypt").verdict == "yes"
    assert allows(allowed, action="kms:Decrypt", resource="arn:aws:s3:::bucket").verdict == "no"


def test_the_statement_that_allows_is_the_answer_s_reason() -> None:
    other, reason = statement(actions=("s3:*",), sid="a"), statement(actions=("kms:*",), sid="b")
    answer = allows(document(other, reason), action="kms:Decrypt")
    assert (answer.verdict, answer.statement) == ("yes", reason)


def test_a_denial_wins_wherever_it_stands() -> None:
    allow, deny = statement(actions=("*",)), statement("Deny", actions=("kms:Decrypt",))
    assert allows(document(allow, deny), action="kms:Decrypt").statement == deny
    assert allows(document(allow, deny), action="kms:Decrypt").verdict == "no"
    assert allows(document(allow, deny), action="kms:Encrypt").verdict == "yes"


def test_a_denial_of_something_unknown_leaves_the_question_open() -> None:
    deny = statement("Deny", actions=("kms:*",), resources=(NOT_KNOWN,))
    assert allows(document(statement(actions=("*",)), deny), action="kms:Decrypt").verdict == "no"
    both = document(statement(actions=("*",), resources=("*",)), deny)
    assert allows(both, action="kms:Decrypt", resource=KEY).verdict == "unknown"
    assert allows(both, action="s3:GetObject", resource=KEY).verdict == "yes"


def test_not_action_and_not_resource_leave_out_what_they_name() -> None:
    all_but = document(statement(not_actions=("iam:*",), not_resources=("arn:aws:s3:::secret*",)))
    assert allows(all_but, action="kms:Decrypt", resource=KEY).verdict == "yes"
    assert allows(all_but, action="IAM:PassRole", resource=KEY).verdict == "no"
    assert allows(all_but, action="s3:GetObject", resource="arn:aws:s3:::secret/x").verdict == "no"


@pytest.mark.parametrize(
    ("principals", "asked", "expected"),
    [
        ({"Service": ("logs.us-east-1.amazonaws.com",)}, LOGS, "yes"),
        ({"Service": ("logs.us-west-2.amazonaws.com",)}, LOGS, "no"),
        ({"Service": (Unknown(("local.service",)),)}, LOGS, "unknown"),
        ({"AWS": (NOT_KNOWN,)}, LOGS, "no"),
        ({"*": ("*",)}, LOGS, "yes"),
        ({"AWS": ("*",)}, LOGS, "yes"),
        ({}, LOGS, "no"),
        ({"AWS": ("123456789012",)}, ("AWS", "arn:aws:iam::123456789012:role/r"), "yes"),
        ({"AWS": ("arn:aws:iam::123456789012:root",)}, ("AWS", "123456789012"), "yes"),
        ({"AWS": ("arn:aws:iam::999999999999:root",)}, ("AWS", "arn:aws:iam::123456789012:role/r"), "no"),
        ({"AWS": ("arn:aws:iam::123456789012:role/r",)}, ("AWS", "123456789012"), "no"),
        ({"AWS": (NOT_KNOWN,)}, ("AWS", "123456789012"), "unknown"),
    ],
)
def test_a_principal_is_who_the_statement_names(
    principals: Mapping[str, tuple[Any, ...]], asked: tuple[str, str], expected: str
) -> None:
    policy = document(statement(actions=("kms:*",), principals=principals))
    assert allows(policy, action="kms:Decrypt", principal=asked).verdict == expected


def test_not_principal_denies_everybody_else() -> None:
    policy = document(
        statement(actions=("*",), principals={"*": ("*",)}),
        statement("Deny", actions=("*",), not_principals={"Service": (LOGS[1],)}),
    )
    assert allows(policy, action="kms:Decrypt", principal=LOGS).verdict == "yes"
    assert allows(policy, action="kms:Decrypt", principal=("Service", "s3.amazonaws.com")).verdict == "no"


def test_who_asks_can_decide_what_only_the_stack_settles() -> None:
    policy = document(statement(actions=("kms:Decrypt",), resources=(NOT_KNOWN,)))
    assert allows(policy, action="kms:Decrypt", resource=lambda value: value == NOT_KNOWN).verdict == "yes"
    assert allows(policy, action="kms:Decrypt", resource=lambda _: False).verdict == "no"
    assert allows(policy, action="kms:Decrypt", resource=KEY).verdict == "unknown"


def test_a_document_known_in_part_can_allow_but_never_refuse() -> None:
    part = document(statement(actions=("kms:Encrypt",)), complete=False)
    assert allows(part, action="kms:Encrypt").verdict == "yes"
    assert allows(part, action="kms:Decrypt").verdict == "unknown"


def test_a_condition_excludes_only_where_the_request_is_known_to_miss_it() -> None:
    narrowed = statement(
        actions=("kms:*",), conditions={"StringEquals": {"AWS:SourceAccount": ("123456789012",)}}
    )
    open_ = allows(document(narrowed), action="kms:Decrypt")
    assert (open_.verdict, open_.condition) == ("yes", "")
    missed = allows(document(narrowed), action="kms:Decrypt", context={"aws:sourceaccount": "999999999999"})
    assert (missed.verdict, missed.statement) == ("no", narrowed)
    assert missed.condition == "StringEquals AWS:SourceAccount"


def test_a_conditional_denial_counts_only_where_the_request_is_known_to_meet_it() -> None:
    deny = statement("Deny", actions=("*",), conditions={"Bool": {"aws:SecureTransport": ("false",)}})
    policy = document(statement(actions=("*",)), deny)
    assert allows(policy, action="kms:Decrypt").verdict == "yes"
    context = {"aws:SecureTransport": "true"}
    assert allows(policy, action="kms:Decrypt", context=context).verdict == "yes"
    context = {"aws:SecureTransport": "false"}
    assert allows(policy, action="kms:Decrypt", context=context).verdict == "no"


GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/a"
PARTIAL = Partial("arn:aws:logs:us-east-1:*:log-group:/aws/lambda/a")


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("StringEquals", ("a", "b"), "b", True),
        ("StringEquals", ("a*",), "ab", False),
        ("StringEquals", ("a*",), "a*", True),
        ("StringEqualsIgnoreCase", ("ABC",), "abc", True),
        ("StringLike", ("a*",), "ab", True),
        ("StringNotEquals", ("a", "b"), "b", False),
        ("StringNotEquals", ("a", "b"), "c", True),
        ("StringNotLike", ("a*",), "ab", False),
        ("ArnLike", ("arn:aws:logs:us-east-1:123456789012:log-group:/aws/*",), GROUP, True),
        ("ArnEquals", ("arn:aws:logs:*:123456789012:*",), GROUP, True),
        ("ArnLike", ("arn:aws:logs:*:log-group:/aws/lambda/a",), GROUP, False),
        ("ArnLike", ("arn:aws:logs:us-west-2:123456789012:*",), GROUP, False),
        ("ArnLike", ("arn:aws:logs:us-east-1:1:*",), PARTIAL, None),
        ("ArnLike", ("arn:aws:logs:us-west-2:1:*",), PARTIAL, False),
        ("ArnLike", ("*:us-?ast-1:*:/aws/lambda/a",), PARTIAL, None),
        ("ArnLike", ("*:us-?ast-1:*:/aws/lambda/a?",), PARTIAL, False),
        ("ArnLike", ("arn:aws:logs:us-east-1:1:log-group:${aws:PrincipalTag/g}",), PARTIAL, None),
        ("ArnNotLike", ("arn:aws:logs:us-west-2:*",), PARTIAL, True),
        ("ArnLike", ("arn:aws:logs:us-west-2:*:*",), Partial("arn:*:logs:us-east-1:*:log-group:g"), False),
        ("StringEquals", ("a*",), Partial("ab"), False),
        ("StringEquals", ("arn:aws:logs:us-east-1:1:log-group:/aws/lambda/a",), PARTIAL, None),
        ("StringEquals", ("arn:aws:logs:us-east-1:*:log-group:/aws/lambda/b",), PARTIAL, False),
        ("ArnLike", ("arn:aws:s3:::bucket",), "arn:aws:s3:::bucket", True),
        ("ArnNotLike", ("arn:aws:logs:*:*:*",), GROUP, False),
        ("Bool", ("True",), "true", True),
        ("Null", ("true",), None, True),
        ("Null", ("false",), None, False),
        ("Null", ("true",), "x", False),
        ("StringEquals", ("a",), None, False),
        ("StringEqualsIfExists", ("a",), None, True),
        ("StringNotEquals", ("a",), None, True),
        ("ForAllValues:StringEquals", ("a",), None, True),
        ("ForAllValues:StringEquals", ("a",), ("a", "b"), False),
        ("ForAnyValue:StringEquals", ("a",), ("a", "b"), True),
        ("StringEquals", (NOT_KNOWN,), "a", None),
        ("StringEquals", (NOT_KNOWN, "a"), "a", True),
        ("StringEquals", ("a",), NOT_KNOWN, None),
        ("DateLessThan", ("2020-01-01",), "2021-01-01", None),
    ],
)
def test_a_condition_operator_compares_as_iam_does(
    operator: str, wanted: tuple[Any, ...], actual: Any, expected: Tri
) -> None:
    assert meets(operator, wanted, actual) is expected
