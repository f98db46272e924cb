"""The crypto_webhooks example on the embedded AWS, from plan to destroy, in the order of its life.

Webhooks are sent over HTTP to the deployed API, and nothing but its queue calls the settlement.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tapstack.terraform import process
from tests.conftest import ROOT, Tap
from tests.integration.conftest import StackTest
from tests.integration.webhooks import Client, Webhooks, conflicts, eventually

pytestmark = pytest.mark.real

STACK = ROOT / "terraform" / "examples" / "crypto_webhooks"
TAGS = {"Environment": "dev", "Project": "tap", "Purpose": "crypto-webhooks", "ManagedBy": "terraform"}
CURRENCIES = ("BTC", "ETH", "USDT")
TOGETHER = 50


@pytest.fixture(scope="module")
def crypto(deployable: Callable[[Path], StackTest]) -> StackTest:
    return deployable(STACK)


@pytest.fixture(scope="module")
def plan(crypto: StackTest) -> Any:
    return crypto.planned()


@pytest.fixture(scope="module")
def outputs(crypto: StackTest, plan: Any) -> Any:
    crypto.applied()
    return crypto.output()


@pytest.fixture(scope="module")
def aws(crypto: StackTest) -> Client:
    """boto3 clients of the stack's embedded AWS."""
    env = crypto.env

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )

    return client


@pytest.fixture(scope="module")
def webhooks(crypto: StackTest, aws: Client, outputs: Any) -> Webhooks:
    return Webhooks(crypto.env["AWS_ENDPOINT_URL"], aws, outputs)


def managed(plan: Any) -> dict[str, dict[str, Any]]:
    """Planned values by address; a data source that is read during apply has none yet."""
    return {a: r.get("values", {}) for a, r in plan.resources.items() if r["mode"] == "managed"}


def one(plan: Any, address: str) -> dict[str, Any]:
    return managed(plan)[address]


# -- the plan


def test_the_plan_creates_and_does_nothing_else(plan: Any) -> None:
    actions = {tuple(change["change"]["actions"]) for change in plan.resource_changes.values()}
    assert actions == {("create",), ("read",)}


def test_the_gate_is_open_for_code_and_plan(crypto: StackTest, plan: Any) -> None:
    directory = Path(crypto.tfdir)
    (directory / "plan.json").write_text(json.dumps(plan._raw))
    for what in (".", "plan.json"):
        ledger = json.loads(Tap(directory).succeeds("check", what, "--json").out)
        counts = {name: ledger["counts"][name] for name in ("fail", "unknown", "waived", "error")}
        assert set(counts.values()) == {0}, counts


def test_the_table_is_what_was_ordered(plan: Any) -> None:
    table = one(plan, "aws_dynamodb_table.transactions")
    assert (table["hash_key"], table["range_key"]) == ("transactionId", "timestamp")
    attributes = {(a["name"], a["type"]) for a in table["attribute"]}
    assert attributes == {("transactionId", "S"), ("timestamp", "N")}
    assert table["point_in_time_recovery"][0]["enabled"] is True
    assert table["deletion_protection_enabled"] is False


def test_the_table_is_encrypted_with_the_key_that_aws_manages(plan: Any) -> None:
    (encryption,) = one(plan, "aws_dynamodb_table.transactions")["server_side_encryption"]
    assert encryption["enabled"] is True
    written = plan.configuration["root_module"]["resources"]
    (table,) = [r for r in written if r["address"] == "aws_dynamodb_table.transactions"]
    assert table["expressions"]["server_side_encryption"] == [{"enabled": {"constant_value": True}}]


def test_the_functions_are_what_was_ordered(plan: Any) -> None:
    for name, timeout in (("webhook", 60), ("settlement", 50)):
        function = one(plan, f"aws_lambda_function.{name}")
        assert (function["memory_size"], function["timeout"]) == (1024, timeout)
        assert function["reserved_concurrent_executions"] == 50
        assert function["tracing_config"] == [{"mode": "Active"}]
        group = one(plan, f'aws_cloudwatch_log_group.function["{name}"]')
        assert (group["name"], group["retention_in_days"]) == (f"/aws/lambda/coin-dev-{name}", 30)


