"""The webhook: stores one transaction in the table, once, and sends it for settlement.

An event is what API Gateway's proxy integration passes on for ``POST /webhooks/{currency}`` with the
body ``{"transactionId", "timestamp" (ms), "amount" (text), "address" (optional)}``.

Answers are ``{"statusCode", "headers", "body"}``: 202 stored and sent for settlement, 400 not such a
transaction, 409 a transaction with this id is stored already, 500 for a fault, whose cause only the log
has. It is invoked synchronously, so a fault is always answered, and the sender delivers again.

Whether an id is new is decided by DynamoDB alone. The table's key is id and timestamp, so one put could
only refuse the same id *with the same timestamp*: a claim on the id, an item with the timestamp 0, is put
in the same transaction under the condition that there is none yet.

Storing and sending are two steps. If the second never happened, the sender has had no 202 and delivers
again: a duplicate whose original is still unsettled after the longest time its delivery can have taken
is sent once more, and accepted. Settling twice does no harm.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import ClientError

# The same bounds as the API's model, for events that did not come through it.
TRANSACTION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})([.][0-9]{1,18})?")
TIMESTAMPS = range(1, 10_000_000_000_000)
ADDRESS_LENGTHS = range(1, 129)

# No transaction has it; the item with it is the claim on the id.
CLAIM_TIMESTAMP = 0

# The function's timeout in milliseconds: a delivery that began longer ago is over.
DELIVERY_MILLISECONDS = 60_000

# Two deliveries of one id at the same moment: DynamoDB refuses one without saying which was first.
CONFLICT_ATTEMPTS = 8


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str


class InvalidWebhookError(Exception):
    """The event is no transaction; `field` says where, `expected` what should be there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class DuplicateError(Exception):
    """A transaction with this id is stored already."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as its webhook describes it; `timestamp` in milliseconds since 1970."""

    transaction_id: str
    timestamp: int
    currency: str
    amount: Decimal
    address: str | None


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
    logger = logging.getLogger("webhook")
    logger.handlers = [stream]
    logger.setLevel(logging.INFO)
    # The runtime's own root handler would write every line a second time.
    logger.propagate = False
    return logger


_log = _json_logger()

# Two attempts of at most four seconds for each call leave room to answer before the API gives up at 29.
_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


@cache
def _table() -> Any:
    return boto3.resource("dynamodb", config=_CONFIG).Table(os.environ["TABLE_NAME"])


@cache
def _queue() -> Any:
    return boto3.client("sqs", config=_CONFIG)


def handle(event: object, context: Context) -> dict[str, Any]:
    """Lambda's entry point: 202, 400, 409 or 500; never raises."""
    request_id = context.aws_request_id
    try:
        transaction = transaction_of(event, os.environ["CURRENCIES"].split(","))
        facts = {"requestId": request_id, "transactionId": transaction.transaction_id}
        _receive(transaction, facts)
    except InvalidWebhookError as invalid:
        _log.warning("%s", invalid, extra={"facts": {"requestId": request_id, "status": 400}})
        return _answer(400, {"message": str(invalid), "field": invalid.field, "expected": invalid.expected})
    except DuplicateError as duplicate:
        _log.info("%s", duplicate, extra={"facts": {**facts, "status": 409}})
        return _answer(409, {"message": str(duplicate), "transactionId": transaction.transaction_id})
    except Exception:
        _log.exception("the webhook failed", extra={"facts": {"requestId": request_id, "status": 500}})
        return _answer(500, {"message": "the transaction was not accepted", "requestId": request_id})
    return _answer(202, {"transactionId": transaction.transaction_id, "status": "accepted"})


