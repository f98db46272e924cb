"""Reserved concurrency holds for all ways to invoke a function; topics invoke functions and fill queues."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import eventually
from .sources import ECHO, Sources, seen

pytestmark = pytest.mark.real

Deploy = Callable[..., str]
Clients = Callable[..., Any]

SLOW = """
import json, time
def handler(event, context):
    began = time.time()
    time.sleep(2)
    print("SAW " + json.dumps([began, time.time()]))
"""


def reserve(aws: Clients, name: str, count: int) -> None:
    aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)


def test_a_synchronous_invocation_above_the_limit_is_refused_and_below_it_is_not(
    aws: Clients, deployed: Deploy
) -> None:
    name = deployed(SLOW)
    reserve(aws, name, 2)

    def outcome(_: int) -> tuple[int, str]:
        try:
            return int(aws("lambda").invoke(FunctionName=name)["StatusCode"]), ""
        except ClientError as error:
            answer = error.response
            status = int(answer["ResponseMetadata"]["HTTPStatusCode"])
            return status, f"{answer['Error']['Code']}, {answer['Reason']}"

    refusal = (429, "TooManyRequestsException, ReservedFunctionConcurrentInvocationLimitExceeded")
    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(outcome, range(4)))
    assert outcomes == [(200, ""), (200, ""), refusal, refusal]
    assert outcome(0) == (200, "")


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_a_reserved_concurrency_of_zero_lets_nothing_run(aws: Clients, deployed: Deploy, kind: str) -> None:
    name = deployed(ECHO)
    reserve(aws, name, 0)
    if kind == "Event":
        assert aws("lambda").invoke(FunctionName=name, InvocationType=kind)["StatusCode"] == 202
    else:
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            aws("lambda").invoke(FunctionName=name, InvocationType=kind)
    time.sleep(1)
    assert seen(aws, name) == []
    concurrency = aws("lambda").get_function(FunctionName=name)["Concurrency"]
    assert concurrency == {"ReservedConcurrentExecutions": 0}


def test_asynchronous_events_wait_for_their_turn(aws: Clients, deployed: Deploy) -> None:
    name = deployed(SLOW)
    reserve(aws, name, 1)
    for _ in range(3):
        aws("lambda").invoke(FunctionName=name, InvocationType="Event")
    spans = eventually(lambda: len(found := seen(aws, name)) == 3 and sorted(found), 30)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


@pytest.mark.slow
def test_an_event_that_waits_too_long_is_a_dead_letter(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    url, queue = sources.queue()
    name = deployed(ECHO, DeadLetterConfig={"TargetArn": queue})
    reserve(aws, name, 0)
    aws("lambda").put_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    aws("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"id": "1"}')
    [letter] = eventually(lambda: sources.received(url), 80)
    assert json.loads(letter["Body"]) == {"id": "1"}
    assert letter["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"


def test_mappings_and_invocations_share_the_limit(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(SLOW.replace("sleep(2)", "sleep(5)"))
    reserve(aws, name, 1)
    table, stream = sources.table()
    sources.mapped(stream, name)
    sources.put(table, "a")
    sources.after_a_moment(2)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        aws("lambda").invoke(FunctionName=name)
    assert eventually(lambda: seen(aws, name))
    assert aws("lambda").invoke(FunctionName=name)["StatusCode"] == 200


def test_dead_letters_may_go_to_a_topic(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    url, queue = sources.queue()
    topic = sources.topic()
    subscribe(aws, topic, queue, RawMessageDelivery="true")
    name = deployed(
        "def handler(event, context):\n    raise ValueError\n", DeadLetterConfig={"TargetArn": topic}
    )
    aws("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    aws("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"id": "1"}')
    [letter] = eventually(lambda: sources.received(url))
    assert json.loads(letter["Body"]) == {"id": "1"}
    assert letter["MessageAttributes"]["ErrorCode"]["StringValue"] == "200"


def subscribe(aws: Clients, topic: str, endpoint: str, **attributes: str) -> str:
    protocol = endpoint.split(":")[2]
    answer = aws("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)
    return str(answer["SubscriptionArn"])


def arn_of(aws: Clients, name: str) -> str:
    return str(aws("lambda").get_function_configuration(FunctionName=name)["FunctionArn"])


def test_a_topic_invokes_a_function_with_the_message_as_lambda_sends_it(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(ECHO)
    topic = sources.topic()
    subscription = subscribe(aws, topic, arn_of(aws, name))
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    sent = aws("sns").publish(
        TopicArn=topic, Message="hello", Subject="greeting", MessageAttributes=attributes
    )
    [event] = eventually(lambda: seen(aws, name))
    [record] = event["Records"]
    message = record.pop("Sns")
    assert record == {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
    }
    changing = {"Timestamp", "Signature", "SigningCertUrl", "UnsubscribeUrl", "SignatureVersion"}
    assert changing < set(message)
    assert {name: value for name, value in message.items() if name not in changing} == {
        "Type": "Notification",
        "MessageId": sent["MessageId"],
        "TopicArn": topic,
        "Subject": "greeting",
        "Message": "hello",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "x"}},
    }


def test_a_publisher_does_not_wait_for_the_function_and_a_failure_is_retried(
    aws: Clients, deployed: Deploy, sources: Sources
) -> None:
    name = deployed(
        "import time\ndef handler(e, c):\n    print('SAW 1')\n    time.sleep(2)\n    raise ValueError\n"
    )
    topic = sources.topic()
    subscribe(aws, topic, arn_of(aws, name))
    aws("sns").publish(TopicArn=topic, Message="first, for the subscription's key")
    started = time.monotonic()
    aws("sns").publish(TopicArn=topic, Message="hello")
    assert time.monotonic() - started < 1.5
    assert eventually(lambda: len(seen(aws, name)) == 6, 40)


def test_a_subscription_filters(aws: Clients, deployed: Deploy, sources: Sources) -> None:
    name = deployed(ECHO)
    topic = sources.topic()
    subscribe(aws, topic, arn_of(aws, name), FilterPolicy='{"kind": ["wanted"]}')
    for kind in ("other", "wanted"):
        value = {"kind": {"DataType": "String", "StringValue": kind}}
        aws("sns").publish(TopicArn=topic, Message=kind, MessageAttributes=value)
    assert eventually(lambda: seen(aws, name))
    time.sleep(1)
    assert [event["Records"][0]["Sns"]["Message"] for event in seen(aws, name)] == ["wanted"]


@pytest.mark.parametrize("raw", ["false", "true"])
def test_a_topic_fills_a_queue_that_feeds_a_function(
    aws: Clients, deployed: Deploy, sources: Sources, raw: str
) -> None:
    name = deployed(ECHO)
    topic = sources.topic()
    _, queue = sources.queue()
    sources.mapped(queue, name)
    subscribe(aws, topic, queue, RawMessageDelivery=raw)
    aws("sns").publish(TopicArn=topic, Message="hello")
    [event] = eventually(lambda: seen(aws, name))
    body = event["Records"][0]["body"]
    assert (body if raw == "true" else json.loads(body)["Message"]) == "hello"
