"""The processor: writes the transactions of a Kinesis stream into the table, each of them once.

A record is one JSON object with exactly the fields of ``FIELDS``. Its transaction is put under the
condition that its id is new, so that a record may arrive any number of times. What becomes of a record:

- *written*, or *duplicate* where the table has the very same transaction;
- *rejected*: no transaction, or another one than the table has under its id. No repetition mends that, so the
  record goes to the queue of rejects, with the reason, and the shard goes on;
- *throttled*: DynamoDB takes no more for now. The client repeats with growing pauses; after its last attempt
  the answer names the record, and Lambda delivers it and all that follow it again.

Every other fault is logged and raised: Lambda counts an error and delivers the whole batch again.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, NoReturn, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Four attempts of at most four seconds, and pauses of at most 1, 2 and 4 seconds between them, are 23 seconds.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
CLIENT: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 4}
)
# With less time left than one record may take no other is begun: a timeout would lose the answer.
RECORD_MILLIS: Final = 25_000

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)

# What SQS takes in every region, with room for the rest of the message:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
DATA_CHARACTERS: Final = 240 * 1024

# 20 digits before the point and 18 after it are the 38 that DynamoDB keeps.
WHOLE_DIGITS: Final = 20
FRACTION_DIGITS: Final = 18

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""


class InvalidEventError(Exception):
    """The event does not come from a Kinesis stream: the function is wired to something else."""


class InvalidTransactionError(Exception):
    """The record is no transaction; `field` says where, `expected` what should be there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class ThrottledError(Exception):
    """DynamoDB refused the write for now, at every attempt."""


class ProcessingError(Exception):
    """The batch was not processed, and another attempt may process it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a batch; `data` is base64 text, `arrived` seconds since 1970."""

    id: str
    sequence_number: str
    partition_key: str
    arrived: float
    data: str


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
    logger = logging.getLogger("processor")
    logger.handlers = [stream]
    logger.setLevel(logging.INFO)
    # The runtime's own root handler would write every line a second time.
    logger.propagate = False
    return logger


_log = _json_logger()


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=CLIENT)


def handle(event: object, context: Context) -> dict[str, Any]:
    """Lambda's entry point: the first record to deliver again, if any; ProcessingError for a fault.

    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    request = {"requestId": context.aws_request_id}
    try:
        return _process_all(records_of(event), context, request)
    except Exception:
        _log.exception("the batch was not processed", extra={"facts": request})
        raise ProcessingError(
            f"the batch was not processed; see the log of request {context.aws_request_id}"
        ) from None


def records_of(event: object) -> list[Record]:
    """The records of an event in their order; InvalidEventError if a Kinesis stream did not send it."""
    try:
        return [_record(entry) for entry in event["Records"]]  # type: ignore[index]  # whatever it is
    except (KeyError, TypeError) as error:
        raise InvalidEventError(f"expected an event of a Kinesis stream, found none: {error!r}") from None


def transaction_of(data: str) -> dict[str, dict[str, str]]:
    """The item that a record's data (base64) asks for, as DynamoDB's API takes it; InvalidTransactionError."""
    document = _document(data)
    if unknown := sorted(document.keys() - FIELDS.keys()):
        # A name may be as long as a record, and a message may not.
        raise InvalidTransactionError(unknown[0][:64], f"no fields but {', '.join(FIELDS)}")
    return {name: attribute(document.get(name), name) for name, attribute in FIELDS.items()}


def _process_all(records: list[Record], context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tally: Counter[str] = Counter()
    stopped: Record | None = None
    for record in records:
        if context.get_remaining_time_in_millis() < RECORD_MILLIS:
            stopped = _stop("there was no time left for the record", record, request)
            break
        try:
            tally[_process(record, request)] += 1
        except ThrottledError:
            stopped = _stop("DynamoDB throttled the record", record, request)
            break
    left = len(records) - tally.total()
    _log.info("processed a batch", extra={"facts": {**request, **tally, "left": left}})
    return {"batchItemFailures": [{"itemIdentifier": stopped.sequence_number}] if stopped else []}


def _stop(why: str, record: Record, request: dict[str, Any]) -> Record:
    # Lambda repeats everything after the first record that failed: going on would be done twice.
    _log.warning(
        "%s: it and what follows it is left for another delivery",
        why,
        extra={"facts": {**request, "record": record.id}},
    )
    return record


def _process(record: Record, request: dict[str, Any]) -> str:
    """What became of the record: "written", "duplicate" or "rejected"."""
    try:
        return _put(transaction_of(record.data), record)
    except InvalidTransactionError as invalid:
        _reject(record, invalid)
        facts = {**request, "record": record.id, "field": invalid.field}
        _log.warning("rejected a record: %s", invalid, extra={"facts": facts})
        return "rejected"


def _put(transaction: dict[str, dict[str, str]], record: Record) -> str:
    try:
        _client("dynamodb").put_item(
            TableName=os.environ["TABLE_NAME"],
            Item={**transaction, "recordId": {"S": record.id}},
            ConditionExpression="attribute_not_exists(transactionId)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in THROTTLED:
            raise ThrottledError from error
        if code != "ConditionalCheckFailedException":
            raise
        if not _is_same(error.response["Item"], transaction):
            raise InvalidTransactionError("transactionId", "an id that no other transaction has") from None
        return "duplicate"
    return "written"


def _is_same(stored: dict[str, dict[str, str]], transaction: dict[str, dict[str, str]]) -> bool:
    """Whether the table has the same transaction: DynamoDB keeps a number's value and not its digits."""
    return all(_value(stored.get(name, {})) == _value(sent) for name, sent in transaction.items())


