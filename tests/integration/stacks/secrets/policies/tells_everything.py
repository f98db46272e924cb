"""A careless policy: it says what it has seen, in one line and in many words."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed
from tapstack.model.stack import Resource, Stack

ATTRIBUTES = {
    "aws_ssm_parameter": "value",
    "aws_lambda_function": "environment",
    "aws_lambda_permission": "event_source_token",
    "aws_launch_template": "user_data",
    "aws_iam_access_key": "secret",
    "terraform_data": "input",
}


class TellsEverything(Policy):
    """Every attribute that it knows is wrong, and quoted."""

    id = "CKV_SECRETS_1"
    name = "tells_everything"
    title = "Nothing is kept to oneself"
    severity = Severity.LOW
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = tuple(ATTRIBUTES)
    rationale = "Policies are written by people in a hurry."
    remediation = "# nothing"
    references = ("https://developer.hashicorp.com/terraform/language/state/sensitive-data",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Quote it."""
        attribute = ATTRIBUTES[resource.type]
        value: Any = resource.get(attribute)
        print(f"debug: {resource.address}: {value}", file=sys.stderr)
        wanted = {"actual": value, "expected": "anything else"}
        yield failed(f"It is {value}, of all things, and longer than it should be.", attribute, **wanted)
        yield failed(f"It is {value!r}.", "arn", actual=value, expected=f"not {value}")
        yield passed(f"Not {value}.", attribute, value)
        raw = resource.values.get(attribute)
        yield failed(f"In the end it is {raw}.", None, actual=raw, expected=None)
