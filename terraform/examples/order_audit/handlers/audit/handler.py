"""The auditor: keeps every change of an order as an object, and tells about orders that failed.

Lambda gives it batches of the table's stream: every change of an item in order, at least once. Each
change of a good record becomes ``orders/{orderId}/{timestamp}.json`` in the bucket; a later change of the same
item becomes the next version of that object. A change that leaves an order FAILED is published to the
topic afterwards. The object and the message carry the change's ``eventId``, which a repeated delivery
repeats.

What goes wrong goes wrong in one of two ways. A record that is no order is refused: it is reported as a
failed item of the batch, so that Lambda tries it again alone and then sends it to the dead-letter queue, and
every other record of the batch is still kept. A fault (S3 or SNS does not answer) is *raised*: it
counts as an error of the function, which the alarm watches, and Lambda tries the batch again in halves.
"""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Protocol

import boto3
from botocore.config import Config

FAILED: Final = "FAILED"

# An order's id becomes a part of an object's name, so it can't hold what separates parts.
_ORDER_ID: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_TIMESTAMP: Final = r"[1-9][0-9]{0,18}"
# In capitals only: a "failed" that nobody is told about would be worse than one in the dead letters.
_STATUS: Final = r"[A-Z][A-Z0-9_]{0,63}"
_EVENT_NAMES: Final = ("INSERT", "MODIFY", "REMOVE")


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str


class InvalidEventError(Exception):
    """The event is no batch of a DynamoDB stream."""


class InvalidRecordError(Exception):
    """The record is no change of an order; `field` says where, `expected` what should be there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class AuditError(Exception):
    """A change was not kept, or a failure not told, and another attempt may do it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an order, its images in DynamoDB's own typed JSON, which loses nothing.

    `status` is the order's status after the change, None where it was removed.
    """

    event_id: str
    event_name: str
    sequence_number: str
    made_at: str | None
    order_id: str
    timestamp: str
    status: str | None
    new_image: dict[str, Any] | None
    old_image: dict[str, Any] | None

    @property
    def object_key(self) -> str:
        """Where in the bucket the change is kept."""
        return f"orders/{self.order_id}/{self.timestamp}.json"


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
    logger = logging.getLogger("audit")
    logger.handlers = [stream]
    logger.setLevel(logging.INFO)
    # The runtime's own root handler would write every line a second time.
    logger.propagate = False
    return logger


_log = _json_logger()

# Two calls of three attempts of at most seven seconds each fit into the function's 60 seconds.
_CONFIG: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


@cache
def _s3() -> Any:
    return boto3.client("s3", config=_CONFIG)


@cache
def _sns() -> Any:
    return boto3.client("sns", config=_CONFIG)


def handle(event: object, context: Context) -> dict[str, Any]:
    """Lambda's entry point: the sequence numbers of refused records; AuditError for a fault."""
    request_id = context.aws_request_id
    records = records_of(event)
    refused: list[str] = []
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            change = change_of(record)
        except InvalidRecordError as invalid:
            facts = {"requestId": request_id, "sequenceNumber": number, "field": invalid.field}
            _log.error("refused: %s", invalid, extra={"facts": facts})
            refused.append(number)
        else:
            _keep(change, request_id)
    facts = {"requestId": request_id, "records": len(records), "refused": len(refused)}
    _log.info("the batch is done", extra={"facts": facts})
    return {"batchItemFailures": [{"itemIdentifier": number} for number in refused]}


def records_of(event: object) -> list[dict[str, Any]]:
    """The records of a batch, each with a sequence number; InvalidEventError if that is not what it is."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise InvalidEventError("event: expected Records of a DynamoDB stream")
    for position, record in enumerate(records):
        details = record.get("dynamodb") if isinstance(record, dict) else None
        # Without its number a record could not even be refused.
        if not isinstance(details, dict) or not isinstance(details.get("SequenceNumber"), str):
            raise InvalidEventError(f"Records[{position}]: expected a record with dynamodb.SequenceNumber")
    return records


def change_of(record: dict[str, Any]) -> Change:
    """The change that a record tells of; InvalidRecordError if it is no change of an order."""
    details = record["dynamodb"]
    event_name = record.get("eventName")
    if event_name not in _EVENT_NAMES:
        raise InvalidRecordError("eventName", f"one of {', '.join(_EVENT_NAMES)}")
    keys, new_image, old_image = (_image(details, name) for name in ("Keys", "NewImage", "OldImage"))
    if new_image is None and event_name != "REMOVE":
        raise InvalidRecordError("NewImage", "the item as it is after the change")
    return Change(
        event_id=str(record.get("eventID", "")),
        event_name=event_name,
        sequence_number=details["SequenceNumber"],
        made_at=_moment(details.get("ApproximateCreationDateTime")),
        order_id=_value(keys, "orderId", "S", _ORDER_ID),
        timestamp=_value(keys, "timestamp", "N", _TIMESTAMP),
        status=None if new_image is None else _value(new_image, "status", "S", _STATUS),
        new_image=new_image,
        old_image=old_image,
    )


def document_of(change: Change) -> dict[str, Any]:
    """What the object holds, as JSON."""
    return {
        "eventId": change.event_id,
        "eventName": change.event_name,
        "sequenceNumber": change.sequence_number,
        "madeAt": change.made_at,
        "orderId": change.order_id,
        "timestamp": int(change.timestamp),
        "status": change.status,
        "newImage": change.new_image,
        "oldImage": change.old_image,
    }


def _image(details: dict[str, Any], name: str) -> dict[str, Any] | None:
    image = details.get(name)
    if image is not None and not isinstance(image, dict):
        raise InvalidRecordError(name, "an item in DynamoDB's JSON")
    return image


def _value(image: dict[str, Any] | None, name: str, kind: str, pattern: str) -> str:
    typed = (image or {}).get(name)
    value = typed.get(kind) if isinstance(typed, dict) else None
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise InvalidRecordError(name, f"a value of type {kind} that matches {pattern}")
    return value


def _moment(seconds: object) -> str | None:
    if not isinstance(seconds, (int, float)):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _keep(change: Change, request_id: str) -> None:
    """Put the object and, for a failed order, publish; AuditError, its cause logged, if either fails."""
    facts = {
        "requestId": request_id,
        "orderId": change.order_id,
        "sequenceNumber": change.sequence_number,
        "object": change.object_key,
    }
    try:
        _put(change)
        if change.status == FAILED:
            _publish(change)
            _log.info("told that the order failed", extra={"facts": facts})
    except Exception:
        _log.exception("the change was not kept", extra={"facts": facts})
        raise AuditError(f"a change was not kept; see the log of request {request_id}") from None


def _put(change: Change) -> None:
    _s3().put_object(
        Bucket=os.environ["AUDIT_BUCKET"],
        Key=change.object_key,
        Body=json.dumps(document_of(change)).encode(),
        ContentType="application/json",
    )


def _publish(change: Change) -> None:
    message = {
        "message": f"Order {change.order_id} is {FAILED}",
        "orderId": change.order_id,
        "timestamp": int(change.timestamp),
        "status": change.status,
        "eventId": change.event_id,
        "object": f"s3://{os.environ['AUDIT_BUCKET']}/{change.object_key}",
    }
    _sns().publish(
        TopicArn=os.environ["ALERTS_TOPIC_ARN"],
        Subject="An order failed",
        Message=json.dumps(message, indent=2),
    )
