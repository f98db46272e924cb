"""A name says whose resource it is, and of which environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field, field_validator

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
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.text_parts import text_parts
from tapstack.model.values import MISSING, Unknown, is_unset

# Which argument is the name, from each type's page below
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs. Left out are arguments called name that
# are no choice of the stack's (records and zones are domains, a setting's name is AWS's) and databases of Glue,
# where Athena accepts no hyphen. A name in a Name tag is a tag's business.
_NAMED_BY: Final[Mapping[str, str]] = {
    "name": """
        alb api_gateway_api_key api_gateway_rest_api api_gateway_usage_plan api_gateway_vpc_link
        apigatewayv2_api apigatewayv2_vpc_link appsync_graphql_api athena_workgroup autoscaling_group
        backup_plan backup_vault batch_job_definition batch_job_queue budgets_budget cloudformation_stack
        cloudfront_function cloudfront_origin_access_control cloudtrail cloudtrail_event_data_store
        cloudwatch_event_api_destination cloudwatch_event_archive cloudwatch_event_bus
        cloudwatch_event_connection cloudwatch_event_rule cloudwatch_log_group cloudwatch_log_metric_filter
        cloudwatch_metric_stream cloudwatch_query_definition codebuild_project codedeploy_app codepipeline
        cognito_user_pool cognito_user_pool_client config_config_rule db_option_group db_parameter_group
        db_proxy db_subnet_group docdb_cluster_parameter_group docdb_subnet_group dynamodb_table
        ecr_repository ecs_cluster ecs_service eks_cluster elasticache_parameter_group
        elasticache_serverless_cache elasticache_subnet_group elb emr_cluster glue_crawler glue_job
        glue_trigger glue_workflow iam_group iam_group_policy iam_instance_profile iam_policy iam_role
        iam_role_policy iam_user iam_user_policy kinesis_firehose_delivery_stream kinesis_stream kms_alias
        launch_template lb lb_target_group memorydb_cluster neptune_subnet_group networkfirewall_firewall
        networkfirewall_firewall_policy networkfirewall_rule_group opensearchserverless_collection pipes_pipe
        placement_group qldb_ledger rds_cluster_parameter_group redshift_parameter_group
        redshift_subnet_group resourcegroups_group route53_resolver_endpoint s3_access_point
        sagemaker_endpoint sagemaker_model scheduler_schedule scheduler_schedule_group secretsmanager_secret
        security_group sfn_activity sfn_state_machine sns_topic sqs_queue ssm_document ssm_parameter
        synthetics_canary vpclattice_service vpclattice_service_network wafv2_ip_set
        wafv2_regex_pattern_set wafv2_rule_group wafv2_web_acl
    """,
    "alarm_name": "cloudwatch_composite_alarm cloudwatch_metric_alarm",
    "broker_name": "mq_broker",
    "bucket": "s3_bucket s3_directory_bucket",
    "cluster_id": "elasticache_cluster",
    "cluster_identifier": "docdb_cluster neptune_cluster rds_cluster redshift_cluster",
    "cluster_name": "msk_cluster",
    "dashboard_name": "cloudwatch_dashboard",
    "database_name": "timestreamwrite_database",
    "domain_name": "opensearch_domain",
    "family": "ecs_task_definition",
    "function_name": "lambda_function",
    "global_cluster_identifier": "docdb_global_cluster neptune_global_cluster rds_global_cluster",
    "group_name": "xray_group",
    "identifier": "db_instance docdb_cluster_instance neptune_cluster_instance rds_cluster_instance",
    "key_name": "key_pair",
    "layer_name": "lambda_layer_version",
    "node_group_name": "eks_node_group",
    "replication_group_id": "elasticache_replication_group",
    "service_name": "apprunner_service",
}
_NAMES: Final = {f"aws_{type_}": name for name, types in _NAMED_BY.items() for type_ in types.split()}

# What comes before the stack's own part of a name, because AWS wants it there: the paths in which services look
# for their log groups, the prefix of aliases, the one of what WAF logs to.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
# https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
# https://docs.aws.amazon.com/waf/latest/developerguide/logging-destinations.html
_AWS_WANTS: Final[Mapping[str, re.Pattern[str]]] = {
    "aws_cloudwatch_log_group": re.compile(r"/aws/(?:vendedlogs/)?[\w-]+/|aws-waf-logs-|/"),
    "aws_kinesis_firehose_delivery_stream": re.compile(r"aws-waf-logs-"),
    "aws_kms_alias": re.compile(r"alias/"),
    "aws_s3_bucket": re.compile(r"aws-waf-logs-"),
    "aws_ssm_parameter": re.compile(r"/"),
}
# What Terraform appends to a `name_prefix` is 26 hexadecimal digits of time and count.
_GENERATED: Final = "20250101000000000000000001"
# A regular expression's own braces hold digits.
_PLACEHOLDER: Final = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
# Plain characters and placeholders, but for one that is repeated.
_HEAD: Final = re.compile(r"(?:(?:[\w/-]|\{[a-z_][a-z0-9_]*\})(?![?*+]|\{\d))*")
# Keeps `acme-dev` from being found in `acme-develop`.
_NOT_LONGER: Final = "(?![A-Za-z0-9])"
_CONTINUATIONS: Final = ("a", "Z", "0", "-", "_", ".", "/")


class NamingConvention(Policy):
    """The name, without what AWS wants in front of it, begins as `pattern` says."""

    id = "CKV_TAP_502"
    name = "naming_convention"
    title = "Resources are named by the convention"
    severity = Severity.LOW
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("*",)
    rationale = (
        "Two environments in one account collide on a name without the environment in it, and one that doesn't "
        "say whose it is, is deleted by nobody or by the wrong one. IAM policies that are scoped by prefix "
        "depend on it as well."
    )
    remediation = 'name = "${var.company}-${var.environment}-orders"'
    references = (
        "https://docs.aws.amazon.com/prescriptive-guidance/latest/terraform-aws-provider-best-practices/"
        "structure.html",
    )

    class Parameters(Policy.Parameters):
        """A regular expression that names match from their start (end it with `$` to match them whole).

        `{company}` and `{environment}`, like any `{variable}`, stand for the stack's variables of that name.
        `types` adds types with the attribute that is their name; an empty one takes a type out.
        """

        pattern: str = Field(default=f"{{company}}-{{environment}}{_NOT_LONGER}", min_length=1)
        types: dict[str, str] = Field(default_factory=dict)

        @field_validator("pattern")
        @classmethod
        def _is_a_regular_expression(cls, pattern: str) -> str:
            try:
                re.compile(_PLACEHOLDER.sub("x", pattern))
            except re.error as error:
                raise ValueError(f"the pattern is no regular expression: {error}") from None
            return pattern

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether the resource has a name, and it is as agreed."""
        attribute = self.parameters.types.get(resource.type, _NAMES.get(resource.type, ""))
        if not attribute:
            yield not_applicable(f"{resource.type} has no name of its own.")
            return
        convention = self._convention(stack)
        yield (
            convention if isinstance(convention, Evidence) else _judge(resource, attribute, convention, stack)
        )

    def _convention(self, stack: Stack) -> _Convention | Evidence:
        """The pattern with this stack's values, or why there is none."""
        pattern: str = self.parameters.pattern
        names = dict.fromkeys(_PLACEHOLDER.findall(pattern))
        values = {name: stack.variables.get(name, MISSING) for name in names}
        words = " and ".join(f"var.{name}" for name, value in values.items() if not _is_text(value))
        if not words:
            return _Convention.of(pattern, values)
        if MISSING in values.values() and "pattern" not in self.parameters.model_fields_set:
            what = "a state does not hold" if stack.kind is Kind.STATE else "this stack does not have"
            return not_applicable(
                f"The pack's convention is made of {words}, which {what}; set [policies.{self.name}] pattern "
                "to have its names judged."
            )
        return unknown(f"The convention is made of {words}, not known here.", expected=pattern)


