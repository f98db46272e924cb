"""Proves on the deployed stack that a webhook is stored once and settled, and that others are refused.

``python smoke.py [OUTPUTS]``: OUTPUTS is the file with what ``terraform output -json`` prints; without
it, or with ``-``, that is read from standard input. Credentials come from the environment, the region from
the stack's outputs. Where ``AWS_ENDPOINT_URL`` names an embedded AWS, the API is called there. One line for
each proof; exit 1 and one sentence at the first difference. The transaction it stores is removed at the end.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# A new key takes up to a minute until every host of API Gateway knows it; IAM and KMS take some seconds.
SETTLE_SECONDS = 90
PAUSE_SECONDS = 3

# What API Gateway takes at most, in bytes.
BODY_BYTES = 10 * 1024 * 1024

# Its own answer to what the model does not allow.
INVALID = (400, "Invalid request body")


Answer = TypeVar("Answer")


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
            self.table = outputs["table_name"]
            self.currencies = outputs["currencies"]
            self.url = outputs["webhooks_url"]
            api_id, stage, key_id = outputs["api_id"], outputs["api_stage"], outputs["api_key_id"]
        except KeyError as missing:
            raise DifferenceError(
                f"the stack has no output named {missing}; has it been applied?"
            ) from missing
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            self.url = f"{endpoint}/_aws/execute-api/{api_id}/{stage}/webhooks"
        self._dynamodb = boto3.client("dynamodb", region_name=region)
        gateway = boto3.client("apigateway", region_name=region)
        self._key = gateway.get_api_key(apiKey=key_id, includeValue=True)["value"]

    def post(self, currency: str, body: bytes, *, with_key: bool = True) -> tuple[int, dict[str, Any]]:
        """Status and decoded body of the answer to one webhook; bare text becomes a message."""
        headers = {"Content-Type": "application/json", **({"X-Api-Key": self._key} if with_key else {})}
        request = urllib.request.Request(f"{self.url}/{currency}", body, headers)  # noqa: S310  # an output
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        except OSError as error:
            raise DifferenceError(f"{self.url} does not answer: {error}") from error
        try:
            document = json.loads(text)
        except ValueError:
            document = {"message": text}
        return status, document

    def send(self, currency: str, **transaction: object) -> tuple[int, dict[str, Any]]:
        """Post one transaction."""
        return self.post(currency, json.dumps(transaction).encode())

    def stored(self, transaction_id: str) -> list[dict[str, Any]]:
        """What the table holds of a transaction, its claim first, in DynamoDB's own typed JSON."""
        found = self._dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="transactionId = :id",
            ExpressionAttributeValues={":id": {"S": transaction_id}},
            ConsistentRead=True,
        )
        items: list[dict[str, Any]] = found["Items"]
        return items

    def remove(self, transaction_id: str) -> None:
        """Delete the transaction, if it is there; say so if that fails, since the proofs matter more."""
        try:
            for item in self.stored(transaction_id):
                key = {name: item[name] for name in ("transactionId", "timestamp")}
                self._dynamodb.delete_item(TableName=self.table, Key=key)
        except (BotoCoreError, ClientError) as error:
            print(f"could not remove {transaction_id} from {self.table}: {error}", file=sys.stderr)


def settled(attempt: Callable[[], Answer], good: Callable[[Answer], bool]) -> Answer:
    """The first good answer, or the last one after SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    waiting = False
    while True:
        answer = attempt()
        if good(answer) or time.monotonic() > deadline:
            return answer
        if not waiting:
            print(f"not yet; trying again for {SETTLE_SECONDS} s", file=sys.stderr)
            waiting = True
        time.sleep(PAUSE_SECONDS)


def expect(what: str, found: object, expected: object) -> None:
    """Raise DifferenceError with one sentence unless both are equal."""
    if found != expected:
        raise DifferenceError(f"{what}: expected {expected!r}, found {found!r}")


def prove(stack: Stack, transaction_id: str) -> None:
    """All proofs in order, one printed line each."""
    currency, timestamp = stack.currencies[0], int(time.time() * 1000)
    transaction = {"transactionId": transaction_id, "timestamp": timestamp, "amount": "0.015"}

    status, body = settled(
        lambda: stack.send(currency, **transaction), lambda answer: answer[0] != 403 and answer[0] < 500
    )
    expect(f"status of a webhook about {currency} ({body})", status, 202)
    print(f"accepted {transaction_id} through {stack.url}/{currency}: 202")

    for again in (transaction, {**transaction, "timestamp": timestamp + 1}):
        status, body = stack.send(currency, **again)
        expect(f"status of a duplicate ({body})", status, 409)
    print("refused the same transaction twice, once with another timestamp: 409, 409")

    items = settled(
        lambda: stack.stored(transaction_id),
        lambda found: len(found) == 2 and found[1]["status"] == {"S": "settled"},
    )
    expect(f"items of {transaction_id} in {stack.table}", len(items), 2)
    claim, item = items
    expect("the claim", claim, {"transactionId": {"S": transaction_id}, "timestamp": {"N": "0"}})
    expect(
        "the stored transaction",
        {name: item.get(name) for name in ("timestamp", "currency", "amount", "status")},
        {
            "timestamp": {"N": str(timestamp)},
            "currency": {"S": currency},
            "amount": {"N": "0.015"},
            "status": {"S": "settled"},
        },
    )
    print(f"found it once in {stack.table}, settled through the queue")

    status, body = stack.send("DOGE", **transaction)
    expect(f"status of an unknown currency ({body})", status, 400)
    expect("field the webhook complains about", body.get("field"), "currency")
    print(f"refused an unknown currency: 400, {body['message']}")

    status, body = stack.send(currency, **{**transaction, "amount": 0.015})
    expect(f"answer to a transaction against the schema ({body})", (status, body.get("message")), INVALID)
    print(f"refused an amount that is a number: 400, {body['message']}")

    status, body = stack.post(currency, b" " * (BODY_BYTES + 1))
    expect(f"status of a body of more than {BODY_BYTES} bytes ({body})", status, 413)
    print(f"refused a body of {BODY_BYTES + 1} bytes: 413")

    status, body = stack.post(currency, json.dumps(transaction).encode(), with_key=False)
    expect(f"answer without a key ({body})", (status, body.get("message")), (403, "Forbidden"))
    print("refused a webhook without a key: 403")


def main(arguments: list[str]) -> int:
    """Exit status: 0 if every proof holds, 1 otherwise."""
    try:
        stack = Stack(stack_outputs(arguments))
        transaction_id = f"smoke-{uuid.uuid4()}"
        try:
            prove(stack, transaction_id)
        finally:
            stack.remove(transaction_id)
    except (DifferenceError, BotoCoreError, ClientError) as error:
        print(f"smoke test failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
