"""Nothing reaches AWS from a sandbox's environment, and what the sandbox can't do fails at once, by name."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.environment import isolated
from tapstack.terraform import mirror

pytestmark = pytest.mark.real

PROVIDER = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
provider "aws" {
  region = "us-east-1"
}
"""


def run_isolated(sandbox: Sandbox, program: str, **caller: str) -> Any:
    environment = isolated({**os.environ, **caller}, sandbox, region="eu-west-1")
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_boto3_reaches_the_sandbox_whatever_the_caller_had_set(sandbox: Sandbox) -> None:
    program = (
        "import boto3, json; c = boto3.client('sts'); a = c.get_caller_identity();"
        "print(json.dumps([c.meta.endpoint_url, c.meta.region_name, a['Account']]))"
    )
    caller = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_CA_BUNDLE": "/nowhere.pem",
        "https_proxy": "http://proxy.corp:3128",
    }
    assert run_isolated(sandbox, program, **caller) == [sandbox.url, "eu-west-1", "123456789012"]


def test_https_to_another_host_is_refused_at_once_and_logged(sandbox: Sandbox) -> None:
    program = """
import json, time, urllib.request, urllib.error
started = time.time()
try:
    urllib.request.urlopen("https://example.amazonaws.com/", timeout=20)
except urllib.error.URLError as error:
    print(json.dumps({"error": str(error), "seconds": time.time() - started}))
"""
    answer = run_isolated(sandbox, program)
    assert "403" in answer["error"]
    assert answer["seconds"] < 2
    assert "blocked: example.amazonaws.com:443 is not the sandbox" in sandbox.log.read_text()


def test_boto3_with_an_address_of_its_own_is_stopped_by_the_proxy(sandbox: Sandbox) -> None:
    program = """
import boto3, json
from botocore.config import Config
from botocore.exceptions import ProxyConnectionError
once = Config(retries={"total_max_attempts": 1})
try:
    boto3.client("sqs", endpoint_url="https://sqs.eu-west-1.amazonaws.com", config=once).list_queues()
except ProxyConnectionError as error:
    print(json.dumps({"error": str(error)}))
"""
    assert "Failed to connect to proxy" in run_isolated(sandbox, program)["error"]
    assert "blocked: sqs.eu-west-1.amazonaws.com:443" in sandbox.log.read_text()


def test_plain_http_to_an_aws_host_gets_an_aws_error(sandbox: Sandbox) -> None:
    program = """
import boto3, json
from botocore.exceptions import ClientError
try:
    boto3.client("dynamodb", endpoint_url="http://dynamodb.eu-west-1.amazonaws.com").list_tables()
except ClientError as error:
    print(json.dumps(error.response["Error"]))
"""
    assert run_isolated(sandbox, program)["Code"] == "BlockedBySandbox"
    assert "blocked: dynamodb.eu-west-1.amazonaws.com is not the sandbox" in sandbox.log.read_text()


@pytest.mark.parametrize(
    ("service", "call", "arguments", "named"),
    [
        (
            "dynamodb",
            "describe_contributor_insights",
            {"TableName": "a"},
            "dynamodb DescribeContributorInsights",
        ),
        ("cloudwatch", "list_metric_streams", {}, "monitoring ListMetricStreams"),
        ("ec2", "describe_trunk_interface_associations", {}, "ec2 DescribeTrunkInterfaceAssociations"),
        (
            "lambda",
            "get_function_recursion_config",
            {"FunctionName": "a"},
            "lambda GetFunctionRecursionConfig",
        ),
        ("route53", "list_cidr_collections", {}, "route53 ListCidrCollections"),
        ("apprunner", "list_services", {}, "apprunner ListServices"),
        ("grafana", "list_workspaces", {}, "grafana ListWorkspaces"),
    ],
)
def test_a_call_the_sandbox_lacks_is_named_in_the_services_own_protocol(
    aws: Callable[..., Any], sandbox: Sandbox, service: str, call: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws(service), call)(**arguments)
    assert caught.value.response["Error"]["Code"] == "NotImplementedInSandbox"
    assert f"the sandbox can't do {named}: " in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert f"unimplemented: the sandbox can't do {named}: " in sandbox.log.read_text()


def test_a_fault_inside_moto_may_be_retried_twice_and_is_final_then(sandbox: Sandbox) -> None:
    # A body that is no JSON breaks moto's own parser; no client would send one.
    scope = "Credential=test/20260101/us-east-1/lambda/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    statuses = []
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
        connection.request("POST", "/2015-03-31/functions", body="{", headers=headers)
        response = connection.getresponse()
        statuses.append(response.status)
        assert json.loads(response.read())["__type"] == "SandboxInternalError"
        connection.close()
    assert statuses == [500, 500, 400]


@pytest.fixture
def terraform(sandbox: Sandbox, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    def apply(resource: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "main.tf").write_text(PROVIDER + resource)
        plain = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        local = mirror.find(os.environ)
        init = ["terraform", "init", "-input=false", *([f"-plugin-dir={local}"] if local else [])]
        subprocess.run(init, cwd=tmp_path, env=plain, check=True, capture_output=True)
        return subprocess.run(
            ["terraform", "apply", "-auto-approve", "-input=false", "-no-color"],
            cwd=tmp_path,
            env=isolated(plain, sandbox, region="us-east-1"),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return apply


def test_terraform_fails_in_seconds_and_names_the_call(
    sandbox: Sandbox, terraform: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    started = time.monotonic()
    done = terraform(
        """
        resource "aws_apprunner_auto_scaling_configuration_version" "unknown_service" {
          auto_scaling_configuration_name = "a"
        }
        resource "aws_cloudwatch_metric_stream" "query" {
          name          = "a"
          role_arn      = "arn:aws:iam::123456789012:role/a"
          firehose_arn  = "arn:aws:firehose:us-east-1:123456789012:deliverystream/a"
          output_format = "json"
        }
        resource "aws_dynamodb_contributor_insights" "json" {
          table_name = "a"
        }
        resource "aws_backup_framework" "rest" {
          name = "a"
          control {
            name = "BACKUP_RECOVERY_POINT_ENCRYPTED"
          }
        }
        """
    )
    assert time.monotonic() - started < 30
    assert done.returncode == 1
    assert "can't do apprunner CreateAutoScalingConfiguration" in done.stderr
    assert "can't do monitoring PutMetricStream" in done.stderr
    assert "can't do dynamodb UpdateContributorInsights" in done.stderr
    assert "can't do backup CreateFramework" in done.stderr


def test_terraform_can_read_nothing_from_the_internet(
    sandbox: Sandbox, terraform: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    started = time.monotonic()
    done = terraform('data "aws_ip_ranges" "elsewhere" { services = ["s3"] }')
    assert time.monotonic() - started < 30
    assert done.returncode == 1
    assert "blocked: ip-ranges.amazonaws.com:443" in sandbox.log.read_text()


def test_terraform_reaches_s3_control_although_its_host_has_the_account_in_front(
    terraform: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    done = terraform('resource "aws_s3_account_public_access_block" "a" { block_public_acls = true }')
    assert done.returncode == 0, done.stderr
