"""What the identity policies say beyond their examples."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tapstack.gate.registry import Registry
from tapstack.model.plan import from_plan
from tests.policies.conftest import judge_hcl, judge_stack, verdicts

ROLE = """
resource "aws_iam_role" "r" {{
  name               = "r"
  assume_role_policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "sts:AssumeRole", {} }}] }})
}}
"""
POLICY = """
resource "aws_iam_policy" "p" {{
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", {} }}] }})
}}
"""
ATTACHMENT = 'resource "aws_iam_role_policy_attachment" "a" {{\n  role = "r"\n  policy_arn = "{}"\n}}\n'
KEY = """
resource "aws_kms_key" "k" {{
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "kms:*", Resource = "*", {} }}] }})
}}
"""
PERMISSION = """
resource "aws_lambda_permission" "p" {{
  function_name = "f"
  action        = "lambda:InvokeFunction"
  {}
}}
"""
AWS = "arn:aws:iam::aws:policy"
EVERYBODY = 'Principal = { AWS = "*" }, Condition = '

CASES: list[tuple[str, str, str, dict[str, Any], str]] = [
    (POLICY, 'Action = "s3:Get*", Resource = "arn:aws:s3:::b/*"', "iam_no_wildcard_actions", {}, "PASS"),
    (POLICY, 'Action = "s3:**", Resource = "arn:aws:s3:::b/*"', "iam_no_wildcard_actions", {}, "FAIL"),
    (POLICY, 'Action = "kms:*", Resource = "arn:aws:kms:::key/1"', "iam_no_wildcard_actions", {}, "FAIL"),
    (POLICY, 'Action = "ec2:CreateTags", Resource = "*"', "iam_no_wildcard_resources", {}, "FAIL"),
    (POLICY, 'Action = "xray:*", Resource = "*"', "iam_no_wildcard_resources", {}, "FAIL"),
    (POLICY, 'Action = "ec2:DescribeSubnets", Resource = "*"', "iam_no_wildcard_resources", {}, "PASS"),
    (POLICY, 'NotAction = "iam:*", Resource = "*"', "iam_no_wildcard_resources", {}, "FAIL"),
    (POLICY, 'NotAction = "iam:*", Resource = "arn:aws:s3:::b"', "iam_no_wildcard_resources", {}, "PASS"),
    (ATTACHMENT, f"{AWS}/AdministratorAccess", "iam_no_administrator", {"policies": ["Power*"]}, "PASS"),
    (ATTACHMENT, f"{AWS}/job-function/Billing", "iam_no_administrator", {"policies": ["Billing"]}, "FAIL"),
    (ATTACHMENT, f"{AWS}/ReadOnlyAccess", "iam_no_administrator", {}, "PASS"),
    (ROLE, 'NotPrincipal = { AWS = "111122223333" }', "role_trust_is_narrow", {}, "FAIL"),
    (ROLE, 'Principal = { Service = "*" }', "role_trust_is_narrow", {}, "FAIL"),
    (
        ROLE,
        'Principal = { Service = ["a.amazonaws.com", "b.amazonaws.com"] }',
        "role_trust_is_narrow",
        {},
        "PASS",
    ),
    (
        ROLE,
        'Principal = { AWS = "111122223333" }, Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }',
        "role_trust_is_narrow",
        {},
        "PASS",
    ),
    (
        ROLE,
        'Principal = { Federated = "cognito-identity.amazonaws.com" }, Condition = '
        '{ StringEquals = { "cognito-identity.amazonaws.com:aud" = "us-east-1:pool" } }',
        "role_trust_is_narrow",
        {},
        "PASS",
    ),
    # What AWS itself writes into the policy of a new topic.
    (
        KEY,
        EVERYBODY + '{ StringEquals = { "AWS:SourceOwner" = "111122223333" } }',
        "resource_policy_not_public",
        {},
        "PASS",
    ),
    (
        KEY,
        EVERYBODY + '{ StringEqualsIfExists = { "aws:PrincipalOrgID" = "o-1" } }',
        "resource_policy_not_public",
        {},
        "FAIL",
    ),
    (PERMISSION, 'principal = "*"\n  principal_org_id = "o-1"', "resource_policy_not_public", {}, "PASS"),
    (
        PERMISSION,
        'principal = "*"\n  function_url_auth_type = "NONE"',
        "resource_policy_not_public",
        {},
        "FAIL",
    ),
]


@pytest.mark.parametrize(("template", "text", "policy", "parameters", "verdict"), CASES)
def test_a_document_gets_the_verdict_that_its_words_deserve(
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


def test_a_role_may_serve_as_many_functions_as_the_parameter_says(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_iam_role" "r" {\n  name = "r"\n  assume_role_policy = "{}"\n}\n'
        'resource "aws_lambda_function" "f" {\n  for_each = toset(["a", "b"])\n'
        "  function_name = each.key\n  role = aws_iam_role.r.arn\n}\n"
    )
    for most, verdict in ((1, "FAIL"), (2, "PASS")):
        ledger = judge_hcl(tmp_path, registry, "function_has_its_own_role", {"max_functions": most})
        assert verdicts(ledger)["aws_iam_role.r"] == verdict


MAPPING = """
resource "aws_dynamodb_table" "t" {{
  name           = "t"
  stream_enabled = true
}}

resource "aws_iam_role" "r" {{
  name               = "r"
  assume_role_policy = "{{}}"
  {role}
}}

