"""Gives each shard of a mapping's stream its lanes: new shards and new numbers of lanes too."""

from __future__ import annotations

from tapstack.sandbox.event_sources.mapping import Mapping
from tapstack.sandbox.event_sources.shard import Lane
from tapstack.sandbox.event_sources.stream import Stream
from tapstack.sandbox.invocations import Invoker


class StreamPoller:
    """Follows the shards of one stream for one mapping."""

    def __init__(self, mapping: Mapping, invoker: Invoker, stream: Stream, positions: dict[str, int]) -> None:
        """`positions` says where to start in the shards that are there when the mapping is made."""
        self._mapping, self._invoker, self._stream = mapping, invoker, stream
        self._positions = positions
        self._lanes: dict[str, list[Lane]] = {}

    def start(self) -> None:
        """Begin in threads that end when the mapping is deleted."""
        self._mapping.start(self._look)

    def _look(self) -> None:
        if not self._mapping.active:
            return
        for shard in self._stream.shards():
            lanes = self._lanes.get(shard, [])
            if len(lanes) != self._mapping.lanes and self._may_begin_anew(lanes):
                self._lanes[shard] = self._begun(shard, lanes)

    def _may_begin_anew(self, lanes: list[Lane]) -> bool:
        for lane in lanes:
            lane.retired = True
        return all(lane.ended for lane in lanes)

    def _begun(self, shard: str, before: list[Lane]) -> list[Lane]:
        # Keys change lanes: begin where all are done, and let some records come twice rather than never.
        known = [lane.position for lane in before] or [
            self._positions.get(shard, self._stream.horizon(shard))
        ]
        of = self._mapping.lanes
        return [
            Lane(self._mapping, self._invoker, self._stream, shard, (index, of), min(known))
            for index in range(of)
        ]
