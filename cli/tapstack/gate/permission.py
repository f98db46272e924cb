"""Whether a policy document allows an action, as IAM evaluates it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from tapstack.model.policy_document import Document, Statement
from tapstack.model.values import Unknown

Value = str | Unknown
Tri = bool | None
"""True, False, or None where it can't be told."""
Test = Callable[[Value], Tri]
"""Decides whether an element of a statement names what is asked about; for values that only the stack settles."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A value of a request of which only so much is known: `*` stands for any text without a colon."""

    pattern: str


Known = str | Partial | Unknown
Context = Mapping[str, Known | tuple[Known, ...] | None]

_ACCOUNT: Final = re.compile(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?")
_OF_ACCOUNT: Final = re.compile(r"arn:[\w-]+:(?:iam|sts)::(\d{12}):.+")
# `${*}`, `${?}` and `${$}` stand for the characters themselves, other variables for what the request brings.
_TOKEN: Final = re.compile(r"\$\{([*?$])\}|(\$\{[^}]*\})|(\*)|(\?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a document says, and the statement that decided.

    `statement` is the Allow behind "yes" and the Deny behind "no"; where no statement allows, it is one that
    would but for its condition, and `condition` names that ("StringEquals aws:SourceAccount"); else None.
    """

    verdict: Literal["yes", "no", "unknown"]
    statement: Statement | None = None
    condition: str = ""


def allows(
    document: Document,
    *,
    action: str,
    principal: tuple[str, str | Test] | None = None,
    resource: str | Test | None = None,
    context: Context | None = None,
) -> Answer:
    """Whether some request for `action` is allowed.

    `action` is one action ("kms:Decrypt"). `principal` is a type and a value (("Service", "s3.amazonaws.com"),
    ("AWS", an ARN or account)); without it the document is an identity's and principals are not looked at. A
    principal that is an account stands for everybody in it, who then needs permission from IAM as well.
    `resource` is an ARN; without it resources are not looked at. In place of a value a Test may decide.

    `context` is what is known of the request: values by condition key, None for a key that it doesn't have. A
    condition on anything else is taken to be one that a request can meet: an Allow under it allows, a Deny
    under it doesn't deny.
    """
    asked = _Asked(action, principal, resource, {k.lower(): v for k, v in (context or {}).items()})
    denied: Tri = False
    for statement in document.statements:
        if statement.effect == "Deny":
            denies = asked.denied_by(statement)
            if denies:
                return Answer("no", statement)
            denied = None if denies is None else denied
    return _allowed(document, asked, denied)


def _allowed(document: Document, asked: _Asked, denied: Tri) -> Answer:
    maybe: Statement | None = None
    missed: tuple[Statement, str] | None = None
    for statement in document.statements:
        if statement.effect != "Allow":
            continue
        named = asked.named_by(statement)
        if named is False:
            continue
        condition = asked.excluded_by(statement)
        if condition:
            missed = missed or (statement, condition)
        elif named is None:
            maybe = maybe or statement
        elif denied is None:
            return Answer("unknown", statement)
        else:
            return Answer("yes", statement)
    if maybe is not None or not document.complete:
        return Answer("unknown", maybe)
    return Answer("no", *missed) if missed else Answer("no")


@dataclass(frozen=True, slots=True)
class _Asked:
    action: str
    principal: tuple[str, str | Test] | None
    resource: str | Test | None
    context: Context

    def named_by(self, statement: Statement) -> Tri:
        """Whether the statement is about this action, principal and resource; its conditions aside."""
        return _all(
            (
                _element(statement.actions, statement.not_actions, self._is_action),
                self._principal(statement),
                self.resource is None
                or _element(statement.resources, statement.not_resources, self._is_resource),
            )
        )

    def denied_by(self, statement: Statement) -> Tri:
        conditions = [met for _, met in self._conditions(statement)]
        return self.named_by(statement) if all(met is True for met in conditions) else False

    def excluded_by(self, statement: Statement) -> str:
        """The condition that this request can't meet, or ""."""
        return next((name for name, met in self._conditions(statement) if met is False), "")

    def _conditions(self, statement: Statement) -> Iterable[tuple[str, Tri]]:
        for operator, keys in statement.conditions.items():
            for key, wanted in keys.items():
                known = key.lower() in self.context
                met = meets(operator, wanted, self.context[key.lower()]) if known else None
                yield f"{operator} {key}", met

    def _is_action(self, pattern: Value) -> Tri:
        return None if isinstance(pattern, Unknown) else matches(pattern.lower(), self.action.lower())

    def _is_resource(self, pattern: Value) -> Tri:
        if callable(self.resource):
            return pattern == "*" or self.resource(pattern)
        return None if isinstance(pattern, Unknown) else matches(pattern, self.resource or "")

    def _principal(self, statement: Statement) -> Tri:
        if self.principal is None:
            return True
        if statement.principals:
            return self._is_among(statement.principals)
        return _not(self._is_among(statement.not_principals)) if statement.not_principals else False

    def _is_among(self, principals: Mapping[str, Iterable[Value]]) -> Tri:
        if self.principal is None:
            return True
        type_, value = self.principal
        everybody = "*" in principals or "*" in principals.get("AWS", ())
        return everybody or _any(_is_principal(one, value) for one in principals.get(type_, ()))


def _is_principal(named: Value, asked: str | Test) -> Tri:
    if callable(asked):
        return asked(named)
    if isinstance(named, Unknown):
        return None
    if named == asked:
        return True
    account = _ACCOUNT.fullmatch(named)
    other = _ACCOUNT.fullmatch(asked) or _OF_ACCOUNT.fullmatch(asked)
    return bool(account and other and account[1] == other[1])


def _element(named: tuple[Value, ...], excepted: tuple[Value, ...], is_it: Test) -> Tri:
    if named:
        return _any(is_it(one) for one in named)
    return _not(_any(is_it(one) for one in excepted)) if excepted else False


def matches(pattern: str, text: str) -> Tri:
    """Whether `text` is what IAM's `pattern` (`*`, `?`) describes; None where a policy variable decides."""
    if "$" not in pattern and "*" not in pattern and "?" not in pattern:
        return pattern == text
    expression, variable = _compiled(pattern)
    found = expression.fullmatch(text) is not None
    return None if found and variable else found


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> tuple[re.Pattern[str], bool]:
    parts, at, variable = [], 0, False
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[at : token.start()]))
        variable = variable or token[2] is not None
        parts.append(re.escape(token[1]) if token[1] else "." if token[4] else ".*")
        at = token.end()
    return re.compile("".join((*parts, re.escape(pattern[at:]))), re.DOTALL), variable


