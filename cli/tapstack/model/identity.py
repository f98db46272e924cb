"""Which resource a known value names: an ARN, an id, a name, a URL, an alias."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tapstack.model.stack import Reference, Resource

# Attributes by which other resources name one; none that names another resource.
_IDENTIFYING: Final = (
    "arn", "id", "name", "url", "key_id", "bucket", "function_name", "invoke_arn", "qualified_arn",
    "qualified_invoke_arn", "stream_arn", "execution_arn", "unique_id", "dns_name", "bucket_domain_name",
    "bucket_regional_domain_name", "repository_url", "cluster_identifier", "identifier",
)  # fmt: skip
# How the ARN of a resource ends in its name, for those whose ARN a configuration often writes out because the
# resource's own would make a cycle.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ARNS: Final[Mapping[tuple[str, str], str]] = {
    ("s3", ""): "aws_s3_bucket",
    ("sns", ""): "aws_sns_topic",
    ("sqs", ""): "aws_sqs_queue",
    ("dynamodb", "table/"): "aws_dynamodb_table",
    ("kinesis", "stream/"): "aws_kinesis_stream",
    ("lambda", "function:"): "aws_lambda_function",
    ("logs", "log-group:"): "aws_cloudwatch_log_group",
    ("cloudwatch", "alarm:"): "aws_cloudwatch_metric_alarm",
    ("iam", "role/"): "aws_iam_role",
    ("iam", "policy/"): "aws_iam_policy",
    ("kms", "alias/"): "aws_kms_alias",
    ("events", "rule/"): "aws_cloudwatch_event_rule",
    ("states", "stateMachine:"): "aws_sfn_state_machine",
    ("secretsmanager", "secret:"): "aws_secretsmanager_secret",
    ("ssm", "parameter/"): "aws_ssm_parameter",
}
_ARN: Final = re.compile(r"arn:aws[\w-]*:([\w-]+):([\w-]*):(\d*):(.+)")
_ARN_IN_TEXT: Final = re.compile(r'arn:aws[\w-]*:[\w-]+:[^"\\\s]+')
_UNMISTAKABLE: Final = re.compile(
    r"arn:.*|https?://.*|alias/.*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|[a-z]+-[0-9a-f]{8,17}"
)
_SUFFIX: Final = re.compile(r"_(?:id|arn|name|url|identifier)s?$|(?<=[^s])s$")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Identity:
    """The identifying values of a stack's resources."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_value: dict[str, list[Reference]] = {}
        for resource in resources:
            values = resource.values
            for attribute in _IDENTIFYING:
                value = values.get(attribute)
                if isinstance(value, str) and value:
                    self._by_value.setdefault(value, []).append(Reference(resource, attribute))

    def named(self, value: str) -> list[Reference]:
        """What has exactly this value, be it an ARN that only ends in a known name; each resource once.

        Data is left out beside the managed resource that it reads.
        """
        found = self._by_value.get(value) or list(self._by_name_in_arn(value))
        if len(found) < 2:
            return found
        managed = {one.resource.type for one in found if one.resource.mode == "managed"}
        kept = (one for one in found if one.resource.mode == "managed" or one.resource.type not in managed)
        return list({one.resource.address: one for one in kept}.values())

    def within(self, value: str) -> list[Reference]:
        """What an ARN names that goes on behind the resource's own ("...:*", ".../*"), or a name nobody else has."""
        if not _UNMISTAKABLE.fullmatch(value):
            return []
        while not (found := self.named(value)) and value.count(":") >= 5:
            value = value[: max(value.rfind("/"), value.rfind(":"))]
        return found

    def mentioned(self, key: str, value: str) -> Iterator[Resource]:
        """What the text at an attribute (or map key) `key` names; a mere name only where the key says of what."""
        if value.startswith(("{", "[")):
            for arn in _ARN_IN_TEXT.findall(value):
                yield from (reference.resource for reference in self.within(arn))
            return
        unmistakable = _UNMISTAKABLE.fullmatch(value) is not None
        for reference in self.within(value) if unmistakable else self._by_value.get(value, ()):
            if unmistakable or _is_about(key, reference.resource.type):
                yield reference.resource

    def _by_name_in_arn(self, value: str) -> Iterator[Reference]:
        match = _ARN.fullmatch(value)
        if match is None:
            return
        for (service, prefix), type_ in _ARNS.items():
            if service == match[1] and match[4].startswith(prefix):
                name = match[4] if service == "kms" else match[4].removeprefix(prefix)
                for reference in self._by_value.get(name, ()):
                    if reference.resource.type == type_ and _has_place(
                        reference.resource, match[2], match[3]
                    ):
                        yield reference


def _has_place(resource: Resource, region: str, account: str) -> bool:
    """Whether nothing known of the resource contradicts the ARN's region and account."""
    arn = resource.values.get("arn")
    there = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    return there is None or (there[2] in ("", region) and there[3] in ("", account))


def _is_about(key: str, type_: str) -> bool:
    """Whether `function_name`, `TableName` or `queue` speak of a type: aws_lambda_function, ..."""
    noun = _SUFFIX.sub("", _CAMEL.sub("_", key).lower())
    return bool(noun) and (
        type_ == noun or type_.endswith(f"_{noun}") or noun.endswith(f"_{type_.rpartition('_')[2]}")
    )


def arn_region(value: Any) -> str | None:
    """The region in an ARN."""
    match = _ARN.fullmatch(value) if isinstance(value, str) else None
    return match[2] or None if match else None
