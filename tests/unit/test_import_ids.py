"""The ids by which resources are imported: told by a plan, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from tapstack.deployment import import_ids

PLACE = {"region": "eu-west-1", "account": "210987654321"}


@pytest.mark.parametrize(
    ("kind", "known", "expected"),
    [
        ("aws_dynamodb_table", {"name": "orders"}, "orders"),
        ("aws_iam_policy", {"name": "p", "path": "/team/"}, "arn:aws:iam::210987654321:policy/team/p"),
        ("aws_sns_topic", {"name": "t"}, "arn:aws:sns:eu-west-1:210987654321:t"),
        ("aws_sqs_queue", {"name": "q"}, "https://sqs.eu-west-1.amazonaws.com/210987654321/q"),
        ("aws_cloudwatch_log_stream", {"log_group_name": "/g", "name": "s"}, "/g:s"),
        ("aws_lambda_permission", {"function_name": "f", "statement_id": "s"}, "f/s"),
        # What AWS makes up, or the plan does not know, has no id.
        ("aws_kms_key", {"description": "main"}, None),
        ("aws_lambda_permission", {"statement_id": "s"}, None),
        ("aws_dynamodb_table", {"name": ""}, None),
        ("aws_s3_bucket", {"bucket": None}, None),
    ],
)
def test_an_id_is_what_the_plan_tells(kind: str, known: dict[str, Any], expected: str | None) -> None:
    assert import_ids.import_id(kind, known, PLACE) == expected


def test_without_an_account_or_a_region_an_arn_is_not_guessed() -> None:
    assert import_ids.import_id("aws_sns_topic", {"name": "t"}, {"region": "eu-west-1"}) is None
    assert import_ids.import_id("aws_sns_topic", {"name": "t"}, {"account": "210987654321"}) is None
    assert import_ids.import_id("aws_dynamodb_table", {"name": "orders"}, {}) == "orders"


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("cn-north-1", "arn:aws-cn:sns:"),
        ("us-gov-west-1", "arn:aws-us-gov:sns:"),
        ("eu-west-1", "arn:aws:sns:"),
    ],
)
def test_the_partition_is_that_of_the_region(region: str, start: str) -> None:
    found = import_ids.import_id("aws_sns_topic", {"name": "t"}, {**PLACE, "region": region})
    assert found is not None
    assert found.startswith(start)


def test_a_queue_on_another_endpoint_is_addressed_there() -> None:
    place = {**PLACE, "endpoint": "http://127.0.0.1:5000"}
    found = import_ids.import_id("aws_sqs_queue", {"name": "q"}, place)
    assert found == "http://127.0.0.1:5000/210987654321/q"


@pytest.mark.parametrize(
    ("kind", "may"),
    [
        ("aws_kms_key", True),
        ("aws_security_group", True),
        ("aws_s3_object", False),
        ("aws_s3_bucket_versioning", False),
        ("aws_iam_role_policy", False),
        ("aws_iam_role_policy_attachment", False),
        ("aws_dynamodb_table", False),
        ("terraform_data", False),
    ],
)
def test_what_has_a_name_or_is_a_setting_of_something_else_is_no_orphan(kind: str, may: bool) -> None:
    assert import_ids.may_be_orphaned(kind, {"name": "n"}) is may


def test_what_gets_its_name_from_aws_may_be_an_orphan() -> None:
    assert import_ids.may_be_orphaned("aws_dynamodb_table", {})
