"""What parameters, plans and states change in the verdicts about alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.registry import Registry
from tapstack.model.stack import Kind, Resource, Stack
from tests.policies.conftest import judge_hcl, judge_stack, verdicts

ADDRESS = "aws_cloudwatch_metric_alarm.a"
COUNT: dict[str, Any] = {
    "namespace": "AWS/Lambda",
    "metric_name": "Errors",
    "period": 300,
    "evaluation_periods": 1,
    "comparison_operator": "GreaterThanThreshold",
    "threshold": 5,
}


def metric(id_: str, name: str, **changed: Any) -> dict[str, Any]:
    block = {"namespace": "AWS/Lambda", "metric_name": name, "period": 300, "stat": "Sum"} | changed
    return {"id": id_, "metric": [block], "return_data": None}


def rate(expression: str = "100 * errors / invocations", **changed: Any) -> dict[str, Any]:
    queries = [{"id": "rate", "expression": expression, "return_data": True, "metric": []}]
    queries += [metric("errors", "Errors"), metric("invocations", "Invocations")]
    alarm = {key: COUNT[key] for key in ("evaluation_periods", "comparison_operator", "threshold")}
    return alarm | {"metric_query": queries} | changed


def verdict(
    values: dict[str, Any],
    registry: Registry,
    policy: str,
    parameters: dict[str, Any] | None = None,
    *,
    kind: Kind = Kind.PLAN,
    expressions: dict[str, Any] | None = None,
) -> str:
    alarm = Resource(ADDRESS, "aws_cloudwatch_metric_alarm", "a", values=values, expressions=expressions)
    ledger = judge_stack(Stack(kind, {ADDRESS: alarm}, declared=1), registry, policy, parameters)
    assert ledger.errors == ()
    return verdicts(ledger)[ADDRESS]


@pytest.mark.parametrize(
    ("alarm", "parameters", "expected"),
    [
        (rate(), {}, "PASS"),
        (rate(threshold=4.9), {"max_percent": 4.9}, "PASS"),
        (rate(threshold=5), {"max_percent": 4.9}, "FAIL"),
        (rate(threshold="5"), {}, "PASS"),
        (rate("errors / invocations", threshold=0.07), {"max_percent": 7}, "PASS"),
        (rate("errors / invocations", threshold=0.07), {}, "FAIL"),
        (rate(threshold=None, threshold_metric_id="band"), {}, "FAIL"),
        (rate(evaluation_periods=2), {"max_minutes": 10}, "PASS"),
        (rate(evaluation_periods=2), {"max_minutes": 9}, "FAIL"),
        (rate(comparison_operator="GreaterThanOrEqualToThreshold"), {}, "FAIL"),
        (rate("errors"), {}, "FAIL"),
        (rate("errors"), {"allow_absolute": True}, "PASS"),
        (rate("RUNNING_SUM(errors) / invocations"), {}, "FAIL"),
        (COUNT, {}, "FAIL"),
        (COUNT, {"allow_absolute": True}, "PASS"),
        (COUNT | {"period": 600}, {"allow_absolute": True}, "FAIL"),
        (COUNT | {"period": "300", "evaluation_periods": "1"}, {"allow_absolute": True}, "PASS"),
        (COUNT | {"comparison_operator": "LessThanThreshold"}, {"allow_absolute": True}, "FAIL"),
        (COUNT | {"namespace": "Orders"}, {}, "NOT_APPLICABLE"),
        (COUNT | {"metric_query": []}, {}, "FAIL"),
    ],
)
def test_the_rate_the_threshold_and_the_time_decide(
    alarm: dict[str, Any], parameters: dict[str, Any], expected: str, registry: Registry
) -> None:
    assert verdict(alarm, registry, "alarm_on_error_rate", parameters) == expected


def test_an_alarm_that_watches_another_of_its_queries_is_about_something_else(registry: Registry) -> None:
    queries = [metric("errors", "Errors"), {**metric("throttles", "Throttles"), "return_data": True}]
    assert verdict(rate(metric_query=queries), registry, "alarm_on_error_rate") == "NOT_APPLICABLE"


def test_a_metrics_insights_query_for_errors_is_a_count(registry: Registry) -> None:
    query = {
        "id": "q",
        "expression": 'SELECT SUM(Errors) FROM SCHEMA("AWS/Lambda", FunctionName)',
        "period": 300,
        "return_data": True,
    }
    alarm = rate(metric_query=[query])
    assert verdict(alarm, registry, "alarm_on_error_rate") == "FAIL"
    assert verdict(alarm, registry, "alarm_on_error_rate", {"allow_absolute": True}) == "PASS"


@pytest.mark.parametrize(
    ("value", "parameter", "expected"),
    [
        ("notBreaching", "notBreaching", "PASS"),
        ("ignore", "notBreaching", "FAIL"),
        ("ignore", "any", "PASS"),
        ("breaching", "breaching", "PASS"),
        (None, "any", "FAIL"),
    ],
)
def test_the_value_for_missing_data_is_the_agreed_one(
    value: str | None, parameter: str, expected: str, registry: Registry
) -> None:
    alarm = {"treat_missing_data": value}
    assert verdict(alarm, registry, "alarm_missing_data", {"value": parameter}) == expected


def test_the_providers_default_for_missing_data_is_not_explicit(registry: Registry) -> None:
    """A plan shows "missing" where nothing was written."""
    alarm, any_value = {"treat_missing_data": "missing"}, {"value": "any"}
    written = {"treat_missing_data": {"constant_value": "missing"}}
    assert verdict(alarm, registry, "alarm_missing_data", any_value, expressions={}) == "FAIL"
    assert verdict(alarm, registry, "alarm_missing_data", any_value, expressions=written) == "PASS"
    assert verdict(alarm, registry, "alarm_missing_data", any_value, kind=Kind.STATE) == "UNKNOWN"


TOPIC = """
resource "aws_kms_key" "k" {
  policy = jsonencode({
    Statement = [
      { Effect = "Allow", Action = "kms:*", Resource = "*", Principal = { Service = "cloudwatch.amazonaws.com" } },
      %s
    ]
  })
}
resource "aws_sns_topic" "t" {
  name              = "alarms"
  kms_master_key_id = aws_kms_key.k.arn
  %s
}
resource "aws_cloudwatch_metric_alarm" "a" {
  alarm_name    = "a"
  alarm_actions = [aws_sns_topic.t.arn]
}
"""
DENY = '{ Effect = "Deny", Action = "kms:GenerateDataKey*", Resource = "*", Principal = "*" }'
ACCOUNT = """policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "SNS:Publish", Principal = { AWS = "*" }, Resource = "arn:aws:sns:us-east-1:1:%s",
    Condition = { StringEquals = { "AWS:SourceOwner" = "1" } }
  }] })"""


@pytest.mark.parametrize(
    ("key_statement", "topic_argument", "expected"),
    [
        ("", "", "PASS"),
        (DENY, "", "FAIL"),
        ("", ACCOUNT % "alarms", "PASS"),
        ("", ACCOUNT % "another", "FAIL"),
    ],
)
def test_what_the_policies_of_key_and_topic_say_decides_whether_an_alarm_arrives(
    key_statement: str, topic_argument: str, expected: str, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(TOPIC % (key_statement, topic_argument))
    ledger = judge_hcl(tmp_path, registry, "alarm_reaches_someone")
    assert ledger.errors == ()
    assert verdicts(ledger) == {ADDRESS: expected}


def test_a_key_policy_of_its_own_resource_counts(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_kms_key" "k" {}\n'
        'resource "aws_kms_key_policy" "k" {\n  key_id = aws_kms_key.k.id\n  policy = jsonencode({ Statement = [{\n'
        '    Effect = "Allow", Action = "kms:*", Resource = "*", Principal = { Service = "cloudwatch.amazonaws.com" }\n'
        "  }] })\n}\n"
        'resource "aws_sns_topic" "t" {\n  kms_master_key_id = aws_kms_key.k.id\n}\n'
        'resource "aws_cloudwatch_metric_alarm" "a" {\n  alarm_actions = [aws_sns_topic.t.arn]\n}\n'
    )
    assert verdicts(judge_hcl(tmp_path, registry, "alarm_reaches_someone")) == {ADDRESS: "PASS"}
