"""Functions take no more time and memory than the stack can pay for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import Field

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import as_number, is_unset

# What Lambda takes where nothing is set:
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#API_CreateFunction_RequestBody
_SECONDS_OF_AWS: Final = 3
_MB_OF_AWS: Final = 128


class LambdaSizeWithinBudget(Policy):
    """`timeout` and `memory_size` are at most `max_timeout_seconds` and `max_memory_mb`."""

    id = "CKV_TAP_603"
    name = "lambda_size_within_budget"
    title = "Lambda functions stay within their budget of time and memory"
    severity = Severity.LOW
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_function",)
    rationale = (
        "Lambda bills memory times duration, and a call that hangs is billed until its timeout: the product of "
        "the two is the most that one invocation can cost."
    )
    remediation = "timeout     = 30\nmemory_size = 512"
    references = (
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html",
    )

    class Parameters(Policy.Parameters):
        """Seconds and MB; AWS accepts 1 to 900 seconds and 128 to 10240 MB."""

        max_timeout_seconds: int = Field(default=60, ge=1, le=900)
        max_memory_mb: int = Field(default=1024, ge=128, le=10240)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """One piece of evidence about time, one about memory."""
        seconds, megabytes = self.parameters.max_timeout_seconds, self.parameters.max_memory_mb
        yield _at_most(resource, "timeout", "The function may run", "seconds", _SECONDS_OF_AWS, seconds)
        yield _at_most(resource, "memory_size", "The function has", "MB of memory", _MB_OF_AWS, megabytes)


def _at_most(
    resource: Resource, attribute: str, subject: str, unit: str, default: int, most: int
) -> Evidence:
    value = as_number(resource.get(attribute))
    number = default if is_unset(value) else value
    expected = f"at most {most}"
    if not isinstance(number, (int, float)):
        return unknown(f"The {attribute} is not known yet.", attribute, actual=number, expected=expected)
    said = f"{subject} {number} {unit}"
    if number <= most:
        return passed(f"{said}, of at most {most}.", attribute, number)
    return failed(f"{said}, and its budget is {most}.", attribute, actual=number, expected=expected)
