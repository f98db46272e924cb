"""Proves on the deployed stack that what is put into the stream is in the table, once, and that rubbish is kept apart.

``python smoke.py [OUTPUTS]``: OUTPUTS is the file with what ``terraform output -json`` prints; without
it, or with ``-``, that is read from standard input. Credentials come from the environment, the region from
the stack's outputs. One line for each proof; exit 1 and one sentence at the first difference. What it writes
is removed at the end; it takes only messages of its own from the queue.
"""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# From the stream into the table it is a second or two; right after an apply the mapping starts to read, and
# IAM and KMS know the new role's permissions everywhere, within some minutes.
ARRIVAL_SECONDS = 180
PAUSE_SECONDS = 1


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
            self.stream = outputs["stream_name"]
            self.table = outputs["table_name"]
            self.rejects = outputs["rejects_queue_name"]
            self._rejects_url = outputs["rejects_queue_url"]
        except KeyError as missing:
            raise DifferenceError(
                f"the stack has no output named {missing}; has it been applied?"
            ) from missing
        self._kinesis = boto3.client("kinesis", region_name=region)
        self._dynamodb = boto3.client("dynamodb", region_name=region)
        self._sqs = boto3.client("sqs", region_name=region)

    def put(self, key: str, records: list[bytes]) -> None:
        """Put records into one shard, in this order."""
        for record in records:
            self._kinesis.put_record(StreamName=self.stream, PartitionKey=key, Data=record)

    def stored(self, key: str) -> dict[str, Any] | None:
        """The item as the table holds it, in DynamoDB's own typed JSON; None if there is none."""
        response = self._dynamodb.get_item(
            TableName=self.table, Key={"transactionId": {"S": key}}, ConsistentRead=True
        )
        item: dict[str, Any] | None = response.get("Item")
        return item

    def rejected(self, key: str) -> dict[str, Any] | None:
        """A reject of this partition key, taken from the queue; None if none has come yet."""
        response = self._sqs.receive_message(
            QueueUrl=self._rejects_url, MaxNumberOfMessages=10, VisibilityTimeout=5, WaitTimeSeconds=1
        )
        for message in response.get("Messages", []):
            reject: dict[str, Any] = json.loads(message["Body"])
            if reject["partitionKey"] == key:
                self._sqs.delete_message(QueueUrl=self._rejects_url, ReceiptHandle=message["ReceiptHandle"])
                return reject
        return None

    def remove(self, key: str) -> None:
        """Delete the item, if it is there; say so if that fails, since the proofs matter more."""
        try:
            self._dynamodb.delete_item(TableName=self.table, Key={"transactionId": {"S": key}})
        except (BotoCoreError, ClientError) as error:
            print(f"could not remove transaction {key} from {self.table}: {error}", file=sys.stderr)


def arrived(what: str, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """What `look` finds; DifferenceError if it finds nothing within ARRIVAL_SECONDS."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise DifferenceError(f"{what} did not arrive within {ARRIVAL_SECONDS} s")
        time.sleep(PAUSE_SECONDS)
    return found


def expect(what: str, found: object, expected: object) -> None:
    """Raise DifferenceError with one sentence unless both are equal."""
    if found != expected:
        raise DifferenceError(f"{what}: expected {expected!r}, found {found!r}")


def prove(stack: Stack, key: str) -> None:
    """All proofs in order, one printed line each."""
    transaction = {
        "transactionId": key,
        "accountId": "smoke",
        "amount": 12.5,
        "currency": "EUR",
        "occurredAt": "2025-01-31T12:00:00Z",
    }
    rubbish = b'{"transactionId": 7}'
    last = transaction | {"transactionId": f"{key}-last"}
    sent = [
        json.dumps(transaction).encode(),
        rubbish,
        json.dumps(transaction).encode(),
        json.dumps(last).encode(),
    ]
    stack.put(key, sent)
    print(f"put two transactions, one of them twice, and rubbish between them into {stack.stream}")

    item = arrived(f"transaction {key} in {stack.table}", lambda: stack.stored(key))
    first_record = item.pop("recordId")
    typed = {
        "transactionId": {"S": key},
        "accountId": {"S": "smoke"},
        "amount": {"N": "12.5"},
        "currency": {"S": "EUR"},
        "occurredAt": {"S": "2025-01-31T12:00:00+00:00"},
    }
    expect(f"transaction {key} in {stack.table}", item, typed)
    print(f"found the first transaction in {stack.table}")

    arrived(f"transaction {key}-last in {stack.table}", lambda: stack.stored(f"{key}-last"))
    print("found the last one: rubbish before it did not hold it up")

    again = stack.stored(key)
    expect(f"the record that wrote transaction {key}", again and again["recordId"], first_record)
    print("the first transaction was written once")

    reject = arrived(f"a reject in {stack.rejects}", lambda: stack.rejected(key))
    expect(f"field of the reject in {stack.rejects}", reject["field"], "transactionId")
    expect(f"data of the reject in {stack.rejects}", base64.b64decode(reject["data"]), rubbish)
    print(f"found the rubbish in {stack.rejects}: {reject['reason']}")


def main(arguments: list[str]) -> int:
    """Exit status: 0 if every proof holds, 1 otherwise."""
    try:
        stack = Stack(stack_outputs(arguments))
        key = f"smoke-{uuid.uuid4()}"
        try:
            prove(stack, key)
        finally:
            stack.remove(key)
            stack.remove(f"{key}-last")
    except (DifferenceError, BotoCoreError, ClientError) as error:
        print(f"smoke test failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
