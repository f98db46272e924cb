"""The dr_transactions example on the embedded AWS, from plan through an outage to destroy, in the order of its life."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
import tftest
from botocore.exceptions import ClientError

from tapstack.sandbox import daemon
from tapstack.terraform import process
from tests.conftest import ROOT, Tap
from tests.integration.conftest import StackTest
from tests.integration.regions import REGIONS, Client, Entry, eventually, route, transaction, without_table

pytestmark = pytest.mark.real

STACK = ROOT / "terraform" / "examples" / "dr_transactions"
TAGS = {"Environment": "dev", "Project": "tap", "Purpose": "disaster-recovery", "ManagedBy": "terraform"}
FAILOVER = {
    "zone_id": "Z0123456789ABCDEFGHIJ",
    "name": "api.example.com",
    "primary": {"target": "one.example.net", "health": "health-one.example.net"},
    "secondary": {"target": "two.example.net", "health": "health-two.example.net"},
}


@pytest.fixture(scope="module")
def dr(deployable: Callable[[Path], StackTest]) -> StackTest:
    return deployable(STACK)


@pytest.fixture(scope="module")
def plan(dr: StackTest) -> Any:
    return dr.planned()


@pytest.fixture(scope="module")
def outputs(dr: StackTest, plan: Any) -> Any:
    dr.applied()
    return dr.output()


@pytest.fixture(scope="module")
def aws(dr: StackTest) -> Client:
    """boto3 clients of the stack's embedded AWS, by service and region."""
    env = dr.env

    def client(service: str, region: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=region,
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )

    return client


def managed(plan: Any) -> dict[str, dict[str, Any]]:
    """Planned values by address; a data source that is read during apply has none yet."""
    return {a: r.get("values", {}) for a, r in plan.resources.items() if r["mode"] == "managed"}


def changes(plan: Any) -> dict[str, list[str]]:
    """What a plan does, by address; nothing where nothing changes."""
    actions = {a: change["change"]["actions"] for a, change in plan.resource_changes.items()}
    return {address: what for address, what in actions.items() if what not in (["no-op"], ["read"])}


# -- the plan


def test_the_plan_creates_and_does_nothing_else(plan: Any) -> None:
    actions = {tuple(change["change"]["actions"]) for change in plan.resource_changes.values()}
    assert actions == {("create",), ("read",)}


def test_the_gate_is_open_for_code_and_plan(dr: StackTest, plan: Any) -> None:
    assert_open(dr, plan)


def assert_open(dr: StackTest, plan: Any) -> None:
    directory = Path(dr.tfdir)
    (directory / "plan.json").write_text(json.dumps(plan._raw))
    for what in (".", "plan.json"):
        ledger = json.loads(Tap(directory).succeeds("check", what, "--json").out)
        counts = {name: ledger["counts"][name] for name in ("fail", "unknown", "waived", "error")}
        assert set(counts.values()) == {0}, counts


def test_the_table_is_what_was_ordered(plan: Any) -> None:
    table = managed(plan)["aws_dynamodb_table.main"]
    assert (table["hash_key"], table["billing_mode"]) == ("id", "PAY_PER_REQUEST")
    assert (table["stream_enabled"], table["stream_view_type"]) == (True, "NEW_AND_OLD_IMAGES")
    assert table["point_in_time_recovery"][0]["enabled"] is True
    (replica,) = table["replica"]
    assert (replica["region_name"], replica["point_in_time_recovery"]) == ("us-west-2", True)


@pytest.mark.parametrize("role", REGIONS)
def test_each_regions_function_is_what_was_ordered(plan: Any, role: str) -> None:
    function = managed(plan)[f"aws_lambda_function.{role}"]
    assert (function["memory_size"], function["timeout"], function["runtime"]) == (512, 60, "python3.13")
    assert function["reserved_concurrent_executions"] == -1
    group = managed(plan)[f"aws_cloudwatch_log_group.{role}"]
    assert (group["name"], group["retention_in_days"]) == ("/aws/lambda/ledger-dev-transactions", 7)


