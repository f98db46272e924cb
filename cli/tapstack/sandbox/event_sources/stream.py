"""What Lambda knows of a stream: shards of records in order, each with a position to read on from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a shard: `event` as Lambda sends it, `facts` as filters see it, `arrived` since 1970."""

    sequence: int
    key: str
    arrived: float
    event: dict[str, Any]
    facts: dict[str, Any]


class Stream(Protocol):
    """A source of records; a position is the sequence number of the last record that is done with."""

    @property
    def batch_info(self) -> str:
        """The name under which a discarded batch is described."""

    @property
    def retention(self) -> float:
        """For how long records are kept, in seconds."""

    def shards(self) -> list[str]:
        """The ids of all shards; [] when the stream is gone."""

    def horizon(self, shard: str) -> int:
        """The position before the shard's oldest record."""

    def latest(self, shard: str) -> int:
        """The position after the shard's newest record."""

    def at(self, shard: str, moment: float) -> int:
        """The position before the first record that arrived at `moment`, in seconds since 1970, or later."""

    def read(self, shard: str, position: int, count: int) -> Iterator[Record]:
        """The next `count` records after `position`, or as many as there are."""

    def time_text(self, moment: float) -> str:
        """A time of arrival as the description of a discarded batch gives it."""
