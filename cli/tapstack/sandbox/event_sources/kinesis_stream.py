"""A Kinesis data stream as a source of events."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from moto.kinesis.models import kinesis_backends

from tapstack.sandbox.event_sources.changes import changing
from tapstack.sandbox.event_sources.stream import Record


class DataStream:
    """The stream with the ARN arn:aws:kinesis:REGION:ACCOUNT:stream/NAME, also by way of a consumer of it.

    `role` tells the ARN of the function's role, which the events name.
    """

    batch_info = "KinesisBatchInfo"

    def __init__(self, arn: str, role: Callable[[], str]) -> None:
        self._arn, self._role = arn, role
        self._region, self._account = arn.split(":")[3:5]
        self._name = arn.split(":", 5)[5].split("/")[1]

    def exists(self) -> bool:
        """Whether the stream, and the consumer if the ARN names one, is there."""
        stream = self._stream()
        named = "/consumer/" in self._arn
        return stream is not None and (not named or stream.get_consumer_by_arn(self._arn) is not None)

    @property
    def retention(self) -> float:
        """See Stream."""
        stream = self._stream()
        return 3600.0 * (24 if stream is None else int(stream.retention_period_hours))

    def shards(self) -> list[str]:
        """See Stream; closed ones too."""
        stream = self._stream()
        return [] if stream is None else list(stream.shards)

    def horizon(self, shard: str) -> int:
        """See Stream."""
        return int(next(iter(self._records(shard)), 1)) - 1

    def latest(self, shard: str) -> int:
        """See Stream."""
        with changing():
            return int(next(reversed(self._records(shard)), 0))

    def at(self, shard: str, moment: float) -> int:
        """See Stream."""
        with changing():
            earlier = [number for number, r in self._records(shard).items() if r.created_at < moment]
        return int(earlier[-1]) if earlier else self.horizon(shard)

    def read(self, shard: str, position: int, count: int) -> Iterator[Record]:
        """See Stream."""
        records = self._records(shard)
        # moto numbers the records of a shard without gaps.
        for number in range(position + 1, position + 1 + count):
            record = records.get(number)
            if record is None:
                return
            yield self._record(shard, record)

    def time_text(self, moment: float) -> str:
        """To the millisecond, in UTC."""
        return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _stream(self) -> Any | None:
        return kinesis_backends[self._account][self._region].streams.get(self._name)

    def _records(self, shard: str) -> Any:
        stream = self._stream()
        return {} if stream is None or shard not in stream.shards else stream.shards[shard].records

    def _record(self, shard: str, record: Any) -> Record:
        number = str(record.sequence_number)
        payload = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": number,
            "data": record.data,
            "approximateArrivalTimestamp": round(record.created_at, 3),
        }
        event = {
            "kinesis": payload,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role(),
            "awsRegion": self._region,
            "eventSourceARN": self._arn,
        }
        facts = {**event, **payload, "data": parsed(base64.b64decode(record.data))}
        return Record(record.sequence_number, record.partition_key, record.created_at, event, facts)


def parsed(data: bytes) -> object:
    """`data` as filters see it: a JSON object or array, else the text; None where it is no text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return document if isinstance(document, (dict, list)) else text
