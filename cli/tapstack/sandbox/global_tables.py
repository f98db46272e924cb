"""Global tables: a real table in each region, and items that flow between them; the last writer wins.

Version 2019.11.21 with eventual consistency:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import count
from typing import Any, Final

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table

from tapstack.sandbox.event_sources.changes import changing
from tapstack.sandbox.lag import Lagging

_VERSION: Final = "2019.11.21"
_STREAM: Final = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
# The provider recognises the second and the third sentence; they are AWS's.
_NO_STREAM: Final = "Table must have a stream with new and old images to be a global table: {}"
_EXISTS: Final = (
    "Failed to create a the new replica of table with name: '{}' because one or more replicas already "
    "existed as tables."
)
_NOT_FOUND: Final = (
    "Replica specified in the Replica Update or Replica Delete action of the request was not found."
)

# Hash and range value, the latter None in a table without a range key.
_Key = tuple[Any, Any]

# One clock for all regions: which of two writes is the later one is never in doubt.
_clock = count(1)
_replication = Lagging("replication of global tables")
_is_replicating: ContextVar[bool] = ContextVar("is_replicating", default=False)
_in_transaction: ContextVar[list[tuple[Any, Any, Any]] | None] = ContextVar("in_transaction", default=None)


class GlobalTable:
    """What the replicas of one table share; each of moto's tables that is a replica has it as `global_table`."""

    def __init__(self, account: str, name: str) -> None:
        self.regions: list[str] = []
        self._account = account
        self._name = name
        self._written: dict[tuple[str, _Key], int] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> GlobalTable:
        # moto copies tables to roll transactions back; a copy is the same replica.
        return self

    def add(self, table: Any) -> None:
        """Make moto's `table` the replica of its region."""
        table.global_table = self
        self.regions.append(table.region_name)

    def remove(self, region: str) -> None:
        """Forget the replica of `region`; a single one that is left is an ordinary table again."""
        self.regions.remove(region)
        if len(self.regions) == 1:
            self.replica(self.regions[0]).global_table = None

    def replica(self, region: str) -> Any:
        """moto's table in `region`."""
        return dynamodb_backends[self._account][region].tables[self._name]

    def others(self, region: str) -> list[Any]:
        """moto's tables in all regions but `region`."""
        return [self.replica(other) for other in self.regions if other != region]

    def wrote(self, table: Any, key: _Key, new: Any) -> None:
        """Bring what a client just wrote in one region to the others, soon; `new` is None for a delete."""
        with changing():
            moment = next(_clock)
            self._written[table.region_name, key] = moment
            # A statement's write is not one with this line: an older one of another region may lie between.
            _put(table, key, new)
        _replication.do(partial(self._replicate, table.region_name, key, copy.deepcopy(new), moment))

    def _replicate(self, source: str, key: _Key, new: Any, moment: int) -> None:
        for table in self.others(source):
            with changing():
                if self._written.get((table.region_name, key), 0) > moment:
                    continue
                self._written[table.region_name, key] = moment
                old, item = table.get_item(*key), copy.deepcopy(new)
                _put(table, key, item)
                if old is not None or item is not None:
                    _stream(table, old, item)


def update_replicas(table: Any, updates: list[dict[str, Any]]) -> None:
    """Do the ReplicaUpdates of an UpdateTable for moto's `table`; raises moto's ValidationException."""
    for update in updates:
        for verb, wanted in update.items():
            with changing():
                _VERBS[verb](table, wanted)


def describe_replicas(table: Any) -> dict[str, Any]:
    """What DescribeTable says of the other replicas of moto's `table`; nothing of an ordinary one."""
    shared = getattr(table, "global_table", None)
    if shared is None:
        return {}
    replicas = [_description(other) for other in shared.others(table.region_name)]
    return {"GlobalTableVersion": _VERSION, "Replicas": replicas}


def forget(table: Any) -> None:
    """Take moto's `table`, which was deleted, out of its global table, if it was in one."""
    if (shared := getattr(table, "global_table", None)) is not None:
        shared.remove(table.region_name)


