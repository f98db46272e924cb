"""Global tables through boto3: a table in each region, and items that flow between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import eventually

pytestmark = pytest.mark.real

HERE, THERE = "us-east-1", "us-west-2"
KEY_HERE = f"arn:aws:kms:{HERE}:123456789012:key/11111111-1111-1111-1111-111111111111"
KEY_THERE = f"arn:aws:kms:{THERE}:123456789012:key/22222222-2222-2222-2222-222222222222"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


class Ends:
    """Both ends of one table."""

    def __init__(self, aws: Callable[..., Any], name: str) -> None:
        self.name = name
        self.aws = aws
        self.here, self.there = aws("dynamodb", HERE), aws("dynamodb", THERE)

    def replicate(self, **wanted: Any) -> None:
        self.change(Create={"RegionName": THERE, **wanted})

    def change(self, **update: Any) -> None:
        self.here.update_table(TableName=self.name, ReplicaUpdates=[update])

    def put(self, end: Any, key: str, value: str) -> None:
        end.put_item(TableName=self.name, Item=item(key, value))

    def get(self, end: Any, key: str) -> Any:
        return end.get_item(TableName=self.name, Key={"id": {"S": key}}).get("Item")

    def arrives(self, end: Any, key: str, value: str) -> bool:
        return bool(eventually(lambda: self.get(end, key) == item(key, value)))

    def disappears(self, end: Any, key: str) -> bool:
        return bool(eventually(lambda: self.get(end, key) is None))

    def records(self, region: str) -> list[str]:
        """The names of the events in the stream of one end."""
        table = self.aws("dynamodb", region).describe_table(TableName=self.name)["Table"]
        streams = self.aws("dynamodbstreams", region)
        stream = table["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        return [record["eventName"] for record in records]


def item(key: str, value: str) -> dict[str, Any]:
    return {"id": {"S": key}, "value": {"S": value}}


@pytest.fixture
def table(aws: Callable[..., Any], request: pytest.FixtureRequest) -> Iterator[Ends]:
    """A table in one region, ready to get a replica; whatever is left of it is deleted."""
    ends = Ends(aws, request.node.name)
    ends.here.create_table(
        TableName=ends.name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=STREAM,
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY_HERE},
    )
    yield ends
    for end in (ends.there, ends.here):
        if ends.name in end.list_tables()["TableNames"]:
            end.delete_table(TableName=ends.name)


@pytest.fixture
def ends(table: Ends) -> Ends:
    """A global table of two regions."""
    table.replicate(KMSMasterKeyId=KEY_THERE)
    return table


def test_a_replica_is_a_table_of_its_own_with_the_key_of_its_region(ends: Ends) -> None:
    here = ends.here.describe_table(TableName=ends.name)["Table"]
    there = ends.there.describe_table(TableName=ends.name)["Table"]
    assert here["Replicas"] == [{"RegionName": THERE, "ReplicaStatus": "ACTIVE", "KMSMasterKeyId": KEY_THERE}]
    assert there["Replicas"] == [{"RegionName": HERE, "ReplicaStatus": "ACTIVE", "KMSMasterKeyId": KEY_HERE}]
    assert here["GlobalTableVersion"] == there["GlobalTableVersion"] == "2019.11.21"
    assert there["TableArn"] == here["TableArn"].replace(HERE, THERE)
    assert there["SSEDescription"]["KMSMasterKeyArn"] == KEY_THERE
    assert there["StreamSpecification"] == STREAM
    assert (there["KeySchema"], there["BillingModeSummary"]) == (
        here["KeySchema"],
        here["BillingModeSummary"],
    )


def test_a_replica_without_a_key_of_its_own_has_the_one_of_aws(table: Ends) -> None:
    table.replicate()
    there = table.there.describe_table(TableName=table.name)["Table"]
    aliases = table.aws("kms", THERE).list_aliases()["Aliases"]
    (managed,) = [a["TargetKeyId"] for a in aliases if a["AliasName"] == "alias/aws/dynamodb"]
    assert there["SSEDescription"]["KMSMasterKeyArn"].endswith(managed)


def test_recovery_and_tags_of_a_replica_are_its_own(ends: Ends) -> None:
    recovery = {"PointInTimeRecoveryEnabled": True}
    ends.there.update_continuous_backups(TableName=ends.name, PointInTimeRecoverySpecification=recovery)
    arn = ends.there.describe_table(TableName=ends.name)["Table"]["TableArn"]
    ends.there.tag_resource(ResourceArn=arn, Tags=[{"Key": "Where", "Value": "there"}])

    def status(end: Any) -> Any:
        described = end.describe_continuous_backups(TableName=ends.name)["ContinuousBackupsDescription"]
        return described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]

    assert (status(ends.here), status(ends.there)) == ("DISABLED", "ENABLED")
    assert ends.here.list_tags_of_resource(ResourceArn=arn.replace(THERE, HERE))["Tags"] == []


def test_what_was_in_the_table_before_is_in_a_new_replica(table: Ends) -> None:
    table.put(table.here, "old", "one")
    table.replicate()
    assert table.get(table.there, "old") == item("old", "one")


def test_items_flow_in_both_directions_and_not_at_once(ends: Ends) -> None:
    ends.put(ends.here, "a", "one")
    assert ends.get(ends.there, "a") is None
    assert ends.arrives(ends.there, "a", "one")
    ends.put(ends.there, "b", "two")
    assert ends.arrives(ends.here, "b", "two")


def test_updates_and_deletes_flow_too(ends: Ends) -> None:
    change = {
        "UpdateExpression": "SET #v = :v",
        "ExpressionAttributeNames": {"#v": "value"},
        "ExpressionAttributeValues": {":v": {"S": "two"}},
    }
    ends.here.update_item(TableName=ends.name, Key={"id": {"S": "a"}}, **change)
    assert ends.arrives(ends.there, "a", "two")
    change["ExpressionAttributeValues"] = {":v": {"S": "three"}}
    ends.there.update_item(TableName=ends.name, Key={"id": {"S": "a"}}, **change)
    assert ends.arrives(ends.here, "a", "three")
    ends.there.delete_item(TableName=ends.name, Key={"id": {"S": "a"}})
    assert ends.disappears(ends.here, "a")


def test_batches_and_statements_flow_too(ends: Ends) -> None:
    puts = [{"PutRequest": {"Item": item(key, "one")}} for key in ("a", "b")]
    ends.here.batch_write_item(RequestItems={ends.name: puts})
    assert ends.arrives(ends.there, "a", "one")
    assert ends.arrives(ends.there, "b", "one")
    ends.there.batch_write_item(RequestItems={ends.name: [{"DeleteRequest": {"Key": {"id": {"S": "a"}}}}]})
    assert ends.disappears(ends.here, "a")
    ends.there.execute_statement(Statement=f"INSERT INTO \"{ends.name}\" value {{'id': 'c', 'value': 'two'}}")
    assert ends.arrives(ends.here, "c", "two")


def test_a_transaction_flows_whole_and_one_that_is_cancelled_not_at_all(ends: Ends) -> None:
    def put(key: str, **condition: str) -> dict[str, Any]:
        return {"Put": {"TableName": ends.name, "Item": item(key, "one"), **condition}}

    never = {"ConditionExpression": "attribute_exists(id)"}
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        ends.here.transact_write_items(TransactItems=[put("a"), put("b", **never)])
    ends.here.transact_write_items(TransactItems=[put("c"), put("d")])
    assert ends.arrives(ends.there, "c", "one")
    assert ends.arrives(ends.there, "d", "one")
    assert ends.get(ends.there, "a") is None
    ends.there.transact_write_items(
        TransactItems=[{"Delete": {"TableName": ends.name, "Key": {"id": {"S": "c"}}}}]
    )
    assert ends.disappears(ends.here, "c")


def test_a_range_key_is_part_of_what_flows(aws: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    ends = Ends(aws, request.node.name)
    ends.here.create_table(
        TableName=ends.name,
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=STREAM,
    )
    ends.replicate()
    for at in ("1", "2"):
        ends.here.put_item(TableName=ends.name, Item={"id": {"S": "a"}, "at": {"N": at}})
    ends.there.delete_item(TableName=ends.name, Key={"id": {"S": "a"}, "at": {"N": "1"}})

    def held(end: Any) -> list[str]:
        return [one["at"]["N"] for one in end.scan(TableName=ends.name)["Items"]]

    assert eventually(lambda: held(ends.here) == ["1", "2"] == held(ends.there))
    ends.there.delete_item(TableName=ends.name, Key={"id": {"S": "a"}, "at": {"N": "1"}})
    assert eventually(lambda: held(ends.here) == ["2"])
    for end in (ends.there, ends.here):
        end.delete_table(TableName=ends.name)


def test_the_last_writer_wins_in_both_regions(ends: Ends) -> None:
    for round_ in range(20):
        ends.put(ends.here, "a", f"here {round_}")
        ends.put(ends.there, "a", f"there {round_}")
    last = "there 19"
    # The older writes must have had their time to arrive and to be turned away.
    ends.put(ends.here, "end", "one")
    ends.put(ends.there, "fin", "one")
    assert ends.arrives(ends.there, "end", "one")
    assert ends.arrives(ends.here, "fin", "one")
    assert ends.get(ends.here, "a") == ends.get(ends.there, "a") == item("a", last)


def test_a_write_is_in_each_stream_once(ends: Ends) -> None:
    ends.put(ends.here, "a", "one")
    assert ends.arrives(ends.there, "a", "one")
    # Replication keeps the order: an echo of the first write would come before the second arrives.
    ends.put(ends.here, "b", "one")
    assert ends.arrives(ends.there, "b", "one")
    assert ends.records(HERE) == ends.records(THERE) == ["INSERT", "INSERT"]
    ends.here.delete_item(TableName=ends.name, Key={"id": {"S": "a"}})
    assert ends.disappears(ends.there, "a")
    ends.put(ends.here, "b", "two")
    assert ends.arrives(ends.there, "b", "two")
    assert ends.records(HERE) == ends.records(THERE) == ["INSERT", "INSERT", "REMOVE", "MODIFY"]


def test_a_replicas_key_can_be_changed(ends: Ends) -> None:
    ends.change(Update={"RegionName": THERE, "KMSMasterKeyId": f"{KEY_THERE}-2"})
    (replica,) = ends.here.describe_table(TableName=ends.name)["Table"]["Replicas"]
    assert replica["KMSMasterKeyId"] == f"{KEY_THERE}-2"


def test_indexes_are_shared(ends: Ends) -> None:
    index = {
        "IndexName": "by-value",
        "KeySchema": [{"AttributeName": "value", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    ends.here.update_table(
        TableName=ends.name,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "value")],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    there = ends.there.describe_table(TableName=ends.name)["Table"]
    assert [one["IndexName"] for one in there["GlobalSecondaryIndexes"]] == ["by-value"]


def test_a_deleted_replica_is_gone_and_the_other_an_ordinary_table(ends: Ends) -> None:
    ends.put(ends.here, "a", "one")
    assert ends.arrives(ends.there, "a", "one")
    ends.change(Delete={"RegionName": THERE})
    assert ends.name not in ends.there.list_tables()["TableNames"]
    here = ends.here.describe_table(TableName=ends.name)["Table"]
    assert "Replicas" not in here
    assert "GlobalTableVersion" not in here
    ends.put(ends.here, "a", "two")
    assert ends.get(ends.here, "a") == item("a", "two")
    ends.replicate()
    assert ends.get(ends.there, "a") == item("a", "two")


def test_replicas_that_can_not_be_are_refused(ends: Ends, aws: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="already existed as tables"):
        ends.replicate()
    with pytest.raises(ClientError, match="was not found"):
        ends.change(Delete={"RegionName": "eu-west-1"})
    ends.change(Delete={"RegionName": THERE})
    ends.here.update_table(TableName=ends.name, StreamSpecification={"StreamEnabled": False})
    with pytest.raises(ClientError, match="stream with new and old images"):
        ends.replicate()


def test_a_table_that_is_not_there_is_not_deleted_in_the_words_of_aws(aws: Callable[..., Any]) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html
    # The provider reads the message.
    with pytest.raises(ClientError, match="Requested resource not found: Table: nothing not found") as caught:
        aws("dynamodb", HERE).delete_table(TableName="nothing")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
