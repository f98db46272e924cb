"""The pack under plain checkov: what its report shows of a policy, the stack's own parameters, and failing closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.registry import Registry
from tests.policies.conftest import PACK

pytestmark = pytest.mark.real

STACK = """
resource "aws_cloudwatch_log_group" "month" {
  retention_in_days = 30
}

resource "aws_cloudwatch_log_group" "fortnight" {
  retention_in_days = 14
}

resource "aws_cloudwatch_log_group" "other" {
  retention_in_days = 14
}

resource "aws_kms_key" "main" {
  enable_key_rotation = false
}
"""
SETTINGS = """
[environments.prod]

[policies]
disabled = ["CKV_TAP_101"]

[policies.log_group_retention]
exactly = 30
severity = "CRITICAL"
ignore = [{ address = "*.other", reason = "not ours" }]

[environments.prod.policies.log_group_retention]
exactly = 14
"""
POLICY = """
from tapstack.gate.policy import Enforcement, Policy, Severity, failed, passed


class Acme(Policy):
    id = "CKV_ACME_1"
    name = "acme"
    title = "Acme"
    severity = Severity.LOW
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = ("aws_kms_key",)
    rationale = "To try."
    remediation = "None."
    references = ("https://example.com",)

    def evaluate(self, resource, stack):
        {body}
"""


def checkov(stack: Path, policies: Path, *checks: str, environment: str = "sandbox") -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "checkov.main", "--directory", str(stack), "--output", "json"),
            *("--external-checks-dir", str(policies), "--framework", "terraform"),
            *("--check", ",".join(checks), "--skip-download", "--soft-fail"),
        ],
        capture_output=True,
        env=os.environ | {"TAP_ENV": environment},
        text=True,
        check=True,
    )
    return {
        f"{record['check_id']} {record['resource']}": record | {"verdict": verdict}
        for verdict in ("passed", "failed")
        for record in json.loads(done.stdout).get("results", {}).get(f"{verdict}_checks", ())
    }


def verdicts(records: dict[str, Any]) -> dict[str, str]:
    return {name: record["verdict"] for name, record in records.items()}


def stack(directory: Path, settings: str = "") -> Path:
    (directory / "main.tf").write_text(STACK)
    if settings:
        (directory / "tap.toml").write_text(settings)
    return directory


def own(directory: Path, body: str) -> Path:
    policies = directory / "policies"
    policies.mkdir()
    (policies / "__init__.py").write_text("")
    (policies / "acme.py").write_text(POLICY.format(body=body))
    return policies


def test_the_stacks_parameters_severity_and_exceptions_hold_under_checkov(
    tmp_path: Path, registry: Registry
) -> None:
    records = checkov(stack(tmp_path, SETTINGS), PACK, "CKV_TAP_101", "CKV_TAP_301")
    assert verdicts(records) == {
        "CKV_TAP_301 aws_cloudwatch_log_group.month": "passed",
        "CKV_TAP_301 aws_cloudwatch_log_group.fortnight": "failed",
    }
    record = records["CKV_TAP_301 aws_cloudwatch_log_group.fortnight"]
    policy = registry.find("CKV_TAP_301")
    assert policy is not None
    assert (record["check_name"], record["guideline"]) == (policy.title, policy.references[0])
    assert record["severity"] == "CRITICAL"
    assert record["check_result"]["evaluated_keys"] == ["retention_in_days"]
    assert len(record["details"]) == 1


def test_tap_env_chooses_the_environment(tmp_path: Path) -> None:
    records = checkov(stack(tmp_path, SETTINGS), PACK, "CKV_TAP_301", environment="prod")
    assert verdicts(records)["CKV_TAP_301 aws_cloudwatch_log_group.month"] == "failed"


@pytest.mark.parametrize("settings", ["[policies", "[policies.log_group_retention]\nexactly = 13\n"])
def test_settings_that_can_not_be_used_fail_everything_they_are_about(tmp_path: Path, settings: str) -> None:
    found = verdicts(checkov(stack(tmp_path, settings), PACK, "CKV_TAP_301"))
    assert set(found.values()) == {"failed"}
    assert len(found) == 3


def test_without_tap_toml_the_policies_defaults_hold(tmp_path: Path) -> None:
    found = verdicts(checkov(stack(tmp_path), PACK, "CKV_TAP_101", "CKV_TAP_301"))
    assert found == {
        "CKV_TAP_101 aws_kms_key.main": "failed",
        "CKV_TAP_301 aws_cloudwatch_log_group.month": "failed",
        "CKV_TAP_301 aws_cloudwatch_log_group.fortnight": "passed",
        "CKV_TAP_301 aws_cloudwatch_log_group.other": "passed",
    }


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("raise KeyError('nothing')", "failed"),
        ("return ()", "failed"),
        ("yield failed('It fails.'); stack.of_types(('aws_sns_topic',))", "failed"),
        ("yield passed('It passes.'); stack.of_types(('aws_sns_topic',))", None),
        ("stack.of_types(('aws_sns_topic',)); yield failed('It fails.')", None),
        ("yield passed('It passes.')", "passed"),
    ],
    ids=["raises", "says nothing", "fails, then looks", "passes, then looks", "looks first", "passes"],
)
def test_a_verdict_stands_that_was_given_without_a_look_beyond_the_block(
    tmp_path: Path, body: str, verdict: str | None
) -> None:
    found = verdicts(checkov(stack(tmp_path), own(tmp_path, body), "CKV_ACME_1"))
    assert found == ({"CKV_ACME_1 aws_kms_key.main": verdict} if verdict else {})
