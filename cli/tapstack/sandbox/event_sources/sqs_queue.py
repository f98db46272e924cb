"""A queue as a source of events: receives batches, deletes what was processed, leaves the rest to the queue."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

from moto.sqs.models import sqs_backends

from tapstack.sandbox.concurrency import Throttled, slot
from tapstack.sandbox.event_sources import batch, filters
from tapstack.sandbox.event_sources.changes import changing
from tapstack.sandbox.event_sources.kinesis_stream import parsed
from tapstack.sandbox.event_sources.mapping import CALL_FAILED, OK, THROTTLED, Mapping
from tapstack.sandbox.invocations import Invoker

# Lambda begins with five batches at a time: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_BATCHES: Final = 5

# One call of ReceiveMessage returns ten messages at most, of 1 MiB each on AWS and here in all.
_RECEIVE: Final = 10
_RECEIVED_BYTES: Final = 1024 * 1024

_FACTS: Final = {
    "ApproximateReceiveCount": "approximate_receive_count",
    "SentTimestamp": "sent_timestamp",
    "SenderId": "sender_id",
    "ApproximateFirstReceiveTimestamp": "approximate_first_receive_timestamp",
    "SequenceNumber": "sequence_number",
    "MessageGroupId": "group_id",
    "MessageDeduplicationId": "deduplication_id",
}


class QueuePoller:
    """Takes the messages of one mapping's queue to its function."""

    def __init__(self, mapping: Mapping, invoker: Invoker) -> None:
        self._mapping, self._invoker = mapping, invoker
        self._backend = sqs_backends[mapping.account][mapping.region]
        self._name = mapping.source.rpartition(":")[2]
        self._under_way = 0
        self._counting = threading.Lock()
        self._gathering_since: float | None = None

    def start(self) -> None:
        """Begin in threads that end when the mapping is deleted."""
        self._mapping.start(self._look)

    def _look(self) -> None:
        while self._mapping.active and self._is_due() and self._begin():
            pass

    def _is_due(self) -> bool:
        """Whether there are messages for a full batch, or some for longer than the batching window."""
        queue = self._backend.queues.get(self._name)
        there = 0 if queue is None else len(queue.messages)
        if not there or there >= self._mapping.batch_size or not self._mapping.window:
            self._gathering_since = None
            return there > 0
        self._gathering_since = self._gathering_since or time.monotonic()
        due = time.monotonic() - self._gathering_since >= self._mapping.window
        if due:
            self._gathering_since = None
        return due

    def _begin(self) -> bool:
        """Receive a batch and process it in a thread of its own; False when there is nothing to be had now.

        The function's concurrency is taken first, so that messages of a throttled function stay as they are.
        """
        function = self._mapping.function()
        with ExitStack() as held:
            if function is None or not self._may_begin():
                return False
            held.callback(self._end)
            try:
                held.enter_context(slot(function))
            except Throttled:
                self._mapping.report(THROTTLED)
                return False
            messages = self._received()
            if not messages:
                return False
            threading.Thread(
                target=self._process, args=(function, messages, held.pop_all()), daemon=True
            ).start()
        return True

    def _may_begin(self) -> bool:
        limit = min(self._mapping.concurrency or _BATCHES, _BATCHES)
        with self._counting:
            free = self._under_way < limit
            self._under_way += free
        return free

    def _end(self) -> None:
        with self._counting:
            self._under_way -= 1

    def _received(self) -> list[Any]:
        """Messages for one batch; those that the filters drop are deleted, as Lambda does."""
        criteria = filters.compiled(tuple(self._mapping.patterns))
        chosen: list[Any] = []
        size = 0
        while len(chosen) < self._mapping.batch_size and size + _RECEIVED_BYTES <= batch.PAYLOAD_BYTES:
            count = min(_RECEIVE, self._mapping.batch_size - len(chosen))
            messages = self._receive(count)
            if not messages:
                break
            for message in messages:
                if criteria.accept({**self._event(message), "body": parsed(message.body.encode())}):
                    chosen.append(message)
                    size += len(message.body.encode())
                else:
                    self._delete(message)
        return chosen

    def _receive(self, count: int) -> list[Any]:
        with changing():
            queue = self._backend.queues.get(self._name)
            if queue is None:
                return []
            visibility = queue.visibility_timeout
            messages: list[Any] = self._backend.receive_message(self._name, count, 0, visibility, ["All"])
        return messages

    def _process(self, function: Any, messages: list[Any], held: ExitStack) -> None:
        with held:
            done = self._invoker.run(function, {"Records": [self._event(message) for message in messages]})
        failed = batch.failed(done, [message.id for message in messages], reports=self._mapping.reports)
        self._mapping.report(CALL_FAILED if failed else OK)
        for message in messages:
            if message.id not in failed:
                self._delete(message)

    def _delete(self, message: Any) -> None:
        queue = self._backend.queues.get(self._name)
        if queue is not None and any(m.id == message.id for m in queue._messages):
            queue.delete_message(message.receipt_handle)

    def _event(self, message: Any) -> dict[str, Any]:
        """The record of `message`: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
        facts = {name: getattr(message, attribute) for name, attribute in _FACTS.items()}
        system = {name: one.get("string_value") for name, one in message.system_attributes.items()}
        event = {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {name: str(v) for name, v in {**facts, **system}.items() if v is not None},
            "messageAttributes": dict(_attributes(message)),
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.source,
            "awsRegion": self._mapping.region,
        }
        if message.message_attributes:
            event["md5OfMessageAttributes"] = message.attribute_md5
        return event


def _attributes(message: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in message.message_attributes.items():
        shaped = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
        if value.get("BinaryValue") is not None:
            binary = value["BinaryValue"]
            text = base64.b64encode(binary).decode() if isinstance(binary, bytes) else str(binary)
            yield name, {"binaryValue": text, **shaped}
        else:
            yield name, {"stringValue": str(value.get("StringValue")), **shaped}
