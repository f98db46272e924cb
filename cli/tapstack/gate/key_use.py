"""Which services a KMS key's own policy must let in, because of what is encrypted with the key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tapstack.gate.permission import Known, Partial, Test
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

Permissions = Mapping[str, tuple[str, ...]]
"""A permission as AWS's documentation writes it ("kms:ReEncrypt*"), and the actions that stand for it."""

LOGS: Final = re.compile(r"logs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_LOG_GROUP: Final = "aws_cloudwatch_log_group"
_UNLISTED: Final = "a-name-that-is-not-known"
_KEY_OF: Final = {
    _LOG_GROUP: "kms_key_id",
    "aws_sns_topic": "kms_master_key_id",
    "aws_sqs_queue": "kms_master_key_id",
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
_TO_KEEP_LOGS: Final[Permissions] = {
    "kms:Encrypt*": ("kms:Encrypt",),
    "kms:Decrypt*": ("kms:Decrypt",),
    "kms:ReEncrypt*": ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "kms:GenerateDataKey*": ("kms:GenerateDataKey",),
    "kms:Describe*": ("kms:DescribeKey",),
}
# What sends to a topic or a queue, by which attributes, and as which service. Each needs the key itself, not only
# the permission to send: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html and
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
_TO_SEND: Final[Permissions] = {
    "kms:GenerateDataKey*": ("kms:GenerateDataKey",),
    "kms:Decrypt": ("kms:Decrypt",),
}
_ALARM: Final = (frozenset({"alarm_actions", "ok_actions", "insufficient_data_actions"}), "cloudwatch")
_RULE: Final = (frozenset({"arn", "dead_letter_config"}), "events")
_SENDERS: Final = {
    "aws_sns_topic": {
        "aws_cloudwatch_metric_alarm": _ALARM,
        "aws_cloudwatch_composite_alarm": _ALARM,
        "aws_s3_bucket_notification": (frozenset({"topic"}), "s3"),
        "aws_cloudwatch_event_target": _RULE,
    },
    "aws_sqs_queue": {
        "aws_s3_bucket_notification": (frozenset({"queue"}), "s3"),
        "aws_cloudwatch_event_target": _RULE,
        "aws_sns_topic_subscription": (frozenset({"endpoint", "redrive_policy"}), "sns"),
    },
}


@dataclass(frozen=True, slots=True)
class Need:
    """What one service must be allowed.

    `principals` are the service's names: any of them will do. `why` is a clause ("aws_x.y is encrypted with it").
    `context` is what is known of the service's requests, by condition key. `doubt`, where a name is not known, is
    the same for a name that no policy would list: what only the one allows can't be told yet.
    """

    service: str
    principals: tuple[str | Test, ...]
    permissions: Permissions
    why: str
    context: Mapping[str, Known] = field(default_factory=dict)
    doubt: Mapping[str, Known] | None = None


def needs(key: Resource, stack: Stack) -> Iterator[Need]:
    """What the users of a key need from its policy, also those that name it by an alias."""
    account = _account(key, stack)
    for use in stack.users(key, *_KEY_OF):
        if use.path != _KEY_OF[use.resource.type]:
            continue
        if use.resource.type == _LOG_GROUP:
            yield _of_log_group(use.resource, stack, account)
        else:
            yield from _of_senders(use.resource, stack, account)


def _of_log_group(group: Resource, stack: Stack, account: str) -> Need:
    region, name = _or_star(stack.region(group)), _or_star(group.get("name"))
    service = f"logs.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    context: dict[str, Known] = {
        "kms:EncryptionContext:aws:logs:arn": Partial(f"arn:*:logs:{region}:{account}:log-group:{name}"),
        "kms:ViaService": Partial(f"logs.{region}.amazonaws.com*"),
        "aws:SourceAccount": _known(account),
    }
    unlisted = Partial(f"arn:*:logs:{region}:{account}:log-group:{_UNLISTED}")
    return Need(
        service=service.replace("*", "REGION"),
        principals=(_is_of_some_region if region == "*" else service, "logs.amazonaws.com"),
        permissions=_TO_KEEP_LOGS,
        why=f"{group.address} is encrypted with the key",
        context=context,
        doubt=context | {"kms:EncryptionContext:aws:logs:arn": unlisted} if name == "*" else None,
    )


def _is_of_some_region(named: str | Unknown) -> bool | None:
    return None if isinstance(named, Unknown) or LOGS.fullmatch(named) else False


def _of_senders(target: Resource, stack: Stack, account: str) -> Iterator[Need]:
    senders = _SENDERS[target.type]
    receiver = target.type.split("_")[1]
    region = _or_star(stack.region(target))
    for use in stack.users(target, *senders):
        paths, name = senders[use.resource.type]
        if use.path not in paths:
            continue
        # A bucket's ARN has neither region nor account.
        place = ":" if name == "s3" else f"{_or_star(stack.region(use.resource))}:{account}"
        kind = "alarm:" if name == "cloudwatch" else ""
        yield Need(
            service=f"{name}.amazonaws.com",
            principals=(f"{name}.amazonaws.com",),
            permissions=_TO_SEND,
            why=f"{use.resource.address} sends to {target.address}, which is encrypted with the key",
            context={
                "kms:ViaService": Partial(f"{receiver}.{region}.amazonaws.com*"),
                "aws:SourceAccount": _known(account),
                "aws:SourceArn": Partial(f"arn:*:{name}:{place}:{kind}*"),
            },
        )


def _account(key: Resource, stack: Stack) -> str:
    """The number of the key's account, or `*`."""
    arn = key.get("arn")
    if isinstance(arn, str) and arn.count(":") > 4:
        return arn.split(":")[4]
    for address in stack.dependencies(key):
        found = stack.resources.get(address)
        if found is not None and found.mode == "data" and found.type == "aws_caller_identity":
            return _or_star(found.get("account_id"))
    return "*"


def _or_star(value: object) -> str:
    return value if isinstance(value, str) else "*"


def _known(value: str) -> Known:
    return Partial(value) if "*" in value else value
