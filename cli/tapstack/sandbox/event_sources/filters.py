"""Event filtering: the patterns of filter criteria, checked once and asked about each record.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

Test = Callable[[object], bool]

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# What a key that is not there has for a value: no rule but {"exists": false} accepts it.
_ABSENT: Final = object()


class InvalidPattern(ValueError):
    """The text is no event pattern."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Patterns of which a record has to match one; without any, every record passes."""

    patterns: tuple[Mapping[str, Any], ...]

    def accept(self, facts: Mapping[str, Any]) -> bool:
        """Whether a record with these facts is for the function."""
        return not self.patterns or any(_matches(pattern, facts) for pattern in self.patterns)


@lru_cache(maxsize=256)
def compiled(texts: tuple[str, ...]) -> Criteria:
    """The criteria of the patterns `texts`, each a JSON object; raises InvalidPattern."""
    return Criteria(tuple(_pattern(text) for text in texts))


def _pattern(text: str) -> Mapping[str, Any]:
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPattern(f"not JSON: {error}") from error
    if not isinstance(pattern, dict) or not pattern:
        raise InvalidPattern("a pattern is a JSON object with at least one key")
    return _compiled(pattern)


def _compiled(pattern: dict[str, Any]) -> dict[str, Any]:
    """`pattern` with a tuple of tests in place of each list of rules."""
    done: dict[str, Any] = {}
    for key, rules in pattern.items():
        if key == "$or" and isinstance(rules, list):
            if not rules or not all(isinstance(rule, dict) for rule in rules):
                raise InvalidPattern("$or takes a list of patterns")
            done[key] = [_compiled(rule) for rule in rules]
        elif isinstance(rules, dict):
            done[key] = _compiled(rules)
        elif isinstance(rules, list) and rules:
            done[key] = tuple(_test(rule) for rule in rules)
        else:
            raise InvalidPattern(f"{key}: expected a list of rules or an object")
    return done


def _matches(pattern: Mapping[str, Any], facts: object) -> bool:
    if isinstance(facts, list):
        return any(_matches(pattern, one) for one in facts)
    known = facts if isinstance(facts, Mapping) else {}
    return all(_holds(key, rules, known) for key, rules in pattern.items())


def _holds(key: str, rules: Any, facts: Mapping[str, Any]) -> bool:
    if isinstance(rules, list):
        return any(_matches(pattern, facts) for pattern in rules)
    value = facts.get(key, _ABSENT)
    if isinstance(rules, Mapping):
        return _matches(rules, value)
    return any(test(one) for test in rules for one in _values(value))


def _values(value: object) -> Iterator[object]:
    """The leaves a rule is asked about: the elements of an array, one of which is enough."""
    if isinstance(value, list):
        yield from value or [_ABSENT]
    else:
        # An object is no leaf, so that "exists" does not see it.
        yield _ABSENT if isinstance(value, Mapping) else value


def _test(rule: object) -> Test:
    if not isinstance(rule, dict):
        return _equal_to(rule)
    if len(rule) != 1:
        raise InvalidPattern(f"a rule has one operator, not {len(rule)}")
    [(name, argument)] = rule.items()
    make = _OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(f"unknown operator {name}; there are {', '.join(_OPERATORS)}")
    return make(argument)


def _equal_to(wanted: object) -> Test:
    if isinstance(wanted, (list, dict)):
        raise InvalidPattern("a value to compare with is a text, a number, true, false or null")
    # True is no 1 in JSON, though it is in Python.
    return lambda value: isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def _text(argument: object, name: str) -> str:
    if not isinstance(argument, str):
        raise InvalidPattern(f"{name} takes a text")
    return argument


def _prefix(argument: object) -> Test:
    text = _text(argument, "prefix")
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(argument: object) -> Test:
    text = _text(argument, "suffix")
    return lambda value: isinstance(value, str) and value.endswith(text)


def _equal_ignoring_case(argument: object) -> Test:
    text = _text(argument, "equals-ignore-case").casefold()
    return lambda value: isinstance(value, str) and value.casefold() == text


def _exists(argument: object) -> Test:
    if not isinstance(argument, bool):
        raise InvalidPattern("exists takes true or false")
    return lambda value: (value is not _ABSENT) == argument


def _anything_but(argument: object) -> Test:
    refused = [_test(rule) for rule in (argument if isinstance(argument, list) else [argument])]
    if not refused:
        raise InvalidPattern("anything-but takes at least one value")
    return lambda value: value is not _ABSENT and not any(test(value) for test in refused)


def _numeric(argument: object) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise InvalidPattern("numeric takes a comparison and a number, or two of each")
    checks = list(zip(argument[::2], argument[1::2], strict=True))
    for sign, number in checks:
        if sign not in _COMPARISONS or not _is_number(number):
            raise InvalidPattern(f"numeric: {sign} {number} is no comparison with a number")
    return lambda value: _is_number(value) and all(_COMPARISONS[sign](value, n) for sign, n in checks)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OPERATORS: Final[dict[str, Callable[[object], Test]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equal_ignoring_case,
    "exists": _exists,
    "anything-but": _anything_but,
    "numeric": _numeric,
}