def test_the_queues_are_what_was_ordered(plan: Any) -> None:
    assert one(plan, "aws_sqs_queue.settlement")["visibility_timeout_seconds"] == 300
    assert one(plan, "aws_sqs_queue.dead_letters")["message_retention_seconds"] == 14 * 24 * 3600


def test_the_api_is_what_was_ordered(plan: Any) -> None:
    method = one(plan, "aws_api_gateway_method.webhook")
    assert (method["http_method"], method["api_key_required"]) == ("POST", True)
    assert one(plan, "aws_api_gateway_resource.webhooks")["path_part"] == "webhooks"
    assert one(plan, "aws_api_gateway_resource.currency")["path_part"] == "{currency}"
    validator = one(plan, "aws_api_gateway_request_validator.webhooks")
    assert validator["validate_request_body"] is validator["validate_request_parameters"] is True
    assert one(plan, "aws_api_gateway_stage.webhooks")["xray_tracing_enabled"] is True
    (quota,) = one(plan, "aws_api_gateway_usage_plan.senders")["quota_settings"]
    assert (quota["limit"], quota["period"]) == (1000, "DAY")


def test_transactions_are_counted_by_currency(plan: Any) -> None:
    filters = {a: v for a, v in managed(plan).items() if a.startswith("aws_cloudwatch_log_metric_filter.")}
    assert len(filters) == len(CURRENCIES)
    for currency in CURRENCIES:
        pattern = filters[f'aws_cloudwatch_log_metric_filter.transactions["{currency}"]']["pattern"]
        assert f'$.currency = "{currency}"' in pattern


def test_every_taggable_resource_carries_the_tags(plan: Any) -> None:
    tagged = {a: values["tags_all"] for a, values in managed(plan).items() if "tags_all" in values}
    assert len(tagged) > 15
    for address, tags in tagged.items():
        assert TAGS.items() <= tags.items(), address


# -- what was deployed


def test_no_secret_is_an_output(outputs: Any, webhooks: Webhooks) -> None:
    assert len(webhooks.key) >= 20
    assert webhooks.key not in json.dumps(dict(outputs))


