"""Event source mappings: what functions get from streams, when, and what a mapping says of itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import eventually
from .sources import ECHO, RAISES, Sources, seen

pytestmark = pytest.mark.real

Deploy = Callable[..., str]
Clients = Callable[..., Any]

ACCOUNT = "123456789012"


def records(aws: Clients, name: str) -> list[dict[str, Any]]:
    return [record for event in seen(aws, name) for record in event["Records"]]


def test_a_function_gets_the_changes_of_a_table_as_lambda_sends_them(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(ECHO)
    table, stream = sources.table()
    sources.mapped(stream, name)
    tables = aws("dynamodb")
    tables.put_item(TableName=table, Item={"id": {"S": "1"}, "n": {"N": "1.5"}, "b": {"B": b"xyz"}})
    tables.put_item(TableName=table, Item={"id": {"S": "1"}, "n": {"N": "2"}})
    tables.delete_item(TableName=table, Key={"id": {"S": "1"}})
    got = eventually(lambda: len(found := records(aws, name)) == 3 and found)
    assert [record["eventName"] for record in got] == ["INSERT", "MODIFY", "REMOVE"]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in got]
    assert numbers == sorted(set(numbers))
    first, second, third = (record["dynamodb"] for record in got)
    old, new = {"id": {"S": "1"}, "n": {"N": "1.5"}, "b": {"B": "eHl6"}}, {"id": {"S": "1"}, "n": {"N": "2"}}
    assert (first["NewImage"], "OldImage" in first) == (old, False)
    assert (second["OldImage"], second["NewImage"]) == (old, new)
    assert (third["OldImage"], "NewImage" in third) == (new, False)
    assert got[0] == {
        "eventID": got[0]["eventID"],
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": first["ApproximateCreationDateTime"],
            "Keys": {"id": {"S": "1"}},
            "NewImage": old,
            "SequenceNumber": first["SequenceNumber"],
            "SizeBytes": first["SizeBytes"],
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": stream,
    }
    assert isinstance(first["ApproximateCreationDateTime"], int)


def test_a_stream_with_a_mapping_can_be_read_by_others_too(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(ECHO)
    table, stream = sources.table()
    sources.mapped(stream, name)
    sources.put(table, "1", "2")
    assert eventually(lambda: len(records(aws, name)) == 2)
    streams = aws("dynamodbstreams")
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    got = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in got] == ["1", "2"]


def test_a_function_gets_the_records_of_a_kinesis_stream_as_lambda_sends_them(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(ECHO)
    stream, arn = sources.stream()
    sources.mapped(arn, name)
    put = aws("kinesis").put_record(StreamName=stream, Data=b"\x00\xff", PartitionKey="p")
    [record] = eventually(lambda: records(aws, name))
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "p",
            "sequenceNumber": put["SequenceNumber"],
            "data": base64.b64encode(b"\x00\xff").decode(),
            "approximateArrivalTimestamp": record["kinesis"]["approximateArrivalTimestamp"],
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{put['ShardId']}:{put['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/tests",
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }


@pytest.mark.parametrize(
    ("start", "expected"), [("LATEST", [["new"]]), ("TRIM_HORIZON", [["old", "older"], ["new"]])]
)
def test_a_mapping_starts_where_it_says(
    aws: Clients, deployed: Deploy, sources: Sources, start: str, expected: list[list[str]]
) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    sources.put(table, "old", "older")
    sources.mapped(stream, name, StartingPosition=start)
    if start == "TRIM_HORIZON":
        assert eventually(lambda: seen(aws, name))
    sources.put(table, "new")
    assert eventually(lambda: seen(aws, name) == expected), seen(aws, name)


def test_a_kinesis_mapping_starts_at_a_time(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    stream, arn = sources.stream()
    streams = aws("kinesis")
    streams.put_record(StreamName=stream, Data=b'{"id": "before"}', PartitionKey="p")
    moment = sources.after_a_moment()
    streams.put_record(StreamName=stream, Data=b'{"id": "after"}', PartitionKey="p")
    sources.mapped(arn, name, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
    assert eventually(lambda: seen(aws, name)) == [["after"]]


def test_batches_are_of_the_size_asked_for_and_in_order(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    mapping = sources.mapped(stream, name, BatchSize=2, Enabled=False)
    sources.put(table, *"abcde")
    sources.enable(mapping)
    assert eventually(lambda: seen(aws, name)[2:]) == [["e"]]
    assert seen(aws, name) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_batch_that_is_not_full_waits_for_the_batching_window(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    sources.mapped(stream, name, BatchSize=3, MaximumBatchingWindowInSeconds=4)
    sources.put(table, "a")
    sources.after_a_moment()
    sources.put(table, "b")
    assert eventually(lambda: seen(aws, name)) == [["a", "b"]]


def test_a_disabled_mapping_does_nothing_and_goes_on_where_it_was(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    mapping = sources.mapped(stream, name)
    sources.put(table, "a")
    assert eventually(lambda: seen(aws, name)) == [["a"]]
    sources.enable(mapping, False)
    assert aws("lambda").get_event_source_mapping(UUID=mapping)["State"] == "Disabled"
    sources.put(table, "b")
    sources.after_a_moment()
    assert seen(aws, name) == [["a"]]
    sources.enable(mapping)
    assert eventually(lambda: seen(aws, name)[1:]) == [["b"]]


def test_an_update_sends_what_follows_to_another_function(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    one, two = deployed(RAISES), deployed(RAISES)
    table, stream = sources.table()
    mapping = sources.mapped(stream, one)
    sources.put(table, "a")
    assert eventually(lambda: seen(aws, one))
    aws("lambda").update_event_source_mapping(UUID=mapping, FunctionName=two)
    sources.put(table, "b")
    assert eventually(lambda: seen(aws, two)) == [["b"]]
    assert seen(aws, one) == [["a"]]
    [listed] = aws("lambda").list_event_source_mappings(FunctionName=two)["EventSourceMappings"]
    assert listed["FunctionArn"].endswith(two)


def test_a_deleted_mapping_ends(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    mapping = sources.mapped(stream, name)
    assert aws("lambda").delete_event_source_mapping(UUID=mapping)["State"] == "Deleting"
    sources.put(table, "a")
    sources.after_a_moment()
    assert seen(aws, name) == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("lambda").get_event_source_mapping(UUID=mapping)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("lambda").delete_event_source_mapping(UUID=mapping)


def test_a_mapping_says_how_its_last_batch_went(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    mapping = sources.mapped(stream, name, MaximumRetryAttempts=0)

    def result() -> str:
        return str(aws("lambda").get_event_source_mapping(UUID=mapping)["LastProcessingResult"])

    assert result() == "No records processed"
    sources.put(table, "a")
    assert eventually(lambda: result() == "OK")
    sources.put(table, "bad")
    assert eventually(lambda: result() == "PROBLEM: Function call failed")


def test_an_alias_is_invoked_and_named(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed("def handler(event, context):\n    print('SAW ' + context.function_version)\n")
    lambdas = aws("lambda")
    version = lambdas.publish_version(FunctionName=name)["Version"]
    lambdas.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    table, stream = sources.table()
    mapping = sources.mapped(stream, f"{name}:live")
    assert lambdas.get_event_source_mapping(UUID=mapping)["FunctionArn"].endswith(f":function:{name}:live")
    sources.put(table, "a")
    assert eventually(lambda: seen(aws, name)) == [1]
    for qualifier in ("", ":live"):
        changed = lambdas.update_event_source_mapping(UUID=mapping, FunctionName=name + qualifier)
        assert changed["FunctionArn"].endswith(f":function:{name}{qualifier}")


def test_the_lanes_of_a_shard_keep_the_order_of_each_key(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    stream, arn = sources.stream()
    mapping = sources.mapped(arn, name, ParallelizationFactor=4, Enabled=False)
    for number in range(3):
        for key in ["k1", "k3", "k4", "k5", "bad"]:
            data = json.dumps({"id": f"{key}-{number}"}).encode()
            aws("kinesis").put_record(StreamName=stream, Data=data, PartitionKey=key)
    sources.enable(mapping)

    def done(key: str) -> list[str]:
        good = [batch for batch in seen(aws, name) if not any(one.startswith("bad") for one in batch)]
        return [one for batch in good for one in batch if one.startswith(key)]

    assert eventually(lambda: all(len(done(key)) == 3 for key in ("k1", "k3", "k4", "k5"))), seen(aws, name)
    assert [done(key) for key in ("k1", "k3", "k4", "k5")] == [
        [f"{key}-{number}" for number in range(3)] for key in ("k1", "k3", "k4", "k5")
    ]


@pytest.mark.parametrize(
    ("view", "images"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"})],
)
def test_a_record_has_the_images_of_the_streams_view(
    aws: Clients, deployed: Deploy, sources: Sources, view: str, images: set[str]
) -> None:
    name = deployed(ECHO)
    table, stream = sources.table(view)
    sources.put(table, "1")
    sources.mapped(stream, name)
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "1"}, "a": {"S": "x"}})
    [record] = eventually(lambda: records(aws, name))
    assert {"NewImage", "OldImage"} & set(record["dynamodb"]) == images


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("table", {"StartingPosition": None}, "StartingPosition is None; expected one of TRIM_HORIZON, LATEST"),
    ("table", {"StartingPosition": "AT_TIMESTAMP"}, "expected one of TRIM_HORIZON, LATEST"),
    ("table", {"BatchSize": 10001}, "BatchSize is 10001; expected 1 to 10000"),
    ("table", {"MaximumRecordAgeInSeconds": 30}, "MaximumRecordAgeInSeconds is -1, or 60 and more"),
    ("table", {"ParallelizationFactor": 11}, "ParallelizationFactor is 11; expected 1 to 10"),
    (
        "table",
        {"ScalingConfig": {"MaximumConcurrency": 2}},
        "Unsupported ScalingConfig parameter for given event source mapping type",
    ),
    (
        "table",
        {"FilterCriteria": {"Filters": [{"Pattern": '{"eventName": [{"matches": "x"}]}'}]}},
        "Invalid filter pattern definition",
    ),
    ("queue", {"StartingPosition": "LATEST"}, "expected none for a queue"),
    (
        "queue",
        {"BatchSize": 11},
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
    ),
    (
        "queue",
        {"MaximumRetryAttempts": 2},
        "Unsupported MaximumRetryAttempts parameter for given event source mapping type",
    ),
    ("gone", {}, "Stream not found"),
    ("gone-queue", {}, "The specified queue does not exist"),
]


@pytest.mark.parametrize(("kind", "fields", "message"), REFUSED)
def test_what_lambda_refuses_is_refused(
    aws: Clients, deployed: Deploy, sources: Sources, kind: str, fields: dict[str, Any], message: str
) -> None:
    made: dict[str, Callable[[], str]] = {
        "table": lambda: sources.table()[1],
        "queue": lambda: sources.queue()[1],
        "gone": lambda: f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/gone/stream/2026-01-01T00:00:00.000",
        "gone-queue": lambda: f"arn:aws:sqs:us-east-1:{ACCOUNT}:gone",
    }
    start = {} if "queue" in kind else {"StartingPosition": "LATEST"}
    asked = {name: value for name, value in {**start, **fields}.items() if value is not None}
    with pytest.raises(ClientError) as refused:
        aws("lambda").create_event_source_mapping(
            EventSourceArn=made[kind](), FunctionName=deployed(ECHO), **asked
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert message in refused.value.response["Error"]["Message"]
    assert aws("lambda").list_event_source_mappings()["EventSourceMappings"] == []


def test_a_source_and_a_function_are_mapped_once(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(ECHO)
    _, stream = sources.table()
    mapping = sources.mapped(stream, name)
    with pytest.raises(ClientError, match=mapping) as refused:
        sources.mapped(stream, name)
    assert refused.value.response["Error"]["Code"] == "ResourceConflictException"


def test_an_update_that_lambda_refuses_changes_nothing(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    _, stream = sources.table()
    mapping = sources.mapped(stream, deployed(ECHO), BatchSize=7)
    with pytest.raises(ClientError, match="ParallelizationFactor is 11"):
        aws("lambda").update_event_source_mapping(UUID=mapping, BatchSize=8, ParallelizationFactor=11)
    assert aws("lambda").get_event_source_mapping(UUID=mapping)["BatchSize"] == 7


@pytest.mark.parametrize("kind", ["dynamodb", "kinesis", "sqs"])
def test_filters_let_through_what_matches_one_of_the_patterns(
    aws: Clients, deployed: Deploy, sources: Sources, kind: str
) -> None:
    name = deployed(RAISES.replace('record["body"]', 'json.loads(record["body"])["id"]'))
    wanted = {"id": [{"prefix": "o"}, "two"], "value": [{"numeric": [">=", 10]}]}
    items = [{"id": one, "value": v} for one, v in (("one", 10), ("two", 11), ("two", 9), ("three", 12))]
    if kind == "dynamodb":
        table, arn = sources.table()
        image = {"NewImage": {"id": {"S": wanted["id"]}, "value": {"N": ["10", "11"]}}}
        pattern: dict[str, Any] = {"eventName": ["INSERT", "MODIFY"], "dynamodb": image}
    elif kind == "kinesis":
        stream, arn = sources.stream()
        pattern = {"data": wanted, "partitionKey": [{"anything-but": ["other"]}]}
    else:
        url, arn = sources.queue()
        pattern = {"body": wanted}
    filters = [{"Pattern": json.dumps(p)} for p in ({"eventName": ["NEVER"]}, pattern)]
    mapping = sources.mapped(arn, name, FilterCriteria={"Filters": filters}, Enabled=False)
    for item in items:
        data = json.dumps(item)
        if kind == "dynamodb":
            both = {"id": {"S": item["id"]}, "value": {"N": str(item["value"])}}
            aws("dynamodb").put_item(TableName=table, Item=both)
        elif kind == "kinesis":
            aws("kinesis").put_record(StreamName=stream, Data=data.encode(), PartitionKey="key")
        else:
            aws("sqs").send_message(QueueUrl=url, MessageBody=data)
    sources.enable(mapping)
    assert eventually(lambda: seen(aws, name)) == [["one", "two"]]
    if kind == "sqs":
        assert eventually(lambda: sources.is_empty(url)), "Lambda deletes what its filters drop"
