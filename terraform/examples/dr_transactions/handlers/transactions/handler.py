"""The function of one region: accepts transactions, finds them, and says whether it is healthy.

An event is what an HTTP API or a function URL passes on: ``requestContext.http.method``, ``rawPath`` and ``body``.

- ``POST /transactions`` with ``{"id": "...", "amount": 12.5, "currency": "EUR"}``: 201 accepted, 200 when the same
  transaction was accepted before (a client that got no answer before a fail-over repeats its request in the other
  region), 409 when another one has its id, 400 when it is none.
- ``GET /transactions/{id}``: 200 or 404.
- ``GET /health``: 200 when this region's table answers, 503 when not. That is what Route 53 asks.

An accepted transaction is an item in the table and a document in the bucket, both of this region. A repeated request
writes the document again, since the first may have ended between the two. A fault is logged and raised, and counts
as an error of the function: the alarm sees it, the front end answers with a 5xx, and the client repeats.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NoReturn, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# It is a part of a document's key and of a path.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CURRENCY = re.compile(r"[A-Z]{3}")
# No currency has smaller parts (the Chilean UF), and none of this is beyond a table's 38 digits.
_DECIMALS = 4
_LARGEST = Decimal(10) ** 15
_FIELDS = ("id", "amount", "currency")
_NOBODY = "health"


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str


class InvalidRequestError(Exception):
    """The request can't be served; `field` says where, `expected` what should be there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class TransactionFaultError(Exception):
    """The request was not served, and another attempt may be."""


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
    logger = logging.getLogger("transactions")
    logger.handlers = [stream]
    logger.setLevel(logging.INFO)
    # The runtime's own root handler would write every line a second time.
    logger.propagate = False
    return logger


_log = _json_logger()
# Three attempts of at most seven seconds at each of two services leave room to answer within the function's timeout.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def _table() -> Any:
    return boto3.resource("dynamodb", config=_CONFIG).Table(os.environ["TABLE_NAME"])


@cache
def _bucket() -> Any:
    return boto3.resource("s3", config=_CONFIG).Bucket(os.environ["DOCUMENT_BUCKET"])


def handle(event: object, context: Context) -> dict[str, Any]:
    """Lambda's entry point: an answer, or TransactionFaultError for a fault."""
    request_id = context.aws_request_id
    try:
        return _route(event)
    except InvalidRequestError as invalid:
        _log.warning("%s", invalid, extra={"facts": {"requestId": request_id, "status": 400}})
        return _answer(400, {"message": str(invalid), "field": invalid.field, "expected": invalid.expected})
    except Exception:
        _log.exception("the request was not served", extra={"facts": {"requestId": request_id}})
        raise TransactionFaultError(
            f"the request was not served; see the log of request {request_id}"
        ) from None


def transaction_of(event: dict[str, Any]) -> dict[str, Any]:
    """The transaction in a request's body, its amount as Decimal; InvalidRequestError if there is none."""
    document = _document(event)
    for field in _FIELDS:
        if field not in document:
            raise InvalidRequestError(field, "a value")
    if unknown := sorted(document.keys() - set(_FIELDS)):
        raise InvalidRequestError(unknown[0], f"no other fields than {', '.join(_FIELDS)}")
    if not _matches(_ID, document["id"]):
        raise InvalidRequestError("id", "1 to 64 letters, digits, - or _")
    if not _matches(_CURRENCY, document["currency"]):
        raise InvalidRequestError("currency", "three capital letters")
    return {**document, "amount": _amount(document["amount"])}


def _route(event: object) -> dict[str, Any]:
    request, method, path = _request(event)
    match method, path.strip("/").split("/"):
        case "GET", ["health"]:
            return _health()
        case "POST", ["transactions"]:
            return _accept(transaction_of(request))
        case "GET", ["transactions", key] if _matches(_ID, key):
            return _find(key)
    return _answer(404, {"message": f"there is no {method} {path}"})


def _request(event: object) -> tuple[dict[str, Any], str, str]:
    match event:
        case {"requestContext": {"http": {"method": str(method)}}, "rawPath": str(path)}:
            return event, method, path  # type: ignore[return-value]  # the pattern takes no other than a dict
    raise InvalidRequestError("event", "a request of an HTTP API")


def _health() -> dict[str, Any]:
    try:
        _table().get_item(Key={"id": _NOBODY}, ConsistentRead=True)
    except Exception:
        _log.exception("the table does not answer", extra={"facts": {"status": 503}})
        return _answer(503, {"message": "the table does not answer"})
    return _answer(200, {"message": "healthy"})


def _accept(transaction: dict[str, Any]) -> dict[str, Any]:
    item = {**transaction, "acceptedAt": datetime.now(UTC).isoformat(), "acceptedIn": _region()}
    status = 201
    try:
        _table().put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        item, status = _stored(transaction["id"]) or item, 200
        if any(item[field] != transaction[field] for field in _FIELDS):
            return _answer(409, {"message": "another transaction has this id", "id": item["id"]})
    _bucket().put_object(
        Key=f"{os.environ['DOCUMENT_PREFIX']}{item['id']}.json",
        Body=to_json(item).encode(),
        ContentType="application/json",
    )
    _log.info("accepted", extra={"facts": {"transaction": item["id"], "status": status}})
    return _answer(status, item)


def _find(key: str) -> dict[str, Any]:
    item = _stored(key)
    if item is None:
        return _answer(404, {"message": "there is no transaction with this id", "id": key})
    return _answer(200, item)


def _stored(key: str) -> dict[str, Any] | None:
    # Consistent within this region; from the other region a transaction comes about a second later.
    item: dict[str, Any] | None = _table().get_item(Key={"id": key}, ConsistentRead=True).get("Item")
    return item


def _document(event: dict[str, Any]) -> dict[str, Any]:
    body = event.get("body")
    if not isinstance(body, str):
        raise InvalidRequestError("body", "a JSON object")
    try:
        text = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body
        document = json.loads(text, parse_float=Decimal, parse_constant=_not_json)
    except (ValueError, ArithmeticError, RecursionError):
        raise InvalidRequestError("body", "a JSON object") from None
    if not isinstance(document, dict):
        raise InvalidRequestError("body", "a JSON object")
    return document


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _amount(value: object) -> Decimal:
    expected = f"a number above 0 and below 1E+15 with at most {_DECIMALS} decimals"
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise InvalidRequestError("amount", expected)
    amount = Decimal(value)
    # Comparing is exact; what has too many digits for arithmetic is out of range before.
    if not 0 < amount < _LARGEST or amount != amount.quantize(Decimal(1).scaleb(-_DECIMALS)):
        raise InvalidRequestError("amount", expected)
    return amount


def _region() -> str:
    return os.environ["AWS_REGION"]


def to_json(value: dict[str, Any]) -> str:
    """JSON text of an item; its numbers keep all their digits, which a float would round."""
    members = (
        f"{json.dumps(name)}: {member if isinstance(member, Decimal) else json.dumps(member)}"
        for name, member in value.items()
    )
    return "{" + ", ".join(members) + "}"


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "X-Region": _region()},
        "body": to_json(body),
    }
