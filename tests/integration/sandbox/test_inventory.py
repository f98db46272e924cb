"""The inventory names what exists, and is empty when nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapstack.errors import SandboxFailed
from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox

from .conftest import ASSUME, client_of, zipped

ALLOW = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}'

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of these tests alone: what other tests leave would be counted."""
    directory = tmp_path_factory.mktemp("inventory")
    yield daemon.start(directory)
    daemon.stop(directory)


def test_a_new_sandbox_holds_nothing_even_after_questions(empty: Sandbox) -> None:
    client_of(empty, "iam").list_roles()
    client_of(empty, "ec2").describe_vpcs()
    client_of(empty, "kms").describe_key(KeyId="alias/aws/s3")
    client_of(empty, "kms").describe_key(KeyId="alias/aws/lambda")
    client_of(empty, "sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/x", RoleSessionName="session")
    assert daemon.inventory(empty) == {}


def test_everything_of_a_stack_is_counted_and_nothing_when_it_is_deleted(empty: Sandbox) -> None:
    def client(service: str) -> Any:
        return client_of(empty, service)

    role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=ASSUME)["Role"]["Arn"]
    client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=ALLOW)
    client("dynamodb").create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName="t", Item={"id": {"S": "1"}})
    queue = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="m")
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/a", TargetKeyId=key)
    client("logs").create_log_group(logGroupName="g")
    topic = client("sns").create_topic(Name="s")["TopicArn"]
    alarm: dict[str, Any] = {"EvaluationPeriods": 1, "Threshold": 1, "Period": 60, "Statistic": "Sum"}
    client("cloudwatch").put_metric_alarm(
        AlarmName="a", ComparisonOperator="GreaterThanThreshold", MetricName="m", Namespace="n", **alarm
    )
    client("s3").create_bucket(Bucket="bucket-of-the-inventory")
    client("lambda").create_function(
        FunctionName="f", Role=role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": zipped(a="")}
    )
    elsewhere = client_of(empty, "sqs", "eu-west-1").create_queue(QueueName="q")["QueueUrl"]

    assert daemon.inventory(empty) == {
        "cloudwatch": {"Alarm": 1},
        "dynamodb": {"Table": 1},
        "iam": {"Role": 1},
        "kms": {"Key": 1},
        "lambda": {"LambdaFunction": 1},
        "logs": {"LogGroup": 1},
        "s3": {"Bucket": 1},
        "sns": {"Topic": 1},
        "sqs": {"Queue": 2},
    }

    client_of(empty, "sqs", "eu-west-1").delete_queue(QueueUrl=elsewhere)
    client("lambda").delete_function(FunctionName="f")
    client("s3").delete_bucket(Bucket="bucket-of-the-inventory")
    client("cloudwatch").delete_alarms(AlarmNames=["a"])
    client("sns").delete_topic(TopicArn=topic)
    client("logs").delete_log_group(logGroupName="g")
    client("kms").delete_alias(AliasName="alias/a")
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    client("sqs").delete_queue(QueueUrl=queue)
    client("dynamodb").delete_table(TableName="t")
    client("iam").delete_role_policy(RoleName="r", PolicyName="p")
    client("iam").delete_role(RoleName="r")
    assert daemon.inventory(empty) == {}


def test_who_read_a_stream_leaves_nothing(empty: Sandbox) -> None:
    tables, streams = client_of(empty, "dynamodb"), client_of(empty, "dynamodbstreams")
    table = tables.create_table(
        TableName="streamed",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]
    arn = table["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    streams.get_records(ShardIterator=iterator)
    tables.delete_table(TableName="streamed")
    assert daemon.inventory(empty) == {}


def test_the_inventory_of_a_sandbox_that_is_gone_is_an_error_and_not_empty(tmp_path: Path) -> None:
    sandbox = daemon.start(tmp_path)
    daemon.stop(tmp_path)
    with pytest.raises(SandboxFailed, match="does not answer"):
        daemon.inventory(sandbox)
