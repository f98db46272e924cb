"""The writer: validates an event and puts it as one item into the table.

An event is either the item itself, ``{"id": "...", ...}``, or what an HTTP front end passes on,
``{"body": "<the item as JSON text>"}``. An event with an ``id`` of its own is always the item.
Putting replaces an item with the same id, so a repeated delivery does no harm.

Answers are ``{"statusCode", "headers", "body"}``: 201 written, 400 not an item (logged, since nobody
reads the answer to an asynchronous event), and 500 for a fault behind an HTTP front end. A fault in an
event that came directly is *raised* instead: Lambda does not say whether such an invocation is
asynchronous, and an answer would count as success and lose the event. Raised, Lambda tries it
twice more and then sends it to the dead-letter queue; a synchronous caller gets a function error. Both
name the request, and only the log has the cause. A 400 is never raised: no repetition would mend it.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from decimal import Decimal, DecimalException
from functools import cache
from typing import Any, NoReturn, Protocol

import boto3
from boto3.dynamodb.types import DYNAMODB_CONTEXT
from botocore.config import Config
from botocore.exceptions import ClientError

# Limits of DynamoDB, in bytes, levels and powers of ten:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
KEY_BYTES = 2048
ITEM_BYTES = 400 * 1024
NESTING_LEVELS = 32
EXPONENTS = range(-130, 126)

# The item is measured here by rules that are approximate for numbers; DynamoDB has the last word.
_ITEM_REFUSED = ("Item size", "Nesting Levels")


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str


class InvalidEventError(Exception):
    """The event is not an item; `field` says where, `expected` what should be there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class WriteError(Exception):
    """The item was not written, and another attempt may write it."""


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
    logger = logging.getLogger("writer")
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
    """Lambda's entry point: 201 or 400, and for a fault a 500 or WriteError, as the module explains."""
    request_id = context.aws_request_id
    try:
        item = item_of(event)
        _put(item)
    except InvalidEventError as invalid:
        _log.warning("%s", invalid, extra={"facts": {"requestId": request_id, "status": 400}})
        return _answer(400, {"message": str(invalid), "field": invalid.field, "expected": invalid.expected})
    except Exception:
        if not _is_proxied(event):
            _log.exception("the item was not written", extra={"facts": {"requestId": request_id}})
            raise WriteError(f"the item was not written; see the log of request {request_id}") from None
        _log.exception("the item was not written", extra={"facts": {"requestId": request_id, "status": 500}})
        return _answer(500, {"message": "the item was not written", "requestId": request_id})
    return _answer(201, {"id": item["id"]})


def item_of(event: object) -> dict[str, Any]:
    """The item an event asks for, with every number as Decimal; InvalidEventError if there is none."""
    document = _document(event)
    key = document.get("id")
    if not isinstance(key, str) or not key:
        raise InvalidEventError("id", "a non-empty string")
    item = {_name(name, name): _attribute(value, name, 1) for name, value in document.items()}
    if len(key.encode()) > KEY_BYTES:
        raise InvalidEventError("id", f"at most {KEY_BYTES} bytes of UTF-8, found {len(key.encode())}")
    size = sum(len(name.encode()) + size_of(value) for name, value in item.items())
    if size > ITEM_BYTES:
        raise InvalidEventError("event", f"an item of at most {ITEM_BYTES} bytes, found about {size}")
    return item


def size_of(value: Any) -> int:
    """About how many bytes DynamoDB counts for a value of an item, without its name.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return 3 + sum(1 + len(name.encode()) + size_of(entry) for name, entry in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + size_of(entry) for entry in value)
    if value is None or isinstance(value, bool):
        return 1
    return 1 + (len(Decimal(value).normalize(DYNAMODB_CONTEXT).as_tuple().digits) + 1) // 2


def _is_proxied(event: object) -> bool:
    return isinstance(event, dict) and "id" not in event and "body" in event


def _document(event: object) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise InvalidEventError("event", "a JSON object")
    if not _is_proxied(event):
        return event
    body = event["body"]
    if not isinstance(body, str):
        raise InvalidEventError("body", "a JSON object as text")
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_not_json)
    except (ValueError, RecursionError):
        raise InvalidEventError("body", "a JSON object as text") from None
    if not isinstance(document, dict):
        raise InvalidEventError("body", "a JSON object as text")
    return document


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _attribute(value: Any, field: str, level: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, field)
    if isinstance(value, (int, float, Decimal)):
        return _number(value, field)
    if level > NESTING_LEVELS:
        raise InvalidEventError(field, f"at most {NESTING_LEVELS} levels of nesting")
    if isinstance(value, dict):
        return {
            _name(name, f"{field}.{name}"): _attribute(entry, f"{field}.{name}", level + 1)
            for name, entry in value.items()
        }
    return [_attribute(entry, f"{field}[{position}]", level + 1) for position, entry in enumerate(value)]


def _name(name: str, field: str) -> str:
    if not name:
        raise InvalidEventError(field or "event", "attribute names that are not empty")
    return _text(name, "event")


def _text(text: str, field: str) -> str:
    # JSON can escape half a surrogate pair; UTF-8, and so DynamoDB, has no such character.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidEventError(field, "text that UTF-8 can encode") from None
    return text


def _number(number: float | Decimal, field: str) -> Decimal:
    # By its digits: a float's binary value would be another number.
    exact = Decimal(number) if isinstance(number, int) else Decimal(str(number))
    if exact == 0:
        return Decimal(0)
    try:
        # boto3's context is about digits; its exponents go beyond DynamoDB's at both ends.
        if exact.is_finite() and exact.adjusted() in EXPONENTS:
            DYNAMODB_CONTEXT.create_decimal(exact)
            return exact
    except DecimalException:
        pass
    raise InvalidEventError(field, "zero or a number of at most 38 digits from 1E-130 to 9.9E+125")


def _put(item: dict[str, Any]) -> None:
    try:
        _table().put_item(Item=item)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if message.startswith(_ITEM_REFUSED):
            raise InvalidEventError("event", f"an item DynamoDB takes, found: {message}") from None
        raise


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
