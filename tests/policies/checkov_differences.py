"""Where plain checkov says nothing about an example on which the gate decides: which, and why."""

from __future__ import annotations

from dataclasses import dataclass

OTHER_RESOURCES = "other resources decide, or data resources, and checkov shows a check one block"
OUTPUTS = "outputs decide, and checkov shows a check one resource"
VARIABLES = "a variable decides, and checkov has not put its value in"
BACKEND = "the backend is no resource"
DEFAULT_TAGS = "checkov shows a check no provider's default_tags, which could bring every key"
LEFT_OUT = "checkov leaves out of a plan what is not known yet, so what isn't there may be that"
LIFECYCLE = "a plan has no lifecycle arguments"

HCL, PLAN = ("terraform",), ("terraform_plan",)
BOTH = (*HCL, *PLAN)


@dataclass(frozen=True)
class Silent:
    """Examples of one policy, by address."""

    policy: str
    frameworks: tuple[str, ...]
    reason: str
    addresses: str


SILENT = (
    Silent(
        "alarm_reaches_someone",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_cloudwatch_composite_alarm.either aws_cloudwatch_metric_alarm.all_clear_to_closed_key
        aws_cloudwatch_metric_alarm.scales aws_cloudwatch_metric_alarm.to_aws_managed_key
        aws_cloudwatch_metric_alarm.to_closed_key aws_cloudwatch_metric_alarm.to_closed_topic
        aws_cloudwatch_metric_alarm.to_default_key_policy
        aws_cloudwatch_metric_alarm.to_encrypted_topic aws_cloudwatch_metric_alarm.to_plain_topic
        aws_cloudwatch_metric_alarm.to_topic_with_policy
        """,
    ),
    Silent(
        "destroyable_outside_production",
        PLAN,
        LIFECYCLE,
        """
        aws_cognito_user_pool.active aws_cognito_user_pool.inactive aws_dynamodb_table.off
        aws_dynamodb_table.protected aws_dynamodb_table.unset aws_qldb_ledger.off aws_qldb_ledger.unset
        aws_s3_bucket.by_protection aws_s3_bucket.forced aws_s3_bucket.unset aws_sqs_queue.prevented
        """,
    ),
    Silent("destroyable_outside_production", HCL, VARIABLES, "aws_s3_bucket.by_protection"),
    Silent(
        "dynamodb_encryption",
        PLAN,
        LEFT_OUT,
        """
        aws_dynamodb_table.aws_managed aws_dynamodb_table.foreign_key aws_dynamodb_table.no_block
        aws_dynamodb_table.own_key
        """,
    ),
    Silent(
        "dynamodb_global_table_replicas",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_dynamodb_table.aws_keys aws_dynamodb_table.in_its_own_region
        aws_dynamodb_table.key_of_another_region aws_dynamodb_table.key_of_the_table
        aws_dynamodb_table.keys_only aws_dynamodb_table.no_key aws_dynamodb_table.no_recovery
        aws_dynamodb_table.no_stream aws_dynamodb_table.replica_key_by_arn
        aws_dynamodb_table.replica_recovery_from_elsewhere aws_dynamodb_table.separate
        aws_dynamodb_table.separate_without_stream aws_dynamodb_table.three_regions
        aws_dynamodb_table.twice aws_dynamodb_table.two_keys aws_dynamodb_table_replica.separate
        aws_dynamodb_table_replica.separate_with_key_of_the_table
        """,
    ),
    Silent(
        "dynamodb_point_in_time_recovery",
        PLAN,
        LEFT_OUT,
        """
        aws_dynamodb_table.unset
        """,
    ),
    Silent(
        "function_has_its_own_role",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_iam_role.reader aws_iam_role.shared aws_iam_role.writer aws_lambda_function.exporter
        aws_lambda_function.importer aws_lambda_function.role_elsewhere
        """,
    ),
    Silent(
        "iam_no_administrator",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_iam_role_policy_attachment.own
        """,
    ),
    Silent(
        "iam_no_wildcard_actions",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_iam_policy.listed aws_iam_role.inline aws_iam_role.inline_service
        aws_iam_role_policy.from_document
        """,
    ),
    Silent(
        "iam_no_wildcard_actions",
        HCL,
        OTHER_RESOURCES,
        """
        aws_iam_role_policy.all_but
        """,
    ),
    Silent(
        "iam_no_wildcard_resources",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_iam_policy.named aws_iam_role_policy.from_document
        """,
    ),
    Silent(
        "iam_no_wildcard_resources",
        HCL,
        OTHER_RESOURCES,
        """
        aws_iam_policy.every_table
        """,
    ),
    Silent(
        "isolated_functions_have_endpoints",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_lambda_function.internet_gateway aws_lambda_function.isolated
        aws_lambda_function.no_endpoint aws_lambda_function.no_private_dns
        aws_lambda_function.other_route_table aws_lambda_function.writes_logs_only
        """,
    ),
    Silent(
        "kms_key_policy_has_no_cycle",
        HCL,
        OTHER_RESOURCES,
        """
        aws_kms_key.by_local aws_kms_key.by_log_group aws_kms_key.by_services aws_kms_key.by_table
        aws_kms_key.depends_on aws_kms_key.inline_policy aws_kms_key.itself aws_kms_key.names_a_role
        aws_kms_key_policy.apart
        """,
    ),
    Silent(
        "kms_key_policy_serves_its_users",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_kms_key.account_only aws_kms_key.action_missing aws_kms_key.alarms_forgotten
        aws_kms_key.alerts aws_kms_key.default_policy aws_kms_key.denied aws_kms_key.logs
        aws_kms_key.logs_of_every_region aws_kms_key.other_group aws_kms_key.other_region
        aws_kms_key.policy_apart aws_kms_key.queue aws_kms_key.uploads_forgotten
        """,
    ),
    Silent(
        "kms_key_rotation",
        PLAN,
        LEFT_OUT,
        """
        aws_kms_key.primary aws_kms_key.yearly
        """,
    ),
    Silent(
        "lambda_owns_its_log_group",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_lambda_function.by_logging_config aws_lambda_function.by_name aws_lambda_function.elsewhere
        aws_lambda_function.group_waits_for_function aws_lambda_function.named_alike
        aws_lambda_function.not_waiting aws_lambda_function.of_another_function
        aws_lambda_function.through_policy aws_lambda_function.without_group
        """,
    ),
    Silent(
        "log_group_encryption",
        HCL,
        VARIABLES,
        """
        aws_cloudwatch_log_group.null_key
        """,
    ),
    Silent(
        "log_group_encryption",
        PLAN,
        OTHER_RESOURCES,
        """
        aws_cloudwatch_log_group.key_by_variable
        """,
    ),
    Silent(
        "naming_convention",
        HCL,
        VARIABLES,
        """
        aws_cloudwatch_log_group.in_lambdas_path aws_cloudwatch_log_group.without_prefix
        aws_kms_alias.alias aws_sqs_queue.by_prefix aws_sqs_queue.by_variables
        aws_sqs_queue.of_another_environment aws_sqs_queue.without_name aws_sqs_queue.without_prefix
        aws_sqs_queue.wrong_prefix
        """,
    ),
    Silent(
        "outputs_expose_arns",
        HCL,
        OUTPUTS,
        """
        aws_dynamodb_table.orders aws_iam_access_key.mail aws_kms_key.hidden
        aws_lambda_function.told_all aws_s3_bucket.by_its_region aws_sns_topic.by_priority["high"]
        aws_sns_topic.by_priority["low"] aws_sqs_queue.orders
        """,
    ),
    Silent(
        "required_tags",
        HCL,
        DEFAULT_TAGS,
        """
        aws_sqs_queue.by_both aws_sqs_queue.by_provider aws_sqs_queue.none aws_sqs_queue.one_missing
        """,
    ),
    Silent(
        "required_tags",
        PLAN,
        LEFT_OUT,
        """
        aws_sqs_queue.none aws_sqs_queue.one_empty aws_sqs_queue.one_missing
        """,
    ),
    Silent(
        "resource_policy_not_public",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_sns_topic_policy.from_buckets
        """,
    ),
    Silent(
        "resource_policy_not_public",
        HCL,
        OTHER_RESOURCES,
        """
        aws_sns_topic.everybody
        """,
    ),
    Silent(
        "resource_policy_not_public",
        PLAN,
        OTHER_RESOURCES,
        """
        aws_s3_bucket_policy.organization
        """,
    ),
    Silent(
        "role_can_read_its_event_source",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_lambda_event_source_mapping.another_stream aws_lambda_event_source_mapping.key_missing
        aws_lambda_event_source_mapping.kinesis aws_lambda_event_source_mapping.one_action_missing
        aws_lambda_event_source_mapping.queue aws_lambda_event_source_mapping.stream
        """,
    ),
    Silent(
        "role_trust_is_narrow",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_iam_role.another_account aws_iam_role.condition_for_strangers
        aws_iam_role.role_of_the_stack
        """,
    ),
    Silent(
        "role_trust_is_narrow",
        HCL,
        OTHER_RESOURCES,
        """
        aws_iam_role.partner aws_iam_role.service
        """,
    ),
    Silent(
        "s3_bucket_encryption",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_s3_bucket.archive aws_s3_bucket.documents aws_s3_bucket.inline
        aws_s3_bucket.no_configuration aws_s3_bucket.other aws_s3_bucket.wrong_algorithm
        """,
    ),
    Silent(
        "s3_bucket_versioning",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_s3_bucket.by_local aws_s3_bucket.one_of_two["documents"]
        aws_s3_bucket.one_of_two["exports"] aws_s3_bucket.suspended aws_s3_bucket.versioned
        """,
    ),
    Silent(
        "s3_lifecycle_archives",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_s3_bucket.at_a_date aws_s3_bucket.expires_before aws_s3_bucket.expires_instead
        aws_s3_bucket.in_steps aws_s3_bucket.loses_old_versions aws_s3_bucket.never_archived
        aws_s3_bucket.orders aws_s3_bucket.switched_off aws_s3_bucket.too_soon aws_s3_bucket.years
        """,
    ),
    Silent(
        "s3_public_access_block",
        BOTH,
        OTHER_RESOURCES,
        """
        aws_s3_bucket.exports aws_s3_bucket.in_part aws_s3_bucket.none aws_s3_bucket.of_region["east"]
        aws_s3_bucket.of_region["west"] aws_s3_bucket.some["blocked"] aws_s3_bucket.some["open"]
        aws_s3_bucket.switched_off
        """,
    ),
    Silent(
        "security_group_not_open",
        PLAN,
        LEFT_OUT,
        """
        aws_default_security_group.empty
        """,
    ),
    Silent(
        "state_is_locked_and_encrypted",
        HCL,
        BACKEND,
        """
        terraform.backend
        """,
    ),
)


def silent(framework: str) -> dict[tuple[str, str], str]:
    """Why, by (policy, address)."""
    return {
        (one.policy, address): one.reason
        for one in SILENT
        if framework in one.frameworks
        for address in one.addresses.split()
    }
