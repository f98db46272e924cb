"""The transaction pipeline on the embedded AWS, from plan to destroy, in the order of its life."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tests.conftest import ROOT, Tap
from tests.integration.conftest import StackTest
from tests.integration.pipeline import Pipeline, eventually, transaction
from tests.integration.throttling import Throttling, throttling

pytestmark = pytest.mark.real

STACK = ROOT / "terraform" / "examples" / "transaction_pipeline"
ACCOUNT = "123456789012"
# What one delivery tries: total_max_attempts of the function's clients.
ATTEMPTS = 4


@pytest.fixture(scope="module")
def pipeline(deployable: Callable[[Path], StackTest]) -> StackTest:
    stack = deployable(STACK)
    # Twenty deliveries in vain would take an hour.
    variables = json.loads(stack.variables.read_text()) | {"retry_attempts": 1}
    stack.variables.write_text(json.dumps(variables))
    return stack


@pytest.fixture(scope="module")
def plan(pipeline: StackTest) -> Any:
    return pipeline.planned()


@pytest.fixture(scope="module")
def outputs(pipeline: StackTest, plan: Any) -> Any:
    pipeline.applied()
    return pipeline.output()


@pytest.fixture(scope="module")
def aws(pipeline: StackTest) -> Any:
    """boto3 clients of the stack's embedded AWS."""
    env = pipeline.env

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )

    return client


# What is planned


def one(plan: Any, address: str) -> dict[str, Any]:
    values: dict[str, Any] = plan.resources[address]["values"]
    return values


def of_type(plan: Any, type_: str) -> list[dict[str, Any]]:
    return [r["values"] for r in plan.resources.values() if r["type"] == type_]


def test_the_plan_creates_and_does_nothing_else(plan: Any) -> None:
    actions = {tuple(change["change"]["actions"]) for change in plan.resource_changes.values()}
    assert actions == {("create",), ("read",)}


def test_the_gate_is_open(pipeline: StackTest, plan: Any, tmp_path: Path) -> None:
    document = tmp_path / "plan.json"
    document.write_text(json.dumps(plan._raw))
    verdict = json.loads(Tap(Path(pipeline.tfdir)).succeeds("check", str(document), "--json").out)
    assert verdict["decision"] == "open"
    assert verdict["findings"] == []


def test_the_stream_and_the_table_are_encrypted_with_a_key_that_rotates(plan: Any) -> None:
    assert one(plan, "aws_kms_key.main")["enable_key_rotation"] is True
    assert one(plan, "aws_kinesis_stream.transactions")["encryption_type"] == "KMS"
    table = one(plan, "aws_dynamodb_table.transactions")
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert table["point_in_time_recovery"][0]["enabled"] is True
    assert table["server_side_encryption"][0]["enabled"] is True


def test_the_function_is_what_was_ordered(plan: Any) -> None:
    function = one(plan, "aws_lambda_function.processor")
    assert (function["memory_size"], function["timeout"], function["runtime"]) == (1024, 60, "python3.13")
    assert function["reserved_concurrent_executions"] == -1
    assert function["tracing_config"] == [{"mode": "Active"}]


def test_there_are_three_subnets_in_three_zones_and_no_way_out(plan: Any) -> None:
    subnets = of_type(plan, "aws_subnet")
    assert sorted(subnet["cidr_block"] for subnet in subnets) == [
        "10.40.0.0/24",
        "10.40.1.0/24",
        "10.40.2.0/24",
    ]
    assert len({subnet["availability_zone_id"] for subnet in subnets}) == 3
    assert not any(subnet["map_public_ip_on_launch"] for subnet in subnets)
    types = {resource["type"] for resource in plan.resources.values()}
    ways_out = re.compile("gateway|_eip|peering|transit|_route$|vpn")
    assert [type_ for type_ in types if ways_out.search(type_)] == []


def test_no_security_group_knows_an_address(plan: Any) -> None:
    rules = [
        *of_type(plan, "aws_vpc_security_group_ingress_rule"),
        *of_type(plan, "aws_vpc_security_group_egress_rule"),
    ]
    assert len(rules) == 3
    assert all(rule["cidr_ipv4"] is None and rule["cidr_ipv6"] is None for rule in rules)
    assert {(rule["ip_protocol"], rule["from_port"], rule["to_port"]) for rule in rules} == {
        ("tcp", 443, 443)
    }


