"""Proves on the deployed stack that either region serves, and that what one has accepted the other one has.

``python smoke.py [OUTPUTS]``: OUTPUTS is the file with what ``terraform output -json`` prints; without
it, or with ``-``, that is read from standard input. Credentials come from the environment, the regions from
the stack's outputs. One line for each proof; exit 1 and one sentence at the first difference. The transactions
and documents it writes are removed at the end.
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
# Items take about a second to the other region; S3 promises most objects within 15 minutes, and takes seconds.
ARRIVAL_SECONDS = 900
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


class Region:
    """One region of the deployed stack, reached only through the outputs about it."""

    def __init__(self, outputs: dict[str, Any], role: str) -> None:
        try:
            self.name = outputs[f"{role}_region"]
            self.function = outputs[f"{role}_function_arn"]
            self.bucket = outputs[f"{role}_bucket_name"]
            self.key_arn = outputs[f"{role}_key_arn"]
            self.table = outputs["table_name"]
            self.prefix = outputs["document_prefix"]
        except KeyError as missing:
            raise DifferenceError(
                f"the stack has no output named {missing}; has it been applied?"
            ) from missing
        self._lambda = boto3.client("lambda", region_name=self.name)
        self._dynamodb = boto3.client("dynamodb", region_name=self.name)
        self._s3 = boto3.client("s3", region_name=self.name)

    def answer(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and decoded body of a request to the function; DifferenceError if the function failed."""
        event: dict[str, Any] = {"requestContext": {"http": {"method": method}}, "rawPath": path}
        if body is not None:
            event["body"] = json.dumps(body)
        response = self._lambda.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        payload = response["Payload"].read().decode()
        if "FunctionError" in response:
            raise DifferenceError(f"the function in {self.name} failed: {payload}")
        try:
            answer = json.loads(payload)
            expect(f"region that served {path}", answer["headers"]["X-Region"], self.name)
            return answer["statusCode"], json.loads(answer["body"])
        except (KeyError, TypeError, ValueError):
            raise DifferenceError(
                f"the function in {self.name} answered {payload} instead of a statusCode and a JSON body"
            ) from None

    def document(self, key: str) -> dict[str, Any] | None:
        """The head of a transaction's document; None if there is none."""
        try:
            head: dict[str, Any] = self._s3.head_object(Bucket=self.bucket, Key=f"{self.prefix}{key}.json")
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
                raise
            return None
        return head

    def remove(self, key: str) -> None:
        """Delete the transaction and every version of its document; say so if that fails, the proofs matter more."""
        try:
            self._dynamodb.delete_item(TableName=self.table, Key={"id": {"S": key}})
            name = f"{self.prefix}{key}.json"
            held = self._s3.list_object_versions(Bucket=self.bucket, Prefix=name)
            for version in [*held.get("Versions", []), *held.get("DeleteMarkers", [])]:
                self._s3.delete_object(Bucket=self.bucket, Key=name, VersionId=version["VersionId"])
        except (BotoCoreError, ClientError) as error:
            print(f"could not remove transaction {key} in {self.name}: {error}", file=sys.stderr)


def settled(attempt: Callable[[], tuple[int, dict[str, Any]]]) -> tuple[int, dict[str, Any]]:
    """The first answer that no missing permission can have caused, or the last one after SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            status, body = attempt()
            if status < 500 or time.monotonic() > deadline:
                return status, body
        except (DifferenceError, ClientError) as error:
            if time.monotonic() > deadline or not may_settle(error):
                raise
        time.sleep(PAUSE_SECONDS)


def may_settle(error: DifferenceError | ClientError) -> bool:
    """Whether the same call may succeed some seconds later."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in {"AccessDeniedException", "KMSAccessDeniedException"}
    return True


