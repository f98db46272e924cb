"""What parameters change in a policy's verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.registry import Registry
from tests.policies.conftest import judge_hcl, verdicts

KEY = 'resource "aws_kms_key" "k" {{\n  enable_key_rotation = true\n  {}\n}}\n'
TABLE = (
    'resource "aws_dynamodb_table" "t" {{\n  name = "t"\n  point_in_time_recovery {{\n'
    "    enabled = true\n    {}\n  }}\n}}\n"
)
LOGS = 'resource "aws_cloudwatch_log_group" "l" {{\n  {}\n}}\n'
QUEUE = 'resource "aws_sqs_queue" "q" {{\n  tags = {{ {} }}\n}}\n'

CASES = [
    (KEY, "rotation_period_in_days = 180", "kms_key_rotation", {"max_rotation_days": 180}, "PASS"),
    (KEY, "rotation_period_in_days = 181", "kms_key_rotation", {"max_rotation_days": 180}, "FAIL"),
    # AWS's own period is a year.
    (KEY, "", "kms_key_rotation", {"max_rotation_days": 180}, "FAIL"),
    (KEY, 'rotation_period_in_days = "90"', "kms_key_rotation", {"max_rotation_days": 90}, "PASS"),
    (KEY, 'custom_key_store_id = "cks-1"', "kms_key_rotation", {}, "NOT_APPLICABLE"),
    (TABLE, "", "dynamodb_point_in_time_recovery", {"min_recovery_days": 35}, "PASS"),
    (TABLE, "recovery_period_in_days = 7", "dynamodb_point_in_time_recovery", {}, "PASS"),
    (
        TABLE,
        "recovery_period_in_days = 7",
        "dynamodb_point_in_time_recovery",
        {"min_recovery_days": 7},
        "PASS",
    ),
    (
        TABLE,
        "recovery_period_in_days = 6",
        "dynamodb_point_in_time_recovery",
        {"min_recovery_days": 7},
        "FAIL",
    ),
    (
        TABLE,
        "recovery_period_in_days = aws_x.y.z",
        "dynamodb_point_in_time_recovery",
        {"min_recovery_days": 7},
        "UNKNOWN",
    ),
    (LOGS, "retention_in_days = 30", "log_group_retention", {"exactly": 30}, "PASS"),
    (LOGS, "retention_in_days = 14", "log_group_retention", {"exactly": 30}, "FAIL"),
    (LOGS, "retention_in_days = 365", "log_group_retention", {"min_days": 365}, "PASS"),
    (LOGS, "retention_in_days = 180", "log_group_retention", {"min_days": 365}, "FAIL"),
    (LOGS, "retention_in_days = 7", "log_group_retention", {"max_days": 30}, "PASS"),
    (LOGS, "retention_in_days = 60", "log_group_retention", {"max_days": 30}, "FAIL"),
    # An environment that says min_days switches the stack's `exactly` off.
    (LOGS, "retention_in_days = 400", "log_group_retention", {"exactly": 14, "min_days": 365}, "PASS"),
    # Within the bounds, but CloudWatch has no such retention.
    (LOGS, "retention_in_days = 15", "log_group_retention", {"min_days": 1}, "FAIL"),
    (LOGS, "retention_in_days = 0", "log_group_retention", {"min_days": 365}, "FAIL"),
    (QUEUE, 'Owner = "ops"', "required_tags", {"keys": ["Owner"]}, "PASS"),
    (QUEUE, 'Owner = " "', "required_tags", {"keys": ["Owner"]}, "FAIL"),
    (QUEUE, 'E = "dev"', "required_tags", {"keys": ["E"], "allowed_values": {"E": ["dev", "prod"]}}, "PASS"),
    (QUEUE, 'E = "tmp"', "required_tags", {"keys": ["E"], "allowed_values": {"E": ["dev", "prod"]}}, "FAIL"),
    (QUEUE, 'A = "b"', "required_tags", {"keys": ["A"], "allowed_values": {"E": ["dev"]}}, "PASS"),
    (QUEUE, 'A = "b", E = "x"', "required_tags", {"keys": ["A"], "allowed_values": {"E": ["dev"]}}, "FAIL"),
]


@pytest.mark.parametrize(("template", "text", "policy", "parameters", "verdict"), CASES)
def test_a_parameter_moves_the_line_between_pass_and_fail(
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
    assert list(verdicts(ledger).values()) == [verdict]


@pytest.mark.parametrize(
    ("policy", "parameters", "said"),
    [
        ("kms_key_rotation", {"max_rotation_days": 30}, "max_rotation_days"),
        ("dynamodb_point_in_time_recovery", {"min_recovery_days": 36}, "min_recovery_days"),
        ("log_group_retention", {"exactly": 13}, "exactly 13"),
        ("log_group_retention", {"min_days": 15, "max_days": 29}, "between 15 and 29"),
        ("required_tags", {"keys": [""]}, "keys.0"),
    ],
)
def test_a_parameter_that_nothing_could_satisfy_closes_the_gate(
    policy: str, parameters: dict[str, Any], said: str, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(KEY.format(""))
    ledger = judge_hcl(tmp_path, registry, policy, parameters)
    assert ledger.exit_code == 4
    assert said in ledger.errors[0].message


def test_a_type_that_the_schema_does_not_know_is_unknown_until_it_has_tags(
    tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_brand_new" "bare" {}\n'
        'resource "aws_brand_new" "tagged" {\n  tags = { Owner = "ops" }\n}\n'
        'resource "google_thing" "g" {}\n'
    )
    found = verdicts(judge_hcl(tmp_path, registry, "required_tags", {"keys": ["Owner"]}))
    assert found == {
        "aws_brand_new.bare": "UNKNOWN",
        "aws_brand_new.tagged": "PASS",
        "google_thing.g": "NOT_APPLICABLE",
    }


def test_default_tags_from_an_unknown_variable_leave_the_tag_unknown(
    tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "environment" {}\n'
        'provider "aws" {\n  default_tags {\n    tags = { E = var.environment, P = "p" }\n  }\n}\n'
        'resource "aws_sqs_queue" "q" {}\n'
    )
    ledger = judge_hcl(tmp_path, registry, "required_tags", {"keys": ["E", "P"]})
    assert [(f.verdict, f.attribute) for f in ledger.findings] == [("UNKNOWN", "tags.E")]
    settled = judge_hcl(tmp_path, registry, "required_tags", {"keys": ["E", "P"]}, {"environment": "dev"})
    assert settled.decision == "open"


def test_tags_that_are_not_known_may_replace_a_default_tag(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "main.tf").write_text(
        'provider "aws" {\n  default_tags {\n    tags = { E = "dev" }\n  }\n}\n'
        'resource "aws_sqs_queue" "q" {\n  tags = merge({}, terraform_data.x.output)\n}\n'
    )
    ledger = judge_hcl(tmp_path, registry, "required_tags", {"keys": ["E"]})
    assert [finding.verdict for finding in ledger.findings] == ["UNKNOWN"]