def test_every_service_that_was_ordered_has_an_endpoint(plan: Any) -> None:
    endpoints = of_type(plan, "aws_vpc_endpoint")
    kinds = {
        endpoint["service_name"].rpartition(".")[2]: endpoint["vpc_endpoint_type"] for endpoint in endpoints
    }
    assert kinds.pop("dynamodb") == "Gateway"
    assert kinds == dict.fromkeys(("kinesis-streams", "kms", "lambda", "logs", "sqs"), "Interface")
    assert all(e["private_dns_enabled"] for e in endpoints if e["vpc_endpoint_type"] == "Interface")


def test_logs_are_kept_90_days(plan: Any) -> None:
    groups = of_type(plan, "aws_cloudwatch_log_group")
    assert {(group["name"], group["retention_in_days"]) for group in groups} == {
        ("/aws/lambda/payco-dev-processor", 90),
        ("/aws/vpc/payco-dev-flow-log", 90),
    }


def test_alarms_stand_where_config_rules_might(plan: Any) -> None:
    alarms = {alarm["alarm_name"]: alarm for alarm in of_type(plan, "aws_cloudwatch_metric_alarm")}
    assert {alarm["treat_missing_data"] for alarm in alarms.values()} == {"notBreaching"}
    watched = {(alarm["namespace"], alarm["metric_name"]) for alarm in alarms.values()}
    assert ("AWS/DynamoDB", "UserErrors") in watched
    assert ("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds") in watched
    rate = alarms["payco-dev-processor-error-rate"]
    assert (rate["threshold"], len(rate["metric_query"])) == (5, 3)
    types = {resource["type"] for resource in plan.resources.values()}
    assert not any(type_.startswith(("aws_config_", "aws_guardduty_")) for type_ in types)


def test_every_taggable_resource_carries_the_tags_and_every_name_the_prefix(plan: Any) -> None:
    wanted = {
        "Environment": "dev",
        "Project": "tap",
        "Purpose": "transaction-pipeline",
        "ManagedBy": "terraform",
    }
    values = {address: resource.get("values", {}) for address, resource in plan.resources.items()}
    tagged = {address: found["tags_all"] for address, found in values.items() if "tags_all" in found}
    assert len(tagged) > 25
    assert [address for address, tags in tagged.items() if not wanted.items() <= tags.items()] == []
    names = {
        address: found[attribute]
        for address, found in values.items()
        for attribute in ("name", "function_name", "alarm_name")
        # What AWS makes itself has its name from AWS.
        if isinstance(found.get(attribute), str) and address != "aws_default_security_group.main"
    }
    assert len(names) > 15
    assert [address for address, name in names.items() if "payco-dev-" not in name] == []


# What is deployed