def arrived(what: str, question: Callable[[], Any]) -> Any:
    """The first true answer; DifferenceError after ARRIVAL_SECONDS without one."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise DifferenceError(f"{what} has not arrived within {ARRIVAL_SECONDS} s")
        time.sleep(PAUSE_SECONDS)
    return answer


def expect(what: str, found: object, expected: object) -> None:
    """Raise DifferenceError with one sentence unless both are equal."""
    if found != expected:
        raise DifferenceError(f"{what}: expected {expected!r}, found {found!r}")


def accept(region: Region, key: str) -> dict[str, Any]:
    """Accept a transaction in one region; the transaction as it is stored."""
    transaction = {"id": key, "amount": 12.5, "currency": "EUR"}
    status, body = settled(lambda: region.answer("POST", "/transactions", transaction))
    expect(f"status of {transaction} in {region.name} ({body})", status, 201)
    expect(f"transaction in {region.name}", body | transaction | {"acceptedIn": region.name}, body)
    print(f"accepted {key} in {region.name}: 201")
    return body


def prove_arrival(region: Region, transaction: dict[str, Any]) -> None:
    """A transaction of the other region is found in this one, as it is."""
    path = f"/transactions/{transaction['id']}"

    def found() -> Any:
        status, body = region.answer("GET", path)
        return body if status == 200 else None

    expect(f"{path} in {region.name}", arrived(f"{path} in {region.name}", found), transaction)
    print(f"found the same transaction in {region.name}: 200")


def prove_documents(primary: Region, secondary: Region, key: str) -> None:
    """The primary region's document is in the secondary's bucket, encrypted with the secondary's key."""
    head = primary.document(key)
    expect(f"key of the document of {key}", (head or {}).get("SSEKMSKeyId"), primary.key_arn)
    replica = arrived(f"the document of {key} in {secondary.bucket}", lambda: secondary.document(key))
    expect(f"status of the replica in {secondary.bucket}", replica.get("ReplicationStatus"), "REPLICA")
    expect(f"key of the replica in {secondary.bucket}", replica.get("SSEKMSKeyId"), secondary.key_arn)
    print(f"found its document in {primary.bucket} and, replicated, in {secondary.bucket}")


def prove(primary: Region, secondary: Region, key: str) -> None:
    """All proofs in order, one printed line each."""
    for region in (primary, secondary):
        status, body = settled(lambda region=region: region.answer("GET", "/health"))  # type: ignore[misc]
        expect(f"health of {region.name} ({body})", status, 200)
        print(f"{region.name} is healthy: 200")

    transaction = accept(primary, f"{key}-a")
    prove_arrival(secondary, transaction)
    prove_documents(primary, secondary, f"{key}-a")
    prove_arrival(primary, accept(secondary, f"{key}-b"))

    repeated = {name: transaction[name] for name in ("id", "amount", "currency")}
    status, body = secondary.answer("POST", "/transactions", repeated)
    expect(f"status of a repeated request in {secondary.name}", (status, body), (200, transaction))
    status, _ = secondary.answer("POST", "/transactions", repeated | {"amount": 13})
    expect(f"status of another transaction of the same id in {secondary.name}", status, 409)
    print(f"{secondary.name} knows a repeated request of {primary.name} (200) from another one (409)")

    for region in (primary, secondary):
        status, body = region.answer("POST", "/transactions", {"id": 7})
        expect(f"status of a bad request in {region.name}", (status, body.get("field")), (400, "amount"))
        status, _ = region.answer("GET", f"/transactions/{key}-missing")
        expect(f"status of a missing transaction in {region.name}", status, 404)
        print(f"{region.name} refuses bad requests (400) and has no other transactions (404)")


def main(arguments: list[str]) -> int:
    """Exit status: 0 if every proof holds, 1 otherwise."""
    try:
        outputs = stack_outputs(arguments)
        primary, secondary = Region(outputs, "primary"), Region(outputs, "secondary")
        key = f"smoke-{uuid.uuid4()}"
        try:
            prove(primary, secondary, key)
        finally:
            for region in (primary, secondary):
                region.remove(f"{key}-a")
                region.remove(f"{key}-b")
    except (DifferenceError, BotoCoreError, ClientError) as error:
        print(f"smoke test failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
