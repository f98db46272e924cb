"""What parameters, the calendar, states and larger stacks change in the verdicts about runtime, account and exposure."""

from __future__ import annotations

import importlib
import json
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.policy import Policy
from tapstack.gate.registry import Registry
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import Unknown
from tests.policies.conftest import judge_hcl, judge_stack, verdicts

# Under the name that the registry imports it by.
lambda_runtime_supported = importlib.import_module("tapstack_policies.runtime.lambda_runtime_supported")
FUNCTION = 'resource "aws_lambda_function" "f" {{\n  function_name = "f"\n  role = "r"\n  runtime = "python3.13"\n  {}\n}}\n'
SINGLETON = 'resource "aws_guardduty_detector" "d" {{\n  {}\n}}\n'
GROUP_RULE = (
    'resource "aws_security_group_rule" "r" {{\n  security_group_id = "sg-1"\n  protocol = "tcp"\n'
    "  from_port = 0\n  to_port = 65535\n  {}\n}}\n"
)
OPEN = 'cidr_blocks = ["0.0.0.0/0"]'

CASES = [
    (FUNCTION, "", "lambda_reserved_concurrency", {"exactly": 50}, "FAIL"),
    (FUNCTION, "reserved_concurrent_executions = 50", "lambda_reserved_concurrency", {"exactly": 50}, "PASS"),
    (
        FUNCTION,
        'reserved_concurrent_executions = "50"',
        "lambda_reserved_concurrency",
        {"exactly": 50},
        "PASS",
    ),
    (FUNCTION, "reserved_concurrent_executions = 51", "lambda_reserved_concurrency", {"exactly": 50}, "FAIL"),
    (FUNCTION, "reserved_concurrent_executions = 0", "lambda_reserved_concurrency", {"exactly": 0}, "PASS"),
    (FUNCTION, "reserved_concurrent_executions = 7", "lambda_reserved_concurrency", {"mode": "any"}, "PASS"),
    (FUNCTION, "", "lambda_reserved_concurrency", {"mode": "any"}, "PASS"),
    # An environment that says exactly switches the stack's mode off.
    (FUNCTION, "", "lambda_reserved_concurrency", {"mode": "any", "exactly": 1}, "FAIL"),
    (FUNCTION, "timeout = 900", "lambda_size_within_budget", {"max_timeout_seconds": 900}, "PASS"),
    (FUNCTION, "timeout = 31", "lambda_size_within_budget", {"max_timeout_seconds": 30}, "FAIL"),
    (FUNCTION, "memory_size = 3008", "lambda_size_within_budget", {"max_memory_mb": 3008}, "PASS"),
    (FUNCTION, "memory_size = 3009", "lambda_size_within_budget", {"max_memory_mb": 3008}, "FAIL"),
    # Without a timeout it is Lambda's own, 3 seconds.
    (FUNCTION, "", "lambda_size_within_budget", {"max_timeout_seconds": 2}, "FAIL"),
    (SINGLETON, "", "no_account_singletons", {"allow": ["aws_guardduty_detector"]}, "PASS"),
    (SINGLETON, "", "no_account_singletons", {"types": ["aws_macie2_account"]}, "PASS"),
    (FUNCTION, "", "no_account_singletons", {"types": ["aws_lambda_function"]}, "FAIL"),
    (FUNCTION, "", "outputs_expose_arns", {"types": ["aws_kms_key"]}, "NOT_APPLICABLE"),
    (GROUP_RULE, f'type = "egress"\n{OPEN}', "security_group_not_open", {"egress": "deny"}, "FAIL"),
    (
        GROUP_RULE,
        f'type = "egress"\n{OPEN}',
        "security_group_not_open",
        {"egress": "allow"},
        "NOT_APPLICABLE",
    ),
    (GROUP_RULE, f"type = terraform_data.x.output\n{OPEN}", "security_group_not_open", {}, "UNKNOWN"),
    (
        GROUP_RULE,
        'type = terraform_data.x.output\ncidr_blocks = ["10.0.0.0/8"]',
        "security_group_not_open",
        {},
        "PASS",
    ),
    (GROUP_RULE, 'type = "ingress"\nprefix_list_ids = ["pl-1"]', "security_group_not_open", {}, "PASS"),
]


