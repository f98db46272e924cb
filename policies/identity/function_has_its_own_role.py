"""Each function has a role of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from pydantic import Field

from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_FUNCTION = "aws_lambda_function"
_ROLE = "aws_iam_role"
_ATTRIBUTE = "role"


class FunctionHasItsOwnRole(Policy):
    """At most `max_functions` functions use a role: a finding per role, or per function whose role is elsewhere."""

    id = "CKV_TAP_407"
    name = "function_has_its_own_role"
    title = "No IAM role is shared by functions"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = (_ROLE, _FUNCTION)
    rationale = (
        "A shared role has what any of its functions needs, so each of them can do what all the others can: the "
        "reader can write. A change for one is a change for all."
    )
    remediation = 'resource "aws_lambda_function" "reader" {\n  role = aws_iam_role.reader.arn\n}'
    references = ("https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",)

    class Parameters(Policy.Parameters):
        """How many functions may use one role."""

        max_functions: int = Field(default=1, ge=1)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """A role by the functions that use it; a function only where its role is not one of the stack's."""
        if resource.type == _ROLE:
            uses = stack.users(resource, _FUNCTION)
            functions = {use.resource.address for use in uses if use.path == _ATTRIBUTE}
            if not functions:
                yield not_applicable("No function of the stack uses this role.")
            else:
                yield self._count(resource.address, functions, None, stack)
        else:
            yield self._function(resource, stack)

    def _function(self, function: Resource, stack: Stack) -> Evidence:
        role = stack.target(function, _ATTRIBUTE, _ROLE)
        if isinstance(role, Resource) and role.mode == "managed":
            return not_applicable(f"Its role {role.address} is judged by itself.")
        if isinstance(role, Resource):
            uses = stack.users(role, _FUNCTION)
            sharing = {use.resource.address for use in uses if use.path == _ATTRIBUTE}
            return self._count(role.address, sharing | {function.address}, _ATTRIBUTE, stack)
        if isinstance(role, str):
            return self._count(role, set(_by_role_elsewhere(stack)[role]), _ATTRIBUTE, stack)
        return unknown(
            "The function's role is not known yet, so it can't be told who shares it.",
            _ATTRIBUTE,
            actual=role if isinstance(role, Unknown) else None,
            expected=self._expected(),
        )

    def _count(self, role: str, functions: set[str], attribute: str | None, stack: Stack) -> Evidence:
        listed = ", ".join(sorted(functions))
        unattributed = _of_unknown_roles(stack) - functions
        most = self.parameters.max_functions
        if len(functions) <= most < len(functions) + len(unattributed):
            return unknown(
                f"{role} is used by {listed}; the role of {', '.join(sorted(unattributed))} is not known yet.",
                attribute,
                expected=self._expected(),
            )
        if len(functions) <= most:
            return passed(f"{role} is used by {listed}.", attribute, len(functions))
        return failed(
            f"{role} is shared by {len(functions)} functions: {listed}.",
            attribute,
            actual=len(functions),
            expected=self._expected(),
        )

    def _expected(self) -> str:
        most = self.parameters.max_functions
        return "a role for each function" if most == 1 else f"at most {most} functions for a role"


@lru_cache(maxsize=1)
def _by_role_elsewhere(stack: Stack) -> Mapping[str, list[str]]:
    """The addresses of functions by the ARN of a role that is not the stack's; worked out once for a stack."""
    found: dict[str, list[str]] = {}
    for function in stack.of_types((_FUNCTION,)):
        if isinstance(role := stack.target(function, _ATTRIBUTE, _ROLE), str):
            found.setdefault(role, []).append(function.address)
    return found


@lru_cache(maxsize=1)
def _of_unknown_roles(stack: Stack) -> frozenset[str]:
    """The addresses of functions that may have any role."""
    functions = stack.of_types((_FUNCTION,))
    return frozenset(
        one.address for one in functions if isinstance(stack.target(one, _ATTRIBUTE, _ROLE), Unknown)
    )
