"""Chooses and starts the poller of a new mapping."""

from __future__ import annotations

from typing import Any

from tapstack.sandbox.event_sources import definition
from tapstack.sandbox.event_sources.dynamodb_stream import TableStream
from tapstack.sandbox.event_sources.kinesis_stream import DataStream
from tapstack.sandbox.event_sources.mapping import Mapping
from tapstack.sandbox.event_sources.sqs_queue import QueuePoller
from tapstack.sandbox.event_sources.stream import Stream
from tapstack.sandbox.event_sources.stream_poller import StreamPoller
from tapstack.sandbox.invocations import Invoker


def source_exists(arn: str) -> bool:
    """Whether the stream with `arn` is there; queues are looked for with their settings."""
    kind = definition.service(arn)
    if kind == "dynamodb":
        return arn.count("/") == 3 and TableStream(arn).exists()
    if kind == "kinesis":
        return arn.count("/") in (1, 3) and DataStream(arn, role=str).exists()
    return kind == "sqs"


def begin(model: Any, invoker: Invoker) -> None:
    """Start to poll for moto's new EventSourceMapping `model`, from where it says, until it is deleted."""
    mapping = Mapping(model)
    stream = _stream(mapping)
    if stream is None:
        QueuePoller(mapping, invoker).start()
        return
    # Read here, not in the poller's thread: what is written after the mapping was made is newer than LATEST.
    positions = {shard: _position(model, stream, shard) for shard in stream.shards()}
    StreamPoller(mapping, invoker, stream, positions).start()


def _stream(mapping: Mapping) -> Stream | None:
    def role() -> str:
        function = mapping.function()
        return "" if function is None else str(function.role)

    kind = definition.service(mapping.source)
    if kind == "dynamodb":
        return TableStream(mapping.source)
    return DataStream(mapping.source, role) if kind == "kinesis" else None


def _position(model: Any, stream: Stream, shard: str) -> int:
    if model.starting_position == "LATEST":
        return stream.latest(shard)
    if model.starting_position == "AT_TIMESTAMP":
        return stream.at(shard, float(model.starting_position_timestamp))
    return stream.horizon(shard)
