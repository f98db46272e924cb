"""Queues as event sources: what is done is deleted, what failed comes again, what nobody may take stays."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tapstack.sandbox import daemon

from .conftest import ASSUME, ROLE, client_of, eventually, zipped
from .sources import ECHO, RAISES, REPORTS, Sources, seen

pytestmark = pytest.mark.real

Deploy = Callable[..., str]
Clients = Callable[..., Any]


def send(aws: Clients, url: str, *bodies: str, **fields: Any) -> None:
    for body in bodies:
        aws("sqs").send_message(QueueUrl=url, MessageBody=body, **fields)


def test_a_function_gets_the_messages_of_a_queue_as_lambda_sends_them(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(ECHO)
    url, arn = sources.queue()
    sources.mapped(arn, name)
    attributes = {
        "text": {"DataType": "String", "StringValue": "ü"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = aws("sqs").send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=attributes)
    [event] = eventually(lambda: seen(aws, name))
    [record] = event["Records"]
    facts = record["attributes"]
    assert record == {
        "messageId": sent["MessageId"],
        "receiptHandle": record["receiptHandle"],
        "body": "{}",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": facts["SentTimestamp"],
            "SenderId": facts["SenderId"],
            "ApproximateFirstReceiveTimestamp": facts["ApproximateFirstReceiveTimestamp"],
        },
        "messageAttributes": {
            "text": {
                "stringValue": "ü",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "bytes": {
                "binaryValue": "AP8=",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    assert eventually(lambda: sources.is_empty(url))


def test_a_message_that_fails_comes_again_and_ends_as_a_dead_letter(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES, Timeout=2)
    dead, dead_arn = sources.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = sources.queue(VisibilityTimeout="2", RedrivePolicy=redrive)
    sources.mapped(arn, name)
    send(aws, url, "bad")
    [letter] = eventually(lambda: sources.received(dead), 30)
    assert letter["Body"] == "bad"
    assert seen(aws, name) == [["bad"]] * 2
    assert sources.is_empty(url)


def test_of_a_batch_that_is_partly_done_the_rest_comes_again(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(REPORTS, Timeout=2)
    url, arn = sources.queue(VisibilityTimeout="2")
    mapping = sources.mapped(arn, name, FunctionResponseTypes=["ReportBatchItemFailures"], Enabled=False)
    send(aws, url, "a", "bad", "b")
    sources.enable(mapping)
    assert eventually(lambda: len(seen(aws, name)) >= 2, 30)
    assert seen(aws, name)[:2] == [["a", "bad", "b"], ["bad"]]


def test_a_disabled_mapping_leaves_messages_alone(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    url, arn = sources.queue()
    sources.mapped(arn, name, Enabled=False)
    send(aws, url, "a")
    sources.after_a_moment()
    [message] = sources.received(url)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert seen(aws, name) == []


def test_a_throttled_function_leaves_messages_alone(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(ECHO)
    url, arn = sources.queue()
    aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    mapping = sources.mapped(arn, name)
    send(aws, url, "a")
    sources.after_a_moment()
    assert seen(aws, name) == []
    result = aws("lambda").get_event_source_mapping(UUID=mapping)["LastProcessingResult"]
    assert result == "PROBLEM: Function call throttled"
    aws("lambda").delete_function_concurrency(FunctionName=name)
    [event] = eventually(lambda: seen(aws, name))
    assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


@pytest.mark.parametrize(("visibility", "timeout"), [(30, 31), (5, 10)])
def test_a_queue_whose_messages_come_back_before_the_function_ends_is_refused(
    aws: Clients, deployed: Deploy, sources: Sources, visibility: int, timeout: int
) -> None:
    _, arn = sources.queue(VisibilityTimeout=str(visibility))
    sentence = (
        f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
    )
    with pytest.raises(ClientError, match=sentence) as refused:
        sources.mapped(arn, deployed(ECHO, Timeout=timeout))
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_large_batch_is_gathered_in_the_batching_window(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    url, arn = sources.queue()
    sources.mapped(arn, name, BatchSize=20, MaximumBatchingWindowInSeconds=4)
    names = [f"m{number}" for number in range(12)]
    for part in (names[:6], names[6:]):
        entries = [{"Id": name, "MessageBody": name} for name in part]
        aws("sqs").send_message_batch(QueueUrl=url, Entries=entries)
        sources.after_a_moment()
    [batch] = eventually(lambda: seen(aws, name))
    assert batch == names
    assert eventually(lambda: sources.is_empty(url))


def test_a_message_group_is_processed_in_order(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(RAISES)
    url, arn = sources.queue(".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sources.mapped(arn, name, BatchSize=1)
    for number in range(4):
        send(aws, url, f"a{number}", MessageGroupId="a")
        send(aws, url, f"b{number}", MessageGroupId="b")
    assert eventually(lambda: len(seen(aws, name)) == 8, 30)
    order = [body for [body] in seen(aws, name)]
    assert [body for body in order if body[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [body for body in order if body[0] == "b"] == ["b0", "b1", "b2", "b3"]


@pytest.mark.parametrize("how", ["MaximumConcurrency", "ReservedConcurrentExecutions"])
def test_no_more_batches_than_allowed_are_processed_at_a_time(
    aws: Clients, deployed: Deploy, sources: Sources, how: str
) -> None:
    source = """
