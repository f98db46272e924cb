"""Tables, streams, queues and topics for tests of what functions are fed from; all gone afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

Clients = Callable[..., Any]

# Prints what it gets, for `seen`, and does what `fails` says of each record: raise, or report it.
HANDLER = """
import base64, json

def name_of(record):
    if "dynamodb" in record:
        return record["dynamodb"]["Keys"]["id"]["S"]
    if "kinesis" in record:
        return json.loads(base64.b64decode(record["kinesis"]["data"]))["id"]
    return record["body"]

def identifier(record):
    if "dynamodb" in record:
        return record["dynamodb"]["SequenceNumber"]
    return record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["messageId"]

def handler(event, context):
    print("SAW " + json.dumps([name_of(record) for record in event["Records"]]))
    bad = [record for record in event["Records"] if name_of(record).startswith("bad")]
    {on_bad}
"""
ECHO = 'import json\ndef handler(event, context):\n    print("SAW " + json.dumps(event))\n'
RAISES = HANDLER.replace("{on_bad}", "assert not bad, 'bad record'")
REPORTS = HANDLER.replace(
    "{on_bad}", 'return {"batchItemFailures": [{"itemIdentifier": identifier(r)} for r in bad]}'
)


def seen(aws: Clients, name: str) -> list[Any]:
    """What the function printed after SAW, in order."""
    logs, group = aws("logs"), f"/aws/lambda/{name}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    return [json.loads(line[4:]) for line in lines if line.startswith("SAW ")]


class Sources:
    """Makes sources and mappings, and deletes them again, mappings first."""

    _numbers = count()

    def __init__(self, aws: Clients, prefix: str) -> None:
        self.aws = aws
        self._prefix = prefix
        self._undo: list[Callable[[], Any]] = []

    def _name(self) -> str:
        return f"{self._prefix[:40]}-{next(self._numbers)}"

    def table(self, view: str = "NEW_AND_OLD_IMAGES") -> tuple[str, str]:
        """A table with the key id and a stream: its name and the stream's ARN."""
        name, tables = self._name(), self.aws("dynamodb")
        made = tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )
        self._undo.append(lambda: tables.delete_table(TableName=name))
        return name, str(made["TableDescription"]["LatestStreamArn"])

    def put(self, table: str, *ids: str) -> None:
        for one in ids:
            self.aws("dynamodb").put_item(TableName=table, Item={"id": {"S": one}})

    def stream(self, shards: int = 1) -> tuple[str, str]:
        """A Kinesis stream: its name and its ARN."""
        name, streams = self._name(), self.aws("kinesis")
        streams.create_stream(StreamName=name, ShardCount=shards)
        self._undo.append(lambda: streams.delete_stream(StreamName=name))
        return name, str(streams.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"])

    def queue(self, suffix: str = "", **attributes: str) -> tuple[str, str]:
        """A queue: its URL and its ARN."""
        queues = self.aws("sqs")
        url = queues.create_queue(QueueName=self._name() + suffix, Attributes=attributes)["QueueUrl"]
        self._undo.append(lambda: queues.delete_queue(QueueUrl=url))
        answer = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(url), str(answer["Attributes"]["QueueArn"])

    def topic(self, **attributes: str) -> str:
        """The ARN of a topic."""
        topics = self.aws("sns")
        arn = topics.create_topic(Name=self._name(), Attributes=attributes)["TopicArn"]
        self._undo.append(lambda: topics.delete_topic(TopicArn=arn))
        return str(arn)

    def mapped(self, source: str, function: str, **fields: Any) -> str:
        """The identity of a new mapping; of a stream from LATEST on unless `fields` say otherwise."""
        start = {} if ":sqs:" in source else {"StartingPosition": "LATEST"}
        lambdas = self.aws("lambda")
        made = lambdas.create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **{**start, **fields}
        )
        self._undo += [lambda: self._forget(function), lambda: self._unmap(made["UUID"])]
        return str(made["UUID"])

    def enable(self, mapping: str, enabled: bool = True) -> None:
        self.aws("lambda").update_event_source_mapping(UUID=mapping, Enabled=enabled)

    def _unmap(self, mapping: str) -> None:
        lambdas = self.aws("lambda")
        if any(m["UUID"] == mapping for m in lambdas.list_event_source_mappings()["EventSourceMappings"]):
            lambdas.delete_event_source_mapping(UUID=mapping)

    def _forget(self, function: str) -> None:
        """Delete what the function logged: the next test's function may have its name."""
        logs, group = self.aws("logs"), f"/aws/lambda/{function.partition(':')[0]}"
        if logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.delete_log_group(logGroupName=group)

    def received(self, url: str) -> list[dict[str, Any]]:
        """The messages that a queue hands out now."""
        answer = self.aws("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def is_empty(self, url: str) -> bool:
        """Whether no message is in the queue, seen or unseen."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return all(int(value) == 0 for value in found.values())

    @staticmethod
    def after_a_moment(seconds: float = 1.0) -> float:
        """The time in seconds since 1970, after pollers had time to do what they would."""
        time.sleep(seconds)
        return time.time()

    def close(self) -> None:
        for undo in reversed(self._undo):
            undo()
