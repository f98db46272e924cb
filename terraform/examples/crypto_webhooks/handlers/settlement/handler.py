"""The settlement: marks the transactions that its queue names as settled, in the table.

An event is a batch of SQS messages with the body ``{"transactionId", "timestamp"}``. The answer names the
messages that failed, so that only those come back; after three deliveries the queue moves them to its dead
letters. A message may arrive twice: the first time of settlement stays.
"""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

import boto3
from botocore.config import Config


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str


class InvalidMessageError(Exception):
    """The message names no transaction."""


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
    logger = logging.getLogger("settlement")
    logger.handlers = [stream]
    logger.setLevel(logging.INFO)
    # The runtime's own root handler would write every line a second time.
    logger.propagate = False
    return logger


_log = _json_logger()


@cache
def _table() -> Any:
    # Two attempts of at most two seconds each let a whole batch of ten fail within the function's timeout.
    config = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.resource("dynamodb", config=config).Table(os.environ["TABLE_NAME"])


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Lambda's entry point: the ids of the messages that must come again; never raises for one of them."""
    failed = []
    for record in event["Records"]:
        facts = {"requestId": context.aws_request_id, "messageId": record["messageId"]}
        try:
            transaction_id, timestamp = key_of(record["body"])
            _settle(transaction_id, timestamp)
            settled = {"event": "transaction-settled", "transactionId": transaction_id}
            _log.info("settled", extra={"facts": {**facts, **settled}})
        except Exception:
            _log.exception("a transaction was not settled", extra={"facts": facts})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def key_of(body: str) -> tuple[str, int]:
    """The id and the timestamp in a message's body; InvalidMessageError if they are not there."""
    try:
        document = json.loads(body)
        transaction_id, timestamp = document["transactionId"], document["timestamp"]
    except (ValueError, KeyError, TypeError):
        raise InvalidMessageError("body: expected an object with transactionId and timestamp") from None
    if not isinstance(transaction_id, str) or not isinstance(timestamp, int):
        raise InvalidMessageError("body: expected transactionId as text and timestamp as a whole number")
    return transaction_id, timestamp


def _settle(transaction_id: str, timestamp: int) -> None:
    _table().update_item(
        Key={"transactionId": transaction_id, "timestamp": timestamp},
        # Without the condition, an update would make a transaction that no webhook told of.
        ConditionExpression="attribute_exists(transactionId)",
        UpdateExpression="SET #status = :settled, settledAt = if_not_exists(settledAt, :now)",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":settled": "settled", ":now": time.time_ns() // 1_000_000},
    )