@dataclass(frozen=True, slots=True)
class _Convention:
    """A pattern ready to be matched, as a person reads it, and the plain text that it begins with."""

    compiled: re.Pattern[str]
    shown: str
    head: str

    @staticmethod
    def of(pattern: str, values: Mapping[str, Any]) -> _Convention:
        def shown(text: str) -> str:
            return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)

        literal = _PLACEHOLDER.sub(lambda match: f"(?:{re.escape(str(values[match[1]]))})", pattern)
        head = _HEAD.match(pattern.removeprefix("^"))
        plain = shown(head[0]) if head and "|" not in pattern else ""
        words = shown(pattern.removesuffix(_NOT_LONGER))
        return _Convention(re.compile(literal), words, plain)

    def follows(self, name: str) -> bool:
        return self.compiled.match(name) is not None

    def settled_by(self, prefix: str, suffix: str) -> bool | None:
        """Whether names that begin and end so follow the convention; None where the rest decides."""
        if all(self.follows(prefix + rest + suffix) for rest in ("", *_CONTINUATIONS)):
            return True
        agrees = prefix.startswith(self.head) or self.head.startswith(prefix)
        return None if agrees else False


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _judge(resource: Resource, attribute: str, convention: _Convention, stack: Stack) -> Evidence:
    prefix_attribute = f"{attribute}_prefix"
    if is_unset(resource.get(attribute)) and not is_unset(resource.get(prefix_attribute)):
        attribute = prefix_attribute
    value, expected = resource.get(attribute), f"begins with {convention.shown}"
    if is_unset(value):
        return failed(
            "The resource is given no name; the provider will make one up.", attribute, expected=expected
        )
    generated = _GENERATED if attribute == prefix_attribute else ""
    if isinstance(value, Unknown):
        parts = text_parts(stack, resource, attribute) or ("",)
        known, end = (part if isinstance(part, str) else "" for part in (parts[0], parts[-1]))
        follows = convention.settled_by(_own_part(resource.type, known), end + generated)
        shown: Any = f"{known}...{end}" if known or end else value
    else:
        follows = convention.follows(_own_part(resource.type, str(value)) + generated)
        shown = value
    if follows is None:
        return unknown("The name is not known yet.", attribute, actual=shown, expected=expected)
    if follows:
        return passed(f"{shown} follows the convention.", attribute, shown)
    return failed(
        f"The name {shown} does not begin with {convention.shown}.",
        attribute,
        actual=shown,
        expected=expected,
    )


def _own_part(type_: str, name: str) -> str:
    wanted = _AWS_WANTS.get(type_)
    match = wanted.match(name) if wanted else None
    return name[match.end() :] if match else name