@pytest.mark.parametrize("role", REGIONS)
def test_each_region_has_alarms_on_errors_and_throttles(plan: Any, role: str) -> None:
    values = managed(plan)
    rate = values[f"aws_cloudwatch_metric_alarm.{role}_error_rate"]
    assert (rate["comparison_operator"], rate["threshold"]) == ("GreaterThanThreshold", 5)
    (expression,) = [q["expression"] for q in rate["metric_query"] if q["expression"]]
    assert re.sub(r"\s", "", expression) == "IF(invocations>0,100*errors/invocations,0)"
    throttles = values[f"aws_cloudwatch_metric_alarm.{role}_throttles"]
    assert (throttles["namespace"], throttles["metric_name"]) == ("AWS/Lambda", "Throttles")
    table = values[f"aws_cloudwatch_metric_alarm.{role}_table_throttles"]
    metrics = {q["metric"][0]["metric_name"] for q in table["metric_query"] if q["metric"]}
    assert metrics == {"ReadThrottleEvents", "WriteThrottleEvents"}
    assert {one["treat_missing_data"] for one in (rate, throttles, table)} == {"notBreaching"}


def test_every_taggable_resource_carries_the_tags_and_every_name_the_prefix(plan: Any) -> None:
    tagged = {a: values["tags_all"] for a, values in managed(plan).items() if "tags_all" in values}
    assert len(tagged) > 15
    for address, tags in tagged.items():
        assert tags.items() >= TAGS.items(), address
    names = {
        address: values[attribute]
        for address, values in managed(plan).items()
        for attribute in ("name", "function_name", "alarm_name", "bucket")
        if isinstance(values.get(attribute), str)
    }
    assert len(names) > 20
    for address, name in names.items():
        assert name.removeprefix("/aws/lambda/").removeprefix("alias/").startswith("ledger-dev-"), address


def test_no_record_is_made_unless_asked_for(plan: Any) -> None:
    assert [address for address in managed(plan) if address.startswith("aws_route53")] == []


# -- what was deployed


def test_each_region_has_a_key_of_its_own_with_the_same_alias(outputs: Any, aws: Client) -> None:
    assert outputs["primary_key_id"] != outputs["secondary_key_id"]
    for role, region in REGIONS.items():
        kms = aws("kms", region)
        held = kms.describe_key(KeyId=outputs["key_alias"])["KeyMetadata"]
        assert (held["Arn"], bool(held.get("MultiRegion"))) == (outputs[f"{role}_key_arn"], False)
        assert kms.get_key_rotation_status(KeyId=held["KeyId"])["KeyRotationEnabled"] is True