def share_settings(table: Any, **settings: Any) -> None:
    """Update all other replicas of moto's `table` by `settings`, the arguments of moto's update_table."""
    if (shared := getattr(table, "global_table", None)) is None:
        return
    for other in shared.others(table.region_name):
        _backend(other).update_table(name=other.name, **settings)


def changed(table: Any, old: Any, new: Any) -> None:
    """To be told of each change of an item of moto's `table`; either image may be None, not both."""
    shared = getattr(table, "global_table", None)
    if shared is None or _is_replicating.get():
        return
    pending = _in_transaction.get()
    if pending is not None:
        pending.append((table, old, new))
        return
    item = new if new is not None else old
    shared.wrote(table, (item.hash_key, item.range_key), new)


@contextmanager
def transaction() -> Iterator[None]:
    """Changes within count as changes at its end, and not at all if it ends in an exception."""
    pending: list[tuple[Any, Any, Any]] = []
    token = _in_transaction.set(pending)
    try:
        yield
    finally:
        _in_transaction.reset(token)
    for change in pending:
        changed(*change)


def _create(table: Any, wanted: dict[str, Any]) -> None:
    region, key = wanted["RegionName"], wanted.get("KMSMasterKeyId")
    backend = dynamodb_backends[table.account_id][region]
    if (table.stream_specification or {}).get("StreamViewType") != _STREAM["StreamViewType"]:
        raise MockValidationException(_NO_STREAM.format(table.name))
    if table.name in backend.tables:
        raise MockValidationException(_EXISTS.format(table.name))
    is_encrypted = bool(key or (table.sse_specification or {}).get("Enabled"))
    encryption = {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}
    replica = backend.create_table(
        table.name,
        schema=copy.deepcopy(table.schema),
        throughput=copy.deepcopy(table.throughput) if table.billing_mode == "PROVISIONED" else None,
        attr=copy.deepcopy(table.attr),
        global_indexes=None,
        indexes=None,
        streams=dict(_STREAM),
        billing_mode=table.billing_mode,
        sse_specification=encryption if is_encrypted else None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    replica.global_indexes = copy.deepcopy(table.global_indexes)
    replica.indexes = copy.deepcopy(table.indexes)
    replica.ttl = dict(table.ttl)
    if getattr(table, "global_table", None) is None:
        GlobalTable(table.account_id, table.name).add(table)
    table.global_table.add(replica)
    replica.items = copy.deepcopy(table.items)


def _update(table: Any, wanted: dict[str, Any]) -> None:
    if key := wanted.get("KMSMasterKeyId"):
        replica = _member(table, wanted["RegionName"])
        replica.sse_specification = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}


def _delete(table: Any, wanted: dict[str, Any]) -> None:
    replica = _member(table, wanted["RegionName"])
    _backend(replica).delete_table(replica.name)


_VERBS: Final = {"Create": _create, "Update": _update, "Delete": _delete}


def _member(table: Any, region: str) -> Any:
    shared = getattr(table, "global_table", None)
    if shared is None or region not in shared.regions:
        raise MockValidationException(_NOT_FOUND)
    return shared.replica(region)


def _backend(table: Table) -> DynamoDBBackend:
    backend: DynamoDBBackend = dynamodb_backends[table.account_id][table.region_name]
    return backend


def _description(table: Any) -> dict[str, Any]:
    described = {"RegionName": table.region_name, "ReplicaStatus": "ACTIVE"}
    encryption = table.sse_specification or {}
    if encryption.get("Enabled"):
        described["KMSMasterKeyId"] = encryption["KMSMasterKeyId"]
    return described


def _put(table: Any, key: _Key, item: Any) -> None:
    """Set or (None) delete an item without a word to the table's stream."""
    hash_key, range_key = key
    items, place = (table.items, hash_key) if range_key is None else (table.items[hash_key], range_key)
    if item is None:
        items.pop(place, None)
    else:
        items[place] = item


def _stream(table: Any, old: Any, new: Any) -> None:
    token = _is_replicating.set(True)
    try:
        table.stream_shard.add(old, new)
    finally:
        _is_replicating.reset(token)
