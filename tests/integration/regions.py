"""The regions of the deployed dr_transactions example as front ends and health checks see them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

REGIONS = {"primary": "us-east-1", "secondary": "us-west-2"}

Client = Callable[[str, str], Any]


class Entry:
    """One region's function, asked as its front end asks it."""

    def __init__(self, aws: Client, outputs: Any, role: str) -> None:
        self.region = REGIONS[role]
        self.bucket = outputs[f"{role}_bucket_name"]
        self.functions, self.s3 = aws("lambda", self.region), aws("s3", self.region)
        self.dynamodb, self.logs = aws("dynamodb", self.region), aws("logs", self.region)
        self.name, self.table = outputs["function_name"], outputs["table_name"]
        self.group = outputs["log_group_name"]

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Status and body; 502 where the function failed, as a front end answers."""
        event: dict[str, Any] = {"requestContext": {"http": {"method": method}}, "rawPath": path}
        if body is not None:
            event["body"] = json.dumps(body)
        response = self.functions.invoke(FunctionName=self.name, Payload=json.dumps(event).encode())
        answer = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            return 502, answer
        assert answer["headers"]["X-Region"] == self.region
        return answer["statusCode"], json.loads(answer["body"])

    def is_healthy(self) -> bool:
        """What the region's health check sees."""
        try:
            return self.ask("GET", "/health")[0] == 200
        except ClientError:
            return False

    def post(self, transaction: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.ask("POST", "/transactions", transaction)

    def get(self, key: str) -> tuple[int, dict[str, Any]]:
        return self.ask("GET", f"/transactions/{key}")

    def has(self, key: str) -> bool:
        return self.get(key)[0] == 200

    def document(self, key: str) -> Any:
        """The head of a transaction's document; None if there is none."""
        try:
            return self.s3.head_object(Bucket=self.bucket, Key=f"transactions/{key}.json")
        except ClientError:
            return None

    def log(self) -> str:
        events = self.logs.filter_log_events(logGroupName=self.group)["events"]
        return "\n".join(event["message"] for event in events)


def route(primary: Entry, secondary: Entry) -> Entry:
    """Where the fail-over records lead: to the secondary while only that one is healthy."""
    return secondary if not primary.is_healthy() and secondary.is_healthy() else primary


@contextmanager
def without_table(entry: Entry) -> Iterator[None]:
    """The region's function can't reach its table."""
    held = entry.functions.get_function_configuration(FunctionName=entry.name)["Environment"]["Variables"]

    def configure(variables: dict[str, str]) -> None:
        environment = {"Variables": variables}
        entry.functions.update_function_configuration(FunctionName=entry.name, Environment=environment)

    configure(held | {"TABLE_NAME": "unreachable"})
    try:
        yield
    finally:
        configure(held)


def transaction(**fields: Any) -> dict[str, Any]:
    return {"id": f"t-{uuid.uuid4()}", "amount": 12.5, "currency": "EUR", **fields}


def eventually(question: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer; the last answer when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer
