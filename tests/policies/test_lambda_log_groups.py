"""When a function's log group is its own: names that are known, made alike, or chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.gate.registry import Registry
from tapstack.model.state import from_state
from tests.policies.conftest import judge_hcl, judge_stack, verdicts

POLICY = "lambda_owns_its_log_group"
STACK = """
variable "suffix" {{}}
locals {{
  names = {{ for name in ["writer", "reader"] : name => "acme-${{name}}" }}
}}
resource "aws_cloudwatch_log_group" "g" {{
  {0}
}}
resource "aws_lambda_function" "f" {{
  {1}
}}
"""


def verdict(group: str, function: str, directory: Path, registry: Registry) -> set[str]:
    (directory / "main.tf").write_text(STACK.format(group, function))
    ledger = judge_hcl(directory, registry, POLICY)
    assert ledger.errors == ()
    return set(verdicts(ledger).values())


@pytest.mark.parametrize(
    ("group", "function", "expected"),
    [
        (
            'for_each = local.names\nname = "/aws/lambda/${each.value}"',
            "for_each = local.names\nfunction_name = each.value\ndepends_on = [aws_cloudwatch_log_group.g]",
            "PASS",
        ),
        (
            'name = "/aws/lambda/orders-${var.suffix}"',
            'function_name = "orders-${var.suffix}"\ndepends_on = [aws_cloudwatch_log_group.g]',
            "PASS",
        ),
        (
            'name = "/aws/lambda/orders-${var.suffix}"',
            'function_name = "orders"\ndepends_on = [aws_cloudwatch_log_group.g]',
            "UNKNOWN",
        ),
        ('name = "/aws/lambda/orders-${var.suffix}"', 'function_name = "orders-${var.suffix}"', "FAIL"),
        (
            'name = "/aws/lambda/orders"',
            'function_name = "orders"\nlogging_config {\n log_group = "/aws/lambda/orders"\n}',
            "FAIL",
        ),
        (
            'name = "/aws/lambda/orders"',
            'function_name = "orders"\nlogging_config {\n log_format = "JSON"\n}\n'
            "depends_on = [aws_cloudwatch_log_group.g]",
            "PASS",
        ),
        (
            'name = "mine"',
            'function_name = "orders"\nlogging_config {\n log_group = var.suffix\n}\n'
            "depends_on = [aws_cloudwatch_log_group.g]",
            "UNKNOWN",
        ),
        ('name = "mine"', 'function_name = "orders"\ndepends_on = [aws_cloudwatch_log_group.g]', "FAIL"),
    ],
)
def test_the_group_must_be_the_functions_and_before_it(
    group: str, function: str, expected: str, tmp_path: Path, registry: Registry
) -> None:
    assert verdict(group, function, tmp_path, registry) == {expected}


def test_a_group_that_this_stack_only_reads_is_not_its_own(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "main.tf").write_text(
        'data "aws_cloudwatch_log_group" "g" {\n  name = "shared"\n}\n'
        'resource "aws_lambda_function" "f" {\n  function_name = "f"\n  logging_config {\n'
        "    log_group = data.aws_cloudwatch_log_group.g.name\n  }\n}\n"
    )
    assert verdicts(judge_hcl(tmp_path, registry, POLICY)) == {"aws_lambda_function.f": "FAIL"}


@pytest.mark.parametrize(("depends_on", "expected"), [(["aws_cloudwatch_log_group.g"], "PASS"), ([], "FAIL")])
def test_a_state_knows_what_the_function_was_made_after(
    depends_on: list[str], expected: str, registry: Registry
) -> None:
    group = {"name": "/aws/lambda/orders"}
    function = {
        "function_name": "orders",
        "logging_config": [{"log_format": "Text", "log_group": "/aws/lambda/orders"}],
    }
    resources = [
        {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name, "values": values}
        | ({"depends_on": depends_on} if depends_on and name == "f" else {})
        for type_, name, values in (
            ("aws_cloudwatch_log_group", "g", group),
            ("aws_lambda_function", "f", function),
        )
    ]
    stack = from_state({"format_version": "1.0", "values": {"root_module": {"resources": resources}}})
    assert verdicts(judge_stack(stack, registry, POLICY)) == {"aws_lambda_function.f": expected}