@pytest.mark.parametrize(("template", "text", "policy", "parameters", "verdict"), CASES)
def test_a_parameter_moves_the_line_between_pass_and_fail(
    template: str,
    text: str,
    policy: str,
    parameters: dict[str, Any],
    verdict: str,
    tmp_path: Path,
    registry: Registry,
) -> None:
    (tmp_path / "main.tf").write_text(template.format(text))
    ledger = judge_hcl(tmp_path, registry, policy, parameters)
    assert ledger.errors == ()
    assert list(verdicts(ledger).values()) == [verdict]


@pytest.mark.parametrize(
    ("policy", "parameters", "said"),
    [
        ("lambda_runtime_supported", {"warn_days": -1}, "warn_days"),
        ("lambda_reserved_concurrency", {"exactly": -1}, "exactly"),
        ("lambda_reserved_concurrency", {"mode": "required"}, "mode"),
        ("lambda_size_within_budget", {"max_timeout_seconds": 901}, "max_timeout_seconds"),
        ("lambda_size_within_budget", {"max_memory_mb": 127}, "max_memory_mb"),
        ("no_account_singletons", {"allow": ["aws_guardduty_detectr"]}, "aws_guardduty_detectr"),
        ("security_group_not_open", {"egress": "maybe"}, "egress"),
    ],
)
def test_a_parameter_that_nothing_could_satisfy_closes_the_gate(
    policy: str, parameters: dict[str, Any], said: str, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(FUNCTION.format(""))
    ledger = judge_hcl(tmp_path, registry, policy, parameters)
    assert ledger.exit_code == 4
    assert said in ledger.errors[0].message


@pytest.mark.parametrize(
    ("days", "verdict", "said"),
    [
        (-1, "FAIL", "has been deprecated"),
        (0, "FAIL", "has been deprecated"),
        (1, "FAIL", "in 1 day,"),
        (180, "FAIL", "in 180 days"),
        (181, "PASS", "is supported until"),
    ],
)
def test_a_runtime_is_judged_by_the_day(
    days: int, verdict: str, said: str, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = lambda_runtime_supported._lifecycles()["python3.13"].deprecated
    policy = registry.find("lambda_runtime_supported")
    assert policy is not None
    monkeypatch.setattr(policy, "today", staticmethod(lambda: date.fromordinal(end.toordinal() - days)))
    (tmp_path / "main.tf").write_text(FUNCTION.format(""))
    ledger = judge_hcl(tmp_path, registry, "lambda_runtime_supported")
    [finding] = (*ledger.findings, *ledger.others)
    assert finding.verdict == verdict
    assert said in finding.message
    # What is only announced blocks nobody.
    assert finding.blocks == (days <= 0)


def test_without_the_table_of_dates_the_gate_closes(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    lambda_runtime_supported._lifecycles.cache_clear()
    monkeypatch.setattr(metadata, "distribution", missing)
    (tmp_path / "main.tf").write_text(FUNCTION.format(""))
    ledger = judge_hcl(tmp_path, registry, "lambda_runtime_supported")
    assert ledger.exit_code == 4
    assert "cfn-lint" in ledger.errors[0].message


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"type": "s3", "bucket": "b", "key": "k", "encrypt": True, "use_lockfile": True}, "PASS"),
        ({"type": "s3", "bucket": "b", "key": "k", "encrypt": "true", "dynamodb_table": "t"}, "PASS"),
        ({"type": "s3", "bucket": "b", "key": "k", "encrypt": True}, "FAIL"),
        ({"type": "s3", "bucket": "b", "key": "k", "encrypt": True, "use_lockfile": False}, "FAIL"),
        ({"type": "s3", "bucket": "b", "key": "k", "use_lockfile": True}, "FAIL"),
        ({"type": "s3", "encrypt": True, "use_lockfile": True}, "PASS"),
        ({"type": "s3"}, "UNKNOWN"),
        ({"type": "s3", "encrypt": False, "use_lockfile": True}, "FAIL"),
        ({"type": "azurerm"}, "PASS"),
        ({"type": "gcs", "bucket": "b"}, "PASS"),
        ({"type": "cloud"}, "PASS"),
        ({"type": "cos", "bucket": "b"}, "PASS"),
        ({"type": "consul", "path": "p"}, "FAIL"),
        ({"type": "http", "address": "a", "lock_address": "l"}, "UNKNOWN"),
        ({"type": "http", "address": "a"}, "FAIL"),
        ({"type": "local"}, "FAIL"),
        ({"type": "brand_new"}, "UNKNOWN"),
    ],
)
def test_a_backend_is_judged_by_what_it_does(
    values: dict[str, Any], verdict: str, registry: Registry
) -> None:
    ledger = judge_stack(Stack(Kind.HCL, {}, backend=values), registry, "state_is_locked_and_encrypted")
    assert verdicts(ledger) == {"terraform.backend": verdict}


