"""A function's role may read what triggers the function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tapstack.gate.identity_policies import RolePolicy, policies_of
from tapstack.gate.key_manager import ALIAS_TYPE, KEY_TYPES, KeyManager, key_manager
from tapstack.gate.permission import Tri, allows, matches
from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.gate.resource_pattern import Asked
from tapstack.model.policy_document import Document
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Missing, Unknown

_SOURCE: Final = "event_source_arn"
_FUNCTION: Final = "function_name"
_DECRYPT: Final = "kms:Decrypt"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of source: what reading it takes (of alternatives, one is enough), and where its ARN and key stand."""

    service: str
    actions: tuple[tuple[str, ...], ...]
    arn: str
    part: str
    key: str


# https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
# https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_KINDS: Final = {
    "aws_dynamodb_table": _Kind(
        "dynamodb",
        (
            ("dynamodb:DescribeStream",),
            ("dynamodb:GetRecords",),
            ("dynamodb:GetShardIterator",),
            ("dynamodb:ListStreams",),
        ),
        "stream_arn",
        "table/{}/stream/2000-01-01T00:00:00.000",
        "server_side_encryption.0.kms_key_arn",
    ),
    "aws_kinesis_stream": _Kind(
        "kinesis",
        (
            ("kinesis:DescribeStream", "kinesis:DescribeStreamSummary"),
            ("kinesis:GetRecords",),
            ("kinesis:GetShardIterator",),
            ("kinesis:ListShards",),
        ),
        "arn",
        "stream/{}",
        "kms_key_id",
    ),
    "aws_sqs_queue": _Kind(
        "sqs",
        (("sqs:ReceiveMessage",), ("sqs:DeleteMessage",), ("sqs:GetQueueAttributes",)),
        "arn",
        "{}",
        "kms_master_key_id",
    ),
}
_OTHER_SOURCES: Final = (
    "aws_msk_cluster",
    "aws_msk_serverless_cluster",
    "aws_mq_broker",
    "aws_docdb_cluster",
)
_CONSUMER: Final = "aws_kinesis_stream_consumer"

# What AWS managed policies allow of all that, on every resource, by the name in their ARN.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
_MANAGED: Final = {
    "AWSLambdaDynamoDBExecutionRole": (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ),
    "AWSLambdaInvocation-DynamoDB": (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ),
    "AWSLambdaKinesisExecutionRole": (
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
    ),
    "AWSLambdaSQSQueueExecutionRole": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "AWSLambdaMSKExecutionRole": (),
    "AWSLambdaBasicExecutionRole": (),
    "AWSLambdaVPCAccessExecutionRole": (),
    "AWSXRayDaemonWriteAccess": (),
    "CloudWatchLambdaInsightsExecutionRolePolicy": (),
    "AdministratorAccess": ("*",),
}
_SAID: Final[dict[str, Tri]] = {"yes": True, "no": False, "unknown": None}


