"""The order_audit example on the embedded AWS, from plan to destroy, in the order of its life.

Orders are put into the table, and nothing but the table's stream calls the deployed function.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tapstack.terraform import process
from tests.conftest import ROOT, Tap
from tests.integration.conftest import StackTest
from tests.integration.orders import Client, Orders, eventually, sequence_number, switch

pytestmark = pytest.mark.real

STACK = ROOT / "terraform" / "examples" / "order_audit"
TAGS = {
    "Environment": "dev",
    "Project": "order-audit",
    "Purpose": "order-audit-trail",
    "ManagedBy": "terraform",
}


@pytest.fixture(scope="module")
def order_audit(deployable: Callable[[Path], StackTest]) -> StackTest:
    return deployable(STACK)


@pytest.fixture(scope="module")
def plan(order_audit: StackTest) -> Any:
    return order_audit.planned()


@pytest.fixture(scope="module")
def outputs(order_audit: StackTest, plan: Any) -> Any:
    order_audit.applied()
    return order_audit.output()


@pytest.fixture(scope="module")
def aws(order_audit: StackTest) -> Client:
    """boto3 clients of the stack's embedded AWS."""
    env = order_audit.env

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )

    return client


def managed(plan: Any) -> dict[str, dict[str, Any]]:
    """Planned values by address; a data source that is read during apply has none yet."""
    return {a: r.get("values", {}) for a, r in plan.resources.items() if r["mode"] == "managed"}


def one(plan: Any, address: str) -> dict[str, Any]:
    return managed(plan)[address]


# -- the plan


def test_the_plan_creates_and_does_nothing_else(plan: Any) -> None:
    actions = {tuple(change["change"]["actions"]) for change in plan.resource_changes.values()}
    assert actions == {("create",), ("read",)}


def test_the_gate_is_open_for_code_and_plan(order_audit: StackTest, plan: Any) -> None:
    directory = Path(order_audit.tfdir)
    (directory / "plan.json").write_text(json.dumps(plan._raw))
    for what in (".", "plan.json"):
        ledger = json.loads(Tap(directory).succeeds("check", what, "--json").out)
        counts = {name: ledger["counts"][name] for name in ("fail", "unknown", "waived", "error")}
        assert set(counts.values()) == {0}, counts


def test_the_table_is_what_was_ordered(plan: Any) -> None:
    table = one(plan, "aws_dynamodb_table.orders")
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert (table["hash_key"], table["range_key"]) == ("orderId", "timestamp")
    attributes = {(a["name"], a["type"]) for a in table["attribute"]}
    assert attributes == {("orderId", "S"), ("timestamp", "N"), ("status", "S")}
    (index,) = table["global_secondary_index"]
    assert (index["name"], index["hash_key"], index["range_key"]) == (
        "status-timestamp-index",
        "status",
        "timestamp",
    )
    assert (table["stream_enabled"], table["stream_view_type"]) == (True, "NEW_AND_OLD_IMAGES")
    assert table["point_in_time_recovery"][0]["enabled"] is True
    assert table["deletion_protection_enabled"] is False


def test_the_bucket_is_what_was_ordered(plan: Any) -> None:
    assert one(plan, "aws_s3_bucket.audit")["force_destroy"] is True
    versioning = one(plan, "aws_s3_bucket_versioning.audit")["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    (rule,) = one(plan, "aws_s3_bucket_server_side_encryption_configuration.audit")["rule"]
    assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "AES256"
    block = one(plan, "aws_s3_bucket_public_access_block.audit")
    assert {block[f"{verb}_public_{what}"] for verb in ("block",) for what in ("acls", "policy")} == {True}
    assert block["ignore_public_acls"] is block["restrict_public_buckets"] is True


def test_objects_move_to_glacier_and_never_expire(plan: Any) -> None:
    lifecycle = one(plan, "aws_s3_bucket_lifecycle_configuration.audit")
    (rule,) = lifecycle["rule"]
    (move,) = rule["transition"]
    assert (rule["status"], move["days"], move["storage_class"]) == ("Enabled", 90, "GLACIER")
    assert rule["expiration"] == rule["noncurrent_version_expiration"] == []
    # By the default no object under 128 KB would move, and an order's is smaller.
    assert lifecycle["transition_default_minimum_object_size"] == "varies_by_storage_class"


def test_the_function_is_what_was_ordered(plan: Any) -> None:
    function = one(plan, "aws_lambda_function.audit")
    assert (function["timeout"], function["memory_size"], function["runtime"]) == (60, 256, "python3.13")
    mapping = one(plan, "aws_lambda_event_source_mapping.orders")
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert mapping["bisect_batch_on_function_error"] is True
    assert mapping["destination_config"][0]["on_failure"]
    group = one(plan, "aws_cloudwatch_log_group.audit")
    assert (group["name"], group["retention_in_days"]) == (f"/aws/lambda/{function['function_name']}", 14)


def test_the_alarm_is_on_the_rate_of_errors(plan: Any) -> None:
    alarm = one(plan, "aws_cloudwatch_metric_alarm.error_rate")
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("GreaterThanThreshold", 5)
    assert alarm["treat_missing_data"] == "notBreaching"
    queries = {query["id"]: query for query in alarm["metric_query"]}
    assert queries["error_rate"]["expression"] == "(errors / invocations) * 100"
    periods = {q["metric"][0]["period"] for q in queries.values() if q["metric"]}
    assert (periods, alarm["evaluation_periods"]) == ({300}, 1)


def test_alerts_have_the_aws_managed_key_and_the_subscription(plan: Any) -> None:
    assert one(plan, "aws_sns_topic.alerts")["kms_master_key_id"] == "alias/aws/sns"
    subscription = one(plan, 'aws_sns_topic_subscription.alert_email["orders@example.com"]')
    assert subscription["protocol"] == "email"


def test_every_taggable_resource_carries_the_tags(plan: Any) -> None:
    tagged = {a: values["tags_all"] for a, values in managed(plan).items() if "tags_all" in values}
    assert len(tagged) > 8
    for address, tags in tagged.items():
        assert TAGS.items() <= tags.items(), address


def test_every_name_starts_with_company_and_environment_and_ends_in_the_environment(plan: Any) -> None:
    names = {
        address: values[attribute]
        for address, values in managed(plan).items()
        for attribute in ("name", "function_name", "alarm_name")
        if isinstance(values.get(attribute), str)
    } | {"aws_s3_bucket.audit": one(plan, "aws_s3_bucket.audit")["bucket"]}
    assert len(names) > 10
    for address, name in names.items():
        own = name.removeprefix("/aws/lambda/").removeprefix("alias/")
        assert own.startswith("acme-dev-"), address
        assert own.endswith("-dev"), address


# -- what was made


def test_the_outputs_name_what_was_made(outputs: Any) -> None:
    assert (outputs["region"], outputs["environment"]) == ("ap-southeast-1", "dev")
    assert outputs["table_name"] == "acme-dev-order-events-dev"
    assert outputs["key_arn"].endswith(outputs["key_id"])
    arns = [value for name, value in outputs.items() if name.endswith("_arn")]
    assert len(arns) >= 10
    for arn in arns:
        assert arn.startswith("arn:aws:"), arn


def test_aws_holds_what_the_plan_promised(outputs: Any, aws: Client) -> None:
    table = aws("dynamodb").describe_table(TableName=outputs["table_name"])["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == outputs["key_arn"]
    assert table["LatestStreamArn"] == outputs["table_stream_arn"]
    assert aws("kms").get_key_rotation_status(KeyId=outputs["key_id"])["KeyRotationEnabled"] is True
    (mapping,) = aws("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"] == outputs["table_stream_arn"]
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == outputs["dead_letter_queue_arn"]
    attributes = aws("sns").get_topic_attributes(TopicArn=outputs["alarm_topic_arn"])["Attributes"]
    assert attributes["KmsMasterKeyId"] == outputs["key_arn"]


def test_alarms_publish_to_a_topic_that_can_receive_them(outputs: Any, aws: Client) -> None:
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {action for alarm in alarms for action in alarm["AlarmActions"]} == {outputs["alarm_topic_arn"]}
    for document in (
        aws("kms").get_key_policy(KeyId=outputs["key_id"], PolicyName="default")["Policy"],
        aws("sns").get_topic_attributes(TopicArn=outputs["alarm_topic_arn"])["Attributes"]["Policy"],
    ):
        (statement,) = [
            one
            for one in json.loads(document)["Statement"]
            if one["Principal"].get("Service") == "cloudwatch.amazonaws.com"
        ]
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_the_role_may_do_its_own_work_and_no_more(outputs: Any, aws: Client) -> None:
    (name,) = aws("iam").list_role_policies(RoleName=outputs["role_name"])["PolicyNames"]
    document = aws("iam").get_role_policy(RoleName=outputs["role_name"], PolicyName=name)["PolicyDocument"]
    may: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            may.setdefault(action, set()).add(statement["Resource"])
    stream, key = outputs["table_stream_arn"], outputs["key_arn"]
    assert may == {
        "logs:CreateLogStream": {f"{outputs['log_group_arn']}:*"},
        "logs:PutLogEvents": {f"{outputs['log_group_arn']}:*"},
        "xray:PutTraceSegments": {"*"},
        "xray:PutTelemetryRecords": {"*"},
        "dynamodb:DescribeStream": {stream},
        "dynamodb:GetRecords": {stream},
        "dynamodb:GetShardIterator": {stream},
        "dynamodb:ListStreams": {"*"},
        "s3:PutObject": {f"{outputs['audit_bucket_arn']}/orders/*"},
        "sns:Publish": {outputs["alerts_topic_arn"]},
        "sqs:SendMessage": {outputs["dead_letter_queue_arn"]},
        "kms:Decrypt": {key},
        "kms:GenerateDataKey": {key},
    }


# -- what it does


@pytest.fixture(scope="module")
def orders(aws: Client, outputs: Any) -> Orders:
    return Orders(aws, outputs)


@pytest.fixture
def subscribed(aws: Client, outputs: Any, request: pytest.FixtureRequest) -> Any:
    """The URL of a queue that is subscribed to the alerts; `param` says whether messages come raw."""
    sqs, sns = aws("sqs"), aws("sns")
    url = sqs.create_queue(QueueName="listens-to-alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": str(request.param).lower()}
    subscription = sns.subscribe(
        TopicArn=outputs["alerts_topic_arn"], Protocol="sqs", Endpoint=arn, Attributes=raw
    )
    yield url
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)


def test_an_order_that_is_put_becomes_an_object(orders: Orders) -> None:
    item = orders.put("put-1", "PAID", total={"N": "12.50"})
    (document,) = eventually(lambda: orders.kept("put-1"))
    assert (document["eventName"], document["status"]) == ("INSERT", "PAID")
    assert (document["oldImage"], document["newImage"]) == (None, item)
    head = orders.s3.head_object(Bucket=orders.bucket, Key="orders/put-1/1700000000000.json")
    assert (head["ContentType"], head["ServerSideEncryption"]) == ("application/json", "AES256")


def test_every_later_change_is_a_version_of_the_object(orders: Orders) -> None:
    first = orders.put("changed-1", "PAID")
    second = orders.put("changed-1", "SHIPPED")
    key = {name: first[name] for name in ("orderId", "timestamp")}
    orders.dynamodb.delete_item(TableName=orders.table, Key=key)
    assert eventually(lambda: len(orders.kept("changed-1")) == 3)
    assert [(one["eventName"], one["oldImage"], one["newImage"]) for one in orders.kept("changed-1")] == [
        ("INSERT", None, first),
        ("MODIFY", first, second),
        ("REMOVE", second, None),
    ]


@pytest.mark.parametrize("subscribed", [True, False], ids=["raw", "wrapped"], indirect=True)
def test_a_failed_order_is_told_to_who_subscribes(
    orders: Orders, subscribed: str, request: pytest.FixtureRequest
) -> None:
    raw = "raw" in request.node.name
    order_id = "failed-raw" if raw else "failed-wrapped"
    orders.put(order_id, "PAID")
    assert eventually(lambda: orders.kept(order_id))
    orders.put(order_id, "FAILED")
    (message,) = eventually(lambda: orders.received(subscribed))
    alert = message if raw else json.loads(message["Message"])
    assert (alert["orderId"], alert["status"], alert["timestamp"]) == (order_id, "FAILED", 1700000000000)
    assert alert["object"] == f"s3://{orders.bucket}/orders/{order_id}/1700000000000.json"
    # The object is there before anybody is told of it; the paid order was told to nobody.
    assert [one["status"] for one in orders.kept(order_id)] == ["PAID", "FAILED"]
    assert orders.received(subscribed) == []


def test_the_index_finds_orders_by_status(orders: Orders) -> None:
    orders.put("found-1", "REFUNDED", at=7)
    answer = orders.dynamodb.query(
        TableName=orders.table,
        IndexName="status-timestamp-index",
        KeyConditionExpression="#s = :s AND #t = :t",
        ExpressionAttributeNames={"#s": "status", "#t": "timestamp"},
        ExpressionAttributeValues={":s": {"S": "REFUNDED"}, ":t": {"N": "7"}},
    )
    assert [one["orderId"]["S"] for one in answer["Items"]] == ["found-1"]
    assert eventually(lambda: orders.kept("found-1", at=7))


def test_a_refused_record_becomes_a_dead_letter_and_its_batch_is_kept(
    orders: Orders, outputs: Any, aws: Client
) -> None:
    switch(aws, outputs, on=False)
    good = ["before-1", "before-2", "behind-1", "behind-2"]
    for order_id in good[:2]:
        orders.put(order_id, "PAID")
    # A status that is not in capitals: DynamoDB takes it, and a FAILED might be meant.
    orders.put("poison-1", "failed")
    for order_id in good[2:]:
        orders.put(order_id, "PAID")
    switch(aws, outputs, on=True)

    (letter,) = eventually(lambda: orders.received(orders.dead_letter_queue))
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["requestContext"]["functionArn"] == outputs["function_arn"]
    lost, number = letter["DDBStreamBatchInfo"], sequence_number(aws, outputs, "poison-1")
    assert (lost["startSequenceNumber"], lost["endSequenceNumber"], lost["batchSize"]) == (number, number, 1)
    assert lost["streamArn"] == outputs["table_stream_arn"]
    assert eventually(lambda: all(orders.kept(order_id) for order_id in good))
    assert orders.kept("poison-1") == []

    orders.put("afterwards-1", "PAID")
    assert eventually(lambda: orders.kept("afterwards-1"))
    assert orders.received(orders.dead_letter_queue) == []


def test_the_log_has_one_json_line_for_a_batch_and_for_a_refusal(outputs: Any, aws: Client) -> None:
    events = aws("logs").filter_log_events(logGroupName=outputs["log_group_name"])["events"]
    lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    batches = [line for line in lines if line["message"] == "the batch is done"]
    # The five that were put while the mapping was off.
    assert [one for one in batches if (one["records"], one["refused"]) == (5, 1)]
    refusals = [line for line in lines if line["message"].startswith("refused: status")]
    number = sequence_number(aws, outputs, "poison-1")
    assert {(one["level"], one["field"], one["sequenceNumber"]) for one in refusals} == {
        ("ERROR", "status", number)
    }


def test_the_smoke_test_passes_and_leaves_nothing(order_audit: StackTest, orders: Orders) -> None:
    outputs = order_audit.execute_command("output", "-json").out
    path = Path(order_audit.tfdir, "outputs.json")
    path.write_text(outputs)
    done = process.run(
        [sys.executable, "smoke.py", str(path)], cwd=Path(order_audit.tfdir), env=order_audit.env, timeout=200
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    for proof in ("found INSERT", "heard of it", "refused status failed", "found MODIFY", "found REMOVE"):
        assert proof in said
    found = orders.s3.list_object_versions(Bucket=orders.bucket, Prefix="orders/smoke-")
    assert "Versions" not in found


# -- the end


def test_a_second_plan_is_empty(order_audit: StackTest, outputs: Any) -> None:
    assert order_audit.changes() == 0


def test_destroy_leaves_nothing(order_audit: StackTest, outputs: Any) -> None:
    assert "Destroy complete!" in order_audit.destroyed()
    sandbox = order_audit.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