@pytest.mark.parametrize(
    ("kind", "verdict"), [(Kind.HCL, "FAIL"), (Kind.PLAN, "UNKNOWN"), (Kind.STATE, "UNKNOWN")]
)
def test_no_backend_is_a_local_file_where_the_configuration_was_read(
    kind: Kind, verdict: str, registry: Registry
) -> None:
    ledger = judge_stack(Stack(kind, {}), registry, "state_is_locked_and_encrypted")
    assert verdicts(ledger) == {"terraform.backend": verdict}


def test_a_sandbox_needs_no_backend(registry: Registry) -> None:
    stack = Stack(Kind.HCL, {}, backend={"type": "local"})
    ledger = judge_stack(stack, registry, "state_is_locked_and_encrypted", {"sandbox": True})
    assert verdicts(ledger) == {"terraform.backend": "NOT_APPLICABLE"}


NETWORK = """
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.0.0/24"
}
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = "{}"
}
resource "aws_iam_role_policy" "r" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = %s, Resource = "*" }] })
}
resource "aws_lambda_function" "f" {
  function_name = "f"
  role          = aws_iam_role.r.arn
  vpc_config {
    subnet_ids         = [aws_subnet.s.id]
    security_group_ids = []
  }
}
"""
IN_MAIN_TABLE = 'resource "aws_vpc_endpoint" "e" {\n  vpc_id = aws_vpc.v.id\n  service_name = "com.amazonaws.us-east-1.s3"\n  route_table_ids = [aws_vpc.v.main_route_table_id]\n}\n'
BY_ASSOCIATION = (
    'resource "aws_route_table" "t" {\n  vpc_id = aws_vpc.v.id\n}\n'
    'resource "aws_route_table_association" "t" {\n  subnet_id = aws_subnet.s.id\n  route_table_id = aws_route_table.t.id\n}\n'
    'resource "aws_vpc_endpoint" "e" {\n  vpc_id = aws_vpc.v.id\n  service_name = "com.amazonaws.us-east-1.s3"\n}\n'
    'resource "aws_vpc_endpoint_route_table_association" "t" {\n  vpc_endpoint_id = aws_vpc_endpoint.e.id\n  route_table_id = aws_route_table.t.id\n}\n'
)
BY_DATA = (
    'data "aws_vpc_endpoint_service" "s" {\n  service = "s3"\n}\n'
    'resource "aws_vpc_endpoint" "e" {\n  vpc_id = aws_vpc.v.id\n  service_name = data.aws_vpc_endpoint_service.s.service_name\n  route_table_ids = [aws_vpc.v.main_route_table_id]\n}\n'
)
OF_UNKNOWN_SERVICE = 'resource "aws_vpc_endpoint" "e" {\n  vpc_id = aws_vpc.v.id\n  service_name = terraform_data.x.output\n}\n'
OTHER_VPC = 'resource "aws_vpc" "o" {\n  cidr_block = "10.1.0.0/16"\n}\n' + IN_MAIN_TABLE.replace(
    "aws_vpc.v", "aws_vpc.o"
)
DEFAULT_TABLE = 'resource "aws_default_route_table" "d" {\n  default_route_table_id = aws_vpc.v.default_route_table_id\n  route = []\n}\n'


