"""What tap mends in moto's DynamoDB for clients that write at the same time, seen through boto3."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

CLIENTS = 16
REFUSED = ("ConditionalCheckFailedException", "TransactionCanceledException")
NEW = "attribute_not_exists(id)"
# It takes its time, between the look at a condition and the writing, or from a transaction's begin to its end.
BULK = {"L": [{"N": str(number)} for number in range(5000)]}


@pytest.fixture
def table(aws: Callable[..., Any]) -> Iterator[str]:
    name = f"isolation-{uuid.uuid4()}"
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    aws("dynamodb").delete_table(TableName=name)


def together(call: Callable[[int], bool]) -> list[bool]:
    """The results of `call`, made by all clients at the same moment with their numbers."""
    barrier = threading.Barrier(CLIENTS)

    def one(number: int) -> bool:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(one, range(CLIENTS)))


def succeeds(call: Callable[..., Any], **fields: Any) -> bool:
    try:
        call(**fields)
    except ClientError as error:
        if error.response["Error"]["Code"] not in REFUSED:
            raise
        return False
    return True


def test_one_of_many_conditional_puts_succeeds(aws: Callable[..., Any], table: str) -> None:
    clients = [aws("dynamodb") for _ in range(CLIENTS)]
    for round_number in range(12):
        item = {"id": {"S": str(round_number)}, "bulk": BULK}

        def put(number: int, item: dict[str, Any] = item) -> bool:
            return succeeds(clients[number].put_item, TableName=table, Item=item, ConditionExpression=NEW)

        assert together(put).count(True) == 1


def test_a_transaction_that_fails_takes_back_nothing_but_its_own(aws: Callable[..., Any], table: str) -> None:
    clients = [aws("dynamodb") for _ in range(CLIENTS)]
    clients[0].put_item(TableName=table, Item={"id": {"S": "taken"}, "bulk": BULK})

    def write(number: int) -> bool:
        """A put by half of the clients, a transaction that can't succeed by the others."""
        item = {"id": {"S": str(number)}}
        if number % 2:
            return succeeds(clients[number].put_item, TableName=table, Item=item)
        put = {"TableName": table, "ConditionExpression": NEW}
        puts = [{"Put": {**put, "Item": item}}, {"Put": {**put, "Item": {"id": {"S": "taken"}}}}]
        return succeeds(clients[number].transact_write_items, TransactItems=puts)

    for _ in range(5):
        assert together(write) == [bool(number % 2) for number in range(CLIENTS)]
        found = {item["id"]["S"] for item in clients[0].scan(TableName=table)["Items"]}
        assert found == {"taken", *(str(number) for number in range(CLIENTS) if number % 2)}
        for number in range(CLIENTS):
            clients[0].delete_item(TableName=table, Key={"id": {"S": str(number)}})
