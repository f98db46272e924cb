"""What moto's DynamoDB lacks when several clients use a table at the same time."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from moto.dynamodb.models import DynamoDBBackend

from tapstack.sandbox.event_sources.changes import changing
from tapstack.sandbox.record import Sandbox

_CALLS: Final = (
    "put_item",
    "update_item",
    "delete_item",
    "transact_write_items",
    "get_item",
    "query",
    "scan",
)


def dynamodb_isolation(_sandbox: Sandbox) -> None:
    """A condition is looked at and the item written in two steps, and a transaction shows what it takes back.

    Two conditional writes of one item at a time may both succeed, and a transaction that fails takes back what
    others wrote meanwhile. Delete when the writes of moto's tables are atomic.
    """
    for name in _CALLS:
        setattr(DynamoDBBackend, name, _one_at_a_time(getattr(DynamoDBBackend, name)))


def _one_at_a_time(call: Any) -> Any:
    @wraps(call)
    def alone(self: Any, *args: Any, **named: Any) -> Any:
        with changing():
            return call(self, *args, **named)

    return alone