@pytest.mark.parametrize("role", REGIONS)
def test_a_key_knows_the_account_and_services_only(outputs: Any, aws: Client, role: str) -> None:
    region = REGIONS[role]
    key = outputs[f"{role}_key_id"]
    document = json.loads(aws("kms", region).get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    services: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        if accounts := listed(statement["Principal"].get("AWS")):
            assert accounts == ["arn:aws:iam::123456789012:root"]
        else:
            assert statement["Condition"]
        for service in listed(statement["Principal"].get("Service")):
            services.setdefault(service, set()).update(listed(statement["Action"]))
    assert services.keys() == {
        "cloudwatch.amazonaws.com",
        "dynamodb.amazonaws.com",
        "lambda.amazonaws.com",
        f"logs.{region}.amazonaws.com",
        "s3.amazonaws.com",
    }
    grants = [service for service, actions in services.items() if "kms:CreateGrant" in actions]
    assert grants == ["dynamodb.amazonaws.com"]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


@pytest.mark.parametrize("role", REGIONS)
def test_each_replica_has_recovery_tags_a_stream_and_its_regions_key(
    outputs: Any, aws: Client, role: str
) -> None:
    dynamodb = aws("dynamodb", REGIONS[role])
    table = dynamodb.describe_table(TableName=outputs["table_name"])["Table"]
    assert table["TableArn"] == outputs[f"{role}_table_arn"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == outputs[f"{role}_key_arn"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    (other,) = table["Replicas"]
    assert {REGIONS[role], other["RegionName"]} == set(REGIONS.values())
    recovery = dynamodb.describe_continuous_backups(TableName=outputs["table_name"])
    status = recovery["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert status["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == TAGS


@pytest.mark.parametrize("role", REGIONS)
def test_each_regions_logs_environment_and_topic_have_its_key(outputs: Any, aws: Client, role: str) -> None:
    region, key = REGIONS[role], outputs[f"{role}_key_arn"]
    function = aws("lambda", region).get_function_configuration(FunctionName=outputs["function_name"])
    assert (function["KMSKeyArn"], function["Role"]) == (key, outputs[f"{role}_role_arn"])
    (group,) = aws("logs", region).describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["kmsKeyId"]) == (outputs["log_group_name"], key)
    topic = outputs[f"{role}_alarm_topic_arn"]
    attributes = aws("sns", region).get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == key
    alarms = aws("cloudwatch", region).describe_alarms()["MetricAlarms"]
    assert sorted(alarm["AlarmArn"] for alarm in alarms) == outputs[f"{role}_alarm_arns"]
    assert {action for alarm in alarms for action in alarm["AlarmActions"]} == {topic}


@pytest.mark.parametrize("role", REGIONS)
def test_a_role_opens_nothing_in_the_other_region(outputs: Any, aws: Client, role: str) -> None:
    iam, name = aws("iam", REGIONS[role]), outputs[f"{role}_role_name"]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    actions = {action for one in document["Statement"] for action in listed(one["Action"])}
    assert actions == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:PutObject",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    other = {"primary": "secondary", "secondary": "primary"}[role]
    for foreign in (REGIONS[other], outputs[f"{other}_key_id"], outputs[f"{other}_bucket_name"]):
        assert foreign not in json.dumps(document)


def test_there_is_nothing_in_any_other_region(outputs: Any, aws: Client) -> None:
    assert aws("dynamodb", "us-east-2").list_tables()["TableNames"] == []
    assert aws("lambda", "us-east-2").list_functions()["Functions"] == []


def is_empty(dynamodb: Any, table: str) -> bool:
    return bool(dynamodb.scan(TableName=table)["Count"] == 0)


def test_the_smoke_test_passes_and_leaves_nothing(dr: StackTest, outputs: Any, aws: Client) -> None:
    dump = Path(dr.tfdir) / "outputs.json"
    dump.write_text(dr.execute_command("output", "-json").out)
    done = process.run([sys.executable, "smoke.py", str(dump)], cwd=Path(dr.tfdir), env=dr.env, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.decode().splitlines()) == 10
    for role, region in REGIONS.items():
        assert eventually(partial(is_empty, aws("dynamodb", region), outputs["table_name"]))
        versions = aws("s3", region).list_object_versions(Bucket=outputs[f"{role}_bucket_name"])
        assert "Versions" not in versions
        assert "DeleteMarkers" not in versions


# -- requests


@pytest.fixture(scope="module")
def primary(aws: Client, outputs: Any) -> Entry:
    return Entry(aws, outputs, "primary")


@pytest.fixture(scope="module")
def secondary(aws: Client, outputs: Any) -> Entry:
    return Entry(aws, outputs, "secondary")


def test_what_one_region_accepts_the_other_finds(primary: Entry, secondary: Entry) -> None:
    for here, there in ((primary, secondary), (secondary, primary)):
        wanted = transaction()
        status, accepted = here.post(wanted)
        assert status == 201
        assert accepted.items() >= (wanted | {"acceptedIn": here.region}).items()
        assert eventually(partial(there.has, wanted["id"]))
        assert there.get(wanted["id"]) == (200, accepted)


def test_documents_go_from_the_primary_bucket_to_the_secondary_and_not_back(
    outputs: Any, primary: Entry, secondary: Entry
) -> None:
    backward, forward = transaction(), transaction()
    secondary.post(backward)
    primary.post(forward)
    source = primary.document(forward["id"])
    assert source["SSEKMSKeyId"] == outputs["primary_key_arn"]
    replica = eventually(lambda: secondary.document(forward["id"]))
    assert replica["ReplicationStatus"] == "REPLICA"
    assert replica["SSEKMSKeyId"] == outputs["secondary_key_arn"]
    assert replica["VersionId"] == source["VersionId"]
    assert primary.document(forward["id"])["ReplicationStatus"] == "COMPLETED"
    own = secondary.document(backward["id"])
    assert "ReplicationStatus" not in own
    assert own["SSEKMSKeyId"] == outputs["secondary_key_arn"]
    assert primary.document(backward["id"]) is None


def test_a_document_that_is_deleted_by_mistake_is_still_in_the_other_bucket(
    primary: Entry, secondary: Entry
) -> None:
    lost, later = transaction(), transaction()
    primary.post(lost)
    assert eventually(lambda: secondary.document(lost["id"]))
    primary.s3.delete_object(Bucket=primary.bucket, Key=f"transactions/{lost['id']}.json")
    assert primary.document(lost["id"]) is None
    primary.post(later)
    assert eventually(lambda: secondary.document(later["id"]))
    assert secondary.document(lost["id"]) is not None


def test_a_request_is_repeated_safely(primary: Entry) -> None:
    wanted = transaction()
    _, accepted = primary.post(wanted)
    assert primary.post(wanted) == (200, accepted)
    assert primary.post(wanted | {"amount": 13})[0] == 409
    assert primary.get(wanted["id"]) == (200, accepted)


def test_an_amount_keeps_its_digits(primary: Entry) -> None:
    key = f"t-{uuid.uuid4()}"
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "rawPath": "/transactions",
        "body": f'{{"id": "{key}", "amount": 999999999999999.9999, "currency": "CLF"}}',
    }
    primary.functions.invoke(FunctionName=primary.name, Payload=json.dumps(event).encode())
    item = primary.dynamodb.get_item(TableName=primary.table, Key={"id": {"S": key}})["Item"]
    assert item["amount"] == {"N": "999999999999999.9999"}
    response = primary.functions.invoke(
        FunctionName=primary.name,
        Payload=json.dumps(event | {"rawPath": f"/transactions/{key}"}).replace("POST", "GET").encode(),
    )
    assert '"amount": 999999999999999.9999' in json.loads(response["Payload"].read())["body"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"id": "a b"}, "id"),
        ({"amount": 0}, "amount"),
        ({"amount": 1.00001}, "amount"),
        ({"amount": True}, "amount"),
        ({"currency": "eur"}, "currency"),
        ({"note": "?"}, "note"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(secondary: Entry, wrong: dict[str, Any], field: str) -> None:
    status, body = secondary.post(transaction(**wrong))
    assert (status, body["field"]) == (400, field)
    assert secondary.ask("POST", "/transactions", [])[1]["field"] == "body"


def test_other_paths_and_transactions_are_a_404(secondary: Entry) -> None:
    assert secondary.get("nowhere")[0] == 404
    assert secondary.ask("DELETE", "/transactions/x")[0] == 404


# -- the outage


def test_a_second_plan_is_empty(dr: StackTest, outputs: Any) -> None:
    assert dr.changes() == 0


def test_a_region_whose_table_does_not_answer_is_unhealthy_and_its_faults_are_errors(
    primary: Entry, secondary: Entry
) -> None:
    assert route(primary, secondary) is primary
    with without_table(primary):
        assert primary.ask("GET", "/health")[0] == 503
        assert route(primary, secondary) is secondary
        status, error = primary.post(transaction())
    assert (status, error["errorType"]) == (502, "TransactionFaultError")
    assert "ResourceNotFoundException" not in json.dumps(error)
    assert eventually(lambda: "ResourceNotFoundException" in primary.log())
    assert route(primary, secondary) is primary


def test_the_secondary_takes_over_and_the_primary_comes_back_with_all_that_happened(
    dr: StackTest, primary: Entry, secondary: Entry
) -> None:
    """The region's entry is gone, behind Terraform's back: nothing that asks the primary gets an answer."""
    before, unanswered, during = transaction(), transaction(), transaction()
    accepted_before, accepted_unanswered = primary.post(before)[1], primary.post(unanswered)[1]
    assert eventually(lambda: secondary.has(unanswered["id"]))

    primary.functions.delete_function(FunctionName=primary.name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        primary.post(during)

    entry = route(primary, secondary)
    assert entry is secondary
    assert entry.get(before["id"]) == (200, accepted_before)
    assert entry.post(unanswered) == (200, accepted_unanswered)
    status, accepted_during = entry.post(during)
    assert (status, accepted_during["acceptedIn"]) == (201, "us-west-2")
    stored = secondary.dynamodb.get_item(TableName=secondary.table, Key={"id": {"S": during["id"]}})
    assert stored["Item"]["acceptedIn"] == {"S": "us-west-2"}
    assert secondary.document(during["id"]) is not None

    repair = dr.planned()
    assert changes(repair) == {"aws_lambda_function.primary": ["create"]}
    dr.applied()
    assert route(primary, secondary) is primary
    assert eventually(lambda: primary.has(during["id"]))
    assert primary.get(during["id"]) == (200, accepted_during)
    assert primary.get(before["id"]) == (200, accepted_before)
    after = transaction()
    assert primary.post(after)[1]["acceptedIn"] == "us-east-1"
    assert eventually(lambda: secondary.has(after["id"]))
    assert dr.changes() == 0


# -- the fail-over records


def with_failover(dr: StackTest, tmp_path: Path, **changed: Any) -> Any:
    """The plan with fail-over records."""
    variables = {**json.loads(dr.variables.read_text()), "failover": {**FAILOVER, **changed}}
    file = tmp_path / "failover.tfvars.json"
    file.write_text(json.dumps(variables))
    return dr.plan(output=True, tf_var_file=str(file))


def test_the_records_fail_over_by_health_checks(dr: StackTest, outputs: Any, tmp_path: Path) -> None:
    plan = with_failover(dr, tmp_path)
    kinds = ("aws_route53_health_check.entry", "aws_route53_record.entry")
    assert changes(plan) == {f'{kind}["{role}"]': ["create"] for kind in kinds for role in REGIONS}
    for role in REGIONS:
        check = managed(plan)[f'aws_route53_health_check.entry["{role}"]']
        assert (check["request_interval"], check["failure_threshold"]) == (30, 3)
        assert (check["type"], check["resource_path"]) == ("HTTPS", "/health")
        assert check["fqdn"] == FAILOVER[role]["health"]  # type: ignore[index]
        record = managed(plan)[f'aws_route53_record.entry["{role}"]']
        assert record["failover_routing_policy"] == [{"type": role.upper()}]
        assert record["records"] == [FAILOVER[role]["target"]]  # type: ignore[index]
        assert (record["name"], record["set_identifier"]) == ("api.example.com", role)
    assert_open(dr, plan)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"secondary": FAILOVER["primary"]}, "must be different domain names"),
        ({"name": "https://api.example.com"}, "without scheme, path or port"),
    ],
)
def test_records_that_could_not_fail_over_are_refused(
    dr: StackTest, outputs: Any, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(tftest.TerraformTestError) as refused:
        with_failover(dr, tmp_path, **changed)
    assert said in " ".join(refused.value.args[-1].split())


# -- the end


def test_destroy_leaves_nothing(dr: StackTest, outputs: Any) -> None:
    assert "Destroy complete!" in dr.destroyed()
    sandbox = dr.prepared.sandbox
    assert sandbox is not None
    assert daemon.inventory(sandbox) == {}
