"""The reader: gets one item from the table by its id.

An event is either ``{"id": "..."}`` or what an HTTP front end passes on for a path with an id in it,
``{"pathParameters": {"id": "..."}}``.

Answers are ``{"statusCode", "headers", "body"}``: 200 with the item, 400 without a usable id, 404
without an item, 500 for a fault, whose cause only the log has. It is invoked synchronously, so a fault is
always answered.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

import boto3
from boto3.dynamodb.types import Binary
from botocore.config import Config

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
KEY_BYTES = 2048


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str


class InvalidEventError(Exception):
    """The event has no usable id; `field` says where, `expected` what should be there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _json_logger() -> logging.Logger:
    stream = logging.StreamHandler()
    stream.setFormatter(_JsonLine())
    logger = logging.getLogger("reader")
    logger.handlers = [stream]
    logger.setLevel(logging.INFO)
    # The runtime's own root handler would write every line a second time.
    logger.propagate = False
    return logger


_log = _json_logger()


@cache
def _table() -> Any:
    name = os.environ["TABLE_NAME"]
    # Three attempts of at most seven seconds leave room to answer within the function's timeout.
    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.resource("dynamodb", config=config).Table(name)


def handle(event: object, context: Context) -> dict[str, Any]:
    """Lambda's entry point: 200, 400, 404 or 500; never raises."""
    request_id = context.aws_request_id
    try:
        key = id_of(event)
        # Consistent, so that what the writer has answered 201 for is there.
        item = _table().get_item(Key={"id": key}, ConsistentRead=True).get("Item")
        if item is None:
            return _answer(404, {"message": "there is no item with this id", "id": key})
        return _answer(200, item)
    except InvalidEventError as invalid:
        return _answer(400, {"message": str(invalid), "field": invalid.field, "expected": invalid.expected})
    except Exception:
        _log.exception("the item was not read", extra={"facts": {"requestId": request_id, "status": 500}})
        return _answer(500, {"message": "the item was not read", "requestId": request_id})


def id_of(event: object) -> str:
    """The id an event asks for; InvalidEventError if there is none that a key could be."""
    if not isinstance(event, dict):
        raise InvalidEventError("event", "a JSON object")
    parameters = event.get("pathParameters")
    key = parameters.get("id") if "id" not in event and isinstance(parameters, dict) else event.get("id")
    if not isinstance(key, str) or not key:
        raise InvalidEventError("id", "a non-empty string")
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidEventError("id", "text that UTF-8 can encode") from None
    if length > KEY_BYTES:
        raise InvalidEventError("id", f"at most {KEY_BYTES} bytes of UTF-8, found {length}")
    return key


def to_json(value: Any) -> str:
    """JSON text of a value as boto3 returns it from a table.

    Numbers keep all their digits (a float would round those beyond the 17th), sets become sorted
    lists, binary values base64 text.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {to_json(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_json, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return to_json(sorted(value, key=lambda entry: entry.value if isinstance(entry, Binary) else entry))
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Binary):
        return json.dumps(base64.b64encode(value.value).decode())
    return json.dumps(value)


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": to_json(body),
    }
