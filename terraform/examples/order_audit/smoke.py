"""Proves on the deployed stack that what happens to an order is kept, told and, if it must be, refused.

``python smoke.py [OUTPUTS]``: OUTPUTS is the file with what ``terraform output -json`` prints; without
it, or with ``-``, that is read from standard input. Credentials come from the environment, the region from
the stack's outputs. One line for each proof; exit 1 and one sentence at the first difference.

It puts, changes and removes one order, and nothing calls the function but the table's stream. Outside prod it
also lets the order fail, which subscribers of the alerts hear of, and puts an item that is no order, which
becomes a dead letter and may set off that alarm. What it made is removed at the end.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# Lambda looks at the stream within seconds; permissions, and a refused record's attempts, take longer.
WAIT_SECONDS = 180
PAUSE_SECONDS = 1

Found = TypeVar("Found")
Item = dict[str, dict[str, str]]


class DifferenceError(Exception):
    """The deployed stack does not do what it should; the message is one sentence."""


def stack_outputs(arguments: list[str]) -> dict[str, Any]:
    """Name to value, from the file named by the first argument or from standard input."""
    source = arguments[0] if arguments else "-"
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        return {name: output["value"] for name, output in json.loads(text).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DifferenceError(f"{source} is not what `terraform output -json` prints: {error}") from error


class Stack:
    """The deployed stack, reached only through its outputs."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        try:
            region = outputs["region"]
            self.environment = outputs["environment"]
            self.name_prefix = outputs["name_prefix"]
            self.table = outputs["table_name"]
            self.index = outputs["table_index_name"]
            self.stream = outputs["table_stream_arn"]
            self.bucket = outputs["audit_bucket_name"]
            self.topic = outputs["alerts_topic_arn"]
            self.dead_letters = outputs["dead_letter_queue_url"]
        except KeyError as missing:
            raise DifferenceError(
                f"the stack has no output named {missing}; has it been applied?"
            ) from missing
        self.dynamodb = boto3.client("dynamodb", region_name=region)
        self.s3 = boto3.client("s3", region_name=region)
        self.sns = boto3.client("sns", region_name=region)
        self.sqs = boto3.client("sqs", region_name=region)

    def put(self, item: Item) -> None:
        """Put an item, in DynamoDB's own typed JSON."""
        self.dynamodb.put_item(TableName=self.table, Item=item)

    def remove(self, item: Item) -> None:
        """Delete an item; one that is not there is fine."""
        self.dynamodb.delete_item(TableName=self.table, Key=key_of(item))

    def kept(self, item: Item, event_name: str) -> dict[str, Any] | None:
        """What the bucket holds of one event of an item, from whichever version of its object."""
        for version in self.versions(item):
            response = self.s3.get_object(Bucket=self.bucket, **version)
            document: dict[str, Any] = json.loads(response["Body"].read())
            if document["eventName"] == event_name:
                return document
        return None

    def versions(self, item: Item) -> list[dict[str, str]]:
        """Key and VersionId of each version of an item's object."""
        response = self.s3.list_object_versions(Bucket=self.bucket, Prefix=object_of(item))
        return [
            {name: found[name] for name in ("Key", "VersionId")} for found in response.get("Versions", ())
        ]

    def failed_at(self, item: Item) -> list[Item]:
        """Keys of the failed orders of the item's timestamp, by the table's index."""
        response = self.dynamodb.query(
            TableName=self.table,
            IndexName=self.index,
            KeyConditionExpression="#status = :status AND #timestamp = :timestamp",
            ExpressionAttributeNames={"#status": "status", "#timestamp": "timestamp"},
            ExpressionAttributeValues={":status": {"S": "FAILED"}, ":timestamp": item["timestamp"]},
        )
        return [key_of(found) for found in response["Items"]]

    def dead_letter_since(self, moment: float) -> dict[str, Any] | None:
        """A dead letter about records that arrived since then, taken out of the queue."""
        for message in received(self.sqs, self.dead_letters):
            letter: dict[str, Any] = json.loads(message["Body"])
            batch = letter.get("DDBStreamBatchInfo", {})
            arrived = batch.get("approximateArrivalOfFirstRecord", "1970-01-01T00:00:00Z")
            # It is given to the second.
            is_new = datetime.fromisoformat(arrived).timestamp() >= int(moment)
            if batch.get("streamArn") == self.stream and is_new:
                self.sqs.delete_message(QueueUrl=self.dead_letters, ReceiptHandle=message["ReceiptHandle"])
                return letter
        return None

    @contextmanager
    def listening(self, name: str) -> Iterator[str]:
        """The URL of a queue that hears what is published to the alerts topic; it goes away at the end."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        subscription = None
        try:
            wanted = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            arn = wanted["Attributes"]["QueueArn"]
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": may_send(self.topic, arn)})
            subscription = self.sns.subscribe(
                TopicArn=self.topic,
                Protocol="sqs",
                Endpoint=arn,
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            yield url
        finally:
            if subscription:
                self.sns.unsubscribe(SubscriptionArn=subscription)
            self.sqs.delete_queue(QueueUrl=url)


def may_send(topic: str, queue: str) -> str:
    """The policy with which a queue takes messages of one topic."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    """Up to ten messages of a queue, in JSON."""
    response = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    messages: list[dict[str, Any]] = response.get("Messages", [])
    return messages


def key_of(item: Item) -> Item:
    """The part of an item that is its key."""
    return {name: item[name] for name in ("orderId", "timestamp")}


def object_of(item: Item) -> str:
    """The name of the object that an item's changes are kept in."""
    return f"orders/{item['orderId']['S']}/{item['timestamp']['N']}.json"


