"""What is everything: actions, resources and conditions of policy documents that leave nothing out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

from tapstack.model.policy_document import Statement
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_EVERY_ACTION: Final = re.compile(r"(?:[^:]+:)?[*?]*\*[*?]*")
_ANYTHING: Final = re.compile(r"[*?]*\*[*?]*")
_EVERY_PATH: Final = re.compile(r"[*?/:]*\*[*?/:]*")
# Attributes that AWS gives, or that its names restrict: never a wildcard.
_GIVEN: Final = re.compile(r"|(?:\w+_)?(?:arn|arns|id|ids|name|url|partition|region)")

# A negated operator, Null, and an operator with IfExists hold for strangers as well.
_NARROWING_OPERATORS: Final = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress", "bool"}
)
_PATTERN_OPERATORS: Final = frozenset({"stringlike", "arnequals", "arnlike"})


def is_every_action(action: str) -> bool:
    """Whether it is `*` or `service:*`."""
    return _EVERY_ACTION.fullmatch(action) is not None


def is_every_resource(pattern: str) -> bool:
    """Whether it is `*`, or an ARN that leaves region, account and resource open (`arn:aws:s3:::*`)."""
    if _ANYTHING.fullmatch(pattern):
        return True
    _arn, *parts = pattern.split(":", 5)
    rest = parts[2:]
    if len(parts) < 5 and pattern.endswith("*"):
        return all(not part or _ANYTHING.fullmatch(part) for part in rest)
    if not rest or _EVERY_PATH.fullmatch(rest[-1]) is None:
        return False
    return all(not part or _ANYTHING.fullmatch(part) for part in rest[:-1])


def is_given_by_aws(value: Unknown, owner: Resource, stack: Stack) -> bool:
    """Whether a value of `owner` is made of ARNs, ids and names alone: it is no wildcard, whatever it will be."""
    references = stack.resolve(owner, value)
    return bool(references) and all(
        one.resource.type.startswith("aws_") and _GIVEN.fullmatch(one.attribute.rpartition(".")[2])
        for one in references
    )


def is_narrowed(statement: Statement, keys: Iterable[str], owner: Resource, stack: Stack) -> bool | None:
    """Whether a condition on one of `keys` (lower case) keeps strangers out; None where its value decides."""
    answers: set[bool | None] = set()
    for operator, conditions in statement.conditions.items():
        name = operator.lower().removeprefix("foranyvalue:")
        if name in _NARROWING_OPERATORS:
            answers |= {
                _narrows(name, key.lower(), values, owner, stack)
                for key, values in conditions.items()
                if key.lower() in keys
            }
    return True if True in answers else None if None in answers else False


def _narrows(
    operator: str, key: str, values: tuple[str | Unknown, ...], owner: Resource, stack: Stack
) -> bool | None:
    unsure = not values
    for value in values:
        if isinstance(value, Unknown):
            unsure = unsure or (operator in _PATTERN_OPERATORS and not is_given_by_aws(value, owner, stack))
        elif _lets_everybody_in(operator, key, value):
            return False
    return None if unsure else True


def _lets_everybody_in(operator: str, key: str, value: str) -> bool:
    if operator == "bool":
        return value.lower() != "true"
    if operator == "ipaddress":
        return _is_every_address(value)
    return is_every_resource(value) if key.endswith("arn") else _ANYTHING.fullmatch(value) is not None


def _is_every_address(block: str) -> bool:
    try:
        return ip_network(block, strict=False).prefixlen == 0
    except ValueError:
        return False