def test_aws_holds_what_the_plan_promised(outputs: Any, aws: Client) -> None:
    table = aws("dynamodb").describe_table(TableName=outputs["table_name"])["Table"]
    assert (table["SSEDescription"]["Status"], table["SSEDescription"]["SSEType"]) == ("ENABLED", "KMS")
    assert table["SSEDescription"].get("KMSMasterKeyArn") != outputs["key_arn"]
    for function in ("webhook", "settlement"):
        name = outputs[f"{function}_function_name"]
        found = aws("lambda").get_function(FunctionName=name)
        assert found["Configuration"]["KMSKeyArn"] == outputs["key_arn"]
        assert found["Concurrency"]["ReservedConcurrentExecutions"] == 50
    attributes = aws("sqs").get_queue_attributes(QueueUrl=outputs["queue_url"], AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "300"
    redrive = json.loads(attributes["Attributes"]["RedrivePolicy"])
    assert redrive == {"deadLetterTargetArn": outputs["dead_letter_queue_arn"], "maxReceiveCount": 3}


def test_each_role_may_do_its_own_work_and_no_more(outputs: Any, aws: Client) -> None:
    may: dict[str, set[str]] = {}
    for function in ("webhook", "settlement"):
        role = outputs[f"{function}_role_name"]
        (policy,) = aws("iam").list_role_policies(RoleName=role)["PolicyNames"]
        document = aws("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        actions = [a for s in document["Statement"] for a in _list(s["Action"])]
        may[function] = {a for a in actions if not a.startswith(("logs:", "xray:"))}
        anywhere = {a for s in document["Statement"] if s["Resource"] == "*" for a in _list(s["Action"])}
        assert anywhere == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert may["webhook"] == {
        "dynamodb:PutItem",
        "dynamodb:Query",
        "sqs:SendMessage",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    assert may["settlement"] == {
        "dynamodb:UpdateItem",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "kms:Decrypt",
    }


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


# -- webhooks over HTTP


@pytest.mark.parametrize("currency", CURRENCIES)
def test_a_valid_webhook_is_stored_and_settled(webhooks: Webhooks, currency: str) -> None:
    sent = {"timestamp": 1700000000123, "amount": "123456789012345678.000000000000000001", "address": "bc1q"}
    status, body = webhooks.send(currency, f"valid-{currency}", **sent)
    assert (status, body) == (202, {"transactionId": f"valid-{currency}", "status": "accepted"})
    assert webhooks.settled(f"valid-{currency}")
    claim, item = webhooks.stored(f"valid-{currency}")
    assert claim == {"transactionId": {"S": f"valid-{currency}"}, "timestamp": {"N": "0"}}
    assert (item["currency"], item["address"]) == ({"S": currency}, {"S": "bc1q"})
    assert (item["timestamp"], item["amount"]) == ({"N": "1700000000123"}, {"N": sent["amount"]})
    assert int(item["settledAt"]["N"]) >= int(item["receivedAt"]["N"])


INVALID = {
    "no amount": {"transactionId": "bad", "timestamp": 1},
    "a number for an amount": {"transactionId": "bad", "timestamp": 1, "amount": 1},
    "a negative amount": {"transactionId": "bad", "timestamp": 1, "amount": "-1"},
    "no number": {"transactionId": "bad", "timestamp": 1, "amount": "1e5"},
    "the timestamp of a claim": {"transactionId": "bad", "timestamp": 0, "amount": "1"},
    "a fraction of a millisecond": {"transactionId": "bad", "timestamp": 1.5, "amount": "1"},
    "true": {"transactionId": "bad", "timestamp": True, "amount": "1"},
    "an empty id": {"transactionId": "", "timestamp": 1, "amount": "1"},
    "a long id": {"transactionId": "a" * 129, "timestamp": 1, "amount": "1"},
    "an empty address": {"transactionId": "bad", "timestamp": 1, "amount": "1", "address": ""},
    "more than is asked for": {"transactionId": "bad", "timestamp": 1, "amount": "1", "status": "settled"},
    "no object": ["bad"],
}


def test_what_is_against_the_schema_never_reaches_the_function(webhooks: Webhooks) -> None:
    before = len(webhooks.lines("webhook"))
    for what, body in INVALID.items():
        status, answer = webhooks.request("/webhooks/BTC", json.dumps(body).encode())
        assert (status, answer) == (400, {"message": "Invalid request body"}), what
    assert webhooks.request("/webhooks/BTC", b"{")[0] == 400
    assert len(webhooks.lines("webhook")) == before
    assert webhooks.stored("bad") == []


def test_what_passes_by_the_schema_is_refused_by_the_function(webhooks: Webhooks) -> None:
    """API Gateway does not read bodies of a content type that it has no model for."""
    for what, body in INVALID.items():
        status, answer = webhooks.request("/webhooks/BTC", json.dumps(body).encode(), kind="text/plain")
        assert status == 400, what
        assert {"message", "field", "expected"} == answer.keys(), what
    for broken in (b"{", b"", b"[" * 100_000, b'"\xff"'):
        assert webhooks.request("/webhooks/BTC", broken, kind="text/plain")[0] == 400
    assert webhooks.stored("bad") == []


def test_an_unknown_currency_is_refused(webhooks: Webhooks) -> None:
    for currency in ("DOGE", "btc", "BTC%2FX"):
        status, answer = webhooks.send(currency, "unknown")
        assert (status, answer["field"]) == (400, "currency"), currency
        assert answer["expected"] == "one of BTC, ETH, USDT"
    assert webhooks.stored("unknown") == []


def test_other_paths_and_methods_are_not_there(webhooks: Webhooks) -> None:
    for method, path in (("GET", "/webhooks/BTC"), ("POST", "/webhooks"), ("POST", "/webhooks/BTC/x")):
        answer = webhooks.request(path, b"", method=method)
        assert answer == (403, {"message": "Missing Authentication Token"}), path


def test_an_oversized_webhook_is_refused(webhooks: Webhooks) -> None:
    body = json.dumps({"transactionId": "big", "timestamp": 1, "amount": "1"}).encode()
    limit = 10 * 1024 * 1024
    assert webhooks.request("/webhooks/BTC", body.ljust(limit + 1))[0] == 413
    # White space is no fault to the schema; here it is Lambda that does not take so much.
    assert webhooks.request("/webhooks/BTC", body.ljust(limit)) == (413, {"message": "Request Too Long"})
    assert webhooks.stored("big") == []


def test_a_webhook_without_the_key_is_refused(webhooks: Webhooks) -> None:
    for key in ("", "a-key-that-nobody-has-made"):
        assert webhooks.request("/webhooks/BTC", b"{}", key=key) == (403, {"message": "Forbidden"})


def test_a_duplicate_is_refused_whatever_else_it_says(webhooks: Webhooks) -> None:
    assert webhooks.send("ETH", "twice")[0] == 202
    for currency, changes in (("ETH", {}), ("ETH", {"timestamp": 7}), ("BTC", {"amount": "9"})):
        status, answer = webhooks.send(currency, "twice", **changes)
        assert status == 409
        assert answer == {"message": "a transaction with this id is stored already", "transactionId": "twice"}
    _, item = webhooks.stored("twice")
    assert (item["currency"], item["amount"]) == ({"S": "ETH"}, {"N": "0.5"})


@pytest.mark.parametrize("same_time", [True, False])
def test_one_of_fifty_at_the_same_moment_is_stored(
    webhooks: Webhooks, outputs: Any, aws: Client, same_time: bool
) -> None:
    transaction_id, together = f"fifty-{same_time}", threading.Barrier(TOGETHER)

    def send(number: int) -> int:
        together.wait()
        return webhooks.send("USDT", transaction_id, timestamp=1 if same_time else 1 + number)[0]

    with ThreadPoolExecutor(TOGETHER) as pool:
        statuses = Counter(pool.map(send, range(TOGETHER)))
    assert statuses == {202: 1, 409: TOGETHER - 1}
    assert len(webhooks.stored(transaction_id)) == 2
    assert webhooks.settled(transaction_id)
    of_this = [line for line in webhooks.lines("webhook") if line.get("transactionId") == transaction_id]
    assert Counter(line["message"] for line in of_this)["stored"] == 1


def test_conflicts_with_other_writers_are_waited_out(webhooks: Webhooks, crypto: StackTest) -> None:
    with (
        conflicts(crypto.env["AWS_ENDPOINT_URL"], 3) as url,
        webhooks.variables(AWS_ENDPOINT_URL_DYNAMODB=url),
    ):
        assert webhooks.send("BTC", "conflicting")[0] == 202
    with (
        conflicts(crypto.env["AWS_ENDPOINT_URL"], 99) as url,
        webhooks.variables(AWS_ENDPOINT_URL_DYNAMODB=url),
    ):
        status, answer = webhooks.send("BTC", "conflicting-for-ever")
    assert status == 500
    assert answer.keys() == {"message", "requestId"}
    (fault,) = [
        line
        for line in webhooks.lines("webhook")
        if line.get("requestId") == answer["requestId"] and "exception" in line
    ]
    assert "TransactionCanceledException" in fault["exception"]
    assert webhooks.stored("conflicting-for-ever") == []


def test_what_was_stored_and_not_sent_is_sent_by_a_later_delivery(webhooks: Webhooks) -> None:
    with webhooks.variables(AWS_ENDPOINT_URL_SQS="http://127.0.0.1:9"):
        assert webhooks.send("BTC", "unsent")[0] == 500
    assert webhooks.status("unsent") == "received"
    # At once, the first delivery may still be under way.
    assert webhooks.send("BTC", "unsent")[0] == 409
    webhooks.keep("late", received_at=int(time.time() * 1000) - 61_000)
    assert webhooks.send("BTC", "late", timestamp=99) == (
        202,
        {"transactionId": "late", "status": "accepted"},
    )
    assert webhooks.settled("late")
    assert [item["timestamp"] for item in webhooks.stored("late")] == [{"N": "0"}, {"N": "5"}]
    assert webhooks.send("BTC", "late", timestamp=99)[0] == 409
    assert webhooks.status("unsent") == "received"


def test_the_metrics_count_each_stored_transaction_once(
    webhooks: Webhooks, outputs: Any, aws: Client
) -> None:
    items = aws("dynamodb").scan(TableName=outputs["table_name"])["Items"]
    logged = [item for item in items if "currency" in item and item["transactionId"]["S"] != "late"]
    stored = Counter(item["currency"]["S"] for item in logged)
    assert set(stored) == set(CURRENCIES)
    assert {currency: webhooks.counted(currency) for currency in CURRENCIES} == stored


# -- the queue


def test_what_can_not_be_settled_is_a_dead_letter_after_three_deliveries(
    webhooks: Webhooks, outputs: Any, aws: Client
) -> None:
    queues, url = aws("sqs"), outputs["queue_url"]
    bodies = [json.dumps({"transactionId": "nobody", "timestamp": 1}), "{"]
    letters: dict[str, str] = {}

    def all_there() -> bool:
        found = queues.receive_message(QueueUrl=outputs["dead_letter_queue_url"], MaxNumberOfMessages=10)
        letters.update({m["MessageId"]: m["Body"] for m in found.get("Messages", [])})
        return len(letters) == len(bodies)

    # Nobody wants to wait three times five minutes.
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})
    try:
        for body in bodies:
            queues.send_message(QueueUrl=url, MessageBody=body)
        assert eventually(all_there)
    finally:
        queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "300"})
    assert sorted(letters.values()) == sorted(bodies)
    failed = Counter(
        line["messageId"] for line in webhooks.lines("settlement") if line.get("messageId") in letters
    )
    assert set(failed.values()) == {3}
    assert webhooks.stored("nobody") == []


