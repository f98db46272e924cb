"""The main stack on the embedded AWS, from plan to destroy, in the order of its life."""

from __future__ import annotations

import io
import json
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tapstack.terraform import process
from tests.integration.conftest import StackTest

pytestmark = pytest.mark.real

# Runs a deployed handler as Lambda would: the module from the package, the event on stdin.
_INVOKE = """
import importlib, json, os, sys
from types import SimpleNamespace
module, function = os.environ["_HANDLER"].rsplit(".", 1)
context = SimpleNamespace(
    aws_request_id="test", function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"], memory_limit_in_mb=512,
    invoked_function_arn="", get_remaining_time_in_millis=lambda: 30000,
)
answer = getattr(importlib.import_module(module), function)(json.load(sys.stdin), context)
print("ANSWER " + json.dumps(answer))
"""


@pytest.fixture(scope="module")
def plan(main_stack: StackTest) -> Any:
    return main_stack.planned()


@pytest.fixture(scope="module")
def outputs(main_stack: StackTest, plan: Any) -> Any:
    main_stack.applied()
    return main_stack.output()


@pytest.fixture(scope="module")
def aws(main_stack: StackTest) -> Any:
    """boto3 clients of the stack's embedded AWS."""
    env = main_stack.env

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )

    return client


def one(plan: Any, address: str) -> dict[str, Any]:
    values: dict[str, Any] = plan.resources[address]["values"]
    return values


def test_the_plan_creates_and_does_nothing_else(plan: Any) -> None:
    actions = {tuple(change["change"]["actions"]) for change in plan.resource_changes.values()}
    assert actions == {("create",), ("read",)}


def test_the_key_rotates(plan: Any) -> None:
    assert one(plan, "aws_kms_key.main")["enable_key_rotation"] is True


def test_the_table_is_what_was_ordered(plan: Any) -> None:
    table = one(plan, "aws_dynamodb_table.main")
    assert (table["name"], table["hash_key"], table["billing_mode"]) == (
        "acme-dev-table",
        "id",
        "PROVISIONED",
    )
    assert (table["read_capacity"], table["write_capacity"]) == (5, 5)
    assert table["attribute"] == [{"name": "id", "type": "S"}]
    assert table["point_in_time_recovery"][0]["enabled"] is True
    assert table["server_side_encryption"][0]["enabled"] is True


@pytest.mark.parametrize("name", ["writer", "reader"])
def test_each_function_is_what_was_ordered(plan: Any, name: str) -> None:
    function = one(plan, f"aws_lambda_function.{name}")
    assert (function["memory_size"], function["timeout"], function["runtime"]) == (512, 30, "python3.13")
    assert function["tracing_config"] == [{"mode": "Active"}]
    assert bool(function["dead_letter_config"]) == (name == "writer")
    group = one(plan, f'aws_cloudwatch_log_group.function["{name}"]')
    assert (group["name"], group["retention_in_days"]) == (f"/aws/lambda/acme-dev-{name}", 14)


def managed(plan: Any) -> dict[str, dict[str, Any]]:
    """Planned values by address; a data source that is read during apply has none yet."""
    return {address: r.get("values", {}) for address, r in plan.resources.items()}


def test_every_taggable_resource_carries_the_tags(plan: Any) -> None:
    wanted = {"Environment": "dev", "Project": "tap", "Purpose": "item-store", "ManagedBy": "terraform"}
    tagged = {a: values["tags_all"] for a, values in managed(plan).items() if "tags_all" in values}
    assert len(tagged) > 10
    for address, tags in tagged.items():
        assert wanted.items() <= tags.items(), address


def test_every_name_starts_with_company_and_environment(plan: Any) -> None:
    names = {
        address: values[attribute]
        for address, values in managed(plan).items()
        for attribute in ("name", "function_name", "alarm_name")
        if isinstance(values.get(attribute), str)
    }
    assert len(names) > 10
    for address, name in names.items():
        assert "acme-dev-" in name, address


def test_the_outputs_name_what_was_made(outputs: Any) -> None:
    assert outputs["region"] == "us-east-1"
    assert outputs["environment"] == "dev"
    assert outputs["table_name"] == "acme-dev-table"
    assert outputs["key_alias"] == "alias/acme-dev-cmk"
    assert outputs["key_arn"].endswith(outputs["key_id"])
    for name in (
        "table_arn",
        "writer_function_arn",
        "reader_role_arn",
        "alarm_topic_arn",
        "dead_letter_queue_arn",
    ):
        assert outputs[name].startswith("arn:aws:"), name


