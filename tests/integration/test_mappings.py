"""Event source mappings by real Terraform: made, changed, unchanged by a second plan, at work, destroyed."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tests.conftest import STACKS
from tests.integration.conftest import StackTest

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def applied(deployable: Any) -> StackTest:
    stack: StackTest = deployable(STACKS / "mappings")
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


def mapping(stack: StackTest, function: str) -> dict[str, Any]:
    [found] = client(stack, "lambda").list_event_source_mappings(FunctionName=f"mappings-{function}")[
        "EventSourceMappings"
    ]
    return dict(found)


def test_a_second_plan_is_empty(applied: StackTest) -> None:
    assert applied.changes() == 0


def test_the_mappings_have_what_was_asked_for(applied: StackTest) -> None:
    table, stream, queue = (mapping(applied, name) for name in ("table", "stream", "queue"))
    asked = {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRecordAgeInSeconds": 3600,
        "MaximumRetryAttempts": 3,
        "ParallelizationFactor": 2,
        "TumblingWindowInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "State": "Enabled",
    }
    assert {name: table[name] for name in asked} == asked
    assert len(table["FilterCriteria"]["Filters"]) == 2
    assert table["DestinationConfig"]["OnFailure"]["Destination"].endswith(":mappings-failures")
    assert client(applied, "lambda").list_tags(Resource=table["EventSourceMappingArn"])["Tags"] == {
        "Purpose": "audit",
        "Team": "orders",
    }
    assert stream["FunctionArn"].endswith(":function:mappings-stream:live")
    assert queue["ScalingConfig"] == {"MaximumConcurrency": 5}


def test_an_item_that_is_put_reaches_the_function(applied: StackTest) -> None:
    item = {"id": {"S": "one"}}
    client(applied, "dynamodb").put_item(TableName="mappings-orders", Item=item)
    logs, deadline = client(applied, "logs"), time.monotonic() + 30
    found: list[str] = []
    while not found and time.monotonic() < deadline:
        time.sleep(0.2)
        if logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/mappings-table")["logGroups"]:
            events = logs.filter_log_events(logGroupName="/aws/lambda/mappings-table")["events"]
            found = [event["message"] for event in events if event["message"].startswith("SAW ")]
    [line] = found
    [record] = json.loads(line[4:])["Records"]
    assert (record["eventName"], record["dynamodb"]["NewImage"]) == ("INSERT", item)
    logs.delete_log_group(logGroupName="/aws/lambda/mappings-table")


def test_what_is_changed_and_taken_away_is_so_and_the_next_plan_is_empty(applied: StackTest) -> None:
    applied.variables.write_text(json.dumps({"changed": True}))
    applied.applied()
    assert applied.changes() == 0
    table, stream, queue = (mapping(applied, name) for name in ("table", "stream", "queue"))
    assert (table["BatchSize"], table["MaximumRetryAttempts"]) == (20, -1)
    assert (table["FunctionResponseTypes"], table["BisectBatchOnFunctionError"]) == ([], False)
    assert "FilterCriteria" not in table
    assert table["DestinationConfig"] == {"OnFailure": {}}
    assert stream["State"] == "Disabled"
    assert "ScalingConfig" not in queue
    tags = client(applied, "lambda").list_tags(Resource=table["EventSourceMappingArn"])["Tags"]
    assert tags == {"Purpose": "other"}


def test_destroy_leaves_nothing(applied: StackTest) -> None:
    assert "Destroy complete!" in applied.destroyed()
    sandbox = applied.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