def interface(service: str, more: str = "private_dns_enabled = true") -> str:
    return f'resource "aws_vpc_endpoint" "{service}" {{\n  vpc_id = aws_vpc.v.id\n  service_name = "com.amazonaws.us-east-1.{service}"\n  vpc_endpoint_type = "Interface"\n  {more}\n}}\n'


def route(target: str) -> str:
    return f'resource "aws_route" "r" {{\n  route_table_id = aws_vpc.v.main_route_table_id\n  destination_cidr_block = "0.0.0.0/0"\n  {target}\n}}\n'


@pytest.mark.parametrize(
    ("action", "more", "verdict"),
    [
        ("s3:GetObject", "", "FAIL"),
        ("s3:GetObject", IN_MAIN_TABLE, "PASS"),
        ("s3:GetObject", DEFAULT_TABLE + IN_MAIN_TABLE, "PASS"),
        ("s3:GetObject", BY_ASSOCIATION, "PASS"),
        ("s3:GetObject", BY_DATA, "PASS"),
        ("s3:GetObject", OTHER_VPC, "FAIL"),
        ("s3:GetObject", OF_UNKNOWN_SERVICE, "UNKNOWN"),
        ("s3:GetObject", interface("s3"), "PASS"),
        ("s3:GetObject", interface("s3", ""), "FAIL"),
        ("s3:GetObject", interface("kms"), "FAIL"),
        ("kms:Decrypt", interface("kms-fips"), "PASS"),
        ("kms:*", interface("kms"), "PASS"),
        ("cloudwatch:PutMetricData", interface("monitoring"), "PASS"),
        ("cloudwatch:PutMetricData", interface("cloudwatch"), "FAIL"),
        ("kinesis:GetRecords", interface("kinesis-streams"), "PASS"),
        ("*", interface("kms"), "UNKNOWN"),
        ("brandnew:Do", "", "UNKNOWN"),
        ("brandnew:Do", interface("brandnew"), "PASS"),
        ("logs:PutLogEvents", "", "PASS"),
        ("logs:StartQuery", "", "FAIL"),
        ("xray:PutTraceSegments", "", "PASS"),
        ("rds-db:connect", "", "PASS"),
        ("s3:GetObject", route('nat_gateway_id = "nat-1"'), "NOT_APPLICABLE"),
        ("s3:GetObject", route('gateway_id = "igw-1"'), "FAIL"),
        ("s3:GetObject", route('transit_gateway_id = "tgw-1"'), "UNKNOWN"),
        ("s3:GetObject", route('transit_gateway_id = "tgw-1"') + IN_MAIN_TABLE, "PASS"),
        ("s3:GetObject", route('nat_gateway_id = "nat-1"').replace("0.0.0.0/0", "10.9.0.0/16"), "FAIL"),
    ],
)
def test_an_isolated_function_reaches_only_what_has_an_endpoint(
    action: str, more: str, verdict: str, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(NETWORK % json.dumps(action) + more)
    ledger = judge_hcl(tmp_path, registry, "isolated_functions_have_endpoints")
    assert ledger.errors == ()
    assert verdicts(ledger)["aws_lambda_function.f"] == verdict


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("service-role/AWSLambdaVPCAccessExecutionRole", "PASS"),
        ("service-role/AWSLambdaSQSQueueExecutionRole", "FAIL"),
        ("ReadOnlyAccess", "UNKNOWN"),
    ],
)
def test_managed_policies_count(name: str, verdict: str, tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "main.tf").write_text(
        NETWORK % '"logs:PutLogEvents"'
        + 'resource "aws_iam_role_policy_attachment" "a" {\n  role = aws_iam_role.r.name\n'
        + f'  policy_arn = "arn:aws:iam::aws:policy/{name}"\n}}\n'
    )
    ledger = judge_hcl(tmp_path, registry, "isolated_functions_have_endpoints")
    assert verdicts(ledger) == {"aws_lambda_function.f": verdict}


