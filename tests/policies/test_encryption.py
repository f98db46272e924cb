"""What parameters, states and conditions change in the verdicts about keys and encryption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.ledger import Ledger
from tapstack.gate.registry import Registry
from tapstack.model.plan import from_plan
from tapstack.model.state import from_state
from tests.policies.conftest import judge_hcl, judge_stack, verdicts

ARN = "arn:aws:kms:us-east-1:123456789012:key/1f2e3d4c-0000-4000-8000-000000000000"
TABLE = 'resource "aws_dynamodb_table" "x" {{\n  server_side_encryption {{\n    {}\n  }}\n}}\n'
TOPIC = 'resource "aws_sns_topic" "x" {{\n  {}\n}}\n'
QUEUE = 'resource "aws_sqs_queue" "x" {{\n  {}\n}}\n'
BUCKET = """resource "aws_s3_bucket" "x" {{}}
resource "aws_s3_bucket_server_side_encryption_configuration" "x" {{
  bucket = aws_s3_bucket.x.id
  rule {{
    {}
  }}
}}
"""
BY_DEFAULT = 'apply_server_side_encryption_by_default {\n sse_algorithm = "AES256"\n }'
OWN, OF_AWS = f'kms_master_key_id = "{ARN}"', 'kms_master_key_id = "alias/aws/sns"'


@pytest.mark.parametrize(
    ("template", "text", "policy", "parameters", "verdict"),
    [
        (TABLE, "enabled = true", "dynamodb_encryption", {"mode": "aws-managed"}, "PASS"),
        (TABLE, "enabled = false", "dynamodb_encryption", {"mode": "aws-managed"}, "FAIL"),
        (
            TABLE,
            f'enabled = true\nkms_key_arn = "{ARN}"',
            "dynamodb_encryption",
            {"mode": "aws-managed"},
            "FAIL",
        ),
        (TABLE, "enabled = false", "dynamodb_encryption", {"mode": "any"}, "PASS"),
        (TOPIC, OF_AWS, "sns_topic_encryption", {"mode": "aws-managed"}, "PASS"),
        (TOPIC, OWN, "sns_topic_encryption", {"mode": "aws-managed"}, "FAIL"),
        (TOPIC, OWN, "sns_topic_encryption", {"mode": "any"}, "PASS"),
        (TOPIC, "", "sns_topic_encryption", {"mode": "any"}, "FAIL"),
        (
            QUEUE,
            'kms_master_key_id = "alias/aws/sqs"',
            "sqs_queue_encryption",
            {"mode": "aws-managed"},
            "PASS",
        ),
        (QUEUE, "sqs_managed_sse_enabled = true", "sqs_queue_encryption", {"mode": "aws-managed"}, "FAIL"),
        (QUEUE, "sqs_managed_sse_enabled = true", "sqs_queue_encryption", {"mode": "sqs-managed"}, "PASS"),
        (QUEUE, OWN, "sqs_queue_encryption", {"mode": "sqs-managed"}, "PASS"),
        (QUEUE, "", "sqs_queue_encryption", {"mode": "sqs-managed"}, "FAIL"),
        (
            QUEUE,
            "sqs_managed_sse_enabled = aws_x.y.z",
            "sqs_queue_encryption",
            {"mode": "sqs-managed"},
            "UNKNOWN",
        ),
        (QUEUE, "sqs_managed_sse_enabled = false", "sqs_queue_encryption", {"mode": "any"}, "FAIL"),
        (BUCKET, BY_DEFAULT, "s3_bucket_encryption", {"algorithm": "AES256"}, "PASS"),
        (BUCKET, BY_DEFAULT, "s3_bucket_encryption", {"algorithm": "any"}, "PASS"),
        (
            BUCKET,
            BY_DEFAULT.replace("AES256", "aws:kms"),
            "s3_bucket_encryption",
            {"algorithm": "AES256"},
            "FAIL",
        ),
        (BUCKET, "bucket_key_enabled = true", "s3_bucket_encryption", {"algorithm": "any"}, "FAIL"),
    ],
)
def test_a_mode_says_which_kind_of_key_passes(
    template: str,
    text: str,
    policy: str,
    parameters: dict[str, Any],
    verdict: str,
    tmp_path: Path,
    registry: Registry,
) -> None:
    (tmp_path / "main.tf").write_text(template.format(text))
    ledger = judge_hcl(tmp_path, registry, policy, parameters)
    assert ledger.errors == ()
    assert [v for a, v in verdicts(ledger).items() if a.endswith(".x")] == [verdict]


def resource(type_: str, values: dict[str, Any], name: str = "x") -> dict[str, Any]:
    address = f"{type_}.{name}"
    return {"address": address, "mode": "managed", "type": type_, "name": name, "values": values}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"format_version": "1.0", "values": {"root_module": {"resources": list(resources)}}}


ENCRYPTED = resource(
    "aws_dynamodb_table", {"server_side_encryption": [{"enabled": True, "kms_key_arn": ARN}]}
)


@pytest.mark.parametrize(
    ("others", "mode", "verdict"),
    [
        # AWS reports the ARN of its own key in the same place.
        ((), "customer-managed", "UNKNOWN"),
        ((), "aws-managed", "PASS"),
        ((resource("aws_kms_key", {"arn": ARN}),), "customer-managed", "PASS"),
        ((resource("aws_kms_key", {"arn": ARN}),), "aws-managed", "FAIL"),
    ],
)
def test_whose_key_a_table_s_state_shows_depends_on_the_stack_s_keys(
    others: tuple[dict[str, Any], ...], mode: str, verdict: str, registry: Registry
) -> None:
    stack = from_state(state(ENCRYPTED, *others))
    ledger = judge_stack(stack, registry, "dynamodb_encryption", {"mode": mode})
    assert verdicts(ledger)["aws_dynamodb_table.x"] == verdict


def test_a_table_that_names_no_key_keeps_passing_when_aws_has_answered_with_its_own(
    registry: Registry,
) -> None:
    stack = from_plan(_plan_of_existing_table())
    for mode, verdict in (("aws-managed", "PASS"), ("customer-managed", "FAIL")):
        ledger = judge_stack(stack, registry, "dynamodb_encryption", {"mode": mode})
        assert verdicts(ledger) == {"aws_dynamodb_table.x": verdict}


def _plan_of_existing_table() -> dict[str, Any]:
    values = ENCRYPTED["values"]
    address = {
        "address": "aws_dynamodb_table.x",
        "mode": "managed",
        "type": "aws_dynamodb_table",
        "name": "x",
    }
    return {
        "format_version": "1.2",
        "resource_changes": [
            {**address, "change": {"actions": ["no-op"], "after": values, "after_unknown": {}}}
        ],
        "configuration": {
            "root_module": {
                "resources": [
                    {
                        **address,
                        "expressions": {"server_side_encryption": [{"enabled": {"constant_value": True}}]},
                    }
                ]
            }
        },
    }


KEY = """
provider "aws" {
  region = "us-east-1"
}

