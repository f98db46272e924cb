"""Proves on the deployed stack that what the writer puts, the reader gets and the table holds.

``python smoke.py [OUTPUTS]``: OUTPUTS is the file with what ``terraform output -json`` prints; without
it, or with ``-``, that is read from standard input. Credentials come from the environment, the region from
the stack's outputs. One line for each proof; exit 1 and one sentence at the first difference. The item it
writes is removed at the end.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# IAM and KMS take some seconds after an apply until every host knows a new role's permissions.
SETTLE_SECONDS = 60
PAUSE_SECONDS = 3


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
            self.writer = outputs["writer_function_name"]
            self.reader = outputs["reader_function_name"]
        except KeyError as missing:
            raise DifferenceError(
                f"the stack has no output named {missing}; has it been applied?"
            ) from missing
        self._lambda = boto3.client("lambda", region_name=region)
        self._dynamodb = boto3.client("dynamodb", region_name=region)

    def answer(self, function: str, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and decoded body of a synchronous invocation; DifferenceError if the function failed."""
        response = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = response["Payload"].read().decode()
        try:
            answer = json.loads(payload)
        except ValueError:
            answer = payload
        if "FunctionError" in response:
            error = answer if isinstance(answer, dict) else {"errorMessage": payload}
            raise DifferenceError(f"{function} failed: {error.get('errorMessage', payload)}")
        try:
            return answer["statusCode"], json.loads(answer["body"])
        except (KeyError, TypeError, ValueError):
            raise DifferenceError(
                f"{function} answered {payload} instead of a statusCode and a JSON body"
            ) from None

    def stored(self, key: str) -> dict[str, Any] | None:
        """The item as the table holds it, in DynamoDB's own typed JSON; None if there is none."""
        response = self._dynamodb.get_item(TableName=self.table, Key={"id": {"S": key}}, ConsistentRead=True)
        item: dict[str, Any] | None = response.get("Item")
        return item

    def remove(self, key: str) -> None:
        """Delete the item, if it is there; say so if that fails, since the proofs matter more."""
        try:
            self._dynamodb.delete_item(TableName=self.table, Key={"id": {"S": key}})
        except (BotoCoreError, ClientError) as error:
            print(f"could not remove item {key} from {self.table}: {error}", file=sys.stderr)


def settled(attempt: Callable[[], tuple[int, dict[str, Any]]]) -> tuple[int, dict[str, Any]]:
    """The first answer that no missing permission can have caused, or the last one after SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    waiting = False
    while True:
        try:
            status, body = attempt()
            if status < 500 or time.monotonic() > deadline:
                return status, body
        except (DifferenceError, ClientError) as error:
            if time.monotonic() > deadline or not may_settle(error):
                raise
        if not waiting:
            print(
                f"a fault; trying again for {SETTLE_SECONDS} s, until permissions have settled",
                file=sys.stderr,
            )
            waiting = True
        time.sleep(PAUSE_SECONDS)


def may_settle(error: DifferenceError | ClientError) -> bool:
    """Whether the same call may succeed some seconds later."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in {"AccessDeniedException", "KMSAccessDeniedException"}
    return True


def expect(what: str, found: object, expected: object) -> None:
    """Raise DifferenceError with one sentence unless both are equal."""
    if found != expected:
        raise DifferenceError(f"{what}: expected {expected!r}, found {found!r}")


def prove(stack: Stack, key: str) -> None:
    """All proofs in order, one printed line each."""
    item = {"id": key, "amount": 12.5, "count": 3, "tags": ["smoke", None, True]}

    status, body = settled(lambda: stack.answer(stack.writer, item))
    expect(f"status of {stack.writer} for {item} ({body})", status, 201)
    print(f"wrote item {key} through {stack.writer}: 201")

    status, body = settled(lambda: stack.answer(stack.reader, {"id": key}))
    expect(f"status of {stack.reader} for {key} ({body})", status, 200)
    expect(f"item {key} from {stack.reader}", body, item)
    print(f"read the same item through {stack.reader}: 200")

    typed = {
        "id": {"S": key},
        "amount": {"N": "12.5"},
        "count": {"N": "3"},
        "tags": {"L": [{"S": "smoke"}, {"NULL": True}, {"BOOL": True}]},
    }
    expect(f"item {key} in {stack.table}", stack.stored(key), typed)
    print(f"found the same item in {stack.table}")

    status, body = stack.answer(stack.writer, {"body": json.dumps(item | {"count": 4})})
    expect(f"status of {stack.writer} for a body ({body})", status, 201)
    status, body = stack.answer(stack.reader, {"pathParameters": {"id": key}})
    expect(f"item {key} from {stack.reader} after the second write", body, item | {"count": 4})
    print("replaced the item through a body and read it back through path parameters: 201, 200")

    for function, event in ((stack.writer, {"id": 7}), (stack.reader, {"id": ""})):
        status, body = stack.answer(function, event)
        expect(f"status of {function} for {event}", status, 400)
        expect(f"field {function} complains about", body.get("field"), "id")
        print(f"{function} refused {json.dumps(event)}: 400, {body['message']}")

    missing = f"{key}-missing"
    status, _ = stack.answer(stack.reader, {"id": missing})
    expect(f"status of {stack.reader} for {missing}", status, 404)
    print(f"{stack.reader} has no item {missing}: 404")


def main(arguments: list[str]) -> int:
    """Exit status: 0 if every proof holds, 1 otherwise."""
    try:
        stack = Stack(stack_outputs(arguments))
        key = f"smoke-{uuid.uuid4()}"
        try:
            prove(stack, key)
        finally:
            stack.remove(key)
    except (DifferenceError, BotoCoreError, ClientError) as error:
        print(f"smoke test failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
