"""The ids by which AWS resources are imported, as far as a plan knows them before they exist.

Each is what the provider's page of the type gives under "Import". A type whose id AWS makes up is not here: after a
lost answer it can't be found by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

# {partition}, {region}, {account} and {queues} are those of the place; everything else is an attribute.
_RULES: Final[Mapping[str, str]] = {
    "aws_autoscaling_group": "{name}",
    "aws_backup_vault": "{name}",
    "aws_cloudwatch_composite_alarm": "{alarm_name}",
    "aws_cloudwatch_event_bus": "{name}",
    "aws_cloudwatch_event_rule": "{event_bus_name}/{name}",
    "aws_cloudwatch_log_group": "{name}",
    "aws_cloudwatch_log_stream": "{log_group_name}:{name}",
    "aws_cloudwatch_metric_alarm": "{alarm_name}",
    "aws_db_instance": "{identifier}",
    "aws_db_parameter_group": "{name}",
    "aws_db_subnet_group": "{name}",
    "aws_dynamodb_table": "{name}",
    "aws_ecr_repository": "{name}",
    "aws_ecs_cluster": "{name}",
    "aws_eks_cluster": "{name}",
    "aws_glue_catalog_database": "{account}:{name}",
    "aws_iam_group": "{name}",
    "aws_iam_instance_profile": "{name}",
    "aws_iam_policy": "arn:{partition}:iam::{account}:policy{path}{name}",
    "aws_iam_role": "{name}",
    "aws_iam_user": "{name}",
    "aws_kinesis_stream": "{name}",
    "aws_kms_alias": "{name}",
    "aws_lambda_alias": "{function_name}/{name}",
    "aws_lambda_function": "{function_name}",
    "aws_lambda_permission": "{function_name}/{statement_id}",
    "aws_rds_cluster": "{cluster_identifier}",
    "aws_s3_bucket": "{bucket}",
    "aws_sfn_state_machine": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
    "aws_sns_topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "aws_sqs_queue": "{queues}/{account}/{name}",
    "aws_ssm_document": "{name}",
    "aws_ssm_parameter": "{name}",
}
_OF_THE_PLACE: Final = frozenset({"partition", "region", "account", "queues"})
# What is put twice is there once: it needs no import, and nothing is left of it alone.
_SETTINGS: Final = re.compile(
    r"aws_(?:s3_(?:bucket_\w+|object)|\w+_attachment|\w+_association|kms_key_policy|iam_account_\w+"
    r"|iam_(?:role|user|group)_policy|appautoscaling_\w+|lambda_function_event_invoke_config"
    r"|cloudwatch_(?:dashboard|event_target|log_metric_filter|log_subscription_filter|log_resource_policy)"
    r"|(?:sns_topic|sqs_queue|ecr_repository|backup_vault|dynamodb_resource)(?:_\w+)?_policy)"
)


def attributes(kind: str) -> tuple[str, ...]:
    """The attributes of a resource type that its id is made of; () where a name does not say the id."""
    return tuple(name for name in _fields(kind) if name not in _OF_THE_PLACE)


def import_id(kind: str, known: Mapping[str, Any], place: Mapping[str, str]) -> str | None:
    """The id of a resource whose attributes are `known`; None where they, or `place`, don't tell it.

    `place` has "region", "account" and, where queues are not at AWS's own address, "endpoint".
    """
    if kind not in _RULES:
        return None
    region = place.get("region", "")
    derived = {
        "partition": _partition(region),
        "region": region,
        "account": place.get("account", ""),
        "queues": place.get("endpoint") or (f"https://sqs.{region}.amazonaws.com" if region else ""),
    }
    values = {name: known.get(name) or derived.get(name) or "" for name in _fields(kind)}
    if not all(isinstance(value, str) and value for value in values.values()):
        return None
    return _RULES[kind].format_map(values)


def may_be_orphaned(kind: str, known: Mapping[str, Any]) -> bool:
    """Whether something of this type can exist that nothing known of it leads to."""
    named = kind in _RULES and all(known.get(name) for name in attributes(kind))
    return not named and not is_setting(kind)


def is_setting(kind: str) -> bool:
    """Whether a creation can simply be done again, as it is no thing of its own in AWS."""
    return not kind.startswith("aws_") or _SETTINGS.fullmatch(kind) is not None


def _fields(kind: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(_RULES.get(kind, "")) if name)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
