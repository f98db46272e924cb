"""A function's log group is the stack's, and there before the function is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.text_parts import text_parts
from tapstack.model.values import Unknown, is_unset

_GROUP: Final = "aws_cloudwatch_log_group"
_TARGET: Final = "logging_config.0.log_group"
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
_PATH: Final = "/aws/lambda/"


class LambdaOwnsItsLogGroup(Policy):
    """The stack has the log group that the function writes to, and the function depends on it."""

    id = "CKV_TAP_302"
    name = "lambda_owns_its_log_group"
    title = "Lambda functions write to a log group of the stack that exists before them"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_function",)
    rationale = (
        "Where there is no log group, Lambda makes one at the first invocation: without a key, without "
        "retention, and left behind when the stack is destroyed. If that comes before Terraform makes the "
        "stack's own, the deployment fails half-way, because the name is taken."
    )
    remediation = (
        'resource "aws_cloudwatch_log_group" "this" {\n'
        '  name              = "/aws/lambda/${local.function_name}"\n'
        "  retention_in_days = 14\n"
        "}\n\n"
        'resource "aws_lambda_function" "this" {\n'
        "  # ...\n"
        "  depends_on = [aws_cloudwatch_log_group.this]\n"
        "}"
    )
    references = ("https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """The group that `logging_config` names, else the one that Lambda takes by itself."""
        target = stack.target(resource, _TARGET, _GROUP)
        if isinstance(target, Resource):
            yield _chosen(resource, target, stack)
        elif is_unset(target) or target == "":
            yield _by_name(resource, stack)
        elif isinstance(target, Unknown):
            yield unknown("Which log group the function writes to is not known yet.", _TARGET, actual=target)
        else:
            yield failed(
                f"The function writes to the log group {target}, which is not in this stack.",
                _TARGET,
                actual=target,
                expected=f"an {_GROUP} of this stack",
            )


def _chosen(function: Resource, group: Resource, stack: Stack) -> Evidence:
    if group.mode != "managed":
        return failed(
            f"The function writes to {group.address}, which this stack only reads.",
            _TARGET,
            actual=group.address,
            expected=f"an {_GROUP} of this stack",
        )
    if group.address in _groups_before(stack, stack.dependencies(function)):
        return passed(f"{group.address} is made before the function.", _TARGET, group.address)
    return _not_before(group.address)


def _by_name(function: Resource, stack: Stack) -> Evidence:
    before = _groups_before(stack, stack.dependencies(function))
    name = function.get("function_name")
    named = _groups_by_name(stack).get(f"{_PATH}{name}", []) if isinstance(name, str) else []
    own = next((group for group in named if group in before), None)
    # A group of another name that is known is not it; of the others each must be looked at.
    hidden = [] if own else [group for group in before if not isinstance(name, str) or not before[group]]
    answers = {group: _is_own(stack.resources[group], function, stack) for group in hidden}
    own = own or next((group for group, is_own in answers.items() if is_own), None)
    if own:
        return passed(f"{own} has the function's name and is made before it.", "depends_on", own)
    for group, is_own in answers.items():
        if is_own is None:
            return unknown(
                f"Whether {group} has the function's name is not known yet.",
                "function_name",
                actual=name,
                expected=f"{_PATH}<function name>",
            )
    # Whatever the name of another group turns out to be: the function would not wait for it.
    late = [*named, *(use.resource.address for use in stack.users(function, _GROUP))]
    return _not_before(late[0]) if late else _without_group(name)


def _without_group(name: object) -> Evidence:
    shown = f"{_PATH}{name}" if isinstance(name, str) else f"{_PATH}<its name>"
    return failed(
        f"No log group {shown} is made before the function: Lambda will make one, unencrypted and for ever.",
        "function_name",
        actual=name,
        expected=f"an {_GROUP} named {shown} in depends_on",
    )


def _not_before(group: str) -> Evidence:
    return failed(
        f"The function does not depend on {group}: Lambda can be sooner and make it itself.",
        "depends_on",
        expected=f"depends_on = [{group}]",
    )


@lru_cache(maxsize=4096)
def _groups_before(stack: Stack, needed: frozenset[str]) -> dict[str, bool]:
    """The stack's log groups that something which needs these addresses depends on, directly or not, in order;
    and whether their names are known. All instances of a block need the same: asked once for all of them.
    """
    seen: set[str] = set()
    pending = [needed]
    while pending:
        new = pending.pop() - seen
        seen |= new
        pending += {stack.dependencies(stack.resources[one]) for one in new if one in stack.resources}
    groups = (stack.resources[one] for one in sorted(seen) if one in stack.resources)
    return {
        group.address: isinstance(group.get("name"), str)
        for group in groups
        if group.type == _GROUP and group.mode == "managed"
    }


def _is_own(group: Resource, function: Resource, stack: Stack) -> bool | None:
    """Whether a group's name is the function's; None where it can't be told."""
    given = text_parts(stack, group, "name")
    name = text_parts(stack, function, "function_name")
    wanted = (_PATH + name[0], *name[1:]) if name and isinstance(name[0], str) else (_PATH, *name)
    hidden = [part for part in (*given, *wanted) if isinstance(part, Unknown)]
    if not hidden or not given:
        return given == wanted
    begins = given[0] if isinstance(given[0], str) else ""
    if not (begins.startswith(str(wanted[0])) or str(wanted[0]).startswith(begins)):
        return False
    # Where expressions can't be seen, a name is one unknown part; being made of the same settles it.
    same = given in (wanted, name) and all(part.references for part in hidden)
    return True if same else None


@lru_cache(maxsize=2)
def _groups_by_name(stack: Stack) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for group in stack.of_types((_GROUP,)):
        if isinstance(name := group.get("name"), str):
            found.setdefault(name, []).append(group.address)
    return found
