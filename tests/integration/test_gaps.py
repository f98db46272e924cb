"""What moto lacks and tap mends, and the breadth of what needs no mending, in one stack of real Terraform."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tests.conftest import STACKS
from tests.integration.conftest import StackTest

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def applied(deployable: Any) -> StackTest:
    stack: StackTest = deployable(STACKS / "gaps")
    stack.applied()
    return stack


def client(stack: StackTest, service: str) -> Any:
    env = stack.env
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def test_a_second_plan_is_empty(applied: StackTest) -> None:
    assert applied.changes() == 0


def test_the_queue_keeps_all_its_policies(applied: StackTest) -> None:
    sqs = client(applied, "sqs")
    url = sqs.get_queue_url(QueueName="gaps-apart")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["Policy"])["Statement"][0]["Sid"] == "DenyInsecureTransport"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 5
    assert json.loads(attributes["RedriveAllowPolicy"]) == {"redrivePermission": "denyAll"}


def test_the_bucket_that_denies_insecure_calls_holds_an_object(applied: StackTest) -> None:
    s3 = client(applied, "s3")
    assert s3.get_object(Bucket="gaps-source", Key="documents/one.txt")["Body"].read() == b"one"


def test_destroy_leaves_nothing(applied: StackTest) -> None:
    assert "Destroy complete!" in applied.destroyed()
    sandbox = applied.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