resource "aws_kms_key" "x" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [%s]
  })
}

resource "aws_cloudwatch_log_group" "g" {
  name       = "/aws/lambda/orders"
  kms_key_id = aws_kms_key.x.arn
}
"""
ALLOW = '{ Effect = "Allow", Principal = { Service = "%s" }, Action = "kms:*", Resource = "*"%s }'
LOGS = "logs.us-east-1.amazonaws.com"


def judged(
    text: str, directory: Path, registry: Registry, parameters: dict[str, Any] | None = None
) -> Ledger:
    (directory / "main.tf").write_text(text)
    ledger = judge_hcl(directory, registry, "kms_key_policy_serves_its_users", parameters)
    assert ledger.errors == ()
    return ledger


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("", "PASS"),
        (', Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }', "PASS"),
        (', Condition = { StringEquals = { "kms:ViaService" = "logs.us-east-1.amazonaws.com" } }', "PASS"),
        (', Condition = { StringEquals = { "kms:ViaService" = "logs.us-west-2.amazonaws.com" } }', "FAIL"),
        (
            ', Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:us-east-1:*:*" } }',
            "PASS",
        ),
        (
            ', Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-west-1:*:*" } }',
            "FAIL",
        ),
        (
            ', Condition = { ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = aws_cloudwatch_log_group.h.arn } }',
            "PASS",
        ),
    ],
)
def test_a_condition_may_narrow_a_key_s_policy_but_not_leave_its_user_out(
    condition: str, verdict: str, tmp_path: Path, registry: Registry
) -> None:
    ledger = judged(KEY % (ALLOW % (LOGS, condition)), tmp_path, registry)
    assert verdicts(ledger) == {"aws_kms_key.x": verdict}


def test_another_account_in_the_condition_leaves_the_log_group_out(registry: Registry) -> None:
    policy = (
        '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}, '
        '"Action": "kms:*", "Resource": "*", '
        '"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}]}'
    )
    group = {
        "name": "g",
        "kms_key_id": ARN,
        "arn": "arn:aws:logs:us-east-1:123456789012:log-group:g",
    }
    stack = from_state(
        state(
            resource("aws_kms_key", {"arn": ARN, "policy": policy}),
            resource("aws_cloudwatch_log_group", group),
        )
    )
    ledger = judge_stack(stack, registry, "kms_key_policy_serves_its_users")
    assert [f.verdict for f in ledger.findings] == ["FAIL"]
    assert "StringEquals aws:SourceAccount" in ledger.findings[0].message


def test_the_finding_names_user_service_action_and_the_other_region(
    tmp_path: Path, registry: Registry
) -> None:
    (finding,) = judged(KEY % (ALLOW % ("logs.us-west-2.amazonaws.com", "")), tmp_path, registry).findings
    assert finding.message == (
        "The key's policy does not let logs.us-east-1.amazonaws.com do kms:Encrypt*, kms:Decrypt*, "
        "kms:ReEncrypt*, kms:GenerateDataKey*, kms:Describe* (logs.us-west-2.amazonaws.com is another region's): "
        "aws_cloudwatch_log_group.g is encrypted with the key."
    )


def test_services_that_a_parameter_requires_must_be_let_in_by_every_key(
    tmp_path: Path, registry: Registry
) -> None:
    text = KEY % f"{ALLOW % (LOGS, '')}, {ALLOW % ('dynamodb.amazonaws.com', '')}"
    required = {"required_service_principals": ["dynamodb", "logs.{region}.amazonaws.com"]}
    assert verdicts(judged(text, tmp_path, registry, required)) == {"aws_kms_key.x": "PASS"}
    required = {"required_service_principals": ["dynamodb", "lambda.amazonaws.com"]}
    (finding,) = judged(text, tmp_path, registry, required).findings
    assert "lambda.amazonaws.com" in finding.message
    assert "dynamodb" not in finding.message


def test_a_required_service_is_missed_on_a_key_that_nothing_uses(tmp_path: Path, registry: Registry) -> None:
    required = {"required_service_principals": ["dynamodb"]}
    ledger = judged('resource "aws_kms_key" "x" {}\n', tmp_path, registry, required)
    assert verdicts(ledger) == {"aws_kms_key.x": "FAIL"}


def test_several_log_groups_that_lack_the_same_are_one_finding(tmp_path: Path, registry: Registry) -> None:
    text = KEY % (ALLOW % ("s3.amazonaws.com", "")) + (
        'resource "aws_cloudwatch_log_group" "h" {\n  name = "h"\n  kms_key_id = aws_kms_key.x.key_id\n}\n'
    )
    (finding,) = judged(text, tmp_path, registry).findings
    assert "aws_cloudwatch_log_group.g" in finding.message
    assert "aws_cloudwatch_log_group.h" in finding.message


CIRCLE = """
resource "aws_kms_key" "k" {
  policy = module.access.document
}