def meets(operator: str, wanted: Iterable[Value], actual: Known | tuple[Known, ...] | None) -> Tri:
    """Whether a condition on one key holds for the request's value (None: the request has no such key).

    String, ARN, Bool and Null operators are judged, with their set qualifiers and IfExists; others give None.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    wanted = tuple(wanted)
    qualifier, _, name = operator.lower().rpartition(":")
    if name == "null":
        return _any(None if isinstance(one, Unknown) else _is_absent(one, actual) for one in wanted)
    if_exists, name = name.endswith("ifexists"), name.removesuffix("ifexists")
    positive = name.replace("not", "", 1)
    negated, compare = positive != name, _OPERATORS.get(positive)
    if compare is None:
        return None
    if actual is None:
        return True if if_exists or qualifier == "forallvalues" else negated

    def holds(value: Known) -> Tri:
        equal = _any(_compared(compare, one, value) for one in wanted)
        return _not(equal) if negated else equal

    together = _all if qualifier == "forallvalues" or (negated and qualifier != "foranyvalue") else _any
    return together(holds(value) for value in (actual if isinstance(actual, tuple) else (actual,)))


def _is_absent(wanted: str, actual: object) -> bool:
    return (wanted.lower() == "true") is (actual is None)


def _compared(compare: Callable[[str, str], Tri], wanted: Value, value: Known) -> Tri:
    if isinstance(wanted, Unknown) or isinstance(value, Unknown):
        return None
    if isinstance(value, str):
        return compare(wanted, value)
    if "${" in wanted:
        return None
    literal = compare not in (matches, _arn_matches)
    if literal:
        return None if _overlap(wanted.lower(), value.pattern.lower(), literal=True) else False
    return None if _overlap(wanted, value.pattern, literal=False) else False


@lru_cache(maxsize=4096)
def _overlap(wanted: str, known: str, *, literal: bool) -> bool:
    """Whether a condition's value describes some text that a Partial's pattern stands for."""
    reached = _after_stars(known, {0})
    for letter in wanted:
        if letter == "*" and not literal:
            reached = set(range(min(reached), len(known) + 1))
            continue
        any_letter = letter == "?" and not literal
        step = {
            at if known[at] == "*" else at + 1
            for at in reached
            if at < len(known) and (any_letter or known[at] == letter or (known[at] == "*" and letter != ":"))
        }
        if not step:
            return False
        reached = _after_stars(known, step)
    return len(known) in reached


def _after_stars(pattern: str, reached: set[int]) -> set[int]:
    """`reached`, and the places behind the stars that stand there."""
    found = set(reached)
    for start in reached:
        at = start
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            found.add(at)
    return found


def _arn_matches(pattern: str, text: str) -> Tri:
    """Each of the six parts by itself, as the ARN operators do."""
    if "${" in pattern:
        return matches(pattern, text)
    patterns, texts = pattern.split(":", 5), text.split(":", 5)
    if len(patterns) != 6 or len(texts) != 6:
        return pattern in (text, "*")
    return _all(matches(part, value) for part, value in zip(patterns, texts, strict=True))


def _is_equal(wanted: str, value: str) -> Tri:
    return matches(re.sub(r"(?<!\{)[*?]", lambda found: f"${{{found[0]}}}", wanted), value)


_OPERATORS: Final[Mapping[str, Callable[[str, str], Tri]]] = {
    "stringequals": _is_equal,
    "stringequalsignorecase": lambda wanted, value: _is_equal(wanted.lower(), value.lower()),
    "stringlike": matches,
    # ArnEquals and ArnLike behave identically.
    "arnequals": _arn_matches,
    "arnlike": _arn_matches,
    "bool": lambda wanted, value: wanted.lower() == value.lower(),
}


def _all(answers: Iterable[Tri]) -> Tri:
    unsure = False
    for answer in answers:
        if answer is False:
            return False
        unsure = unsure or answer is None
    return None if unsure else True


def _any(answers: Iterable[Tri]) -> Tri:
    return _not(_all(_not(answer) for answer in answers))


def _not(answer: Tri) -> Tri:
    return None if answer is None else not answer