class RoleCanReadItsEventSource(Policy):
    """The role of a mapping's function allows what the source needs, on that source, and kms:Decrypt on its key."""

    id = "CKV_TAP_404"
    name = "role_can_read_its_event_source"
    title = "A function's role may read the function's event source"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_event_source_mapping",)
    rationale = (
        "Lambda polls streams and queues with the function's role. Without the permissions AWS refuses the mapping "
        "halfway through the apply; without kms:Decrypt it takes the mapping, and nothing ever arrives."
    )
    remediation = (
        "statement {\n"
        '  actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]\n'
        "  resources = [aws_sqs_queue.orders.arn]\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
        "https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """The mapping's source, then its function's role, then each permission."""
        source = _source(resource, stack)
        if isinstance(source, Evidence):
            yield source
            return
        role = _role(resource, stack)
        if isinstance(role, Evidence):
            yield role
            return
        yield from _judged(source, role, stack)


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    kind: _Kind
    asked: Asked


def _source(mapping: Resource, stack: Stack) -> _Source | Evidence:
    types = (*_KINDS, _CONSUMER, *_OTHER_SOURCES)
    found = stack.target(mapping, _SOURCE, *types)
    if isinstance(found, Resource) and found.type == _CONSUMER:
        found = stack.target(found, "stream_arn", *_KINDS)
    if isinstance(found, Missing):
        return not_applicable("Only DynamoDB streams, Kinesis streams and SQS queues are judged.")
    if isinstance(found, Resource):
        if (kind := _KINDS.get(found.type)) is None:
            return not_applicable(f"{found.type} is no DynamoDB stream, Kinesis stream or SQS queue.")
        arn, name = found.get(kind.arn), found.get("name")
        part = kind.part.format(name) if isinstance(name, str) else None
        return _Source(
            found.address, kind, Asked(kind.service, arn if isinstance(arn, str) else None, part, found)
        )
    if isinstance(found, str):
        service = found.split(":")[2] if found.count(":") > 2 else ""
        kind = next((one for one in _KINDS.values() if one.service == service), None)
        if kind is None:
            return not_applicable(f"{found} is no DynamoDB stream, Kinesis stream or SQS queue.")
        return _Source(found, kind, Asked(service, found))
    return unknown(
        "What triggers the function is not known yet.",
        _SOURCE,
        actual=found,
        expected="a stream or queue of the stack",
    )


def _role(mapping: Resource, stack: Stack) -> Resource | Evidence:
    function = stack.target(mapping, _FUNCTION, "aws_lambda_function", "aws_lambda_alias")
    if isinstance(function, Resource) and function.type == "aws_lambda_alias":
        function = stack.target(function, _FUNCTION, "aws_lambda_function")
    if not isinstance(function, Resource):
        return unknown(
            "The function's role can't be seen: the function is not known yet, or not in this stack.",
            _FUNCTION,
            actual=None if isinstance(function, Missing) else function,
            expected="a function of the stack",
        )
    role = stack.target(function, "role", "aws_iam_role")
    if not isinstance(role, Resource):
        return unknown(
            f"What {function.address} may read can't be seen: its role is not known yet, or not in this stack.",
            _FUNCTION,
            actual=None if isinstance(role, Missing) else role,
            expected="a role of the stack",
        )
    return role


def _judged(source: _Source, role: Resource, stack: Stack) -> Iterator[Evidence]:
    policies = list(policies_of(role, stack))
    needs = [(actions, source.name, source.asked) for actions in source.kind.actions]
    needs += _decrypt(source, stack)
    answers = [
        (" or ".join(actions), on, _allowed(policies, actions, asked, stack)) for actions, on, asked in needs
    ]
    if isinstance(_manager(source, stack), Unknown):
        # A key that AWS manages takes no permission.
        answers = [(a, on, answer or None if a == _DECRYPT else answer) for a, on, answer in answers]
    missing = [(action, on) for action, on, answer in answers if answer is False]
    unsure = [(action, on) for action, on, answer in answers if answer is None]
    if role.mode == "data":
        # It may have policies that the stack doesn't show.
        missing, unsure = [], missing + unsure
    if missing:
        message = f"{role.address} does not allow {_listed(missing)}."
        yield failed(message, _FUNCTION, actual=role.address, expected=_listed(missing))
    if unsure:
        message = f"Whether {role.address} allows {_listed(unsure)} is not known yet."
        yield unknown(message, _FUNCTION, actual=role.address, expected=_listed(unsure))
    if not missing and not unsure:
        yield passed(f"{role.address} may read {source.name}.", _FUNCTION, role.address)


def _listed(needs: list[tuple[str, str]]) -> str:
    by_resource: dict[str, list[str]] = {}
    for action, on in needs:
        by_resource.setdefault(on, []).append(action)
    return " and ".join(f"{', '.join(actions)} on {on}" for on, actions in by_resource.items())


def _manager(source: _Source, stack: Stack) -> KeyManager | Unknown | Missing:
    """Who manages the source's key; MISSING also where the source is not of the stack."""
    resource = source.asked.resource
    return Missing.MISSING if resource is None else key_manager(resource, stack, source.kind.key)


def _decrypt(source: _Source, stack: Stack) -> list[tuple[tuple[str, ...], str, Asked]]:
    """What reading takes of the source's key; nothing where AWS manages it, or where the source is elsewhere."""
    resource, path = source.asked.resource, source.kind.key
    if resource is None or _manager(source, stack) in (KeyManager.AWS, Missing.MISSING):
        return []
    key = stack.target(resource, path, *KEY_TYPES, ALIAS_TYPE)
    if isinstance(key, Resource) and key.type == ALIAS_TYPE:
        key = stack.target(key, "target_key_id", *KEY_TYPES)
    if isinstance(key, Resource):
        arn = key.get("arn")
        asked = Asked("kms", arn if isinstance(arn, str) else None, "key/00000000", key)
        return [((_DECRYPT,), key.address, asked)]
    arn = key if isinstance(key, str) and key.startswith("arn:") and ":key/" in key else None
    return [((_DECRYPT,), str(key) if isinstance(key, str) else "its key", Asked("kms", arn))]


def _allowed(policies: list[RolePolicy], actions: tuple[str, ...], asked: Asked, stack: Stack) -> Tri:
    """Whether the policies together allow one of the actions: a Deny anywhere wins over every Allow."""
    answers = [_allows(policies, action, asked, stack) for action in actions]
    return True if True in answers else None if None in answers else False


def _allows(policies: list[RolePolicy], action: str, asked: Asked, stack: Stack) -> Tri:
    answers: set[Tri] = set()
    for policy in policies:
        if not isinstance(policy.content, Document):
            answers.add(_managed(policy.content, action))
            continue
        answer = allows(policy.content, action=action, resource=asked.named_in(policy.owner, stack))
        if answer.verdict == "no" and answer.statement and answer.statement.effect == "Deny":
            return False
        answers.add(_SAID[answer.verdict])
    return True if True in answers else None if None in answers else False


def _managed(policy: str | Unknown, action: str) -> Tri:
    """Whether an AWS managed policy allows an action; None for one whose content isn't known here."""
    granted = _MANAGED.get(policy.rpartition("/")[2]) if isinstance(policy, str) else None
    if granted is None:
        return None
    return any(matches(pattern, action) is True for pattern in granted)