def statements(document: dict[str, Any] | str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (json.loads(document) if isinstance(document, str) else document)[
        "Statement"
    ]
    return found


def actions(statement: dict[str, Any]) -> set[str]:
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def test_aws_holds_what_the_plan_promised(outputs: Any, aws: Any) -> None:
    key = outputs["key_arn"]
    stream = aws("kinesis").describe_stream_summary(StreamName=outputs["stream_name"])[
        "StreamDescriptionSummary"
    ]
    assert (stream["EncryptionType"], stream["KeyId"]) == ("KMS", key)
    table = aws("dynamodb").describe_table(TableName=outputs["table_name"])["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    network = aws("lambda").get_function_configuration(FunctionName=outputs["processor_function_name"])[
        "VpcConfig"
    ]
    assert set(network["SubnetIds"]) == set(outputs["private_subnet_ids"])
    assert network["SecurityGroupIds"] == [outputs["processor_security_group_id"]]
    routes = aws("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [outputs["vpc_id"]]}])
    ways = {route["GatewayId"] for table in routes["RouteTables"] for route in table["Routes"]}
    assert ways == {"local", outputs["vpc_endpoint_ids"]["dynamodb"]}


def test_the_key_knows_the_account_and_services_only(outputs: Any, aws: Any) -> None:
    policy = statements(aws("kms").get_key_policy(KeyId=outputs["key_id"], PolicyName="default")["Policy"])
    services: set[str] = set()
    for statement in policy:
        (kind, named), *more = statement["Principal"].items()
        assert more == []
        if kind == "AWS":
            assert named == f"arn:aws:iam::{ACCOUNT}:root"
        else:
            assert (kind, bool(statement["Condition"])) == ("Service", True)
            services |= {named} if isinstance(named, str) else set(named)
    assert services == {
        "cloudwatch.amazonaws.com",
        "dynamodb.amazonaws.com",
        "kinesis.amazonaws.com",
        "logs.us-east-1.amazonaws.com",
    }


def test_the_function_may_do_its_own_work_and_no_more(outputs: Any, aws: Any) -> None:
    role = outputs["processor_role_name"]
    (name,) = aws("iam").list_role_policies(RoleName=role)["PolicyNames"]
    policy = statements(aws("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    allowed = [statement for statement in policy if statement["Effect"] == "Allow"]
    on_the_key = [actions(s) for s in allowed if s["Resource"] == outputs["key_arn"]]
    assert {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"} in on_the_key
    everywhere = {action for s in allowed if s["Resource"] == "*" for action in actions(s)}
    assert {action.partition(":")[0] for action in everywhere} == {"ec2", "xray"}
    denied = {action for s in policy if s["Effect"] == "Deny" for action in actions(s)}
    assert denied == {action for action in everywhere if action.startswith("ec2:")}
    assert {a for s in allowed for a in actions(s) if a.startswith("dynamodb:")} == {"dynamodb:PutItem"}


def test_each_endpoint_lets_through_the_functions_own_work_only(outputs: Any, aws: Any) -> None:
    ids = outputs["vpc_endpoint_ids"]
    for endpoint in aws("ec2").describe_vpc_endpoints(VpcEndpointIds=list(ids.values()))["VpcEndpoints"]:
        (statement,) = statements(endpoint["PolicyDocument"])
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": outputs["processor_role_arn"]}}
        assert statement["Resource"].startswith("arn:aws:")
        assert not any("*" in action for action in actions(statement))
        if endpoint["VpcEndpointType"] == "Interface":
            assert set(endpoint["SubnetIds"]) == set(outputs["private_subnet_ids"])
            assert [group["GroupId"] for group in endpoint["Groups"]] == [
                outputs["endpoints_security_group_id"]
            ]


# What it does


@pytest.fixture(scope="module")
def deployed(aws: Any, outputs: Any) -> Pipeline:
    return Pipeline(aws, outputs)


def test_what_is_put_into_the_stream_is_in_the_table(deployed: Pipeline) -> None:
    keys = [f"many-{number}" for number in range(30)]
    for number, key in enumerate(keys):
        deployed.put(f"account-{number}", transaction(key, amount=number + 0.5))
    amounts = {item["transactionId"]["S"]: item["amount"]["N"] for item in deployed.written(*keys)}
    assert amounts == {f"many-{number}": f"{number}.5" for number in range(30)}


def test_a_transaction_that_comes_again_is_written_once(deployed: Pipeline) -> None:
    deployed.put(
        "account-1", transaction("again"), transaction("again", amount=12.50), transaction("after-again")
    )
    deployed.written("after-again")
    (item,) = deployed.written("again")
    deployed.put("account-1", transaction("again"), transaction("last-again"))
    deployed.written("last-again")
    assert deployed.item("again") == item
    assert sum(line.get("duplicate", 0) for line in deployed.logged("processed a batch")) == 2


def test_what_is_no_transaction_goes_to_the_rejects_and_holds_up_nothing(deployed: Pipeline) -> None:
    deployed.put("account-2", transaction("taken"))
    deployed.written("taken")
    rubbish = [
        b"\xff\xfe",
        json.dumps(transaction("no-amount", amount="12.5")).encode(),
        json.dumps(transaction("taken", amount=99)).encode(),
        b"x" * 300_000,
    ]
    deployed.put("account-2", rubbish[0], transaction("between-1"), *rubbish[1:], transaction("between-2"))
    deployed.written("between-1", "between-2")
    rejects = deployed.messages("rejects", len(rubbish))
    found = {
        reject["field"]: reject["data"] and base64.b64decode(reject["data"])
        for reject in rejects
        if reject["data"]
    }
    assert found == {"record": rubbish[0], "amount": rubbish[1], "transactionId": rubbish[2]}
    (large,) = [reject for reject in rejects if reject["data"] is None]
    assert deployed.record(*large["recordId"].split(":")) == rubbish[3]
    taken = deployed.item("taken")
    assert taken is not None
    assert taken["amount"] == {"N": "12.5"}
    assert deployed.logged("was not processed") == []


def test_the_smoke_test_passes(pipeline: StackTest, outputs: Any) -> None:
    described = json.dumps({name: {"value": value} for name, value in outputs.items()})
    done = subprocess.run(
        [sys.executable, str(STACK / "smoke.py")],
        input=described,
        env=pipeline.env,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 5


def test_a_second_plan_is_empty(pipeline: StackTest, outputs: Any) -> None:
    assert pipeline.changes() == 0


# Throttling: the deployed function, its own code and environment, with a table that refuses


@pytest.fixture
def table(deployed: Pipeline, pipeline: StackTest) -> Iterator[Throttling]:
    """The throttling in front of the table that the deployed function now writes to."""
    functions, name = deployed.aws("lambda"), deployed.outputs["processor_function_name"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    with throttling(pipeline.env["AWS_ENDPOINT_URL"]) as throttle:
        redirected = {**variables, "AWS_ENDPOINT_URL_DYNAMODB": throttle.url}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": redirected})
        yield throttle
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_a_short_throttling_is_waited_out_within_one_delivery(deployed: Pipeline, table: Throttling) -> None:
    table.refusals["short-2"] = ATTEMPTS - 1
    before = len(deployed.logged("processed a batch"))
    keys = [f"short-{number}" for number in (1, 2, 3)]
    deployed.put("account-3", *map(transaction, keys))
    deployed.written(*keys)
    assert [key for key, refused in table.puts if not refused] == keys
    assert table.puts.count(("short-2", True)) == ATTEMPTS - 1
    (batch,) = eventually(lambda: deployed.logged("processed a batch")[before:], 1)
    assert (batch["written"], batch["left"]) == (3, 0)
    assert deployed.logged("DynamoDB throttled the record") == []


def test_after_a_longer_one_delivery_goes_on_at_the_record_that_was_refused(
    deployed: Pipeline, table: Throttling
) -> None:
    table.refusals["long-3"] = ATTEMPTS + 1
    keys = [f"long-{number}" for number in range(1, 6)]
    deployed.put("account-4", *map(transaction, keys))
    deployed.written(*keys)
    # Nothing that was written is delivered again, and nothing overtakes the record that waits.
    refusals = [("long-3", True)] * (ATTEMPTS + 1)
    assert table.puts == [("long-1", False), ("long-2", False), *refusals] + [
        (key, False) for key in keys[2:]
    ]
    (line,) = deployed.logged("DynamoDB throttled the record")
    assert line["level"] == "WARNING"


def test_what_is_refused_for_good_is_found_through_the_failures(
    deployed: Pipeline, table: Throttling
) -> None:
    table.refusals["never"] = sys.maxsize
    places = deployed.put("account-5", transaction("before"), transaction("never"), transaction("behind"))
    deployed.written("before", "behind")
    (failure,) = deployed.messages("failures", 1)
    batch = failure["KinesisBatchInfo"]
    assert failure["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert batch["streamArn"] == deployed.outputs["stream_arn"]
    assert (batch["shardId"], batch["batchSize"]) == (places[1]["ShardId"], 1)
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == places[1]["SequenceNumber"]
    assert json.loads(deployed.record(batch["shardId"], batch["startSequenceNumber"])) == transaction("never")
    assert deployed.item("never") is None
    assert table.puts.count(("before", False)) == table.puts.count(("behind", False)) == 1


def test_a_fault_is_an_error_to_lambda_and_only_the_log_has_its_cause(deployed: Pipeline) -> None:
    answer = deployed.aws("lambda").invoke(
        FunctionName=deployed.outputs["processor_function_name"],
        Payload=b'{"detail-type": "Scheduled Event"}',
    )
    error = json.loads(answer["Payload"].read())
    assert (answer["FunctionError"], error["errorType"]) == ("Unhandled", "ProcessingError")
    (line,) = deployed.logged("the batch was not processed")
    assert line["requestId"] in error["errorMessage"]
    assert "InvalidEventError" in line["exception"]
    assert "InvalidEventError" not in json.dumps(error)


def test_destroy_leaves_nothing(pipeline: StackTest, outputs: Any) -> None:
    assert "Destroy complete!" in pipeline.destroyed()
    sandbox = pipeline.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