def transaction_of(event: object, currencies: list[str]) -> Transaction:
    """The transaction an event tells of; InvalidWebhookError if it tells of none."""
    if not isinstance(event, dict):
        raise InvalidWebhookError("event", "a JSON object")
    currency = (event.get("pathParameters") or {}).get("currency")
    if currency not in currencies:
        raise InvalidWebhookError("currency", f"one of {', '.join(currencies)}")
    document = _document(event.get("body"))
    unknown = sorted(document.keys() - {"transactionId", "timestamp", "amount", "address"})
    if unknown:
        raise InvalidWebhookError(unknown[0], "no such field")
    timestamp = document.get("timestamp")
    # True is an int to Python.
    if not isinstance(timestamp, int) or isinstance(timestamp, bool) or timestamp not in TIMESTAMPS:
        raise InvalidWebhookError("timestamp", "milliseconds since 1970 as a whole number above 0")
    address = document.get("address")
    if "address" in document and not (isinstance(address, str) and len(address) in ADDRESS_LENGTHS):
        raise InvalidWebhookError("address", "text of 1 to 128 characters")
    return Transaction(
        transaction_id=_text(document, "transactionId", TRANSACTION_ID, "1 to 128 letters, digits, _ or -"),
        timestamp=timestamp,
        currency=currency,
        amount=Decimal(_text(document, "amount", AMOUNT, "a decimal number as text, such as '0.015'")),
        address=address,
    )


def _document(body: object) -> dict[str, Any]:
    try:
        document = json.loads(body) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidWebhookError("body", "a JSON object")
    return document


def _text(document: Mapping[str, Any], field: str, pattern: re.Pattern[str], expected: str) -> str:
    value = document.get(field)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidWebhookError(field, expected)
    return value


def _receive(transaction: Transaction, facts: Mapping[str, Any]) -> None:
    now = time.time_ns() // 1_000_000
    if _store(transaction, now):
        stored = {"event": "transaction-stored", "currency": transaction.currency}
        _log.info("stored", extra={"facts": {**facts, **stored}})
        _send(transaction.transaction_id, transaction.timestamp)
        return
    original = _original(transaction.transaction_id)
    if original["status"] != "received" or now - int(original["receivedAt"]) <= DELIVERY_MILLISECONDS:
        raise DuplicateError("a transaction with this id is stored already")
    _send(transaction.transaction_id, int(original["timestamp"]))
    _log.warning("sent again, since it was stored and not settled", extra={"facts": facts})


def _store(transaction: Transaction, now: int) -> bool:
    """Whether this call stored it; False if its id was stored before."""
    table = _table()
    claim = {"transactionId": transaction.transaction_id, "timestamp": CLAIM_TIMESTAMP}
    item = {
        "transactionId": transaction.transaction_id,
        "timestamp": transaction.timestamp,
        "currency": transaction.currency,
        "amount": transaction.amount,
        "status": "received",
        "receivedAt": now,
        **({"address": transaction.address} if transaction.address is not None else {}),
    }
    condition = {"TableName": table.name, "ConditionExpression": "attribute_not_exists(transactionId)"}
    puts = [{"Put": {**condition, "Item": claim}}, {"Put": {**condition, "Item": item}}]
    for attempt in range(CONFLICT_ATTEMPTS):
        try:
            table.meta.client.transact_write_items(TransactItems=puts)
            return True
        except ClientError as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if "ConditionalCheckFailed" in reasons:
                return False
            if "TransactionConflict" not in reasons or attempt == CONFLICT_ATTEMPTS - 1:
                raise
        # Spread out, so that the same deliveries do not meet again.
        time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311  # not for secrets
    raise AssertionError("unreachable")


def _original(transaction_id: str) -> dict[str, Any]:
    # The claim has the lowest timestamp of all, so the transaction is the last of the two.
    found = _table().query(
        KeyConditionExpression=Key("transactionId").eq(transaction_id),
        ConsistentRead=True,
        ScanIndexForward=False,
        Limit=1,
    )
    original: dict[str, Any] = found["Items"][0]
    return original


def _send(transaction_id: str, timestamp: int) -> None:
    message = json.dumps({"transactionId": transaction_id, "timestamp": timestamp})
    _queue().send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=message)


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
