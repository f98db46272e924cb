"""What tap mends in moto's SQS, seen through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

ARN = "arn:aws:sqs:us-east-1:123456789012"
Made = Callable[..., str]


@pytest.fixture
def queue(aws: Callable[..., Any], request: pytest.FixtureRequest) -> Iterator[Made]:
    """Makes a queue called `name`, and returns its URL; deletes it afterwards."""
    sqs, urls = aws("sqs"), []

    def make(name: str, **attributes: str) -> str:
        url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        urls.append(url)
        return url

    yield make
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


def attributes(aws: Callable[..., Any], url: str) -> dict[str, str]:
    found: dict[str, str] = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return found


def test_the_redrive_allow_policy_is_kept_without_white_space(aws: Callable[..., Any], queue: Made) -> None:
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}:source"]}
    url = queue("allowing", RedriveAllowPolicy=json.dumps(allow))
    compact = json.dumps(allow, separators=(",", ":"))
    assert attributes(aws, url)["RedriveAllowPolicy"] == compact
    by_name = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedriveAllowPolicy"])
    assert by_name["Attributes"] == {"RedriveAllowPolicy": compact}


def test_a_redrive_allow_policy_can_be_set_and_taken_away_later(aws: Callable[..., Any], queue: Made) -> None:
    url = queue("changing")
    assert "RedriveAllowPolicy" not in attributes(aws, url)
    for given in ('{"redrivePermission":"denyAll"}', ""):
        aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": given})
        assert attributes(aws, url).get("RedriveAllowPolicy", "") == given


def test_a_redrive_allow_policy_that_is_no_json_is_refused(aws: Callable[..., Any], queue: Made) -> None:
    with pytest.raises(ClientError, match="parameter RedriveAllowPolicy is invalid"):
        queue("broken", RedriveAllowPolicy="{")


def test_a_redrive_policy_comes_back_as_jsonencode_writes_it(aws: Callable[..., Any], queue: Made) -> None:
    queue("dead")
    given = json.dumps({"deadLetterTargetArn": f"{ARN}:dead", "maxReceiveCount": 3}, separators=(",", ":"))
    assert attributes(aws, queue("source", RedrivePolicy=given))["RedrivePolicy"] == given


def test_a_queues_policy_outlives_a_change_of_something_else(aws: Callable[..., Any], queue: Made) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": f"{ARN}:kept"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = queue("kept", Policy=policy)
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    assert attributes(aws, url)["Policy"] == policy
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert not attributes(aws, url).get("Policy")
