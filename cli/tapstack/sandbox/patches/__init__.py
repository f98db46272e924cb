"""What moto lacks for the stacks tap deploys: one small function for each gap, applied at the start.

A module for each service. Every gap was seen in moto 5.2.5, and has a test in tests/integration/sandbox that fails
without its patch. When a newer moto closes a gap, its test still passes after deleting the function and its line in
PATCHES.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from tapstack.errors import SandboxFailed
from tapstack.sandbox.patches import (
    apigateway,
    applicationautoscaling,
    awslambda,
    backup,
    cloudtrail,
    cloudwatch,
    codebuild,
    dynamodb,
    dynamodb_isolation,
    ec2,
    event_sources,
    kinesis,
    kms,
    logs,
    route53,
    s3,
    s3_lifecycle,
    s3_replication,
    s3_subresources,
    s3_versioning,
    sqs,
    stepfunctions,
)
from tapstack.sandbox.record import Sandbox

Patch = Callable[[Sandbox], None]

PATCHES: Final[tuple[tuple[str, Patch], ...]] = (
    ("API Gateway deployment", apigateway.apigateway_deployment),
    ("API Gateway test invocation", apigateway.apigateway_test_invoke),
    ("API Gateway updates", apigateway.apigateway_updates),
    ("API Gateway usage plan numbers", apigateway.apigateway_usage_plan_numbers),
    ("Application Auto Scaling tags", applicationautoscaling.applicationautoscaling_tags),
    ("Backup deleted plan", backup.backup_deleted_plan),
    ("Backup selections", backup.backup_selections),
    ("Backup tags", backup.backup_tags),
    ("CloudTrail deleted trail", cloudtrail.cloudtrail_delete_by_arn),
    ("CloudWatch composite alarm", cloudwatch.cloudwatch_composite_alarm),
    ("CloudWatch Logs query definitions", logs.logs_query_definitions),
    ("CodeBuild deleted project", codebuild.codebuild_delete_by_arn),
    ("DynamoDB stream records", event_sources.dynamodb_stream_records),
    ("DynamoDB deleted table", dynamodb.dynamodb_deleted_table),
    ("DynamoDB global tables", dynamodb.dynamodb_global_tables),
    ("DynamoDB replication", dynamodb.dynamodb_replication),
    ("DynamoDB isolation", dynamodb_isolation.dynamodb_isolation),
    ("Kinesis sequence numbers", event_sources.kinesis_sequence_numbers),
    ("EC2 deleted VPC", ec2.ec2_deleted_vpc),
    ("EC2 deleted VPC endpoint", ec2.ec2_deleted_vpc_endpoint),
    ("EC2 security group rule description", ec2.ec2_security_group_rule_description),
    ("Kinesis tags", kinesis.kinesis_tags),
    ("KMS multi-region keys", kms.kms_multi_region_keys),
    ("KMS rotation period", kms.kms_rotation_period),
    ("Lambda configuration", awslambda.lambda_configuration),
    ("Lambda code location", awslambda.lambda_code_location),
    ("Lambda event source mappings", event_sources.event_source_mappings),
    ("Lambda reserved concurrency", awslambda.lambda_reserved_concurrency),
    ("Lambda invocation", awslambda.lambda_invocation),
    ("Route 53 delegation set", route53.route53_delegation_set),
    ("S3 bucket policy", s3.s3_bucket_policy),
    ("S3 newer noncurrent versions", s3_lifecycle.s3_newer_noncurrent_versions),
    ("S3 request payment", s3_subresources.s3_request_payment),
    ("S3 unknown subresources", s3_subresources.s3_unknown_subresources),
    ("S3 replication configuration", s3.s3_replication_configuration),
    ("S3 transition default minimum object size", s3.s3_transition_default_minimum_object_size),
    ("S3 replication", s3_replication.s3_replication),
    ("S3 suspended versioning", s3_versioning.s3_suspended_versioning),
    ("SNS to Lambda", event_sources.sns_to_lambda),
    ("SQS deletion", event_sources.sqs_deletion),
    ("SQS kept policy", sqs.sqs_kept_policy),
    ("SQS redrive allow policy", sqs.sqs_redrive_allow_policy),
    ("SQS redrive policy", sqs.sqs_redrive_policy),
    ("Step Functions validation", stepfunctions.stepfunctions_validation),
    ("Step Functions versions", stepfunctions.stepfunctions_versions),
)


def apply(sandbox: Sandbox) -> None:
    """Apply all patches; raises SandboxFailed naming the one that does not fit the installed moto."""
    for name, patch in PATCHES:
        try:
            patch(sandbox)
        except AttributeError as error:
            raise SandboxFailed(
                f"the sandbox's patch {name!r} does not fit moto {version('moto')}: {error}",
                hint="install the moto version of tap's lock file, or adapt the patch",
            ) from error
