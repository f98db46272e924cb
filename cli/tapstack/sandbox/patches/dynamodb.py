"""What moto's DynamoDB lacks."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from moto.dynamodb.exceptions import ResourceNotFoundException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.responses import DynamoHandler

from tapstack.sandbox import global_tables
from tapstack.sandbox.record import Sandbox

# What all replicas of a global table share, as UpdateTable and as moto call it.
_SHARED: Final = {
    "AttributeDefinitions": "attr_definitions",
    "GlobalSecondaryIndexUpdates": "global_index",
    "ProvisionedThroughput": "throughput",
    "BillingMode": "billing_mode",
}
_OWN: Final = ("stream_spec", "deletion_protection_enabled", "warm_throughput")


def dynamodb_global_tables(_sandbox: Sandbox) -> None:
    """ReplicaUpdates of UpdateTable are accepted and ignored.

    The provider waits half an hour for a replica that never comes. Delete when moto keeps a table in each
    replica's region and DescribeTable returns Replicas.
    """
    update, delete, describe = DynamoHandler.update_table, DynamoDBBackend.delete_table, Table.describe

    @wraps(update)
    def update_table(self: Any) -> Any:
        table = self.dynamodb_backend.get_table(self.body["TableName"])
        global_tables.update_replicas(table, self.body.get("ReplicaUpdates") or [])
        answer = update(self)
        if any(name in self.body for name in _SHARED):
            shared = {moto: self.body.get(name) for name, moto in _SHARED.items()}
            global_tables.share_settings(table, **shared, **dict.fromkeys(_OWN))
        return answer

    @wraps(delete)
    def delete_table(self: Any, name: str) -> Any:
        table = delete(self, name)
        global_tables.forget(table)
        return table

    @wraps(describe)
    def describe_table(self: Any, base_key: str = "TableDescription") -> Any:
        answer = describe(self, base_key)
        answer[base_key].update(global_tables.describe_replicas(self))
        return answer

    DynamoHandler.update_table = update_table
    DynamoDBBackend.delete_table = delete_table
    Table.describe = describe_table


def dynamodb_deleted_table(_sandbox: Sandbox) -> None:
    """DeleteTable does not say in its error that it was the table that was not found.

    The provider takes a table for deleted by these words of AWS's; without them a destroy fails whose first answer was
    lost and whose request was sent again. Delete when the message of DeleteTable's ResourceNotFoundException names the
    table.
    """
    delete = DynamoDBBackend.delete_table

    @wraps(delete)
    def delete_table(self: Any, name: str) -> Any:
        try:
            return delete(self, name)
        except ResourceNotFoundException:
            raise ResourceNotFoundException(table_name=name) from None

    DynamoDBBackend.delete_table = delete_table


def dynamodb_replication(_sandbox: Sandbox) -> None:
    """Items of a global table stay in the region where they were written.

    After a fail-over the other region knows nothing. Every way to write ends at the table's stream, which a
    global table must have; a transaction only counts when it was not rolled back. Delete when an item that is
    put into one replica of moto's is in the others.
    """
    add, transact = StreamShard.add, DynamoDBBackend.transact_write_items

    @wraps(add)
    def add_and_replicate(self: Any, old: Any, new: Any) -> None:
        add(self, old, new)
        global_tables.changed(self.table, old, new)

    @wraps(transact)
    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        with global_tables.transaction():
            transact(self, transact_items)

    StreamShard.add = add_and_replicate
    DynamoDBBackend.transact_write_items = transact_write_items
