"""What pattern, types and the stack's variables change in the verdicts about names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.registry import Registry
from tests.policies.conftest import judge_hcl, verdicts

VARIABLES = 'variable "company" {}\nvariable "environment" {}\n'
DEV = {"company": "acme", "environment": "dev"}


def verdict(
    text: str,
    directory: Path,
    registry: Registry,
    parameters: dict[str, Any] | None = None,
    variables: dict[str, Any] | None = DEV,
) -> str:
    (directory / "main.tf").write_text(VARIABLES + text)
    ledger = judge_hcl(directory, registry, "naming_convention", parameters, variables)
    assert ledger.errors == ()
    (found,) = verdicts(ledger).values()
    return found


def queue(name: str) -> str:
    return f'resource "aws_sqs_queue" "q" {{\n  name = "{name}"\n}}\n'


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("orders-dev", ".*-{environment}$", "PASS"),
        ("orders-dev-2", ".*-{environment}$", "FAIL"),
        ("acme_dev_orders", "{company}_{environment}_[a-z]{3,10}$", "PASS"),
        ("orders-acme", "{company}", "FAIL"),
    ],
)
def test_the_pattern_decides(
    name: str, pattern: str, expected: str, tmp_path: Path, registry: Registry
) -> None:
    assert verdict(queue(name), tmp_path, registry, {"pattern": pattern}) == expected


def test_a_variables_value_is_no_regular_expression(tmp_path: Path, registry: Registry) -> None:
    variables = {"company": "a.e", "environment": "dev"}
    assert verdict(queue("ace-dev-x"), tmp_path, registry, variables=variables) == "FAIL"
    assert verdict(queue("a.e-dev-x"), tmp_path, registry, variables=variables) == "PASS"


def test_each_environment_has_names_of_its_own(tmp_path: Path, registry: Registry) -> None:
    prod = {"company": "acme", "environment": "prod"}
    assert verdict(queue("acme-dev-orders"), tmp_path, registry, variables=prod) == "FAIL"
    assert verdict(queue("acme-${var.environment}-orders"), tmp_path, registry, variables=prod) == "PASS"


@pytest.mark.parametrize(
    ("type_", "attribute", "name"),
    [
        ("aws_cloudwatch_log_group", "name", "/aws/vendedlogs/states/acme-dev-orders"),
        ("aws_cloudwatch_log_group", "name", "/acme-dev/orders"),
        ("aws_cloudwatch_log_group", "name", "aws-waf-logs-acme-dev"),
        ("aws_ssm_parameter", "name", "/acme-dev/orders"),
        ("aws_lambda_function", "function_name", "acme-dev-orders"),
        ("aws_db_instance", "identifier", "acme-dev-orders"),
        ("aws_db_instance", "identifier_prefix", "acme-dev"),
    ],
)
def test_what_aws_wants_in_front_of_a_name_is_not_part_of_it(
    type_: str, attribute: str, name: str, tmp_path: Path, registry: Registry
) -> None:
    text = f'resource "{type_}" "r" {{\n  {attribute} = "%s"\n}}\n'
    # Followed by a number of Terraform's, acme-dev is the beginning of another environment's name.
    expected = "FAIL" if attribute.endswith("_prefix") else "PASS"
    assert verdict(text % name, tmp_path, registry) == expected
    assert verdict(text % name.replace("dev", "prod"), tmp_path, registry) == "FAIL"


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("${var.company}-${var.environment}-${aws_x.y.id}", None, "PASS"),
        ("${var.company}-${var.environment}${aws_x.y.id}", None, "UNKNOWN"),
        ("${var.company}${aws_x.y.id}", None, "UNKNOWN"),
        ("orders-${aws_x.y.id}", None, "FAIL"),
        ("${aws_x.y.id}-dev", None, "UNKNOWN"),
        ("acme-dev-${aws_x.y.id}", ".*-{environment}$", "UNKNOWN"),
        ("orders-${aws_x.y.id}-dev", "orders-.+-{environment}$", "UNKNOWN"),
        ("orders-${aws_x.y.id}-dev", "orders-.*-{environment}$", "PASS"),
        ("orders-${aws_x.y.id}-q-dev", "orders-.+-{environment}$", "PASS"),
        ("orders-${aws_x.y.id}-q-prod", "orders-.+-{environment}$", "UNKNOWN"),
        ("orders-${aws_x.y.id}", "orders|{company}", "PASS"),
        ("shop-${aws_x.y.id}", "orders|{company}", "UNKNOWN"),
        ("shop-${aws_x.y.id}", "^{company}?", "PASS"),
        ("orders-${aws_x.y.id}", "{company}?orders-[a-z]{3}$", "UNKNOWN"),
    ],
)
def test_what_is_known_of_a_name_may_settle_it(
    name: str, pattern: str | None, expected: str, tmp_path: Path, registry: Registry
) -> None:
    parameters = {"pattern": pattern} if pattern else {}
    assert verdict(queue(name), tmp_path, registry, parameters) == expected


def test_what_ends_a_prefix_is_not_the_end_of_the_name(tmp_path: Path, registry: Registry) -> None:
    text = 'resource "aws_sns_topic" "t" {\n  name_prefix = "orders-${aws_x.y.id}-q-dev"\n}\n'
    assert verdict(text, tmp_path, registry, {"pattern": "orders-.+-{environment}$"}) == "UNKNOWN"


def test_types_may_be_added_and_taken_out(tmp_path: Path, registry: Registry) -> None:
    api = 'resource "aws_apigatewayv2_stage" "s" {\n  name = "live"\n}\n'
    assert verdict(api, tmp_path, registry) == "NOT_APPLICABLE"
    types = {"types": {"aws_apigatewayv2_stage": "name", "aws_sqs_queue": ""}}
    assert verdict(api, tmp_path, registry, types) == "FAIL"
    assert verdict(queue("orders"), tmp_path, registry, types) == "NOT_APPLICABLE"


def test_a_stack_without_the_packs_variables_is_not_judged_by_the_packs_pattern(
    tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(queue("orders"))
    ledger = judge_hcl(tmp_path, registry, "naming_convention")
    assert verdicts(ledger) == {"aws_sqs_queue.q": "NOT_APPLICABLE"}
    assert "var.company and var.environment" in ledger.others[0].message
    own = judge_hcl(tmp_path, registry, "naming_convention", {"pattern": "{company}-"})
    assert verdicts(own) == {"aws_sqs_queue.q": "UNKNOWN"}


def test_a_pattern_that_is_none_closes_the_gate(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "main.tf").write_text(queue("orders"))
    ledger = judge_hcl(tmp_path, registry, "naming_convention", {"pattern": "({company}"})
    assert ledger.exit_code == 4
    assert "no regular expression" in ledger.errors[0].message
