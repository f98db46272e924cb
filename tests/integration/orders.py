"""The order_audit example as a shop and an auditor see it: orders go in, objects and messages come out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

# Three more attempts of a refused record take some seconds, on a busy machine more.
WAIT_SECONDS = 90.0

Client = Callable[[str], Any]


def eventually(question: Callable[[], Any]) -> Any:
    """The first true answer; the last answer when the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


class Orders:
    """The deployed stack as a shop and an auditor see it."""

    def __init__(self, aws: Client, outputs: Any) -> None:
        self.dynamodb, self.s3, self.sqs = aws("dynamodb"), aws("s3"), aws("sqs")
        self.table, self.bucket = outputs["table_name"], outputs["audit_bucket_name"]
        self.dead_letter_queue = outputs["dead_letter_queue_url"]

    def put(self, order_id: str, status: str, at: int = 1700000000000, **more: Any) -> dict[str, Any]:
        """Put one item; the item, in DynamoDB's own JSON."""
        item = {"orderId": {"S": order_id}, "timestamp": {"N": str(at)}, "status": {"S": status}, **more}
        self.dynamodb.put_item(TableName=self.table, Item=item)
        return item

    def kept(self, order_id: str, at: int = 1700000000000) -> list[dict[str, Any]]:
        """The versions of an order's object, the oldest first."""
        key = f"orders/{order_id}/{at}.json"
        found = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key).get("Versions", [])
        return [
            json.load(self.s3.get_object(Bucket=self.bucket, Key=key, VersionId=one["VersionId"])["Body"])
            for one in reversed(found)
        ]

    def received(self, url: str) -> list[dict[str, Any]]:
        """Messages that were in a queue, taken out of it."""
        messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


def sequence_number(aws: Client, outputs: Any, order_id: str) -> str:
    """The number of an order's record in the table's stream."""
    streams, arn = aws("dynamodbstreams"), outputs["table_stream_arn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    (number,) = [
        one["dynamodb"]["SequenceNumber"]
        for one in records
        if one["dynamodb"]["Keys"]["orderId"]["S"] == order_id
    ]
    return str(number)


def switch(aws: Client, outputs: Any, *, on: bool) -> None:
    """The mapping on or off: what is put while it is off comes as one batch."""
    functions, uuid = aws("lambda"), outputs["event_source_mapping_id"]
    functions.update_event_source_mapping(UUID=uuid, Enabled=on)
    wanted = "Enabled" if on else "Disabled"
    assert eventually(lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == wanted)
