"""Describes a batch of a stream that was given up, and sends the description to the mapping's destination."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from tapstack.sandbox.destinations import Undeliverable, deliver
from tapstack.sandbox.event_sources.mapping import Mapping
from tapstack.sandbox.event_sources.stream import Record, Stream

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last invocation with a batch, and how many there were."""

    request_id: str
    version: str
    function_error: str | None
    count: int


def discard(
    mapping: Mapping,
    stream: Stream,
    shard: str,
    records: Sequence[Record],
    condition: Condition,
    attempt: Attempt | None,
) -> None:
    """Give up `records`; without a destination, the server's log is the only trace of it.

    The document: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    which = f"{len(records)} of {mapping.source}, {shard}, from {records[0].sequence}"
    if mapping.failure_target is None:
        _say(f"discarded records, {which}: {condition}")
        return
    document = {
        "requestContext": {
            "requestId": attempt.request_id if attempt else None,
            "functionArn": mapping.function_arn,
            "condition": condition,
            "approximateInvokeCount": attempt.count if attempt else 0,
        },
        "responseContext": _response(attempt),
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        stream.batch_info: {
            "shardId": shard,
            "startSequenceNumber": str(records[0].sequence),
            "endSequenceNumber": str(records[-1].sequence),
            "approximateArrivalOfFirstRecord": stream.time_text(records[0].arrived),
            "approximateArrivalOfLastRecord": stream.time_text(records[-1].arrived),
            "batchSize": len(records),
            "streamArn": mapping.source,
        },
    }
    try:
        deliver(mapping.failure_target, json.dumps(document))
    except Undeliverable as error:
        _say(f"discarded records, {which}: {condition}; their description is lost: {error}")


def _response(attempt: Attempt | None) -> dict[str, Any] | None:
    if attempt is None:
        return None
    return {
        "statusCode": 200,
        "executedVersion": attempt.version,
        "functionError": attempt.function_error,
    }


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