import json, time
def handler(event, context):
    began = time.time()
    time.sleep(1)
    print("SAW " + json.dumps([began, time.time()]))
"""
    name = deployed(source)
    url, arn = sources.queue()
    fields = {"ScalingConfig": {"MaximumConcurrency": 2}} if how == "MaximumConcurrency" else {}
    if not fields:
        aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    mapping = sources.mapped(arn, name, BatchSize=1, Enabled=False, **fields)
    send(aws, url, *"abcdef")
    sources.enable(mapping)
    assert eventually(lambda: len(seen(aws, name)) == 6, 40)
    spans = seen(aws, name)
    together = [sum(begin <= moment < end for begin, end in spans) for moment, _ in spans]
    assert max(together) == 2


def test_no_message_is_lost_or_done_twice_while_many_are_sent(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(RAISES)
    url, arn = sources.queue()
    sources.mapped(arn, name, BatchSize=10)
    names = [f"{thread}-{number}" for thread in range(4) for number in range(25)]
    threads = [
        threading.Thread(target=send, args=(aws, url, *names[start : start + 25]))
        for start in range(0, 100, 25)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert eventually(lambda: sum(len(batch) for batch in seen(aws, name)) >= 100, 60)
    sources.after_a_moment()
    assert sorted(body for batch in seen(aws, name) for body in batch) == sorted(names)
    assert sources.is_empty(url)


def running_in(directory: Path) -> list[str]:
    """Command lines of the processes that name `directory`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"{directory}/tap-function-" in command:
            found.append(command)
    return found


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("orderly", [True, False])
def test_no_function_of_a_mapping_outlives_its_sandbox(
    own_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orderly: bool
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sandbox = daemon.start(own_directory)
    client_of(sandbox, "iam").create_role(RoleName="tests", AssumeRolePolicyDocument=ASSUME)
    lambdas, queues = client_of(sandbox, "lambda"), client_of(sandbox, "sqs")
    code = {"ZipFile": zipped(app="import time\ndef handler(event, context):\n    time.sleep(8)\n")}
    lambdas.create_function(
        FunctionName="f", Code=code, Runtime="python3.13", Handler="app.handler", Role=ROLE, Timeout=10
    )
    url = queues.create_queue(QueueName="q")["QueueUrl"]
    for number in range(10):
        queues.send_message(QueueUrl=url, MessageBody=str(number))
    lambdas.create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:123456789012:q", FunctionName="f", BatchSize=1
    )
    assert eventually(lambda: running_in(tmp_path))
    if orderly:
        daemon.stop(own_directory)
        assert running_in(tmp_path) == []
        assert not list(tmp_path.glob("tap-function-*"))
    else:
        os.kill(sandbox.pid, signal.SIGKILL)
        assert eventually(lambda: not running_in(tmp_path), 6)