def test_one_bad_message_does_not_keep_others_of_its_batch(
    webhooks: Webhooks, outputs: Any, aws: Client
) -> None:
    good = []
    for number in range(3):
        webhooks.keep(f"batch-{number}", received_at=int(time.time() * 1000))
        good.append(json.dumps({"transactionId": f"batch-{number}", "timestamp": 5}))
    bodies = [good[0], "no json", good[1], good[2], good[0]]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    aws("sqs").send_message_batch(QueueUrl=outputs["queue_url"], Entries=entries)
    for number in range(3):
        assert webhooks.settled(f"batch-{number}")
    aws("sqs").purge_queue(QueueUrl=outputs["queue_url"])


# -- the whole


def test_the_smoke_test_passes(crypto: StackTest, outputs: Any) -> None:
    document = json.dumps({name: {"value": value} for name, value in dict(outputs).items()})
    given = Path(crypto.tfdir) / "outputs.json"
    given.write_text(document)
    env = {name: value for name, value in crypto.env.items() if name.startswith("AWS_")}
    done = process.run([sys.executable, "smoke.py", given.name], cwd=Path(crypto.tfdir), env=env, timeout=180)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 7


def test_a_second_plan_is_empty(crypto: StackTest, outputs: Any) -> None:
    assert crypto.changes() == 0


def test_the_quota_is_obeyed_and_can_be_changed(crypto: StackTest, outputs: Any, webhooks: Webhooks) -> None:
    kept = crypto.variables.read_text()
    # Far fewer than have been sent today.
    crypto.variables.write_text(json.dumps(json.loads(kept) | {"daily_quota": 10}))
    crypto.applied()
    assert crypto.changes() == 0
    assert webhooks.send("BTC", "too-many") == (429, {"message": "Limit Exceeded"})
    assert webhooks.stored("too-many") == []
    crypto.variables.write_text(kept)
    crypto.applied()
    assert webhooks.send("BTC", "allowed-again")[0] == 202
    assert webhooks.settled("allowed-again")


def test_destroy_leaves_nothing(crypto: StackTest, outputs: Any) -> None:
    assert "Destroy complete!" in crypto.destroyed()
    sandbox = crypto.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