def awaited(what: str, question: Callable[[], Found | None]) -> Found:
    """The first answer that is one; DifferenceError after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (answer := question()) is None:
        if time.monotonic() > deadline:
            raise DifferenceError(f"{what}: not seen within {WAIT_SECONDS} s")
        time.sleep(PAUSE_SECONDS)
    return answer


def expect(what: str, found: object, expected: object) -> None:
    """Raise DifferenceError with one sentence unless both are equal."""
    if found != expected:
        raise DifferenceError(f"{what}: expected {expected!r}, found {found!r}")


def prove_kept(stack: Stack, event_name: str, old: Item | None, new: Item | None) -> None:
    """That a change, with both its images, came into the bucket."""
    item = new or old or {}
    where = f"{event_name} in s3://{stack.bucket}/{object_of(item)}"
    document = awaited(where, lambda: stack.kept(item, event_name))
    expect(f"images of {where}", (document["oldImage"], document["newImage"]), (old, new))
    print(f"found {where}")


def prove_told(stack: Stack, queue: str, item: Item) -> None:
    """That the topic told of a failed order, and the index finds it."""

    def told() -> dict[str, Any] | None:
        alerts = (json.loads(message["Body"]) for message in received(stack.sqs, queue))
        return next((one for one in alerts if one["orderId"] == item["orderId"]["S"]), None)

    alert = awaited(f"the failure of order {item['orderId']['S']} on {stack.topic}", told)
    expect("status in the alert", alert["status"], "FAILED")
    expect("object in the alert", alert["object"], f"s3://{stack.bucket}/{object_of(item)}")
    print(f"heard of it from {stack.topic}")
    awaited(f"the order in {stack.index}", lambda: key_of(item) in stack.failed_at(item) or None)
    print(f"found it in {stack.index}")


def prove_refused(stack: Stack, item: Item, begun: float) -> None:
    """That an item which is no order became a dead letter, alone, and no object; its removal is kept."""
    letter = awaited(f"a dead letter in {stack.dead_letters}", lambda: stack.dead_letter_since(begun))
    condition = letter["requestContext"]["condition"]
    expect("condition of the dead letter", condition, "RetryAttemptsExhausted")
    expect("records of the dead letter", letter["DDBStreamBatchInfo"]["batchSize"], 1)
    expect(f"object of {item['orderId']['S']}", stack.versions(item), [])
    print(f"refused status {item['status']['S']}: a dead letter, and no object")
    stack.remove(item)
    prove_kept(stack, "REMOVE", item, None)


def prove(stack: Stack, order: Item, poison: Item) -> None:
    """All proofs in order, one printed line each."""
    stack.put(order)
    print(f"put order {order['orderId']['S']} into {stack.table}")
    prove_kept(stack, "INSERT", None, order)

    is_production = stack.environment == "prod"
    changed = order | {"status": {"S": "SHIPPED" if is_production else "FAILED"}}
    if is_production:
        stack.put(changed)
        print("left out in prod: a failed order and a refused item, since both wake somebody")
    else:
        with stack.listening(f"{stack.name_prefix}-{order['orderId']['S']}-{stack.environment}") as queue:
            begun = time.time()
            stack.put(poison)
            stack.put(changed)
            prove_told(stack, queue, changed)
        prove_refused(stack, poison, begun)
    prove_kept(stack, "MODIFY", order, changed)

    stack.remove(order)
    prove_kept(stack, "REMOVE", changed, None)


def clean(stack: Stack, order: Item, poison: Item) -> None:
    """Remove items and objects; say so if that fails, since the proofs matter more."""
    try:
        for item in (order, poison):
            stack.remove(item)
        for version in (*stack.versions(order), *stack.versions(poison)):
            stack.s3.delete_object(Bucket=stack.bucket, **version)
    except (BotoCoreError, ClientError) as error:
        print(f"could not remove all of order {order['orderId']['S']}: {error}", file=sys.stderr)


def main(arguments: list[str]) -> int:
    """Exit status: 0 if every proof holds, 1 otherwise."""
    try:
        stack = Stack(stack_outputs(arguments))
        name, now = f"smoke-{uuid.uuid4()}", str(time.time_ns() // 1_000_000)
        order = {
            "orderId": {"S": name},
            "timestamp": {"N": now},
            "status": {"S": "PAID"},
            "total": {"N": "12.5"},
        }
        poison = order | {"orderId": {"S": f"{name}-refused"}, "status": {"S": "failed"}}
        try:
            prove(stack, order, poison)
        finally:
            clean(stack, order, poison)
    except (DifferenceError, BotoCoreError, ClientError) as error:
        print(f"smoke test failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