resource "aws_lambda_function" "f" {{
  function_name = "f"
  role          = aws_iam_role.r.arn
}}

resource "aws_lambda_event_source_mapping" "m" {{
  event_source_arn = aws_dynamodb_table.t.stream_arn
  function_name    = aws_lambda_function.f.arn
}}
{rest}
"""
INLINE = """inline_policy {{
    name   = "i"
    policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = {}, Resource = {} }}] }})
  }}"""
STREAM = '["dynamodb:DescribeStream", "dynamodb:Get*", "dynamodb:ListStreams"]'
DENIES = """
resource "aws_iam_role_policy" "p" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Statement = [{ Effect = "Deny", Action = "dynamodb:GetRecords", Resource = "*" }] })
}
"""
EXECUTION = f"{AWS}/service-role/AWSLambdaDynamoDBExecutionRole"
ATTACHED = f"""
resource "aws_iam_policy_attachment" "a" {{
  name       = "a"
  roles      = [aws_iam_role.r.name]
  policy_arn = "{EXECUTION}"
}}
"""


@pytest.mark.parametrize(
    ("role", "rest", "verdict"),
    [
        (INLINE.format(STREAM, "aws_dynamodb_table.t.stream_arn"), "", "PASS"),
        (INLINE.format(STREAM, '"${aws_dynamodb_table.t.arn}/stream/*"'), "", "PASS"),
        (INLINE.format(STREAM, '"arn:aws:dynamodb:us-east-1:111122223333:table/t/stream/*"'), "", "PASS"),
        (INLINE.format(STREAM, '"arn:aws:dynamodb:us-east-1:111122223333:table/t"'), "", "FAIL"),
        (INLINE.format(STREAM, '"arn:aws:dynamodb:us-east-1:111122223333:table/u/stream/*"'), "", "FAIL"),
        (INLINE.format('"*"', '"*"'), "", "PASS"),
        (INLINE.format('"*"', '"*"'), DENIES, "FAIL"),
        (f'managed_policy_arns = ["{EXECUTION}"]', "", "PASS"),
        (f'managed_policy_arns = ["{EXECUTION}"]', DENIES, "FAIL"),
        (f'managed_policy_arns = ["{AWS}/service-role/AWSLambdaSQSQueueExecutionRole"]', "", "FAIL"),
        (f'managed_policy_arns = ["{AWS}/SomethingElse"]', "", "UNKNOWN"),
        ("", ATTACHED, "PASS"),
        ("", "", "FAIL"),
    ],
)
def test_every_way_to_give_a_role_a_policy_counts_for_its_event_source(
    role: str, rest: str, verdict: str, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "main.tf").write_text(MAPPING.format(role=role, rest=rest))
    ledger = judge_hcl(tmp_path, registry, "role_can_read_its_event_source")
    assert ledger.errors == ()
    assert list(verdicts(ledger).values()) == [verdict]


def test_what_is_missing_is_said_action_by_action(tmp_path: Path, registry: Registry) -> None:
    role = INLINE.format('["dynamodb:Get*"]', "aws_dynamodb_table.t.stream_arn")
    (tmp_path / "main.tf").write_text(MAPPING.format(role=role, rest=""))
    (finding,) = judge_hcl(tmp_path, registry, "role_can_read_its_event_source").findings
    assert finding.message == (
        "aws_iam_role.r does not allow dynamodb:DescribeStream, dynamodb:ListStreams on aws_dynamodb_table.t."
    )


def test_the_managed_policies_allow_what_the_table_says(registry: Registry) -> None:
    policy = registry.find("role_can_read_its_event_source")
    assert policy is not None
    module = sys.modules[policy.__module__]
    documents = json.loads(aws_managed_policies_data)
    judged = [action for kind in module._KINDS.values() for need in kind.actions for action in need]
    for name, granted in module._MANAGED.items():
        statements = documents[name]["Document"]["Statement"]
        listed = [s["Action"] if isinstance(s["Action"], list) else [s["Action"]] for s in statements]
        theirs = {action for actions in listed for action in actions}
        assert theirs.intersection((*judged, "kms:Decrypt", "*")) == set(granted), name


def test_the_callers_account_is_not_another_one(registry: Registry) -> None:
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            }
        ]
    }
    for account, verdict in (("111122223333", "PASS"), ("444455556666", "FAIL")):
        ledger = judge_stack(from_plan(_plan(trust, account)), registry, "role_trust_is_narrow")
        assert verdicts(ledger) == {"aws_iam_role.r": verdict}


def _plan(trust: dict[str, Any], account: str) -> dict[str, Any]:
    """What a plan says that creates a role, its provider's account already looked up."""
    caller = {"mode": "data", "type": "aws_caller_identity", "name": "c"}
    role = {"mode": "managed", "type": "aws_iam_role", "name": "r"}
    identity = {"address": "data.aws_caller_identity.c", **caller, "values": {"account_id": account}}
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": {}},
        "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": [identity]}}},
        "resource_changes": [
            {
                "address": "aws_iam_role.r",
                **role,
                "change": {
                    "actions": ["create"],
                    "after": {"assume_role_policy": json.dumps(trust)},
                    "after_unknown": {"arn": True},
                },
            }
        ],
        "configuration": {
            "root_module": {
                "resources": [
                    {**caller, "provider_config_key": "aws", "expressions": {}},
                    {**role, "provider_config_key": "aws", "expressions": {"assume_role_policy": {}}},
                ]
            }
        },
    }
