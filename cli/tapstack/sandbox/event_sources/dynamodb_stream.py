"""The stream of a DynamoDB table as a source of events."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.core.utils import unix_time
from moto.dynamodb.models import dynamodb_backends

from tapstack.sandbox.event_sources.changes import changing
from tapstack.sandbox.event_sources.stream import Record


class TableStream:
    """The stream with the ARN arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL."""

    batch_info = "DDBStreamBatchInfo"
    retention = 24 * 3600.0

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._region, self._account = arn.split(":")[3:5]
        _, self._table, _, self._label = arn.split(":", 5)[5].split("/")

    def exists(self) -> bool:
        """Whether the table has this very stream, enabled or not."""
        return self._shard() is not None

    def shards(self) -> list[str]:
        """moto has one shard for each stream."""
        shard = self._shard()
        return [] if shard is None else [str(shard.id)]

    def horizon(self, shard: str) -> int:
        """See Stream."""
        found = self._shard()
        return 0 if found is None or found.id != shard else int(found.starting_sequence_number) - 1

    def latest(self, shard: str) -> int:
        """See Stream."""
        found = self._shard()
        return self.horizon(shard) + (0 if found is None else len(found.items))

    def at(self, shard: str, moment: float) -> int:
        """DynamoDB knows no start at a time; the position is the horizon."""
        del moment
        return self.horizon(shard)

    def read(self, shard: str, position: int, count: int) -> Iterator[Record]:
        """See Stream."""
        start = position - self.horizon(shard)
        with changing():
            found = self._shard()
            items = [] if found is None else [item.record for item in found.items[start : start + count]]
        return (self._record(item) for item in items)

    def time_text(self, moment: float) -> str:
        """To the second, in UTC."""
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _shard(self) -> Any | None:
        table = dynamodb_backends[self._account][self._region].tables.get(self._table)
        return None if table is None or table.latest_stream_label != self._label else table.stream_shard

    def _record(self, item: dict[str, Any]) -> Record:
        event: dict[str, Any] = _copy(item)
        change = event["dynamodb"]
        arrived = unix_time(change["ApproximateCreationDateTime"])
        change["ApproximateCreationDateTime"] = int(arrived)
        event["eventSourceARN"] = self._arn
        return Record(
            sequence=int(change["SequenceNumber"]),
            key=repr(sorted(change["Keys"].items())),
            arrived=arrived,
            event=event,
            facts=event,
        )


def _copy(value: Any) -> Any:
    """A copy for JSON: binary values, which moto keeps as such, in Base64."""
    if isinstance(value, dict):
        return {name: _copy(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_copy(one) for one in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