def test_aws_holds_what_the_plan_promised(outputs: Any, aws: Any) -> None:
    table = aws("dynamodb").describe_table(TableName=outputs["table_name"])["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == outputs["key_arn"]
    backups = aws("dynamodb").describe_continuous_backups(TableName=outputs["table_name"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert aws("kms").get_key_rotation_status(KeyId=outputs["key_id"])["KeyRotationEnabled"] is True
    groups = aws("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/acme-dev-")["logGroups"]
    assert {(g["retentionInDays"], g["kmsKeyId"]) for g in groups} == {(14, outputs["key_arn"])}
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["TreatMissingData"] for alarm in alarms} == {"notBreaching"}
    assert {action for alarm in alarms for action in alarm["AlarmActions"]} == {outputs["alarm_topic_arn"]}


def actions_of(document: dict[str, Any]) -> set[str]:
    statements = document["Statement"]
    return {
        action
        for statement in statements
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }


def test_each_role_may_do_its_own_work_and_no_more(outputs: Any, aws: Any) -> None:
    may: dict[str, set[str]] = {}
    for name in ("writer", "reader"):
        role = outputs[f"{name}_role_name"]
        (policy,) = aws("iam").list_role_policies(RoleName=role)["PolicyNames"]
        document = aws("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        may[name] = actions_of(document)
        for statement in document["Statement"]:
            if statement["Resource"] == "*":
                assert actions_of({"Statement": [statement]}) <= {
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                }
    assert {a for a in may["writer"] if a.startswith("dynamodb:")} == {"dynamodb:PutItem"}
    assert {a for a in may["reader"] if a.startswith("dynamodb:")} == {"dynamodb:GetItem"}
    assert {a for a in may["writer"] if a.startswith("kms:")} == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert {a for a in may["reader"] if a.startswith("kms:")} == {"kms:Decrypt"}


class Deployed:
    """A deployed function: its own package, downloaded, run with its own environment."""

    def __init__(self, aws: Any, env: dict[str, str], name: str, place: Path) -> None:
        answer = aws("lambda").get_function(FunctionName=name)
        with urllib.request.urlopen(answer["Code"]["Location"]) as download:  # noqa: S310  # loopback, asserted below
            assert answer["Code"]["Location"].startswith("http://127.0.0.1:")
            zipfile.ZipFile(io.BytesIO(download.read())).extractall(place)
        self.place = place
        configuration = answer["Configuration"]
        lambdas = {
            "_HANDLER": configuration["Handler"],
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "PYTHONPATH": str(place),
        }
        own = configuration["Environment"]["Variables"]
        self.env = {k: v for k, v in env.items() if k.startswith("AWS_") or k == "PATH"} | own | lambdas

    def __call__(self, event: object) -> dict[str, Any]:
        event_file = self.place / "event.json"
        event_file.write_text(json.dumps(event))
        code = f"import sys; sys.stdin = open({str(event_file)!r})\n{_INVOKE}"
        done = process.run([sys.executable, "-c", code], cwd=self.place, env=self.env, timeout=60)
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in done.stdout.decode().splitlines() if line.startswith("ANSWER ")]
        answer: dict[str, Any] = json.loads(line.removeprefix("ANSWER "))
        assert "Traceback" not in json.dumps(answer)
        return answer


@pytest.fixture(scope="module")
def writer(
    aws: Any, main_stack: StackTest, outputs: Any, tmp_path_factory: pytest.TempPathFactory
) -> Deployed:
    return Deployed(aws, main_stack.env, outputs["writer_function_name"], tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def reader(
    aws: Any, main_stack: StackTest, outputs: Any, tmp_path_factory: pytest.TempPathFactory
) -> Deployed:
    return Deployed(aws, main_stack.env, outputs["reader_function_name"], tmp_path_factory.mktemp("reader"))


def test_what_the_deployed_writer_writes_the_deployed_reader_reads(
    writer: Deployed, reader: Deployed
) -> None:
    item = {"id": "order-1", "amount": 12.5, "lines": [{"sku": "a", "count": 2}], "paid": True}
    assert writer(item)["statusCode"] == 201
    answer = reader({"id": "order-1"})
    assert answer["statusCode"] == 200
    assert item.items() <= json.loads(answer["body"]).items()


def test_bad_input_is_told_what_is_wrong(writer: Deployed, reader: Deployed) -> None:
    for function in (writer, reader):
        answer = function({"id": ""})
        assert answer["statusCode"] == 400
        assert "id" in answer["body"]


def test_a_missing_item_is_a_404(reader: Deployed) -> None:
    assert reader({"id": "nowhere"})["statusCode"] == 404


def test_a_second_plan_is_empty(main_stack: StackTest, outputs: Any) -> None:
    assert main_stack.changes() == 0


def test_destroy_leaves_nothing(main_stack: StackTest, outputs: Any) -> None:
    assert "Destroy complete!" in main_stack.destroyed()
    sandbox = main_stack.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
