"""Works off the records of one shard in order: batches, retries, bisecting, discarding."""

from __future__ import annotations

import json
import time
import uuid
import zlib
from dataclasses import dataclass, replace
from typing import Final

from tapstack.sandbox.concurrency import Throttled, slot
from tapstack.sandbox.event_sources import batch, filters
from tapstack.sandbox.event_sources.discarded import Attempt, Condition, discard
from tapstack.sandbox.event_sources.mapping import CALL_FAILED, OK, THROTTLED, Mapping
from tapstack.sandbox.event_sources.stream import Record, Stream
from tapstack.sandbox.invocations import Invoker

# Before a batch is tried again, in seconds: doubled each time, up to the longest. A function that is throttled
# or gone is asked again sooner.
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0
_LONGEST_THROTTLED_WAIT: Final = 5.0

# How many records of a shard one look goes through; what filters drop does not fill a batch.
_LOOK: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records to be processed together; `retries` count against the limit, `throttles` only make it wait."""

    records: list[Record]
    retries: int = 0
    throttles: int = 0
    last: Attempt | None = None


class Lane:
    """One of the sequences in which a shard is worked off: all of it, or its share of the partition keys.

    `share` is (index, number of lanes); `position` is the sequence number of the last record that is done
    with. It works in a thread of its own until `retired` is set.
    """

    def __init__(
        self,
        mapping: Mapping,
        invoker: Invoker,
        stream: Stream,
        shard: str,
        share: tuple[int, int],
        position: int,
    ) -> None:
        self._mapping, self._invoker = mapping, invoker
        self._stream, self._shard = stream, shard
        self._share = share
        self.position = position
        self.retired = False
        self._gathering_since: float | None = None
        self._thread = mapping.start(self._work, wanted=lambda: not self.retired)

    @property
    def ended(self) -> bool:
        """Whether the lane, once retired, is done with what it had begun."""
        return not self._thread.is_alive()

    def _work(self) -> None:
        """Process what is there, until no batch is due."""
        while self._active and (records := self._gathered()):
            self._work_off(records)

    @property
    def _active(self) -> bool:
        return self._mapping.active and not self.retired

    def _gathered(self) -> list[Record]:
        """The next batch if it is due: full, or as old as the batching window; else []."""
        criteria = filters.compiled(tuple(self._mapping.patterns))
        limit, size = self._mapping.batch_size, 0
        chosen: list[Record] = []
        full = False
        for record in self._stream.read(self._shard, self.position, _LOOK):
            if not (self._is_ours(record) and criteria.accept(record.facts)):
                if not chosen:
                    self.position = record.sequence
                continue
            size += len(json.dumps(record.event))
            full = bool(chosen) and size > batch.PAYLOAD_BYTES
            if full:
                break
            chosen.append(record)
            full = len(chosen) >= limit
            if full:
                break
        return chosen if self._is_due(chosen, full) else []

    def _is_ours(self, record: Record) -> bool:
        index, of = self._share
        return of == 1 or zlib.crc32(record.key.encode()) % of == index

    def _is_due(self, chosen: list[Record], full: bool) -> bool:
        now = time.monotonic()
        if chosen and not full and self._mapping.window:
            self._gathering_since = self._gathering_since or now
            if now - self._gathering_since < self._mapping.window:
                return False
        self._gathering_since = None
        return True

    def _work_off(self, records: list[Record]) -> None:
        """Process all of `records`, the first ones first; those left when the mapping ends stay unread."""
        stack = [_Batch(records)]
        while stack and self._active:
            current = self._young(stack.pop())
            if current.records:
                stack.extend(reversed(self._tried(current)))

    def _young(self, current: _Batch) -> _Batch:
        """`current` without the records that became too old, which are discarded."""
        limits = [self._stream.retention, self._mapping.record_age]
        oldest = time.time() - min(limit for limit in limits if limit is not None)
        old = [record for record in current.records if record.arrived < oldest]
        if not old:
            return current
        self._give_up(replace(current, records=old), "RecordAgeExceeded")
        return replace(current, records=current.records[len(old) :])

    def _tried(self, current: _Batch) -> list[_Batch]:
        """Invoke the function once with `current`; what is then to be done, in order."""
        function = self._mapping.function()
        if function is None:
            return self._throttled(current)
        request_id = str(uuid.uuid4())
        try:
            with slot(function):
                event = {"Records": [record.event for record in current.records]}
                done = self._invoker.run(function, event, request_id)
        except Throttled:
            self._mapping.report(THROTTLED)
            return self._throttled(current)
        count = 1 + (current.last.count if current.last else 0)
        attempt = Attempt(request_id, str(function.version), done.function_error, count)
        identifiers = [str(record.sequence) for record in current.records]
        failed = batch.failed(done, identifiers, reports=self._mapping.reports)
        self._mapping.report(CALL_FAILED if failed else OK)
        good = next((i for i, name in enumerate(identifiers) if name in failed), len(identifiers))
        if good:
            self.position = current.records[good - 1].sequence
        rest = replace(current, records=current.records[good:], last=attempt, throttles=0)
        return self._after_failure(rest, split=bool(good)) if rest.records else []

    def _throttled(self, current: _Batch) -> list[_Batch]:
        """Not reaching the function is no failed attempt: only the age of the records limits it."""
        self._wait(current.throttles, _LONGEST_THROTTLED_WAIT)
        return [replace(current, throttles=current.throttles + 1)]

    def _after_failure(self, rest: _Batch, *, split: bool) -> list[_Batch]:
        """What to do with `rest`, which failed; `split` says that it is the later part of what was tried."""
        if self._mapping.bisects and split:
            # Splitting does not count as a retry, and a batch that is partly done was split where it failed.
            return [rest]
        if self._mapping.bisects and len(rest.records) > 1:
            middle = len(rest.records) // 2
            return [replace(rest, records=part) for part in (rest.records[:middle], rest.records[middle:])]
        retries = self._mapping.retries
        if retries is not None and rest.retries >= retries:
            self._give_up(rest, "RetryAttemptsExhausted")
            return []
        self._wait(rest.retries)
        return [replace(rest, retries=rest.retries + 1)]

    def _give_up(self, lost: _Batch, condition: Condition) -> None:
        discard(self._mapping, self._stream, self._shard, lost.records, condition, lost.last)
        self.position = lost.records[-1].sequence

    def _wait(self, times: int, longest: float = _LONGEST_WAIT) -> None:
        # The exponent is capped too: a record may be tried for a day.
        self._mapping.pause(min(_FIRST_WAIT * 2.0 ** min(times, 16), longest))
