"""Functions reserve concurrency as the stack agreed: none, some, or exactly so much."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic import Field

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_number, is_unset

_ATTRIBUTE: Final = "reserved_concurrent_executions"
# What the provider has for a function without a reservation:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/lambda_function
_NONE: Final = -1


class LambdaReservedConcurrency(Policy):
    """No reservation (`mode = "forbidden"`), whatever it is ("any"), or `exactly` so many executions."""

    id = "CKV_TAP_602"
    name = "lambda_reserved_concurrency"
    title = "Lambda functions reserve concurrency as agreed"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_function",)
    rationale = (
        "A reservation is a promise and a limit at once: the function never gets more, and every other function "
        "of the account shares what is left. Where one must scale to the account's limit it stops a fail-over; "
        "where what is behind it can take only so much, it must be there. Sharpens checkov's CKV_AWS_115, which "
        "wants a reservation on every function."
    )
    remediation = (
        '# With mode = "forbidden", leave reserved_concurrent_executions out; with exactly = 50:\n'
        "reserved_concurrent_executions = 50"
    )
    references = (
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html#reserved-and-provisioned",
    )

    class Parameters(Policy.Parameters):
        """`exactly`, in concurrent executions, takes the place of `mode` where it is set."""

        mode: Literal["forbidden", "any"] = "forbidden"
        exactly: int | None = Field(default=None, ge=0)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the reservation is the agreed one."""
        value = as_number(resource.get(_ATTRIBUTE))
        reserved = _NONE if is_unset(value) else value
        if self.parameters.exactly is not None:
            yield self._is(reserved, self.parameters.exactly, str(self.parameters.exactly))
        elif self.parameters.mode == "forbidden":
            yield self._is(reserved, _NONE, "no reservation")
        else:
            yield passed("Any reservation is allowed.", _ATTRIBUTE, reserved)

    def _is(self, reserved: Any, agreed: int, expected: str) -> Evidence:
        if isinstance(reserved, Unknown):
            return unknown(
                "The reservation is not known yet.", _ATTRIBUTE, actual=reserved, expected=expected
            )
        if reserved == agreed:
            return passed(f"The function {_words(reserved)}.", _ATTRIBUTE, reserved)
        instead = "must not reserve any" if agreed == _NONE else f"must reserve exactly {agreed}"
        return failed(
            f"The function {_words(reserved)}, and {instead}.", _ATTRIBUTE, actual=reserved, expected=expected
        )


def _words(reserved: Any) -> str:
    if reserved == _NONE:
        return "reserves no concurrency"
    if reserved == 0:
        return "reserves 0 concurrent executions, so that it can't run"
    return f"reserves {reserved} concurrent executions"
