"""The transaction pipeline from outside: records in at one end, items and messages out at the others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

# One delivery of a record that is refused takes up to seven seconds of pauses, on a machine that does other things.
PATIENCE = 120.0


class Pipeline:
    """One deployed pipeline; `aws` makes boto3 clients of its cloud, `outputs` are the stack's."""

    def __init__(self, aws: Any, outputs: Any) -> None:
        self.aws, self.outputs = aws, outputs

    def put(self, key: str, *records: bytes | dict[str, Any]) -> list[dict[str, Any]]:
        """Put all records into one shard, in their order and at once."""
        entries = [
            {"Data": r if isinstance(r, bytes) else json.dumps(r).encode(), "PartitionKey": key}
            for r in records
        ]
        answer = self.aws("kinesis").put_records(StreamName=self.outputs["stream_name"], Records=entries)
        assert answer["FailedRecordCount"] == 0
        places: list[dict[str, Any]] = answer["Records"]
        return places

    def item(self, key: str) -> dict[str, Any] | None:
        """A transaction as the table has it, in DynamoDB's own typed JSON."""
        found: dict[str, Any] | None = (
            self.aws("dynamodb")
            .get_item(TableName=self.outputs["table_name"], Key={"transactionId": {"S": key}})
            .get("Item")
        )
        return found

    def written(self, *keys: str) -> list[dict[str, Any]]:
        """The items of these transactions, as soon as all are there."""
        return eventually(lambda: [item for key in keys if (item := self.item(key))], len(keys))

    def messages(self, queue: str, count: int) -> list[dict[str, Any]]:
        """The next messages of a queue, taken from it."""
        sqs, url = self.aws("sqs"), self.outputs[f"{queue}_queue_url"]
        taken: list[dict[str, Any]] = []

        def take() -> list[dict[str, Any]]:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(json.loads(message["Body"]))
            return taken

        return eventually(take, count)

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The function's own log lines that say so."""
        events: list[dict[str, Any]] = []
        pages = self.aws("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=self.outputs["processor_log_group_name"]):
            events += page["events"]
        lines = [json.loads(e["message"]) for e in events if e["message"].startswith('{"timestamp"')]
        return [line for line in lines if message in line["message"]]

    def record(self, shard: str, sequence: str) -> bytes:
        """The data of one record as the stream still has it."""
        kinesis = self.aws("kinesis")
        iterator = kinesis.get_shard_iterator(
            StreamName=self.outputs["stream_name"],
            ShardId=shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=sequence,
        )["ShardIterator"]
        data: bytes = kinesis.get_records(ShardIterator=iterator, Limit=1)["Records"][0]["Data"]
        return data


def eventually(look: Callable[[], list[dict[str, Any]]], count: int) -> list[dict[str, Any]]:
    """What `look` finds as soon as it is `count` of them."""
    deadline = time.monotonic() + PATIENCE
    while len(found := look()) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} after {PATIENCE} s: {found}"
        time.sleep(0.2)
    assert len(found) == count
    return found


def transaction(key: str, **fields: Any) -> dict[str, Any]:
    """A transaction that the function takes, but for what `fields` change."""
    return {
        "transactionId": key,
        "accountId": "account-1",
        "amount": 12.5,
        "currency": "EUR",
        "occurredAt": "2025-01-31T12:00:00Z",
    } | fields
