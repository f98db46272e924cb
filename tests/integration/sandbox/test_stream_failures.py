"""Stream records that a function fails on: retried, split, reported, discarded; never in the way for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import eventually, zipped
from .sources import RAISES, REPORTS, Sources, seen

pytestmark = pytest.mark.real

Deploy = Callable[..., str]
Clients = Callable[..., Any]


def fed(
    aws: Clients, sources: Sources, function: str, ids: str, *, ends_with: str, **fields: Any
) -> list[list[str]]:
    """What the function saw of a batch with `ids` until it saw `ends_with`, which comes later."""
    table, stream = sources.table()
    mapping = sources.mapped(stream, function, Enabled=False, **fields)
    sources.put(table, *ids.split())
    sources.enable(mapping)
    assert eventually(lambda: len(seen(aws, function)) >= 1)
    sources.put(table, ends_with)
    assert eventually(lambda: [ends_with] in seen(aws, function), 40), seen(aws, function)
    return [batch for batch in seen(aws, function) if batch != [ends_with]]


def to_failures(arn: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Destination": arn}}}


def described(sources: Sources, url: str) -> dict[str, Any]:
    """The description of the discarded batch that is in the queue."""
    [message] = eventually(lambda: sources.received(url), 30)
    document: dict[str, Any] = json.loads(message["Body"])
    return document


def test_a_batch_is_retried_then_discarded_and_the_shard_goes_on(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    url, queue = sources.queue()
    fields = {"MaximumRetryAttempts": 2, **to_failures(queue)}
    batches = fed(aws, sources, name, "a bad b", ends_with="later", **fields)
    assert batches == [["a", "bad", "b"]] * 3
    document = described(sources, url)
    info = document["DDBStreamBatchInfo"]
    [mapping] = aws("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert document == {
        "requestContext": {
            "requestId": document["requestContext"]["requestId"],
            "functionArn": mapping["FunctionArn"],
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": document["timestamp"],
        "DDBStreamBatchInfo": {
            "shardId": info["shardId"],
            "startSequenceNumber": info["startSequenceNumber"],
            "endSequenceNumber": str(int(info["startSequenceNumber"]) + 2),
            "approximateArrivalOfFirstRecord": info["approximateArrivalOfFirstRecord"],
            "approximateArrivalOfLastRecord": info["approximateArrivalOfLastRecord"],
            "batchSize": 3,
            "streamArn": mapping["EventSourceArn"],
        },
    }
    assert info["approximateArrivalOfFirstRecord"].endswith("Z")
    assert document["requestContext"]["requestId"] in " ".join(
        event["message"]
        for event in aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        if event["message"].startswith("START")
    )


def test_a_batch_without_a_destination_is_discarded_all_the_same(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    batches = fed(aws, sources, name, "bad", ends_with="later", MaximumRetryAttempts=0)
    assert batches == [["bad"]]


def test_bisecting_isolates_the_bad_record(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    url, queue = sources.queue()
    fields = {"MaximumRetryAttempts": 0, "BisectBatchOnFunctionError": True, **to_failures(queue)}
    batches = fed(aws, sources, name, "a b bad d", ends_with="later", **fields)
    assert batches == [["a", "b", "bad", "d"], ["a", "b"], ["bad", "d"], ["bad"], ["d"]]
    info = described(sources, url)["DDBStreamBatchInfo"]
    assert (info["batchSize"], info["startSequenceNumber"]) == (1, info["endSequenceNumber"])


def test_a_partial_response_is_a_checkpoint_before_the_first_record_that_failed(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(REPORTS)
    url, queue = sources.queue()
    fields = {"MaximumRetryAttempts": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    batches = fed(aws, sources, name, "a bad b bad2", ends_with="later", **fields, **to_failures(queue))
    assert batches == [["a", "bad", "b", "bad2"], ["bad", "b", "bad2"]]
    document = described(sources, url)
    assert document["DDBStreamBatchInfo"]["batchSize"] == 3
    assert document["responseContext"]["functionError"] is None


def test_a_partial_response_and_bisecting_lose_the_bad_record_only(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(REPORTS)
    url, queue = sources.queue()
    fields = {
        "MaximumRetryAttempts": 1,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        **to_failures(queue),
    }
    batches = fed(aws, sources, name, "a b bad d e", ends_with="later", **fields)
    assert batches == [
        ["a", "b", "bad", "d", "e"],
        ["bad", "d", "e"],
        ["bad"],
        ["bad"],
        ["d", "e"],
    ]
    assert described(sources, url)["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_response_counts_only_where_the_mapping_says_so(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(REPORTS)
    assert fed(aws, sources, name, "a bad", ends_with="later") == [["a", "bad"]]


def test_a_malformed_response_fails_the_whole_batch(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(REPORTS.replace("identifier(r)}", "identifier(r) + '0'}"))
    fields = {"MaximumRetryAttempts": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    batches = fed(aws, sources, name, "a bad", ends_with="later", **fields)
    assert batches == [["a", "bad"]] * 2


def test_a_batch_is_retried_until_the_function_is_mended(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    sources.mapped(stream, name)
    sources.put(table, "bad")
    assert eventually(lambda: len(seen(aws, name)) >= 2)
    sources.after_a_moment(4)
    assert len(seen(aws, name)) <= 5, "the waits between two attempts grow"
    mended = zipped(app=RAISES.replace("startswith", "endswith('x') and str"))
    aws("lambda").update_function_code(FunctionName=name, ZipFile=mended)
    sources.put(table, "later")
    assert eventually(lambda: [batch for batch in seen(aws, name) if "later" in batch], 30) == [["later"]]


def test_a_topic_takes_the_description_too(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    url, queue = sources.queue()
    topic = sources.topic()
    aws("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )
    stream, arn = sources.stream()
    sources.mapped(arn, name, MaximumRetryAttempts=0, **to_failures(topic))
    aws("kinesis").put_record(StreamName=stream, Data=b'{"id": "bad"}', PartitionKey="p")
    info = described(sources, url)["KinesisBatchInfo"]
    assert info == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": info["startSequenceNumber"],
        "endSequenceNumber": info["startSequenceNumber"],
        "approximateArrivalOfFirstRecord": info["approximateArrivalOfLastRecord"],
        "approximateArrivalOfLastRecord": info["approximateArrivalOfFirstRecord"],
        "batchSize": 1,
        "streamArn": arn,
    }


def test_a_bad_record_holds_up_its_own_shard_only(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    stream, arn = sources.stream(shards=2)
    sources.mapped(arn, name, BatchSize=1)
    streams = aws("kinesis")
    shards: dict[str, str] = {}
    for key in map(str, range(100)):
        if len(shards) < 2:
            put = streams.put_record(StreamName=stream, Data=b'{"id": "first"}', PartitionKey=key)
            shards[put["ShardId"]] = key
    one, other = shards.values()
    streams.put_record(StreamName=stream, Data=b'{"id": "bad"}', PartitionKey=one)
    streams.put_record(StreamName=stream, Data=b'{"id": "behind"}', PartitionKey=one)
    streams.put_record(StreamName=stream, Data=b'{"id": "other"}', PartitionKey=other)
    assert eventually(lambda: ["other"] in seen(aws, name) and ["bad"] in seen(aws, name), 40)
    assert ["behind"] not in seen(aws, name)


@pytest.mark.slow
def test_a_record_that_gets_too_old_is_discarded(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    url, queue = sources.queue()
    table, stream = sources.table()
    aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    sources.mapped(stream, name, MaximumRecordAgeInSeconds=60, MaximumRetryAttempts=0, **to_failures(queue))
    sources.put(table, "a")
    sources.after_a_moment(50)
    assert sources.received(url) == [], "throttling is no failed attempt"
    document = described(sources, url)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert (document["requestContext"]["approximateInvokeCount"], document["responseContext"]) == (0, None)
    assert seen(aws, name) == []


def test_a_change_that_changes_nothing_is_no_record_and_one_that_creates_is_one(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed('import json\ndef handler(e, c):\n    print("SAW " + json.dumps(e["Records"]))\n')
    table, stream = sources.table()
    mapping = sources.mapped(stream, name, Enabled=False)
    update = {
        "TableName": table,
        "Key": {"id": {"S": "1"}},
        "UpdateExpression": "SET a = :a",
        "ExpressionAttributeValues": {":a": {"S": "x"}},
    }
    aws("dynamodb").update_item(**update)
    aws("dynamodb").update_item(**update)
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "1"}, "a": {"S": "x"}})
    sources.enable(mapping)
    [[record]] = eventually(lambda: seen(aws, name))
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "1"}, "a": {"S": "x"}}


def test_a_transaction_that_is_cancelled_leaves_nothing_and_takes_no_reader_away(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    table, stream = sources.table()
    sources.mapped(stream, name)
    streams, tables = aws("dynamodbstreams"), aws("dynamodb")
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    put = {"Put": {"TableName": table, "Item": {"id": {"S": "undone"}}}}
    check = {
        "ConditionCheck": {
            "TableName": table,
            "Key": {"id": {"S": "none"}},
            "ConditionExpression": "attribute_exists(id)",
        }
    }
    with pytest.raises(tables.exceptions.TransactionCanceledException):
        tables.transact_write_items(TransactItems=[put, check])
    tables.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": {"id": {"S": "done"}}}}])
    assert eventually(lambda: seen(aws, name)) == [["done"]]
    got = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in got] == ["done"]


def test_a_table_whose_stream_was_turned_off_still_takes_items(sources: Sources, aws: Clients) -> None:
    table, _ = sources.table()
    aws("dynamodb").update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    sources.put(table, "a")
    assert aws("dynamodb").scan(TableName=table)["Count"] == 1