def _value(attribute: dict[str, str]) -> Decimal | str | None:
    return Decimal(attribute["N"]) if "N" in attribute else attribute.get("S")


def _reject(record: Record, invalid: InvalidTransactionError) -> None:
    # A record may be larger than a message; the stream keeps it, and its place is in the message.
    data = record.data if len(record.data) <= DATA_CHARACTERS else None
    message = {
        "reason": str(invalid),
        "field": invalid.field,
        "expected": invalid.expected,
        "recordId": record.id,
        "partitionKey": record.partition_key,
        "arrivedAt": datetime.fromtimestamp(record.arrived, UTC).isoformat(),
        "data": data,
    }
    _client("sqs").send_message(QueueUrl=os.environ["REJECTS_URL"], MessageBody=json.dumps(message))


def _record(entry: Any) -> Record:
    if entry["eventSource"] != "aws:kinesis":
        raise KeyError(entry["eventSource"])
    kinesis = entry["kinesis"]
    return Record(
        id=entry["eventID"],
        sequence_number=kinesis["sequenceNumber"],
        partition_key=kinesis["partitionKey"],
        arrived=kinesis["approximateArrivalTimestamp"],
        data=kinesis["data"],
    )


def _document(data: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(data, validate=True).decode()
        document = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_not_json)
    except (ValueError, ArithmeticError, RecursionError, binascii.Error):
        raise InvalidTransactionError("record", "a JSON object as UTF-8 text") from None
    if not isinstance(document, dict):
        raise InvalidTransactionError("record", "a JSON object as UTF-8 text")
    return document


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _id(value: object, field: str) -> dict[str, str]:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidTransactionError(field, "1 to 128 letters, digits and ._:-, the first a letter or digit")
    return {"S": value}


def _amount(value: object, field: str) -> dict[str, str]:
    if (
        not isinstance(value, Decimal)
        or value == 0
        or value.adjusted() >= WHOLE_DIGITS
        or int(value.as_tuple().exponent) < -FRACTION_DIGITS
    ):
        digits = f"at most {WHOLE_DIGITS} digits before the point and {FRACTION_DIGITS} after it"
        raise InvalidTransactionError(field, f"a number other than 0 with {digits}")
    return {"N": f"{value:f}"}


def _currency(value: object, field: str) -> dict[str, str]:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise InvalidTransactionError(field, "three capital letters (ISO 4217)")
    return {"S": value}


def _moment(value: object, field: str) -> dict[str, str]:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidTransactionError(field, "a time with its offset, such as 2025-01-31T12:00:00Z")
    return {"S": moment.isoformat()}


# Name of each field -> what makes an attribute of its value.
FIELDS: Final[dict[str, Callable[[object, str], dict[str, str]]]] = {
    "transactionId": _id,
    "accountId": _id,
    "amount": _amount,
    "currency": _currency,
    "occurredAt": _moment,
}