def test_a_block_for_a_bucket_not_known_leaves_every_bucket_without_one_unknown(
    tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n'
        'resource "aws_s3_bucket_public_access_block" "x" {\n  bucket = terraform_data.x.output\n'
        "  block_public_acls = true\n  block_public_policy = true\n"
        "  ignore_public_acls = true\n  restrict_public_buckets = true\n}\n"
    )
    ledger = judge_hcl(tmp_path, registry, "s3_public_access_block")
    assert verdicts(ledger) == {"aws_s3_bucket.b": "UNKNOWN"}


def test_a_state_is_judged_by_its_values(registry: Registry) -> None:
    bucket = Resource(
        "aws_s3_bucket.b", "aws_s3_bucket", "b", values={"id": "b", "bucket": "b", "arn": "arn:aws:s3:::b"}
    )
    settings = dict.fromkeys(
        ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"), True
    )
    block = Resource(
        "aws_s3_bucket_public_access_block.b",
        "aws_s3_bucket_public_access_block",
        "b",
        values={"bucket": "b", **settings},
    )
    stack = Stack(Kind.STATE, {one.address: one for one in (bucket, block)})
    assert verdicts(judge_stack(stack, registry, "s3_public_access_block")) == {"aws_s3_bucket.b": "PASS"}
    image = Resource(
        "aws_lambda_function.i", "aws_lambda_function", "i", values={"runtime": "", "package_type": "Image"}
    )
    found = judge_stack(Stack(Kind.STATE, {image.address: image}), registry, "lambda_runtime_supported")
    assert verdicts(found) == {"aws_lambda_function.i": "NOT_APPLICABLE"}


def test_a_state_s_outputs_are_recognised_by_value(registry: Registry) -> None:
    arn = "arn:aws:sqs:us-east-1:111122223333:q"
    queue = Resource(
        "aws_sqs_queue.q", "aws_sqs_queue", "q", values={"arn": arn, "name": "q", "id": "https://q"}
    )
    topic = Resource(
        "aws_sns_topic.t", "aws_sns_topic", "t", values={"arn": "arn:aws:sns:us-east-1:111122223333:t"}
    )
    stack = Stack(
        Kind.STATE,
        {one.address: one for one in (queue, topic)},
        output_values={"queue": ({"arn": arn}, False)},
    )
    found = verdicts(judge_stack(stack, registry, "outputs_expose_arns"))
    assert found == {"aws_sqs_queue.q": "PASS", "aws_sns_topic.t": "FAIL"}


def test_a_group_whose_rules_are_not_known_is_unknown_and_one_without_rules_passes(
    registry: Registry,
) -> None:
    def judged(value: Any) -> str:
        group = Resource("aws_security_group.g", "aws_security_group", "g", values={"ingress": value})
        return verdicts(
            judge_stack(Stack(Kind.PLAN, {group.address: group}), registry, "security_group_not_open")
        )[group.address]

    assert judged(Unknown(("var.x",))) == "UNKNOWN"
    assert judged(Unknown(computed=True)) == "PASS"
    assert judged([]) == "PASS"


def test_each_policy_is_of_this_pack(registry: Registry) -> None:
    ours = [p.id for p in registry.policies if p.id.startswith(("CKV_TAP_6", "CKV_TAP_7", "CKV_TAP_8"))]
    assert ours == [f"CKV_TAP_{n}" for n in (601, 602, 603, 701, 702, 703, 801, 802, 803)]
    assert all(issubclass(p, Policy) for p in registry.policies)