module "access" {
  source = "./access"
  role   = aws_iam_role.r.arn
}

resource "aws_iam_role" "r" {
  assume_role_policy = "{}"
  %s
}
"""
ACCESS = """
variable "role" {}

output "document" {
  value = jsonencode({ Statement = [{ Effect = "Allow", Principal = { AWS = var.role }, Action = "kms:Decrypt" }] })
}
"""


def test_a_circle_through_a_module_is_found_and_told_step_by_step(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "access").mkdir()
    (tmp_path / "access" / "main.tf").write_text(ACCESS)
    (tmp_path / "main.tf").write_text(CIRCLE % "depends_on = [aws_kms_key.k]")
    (finding,) = judge_hcl(tmp_path, registry, "kms_key_policy_has_no_cycle").findings
    assert "aws_kms_key.k (policy) -> aws_iam_role.r (depends_on) -> aws_kms_key.k." in finding.message
    assert finding.actual == ["aws_kms_key.k", "aws_iam_role.r", "aws_kms_key.k"]
    (tmp_path / "main.tf").write_text(CIRCLE % "")
    assert verdicts(judge_hcl(tmp_path, registry, "kms_key_policy_has_no_cycle")) == {"aws_kms_key.k": "PASS"}


REPLICA = """
provider "aws" {
  region = "us-east-1"
}

resource "aws_kms_key" "k" {}

resource "aws_dynamodb_table" "x" {
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.k.arn
  }

  replica {
    region_name            = "us-west-2"
    kms_key_arn            = %s
    point_in_time_recovery = true
  }
}
"""


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        (f'"{ARN.replace("us-east-1", "us-west-2")}"', "PASS"),
        (f'"{ARN}"', "FAIL"),
        ("aws_kms_key.k.arn", "FAIL"),
        ("null", "FAIL"),
        ("aws_x.y.z", "UNKNOWN"),
    ],
)
def test_a_replica_s_key_is_of_the_replica_s_region(
    key: str, verdict: str, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(REPLICA % key)
    ledger = judge_hcl(tmp_path, registry, "dynamodb_global_table_replicas")
    assert verdicts(ledger) == {"aws_dynamodb_table.x": verdict}
