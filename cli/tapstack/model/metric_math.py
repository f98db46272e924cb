"""CloudWatch metric math: what an expression computes from its metrics, as far as that is a quotient of sums.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
_LONGEST: Final = 2048
_TOKEN: Final = re.compile(r""""[^"]*"|'[^']*'|(?<![\w.])[A-Za-z]\w*|&&|\|\||\^""")
_OPERATORS: Final = {"&&": " and ", "||": " or ", "^": "**", "AND": " and ", "OR": " or "}
# Ids of metrics start in lower case, functions are in capitals; the prefix keeps an id such as `in` from
# being a word of Python's, whose parser reads the rest.
_ID: Final = "m_"
_KEEPS_ITS_ARGUMENT: Final = frozenset({"FILL", "ABS", "CEIL", "FLOOR"})


@dataclass(frozen=True, slots=True)
class Quotient:
    """`factor` times the sum of the metrics `over`, divided by the sum of those `under`.

    An empty `over` stands for 1, and so does an empty `under`.
    """

    factor: float
    over: frozenset[str] = frozenset()
    under: frozenset[str] = frozenset()

    @property
    def is_number(self) -> bool:
        """Whether no metric is in it."""
        return not self.over and not self.under


@dataclass(frozen=True, slots=True)
class MetricMath:
    """The queries of one alarm or widget: expressions by id, and the ids of metrics."""

    expressions: Mapping[str, str]
    metrics: frozenset[str]

    def quotient(self, id_: str) -> Quotient | None:
        """What a query computes; None where it is not such a quotient, or not understood.

        Guards that only keep the result defined count as what they guard: `IF(calls > 0, errors / calls, 0)`,
        `FILL(errors, 0)`, `MAX([calls, 1])`.
        """
        try:
            return self._query(id_, ())
        except RecursionError:
            return None

    def metrics_of(self, id_: str) -> frozenset[str]:
        """The metrics that a query is made of, in whatever way."""
        seen: set[str] = set()
        pending = [id_]
        while pending:
            if (one := pending.pop()) not in seen:
                seen.add(one)
                pending.extend(self._mentioned(self.expressions.get(one, "")))
        return self.metrics & seen

    def _mentioned(self, expression: str) -> Iterator[str]:
        for token in _TOKEN.findall(expression):
            if token[0].islower():
                yield token
        for text in re.findall(r"""METRICS\(\s*(?:"([^"]*)"|'([^']*)')?\s*\)""", expression):
            yield from self._containing("".join(text))

    def _containing(self, text: str) -> list[str]:
        return sorted(id_ for id_ in self.metrics if text in id_)

    def _query(self, id_: str, callers: tuple[str, ...]) -> Quotient | None:
        if id_ in self.metrics:
            return Quotient(1, frozenset((id_,)))
        if id_ in callers or id_ not in self.expressions:
            return None
        tree = _parsed(self.expressions[id_])
        return _Reading(self, (*callers, id_)).quotient(tree) if tree is not None else None


def _parsed(expression: str) -> ast.expr | None:
    if len(expression) > _LONGEST:
        return None
    try:
        return ast.parse(f"({_TOKEN.sub(_as_python, expression)})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _as_python(token: re.Match[str]) -> str:
    text = token[0]
    return _OPERATORS.get(text, f"{_ID}{text}" if text[0].islower() else text)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One expression being read; `callers` are the queries that led here, this one last."""

    math: MetricMath
    callers: tuple[str, ...]

    def quotient(self, node: ast.expr) -> Quotient | None:
        match node:
            case ast.Constant(value=bool()):
                return None
            case ast.Constant(value=int() | float() as number):
                return Quotient(number)
            case ast.Name(id=name) if name.startswith(_ID):
                return self.math._query(name.removeprefix(_ID), self.callers)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                return _times(Quotient(-1 if isinstance(op, ast.USub) else 1), self.quotient(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return _combined(op, self.quotient(left), self.quotient(right))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, arguments)
        return None

    def _call(self, name: str, arguments: list[ast.expr]) -> Quotient | None:
        if name in _KEEPS_ITS_ARGUMENT and arguments:
            return self.quotient(arguments[0])
        if name == "IF" and len(arguments) in (2, 3):
            return _guarded([self.quotient(one) for one in arguments[1:]])
        if name in ("SUM", "MAX", "MIN") and len(arguments) == 1:
            several = self._list(arguments[0])
            return _sum(several) if name == "SUM" else _guarded(several)
        return None

    def _list(self, node: ast.expr) -> list[Quotient | None]:
        match node:
            case ast.List(elts=items):
                return [self.quotient(item) for item in items]
            case ast.Call(func=ast.Name(id="METRICS"), args=[]):
                return [Quotient(1, frozenset((id_,))) for id_ in self.math._containing("")]
            case ast.Call(func=ast.Name(id="METRICS"), args=[ast.Constant(value=str() as text)]):
                return [Quotient(1, frozenset((id_,))) for id_ in self.math._containing(text)]
        # SUM, MAX and MIN of one series are the one number of the whole range.
        return [None]


def _combined(op: ast.operator, left: Quotient | None, right: Quotient | None) -> Quotient | None:
    match op:
        case ast.Mult():
            return _times(left, right)
        case ast.Div():
            return _times(left, _inverse(right))
        case ast.Add():
            return _plus(left, right)
    return None


def _times(left: Quotient | None, right: Quotient | None) -> Quotient | None:
    if left is None or right is None or (left.over and right.over) or (left.under and right.under):
        return None
    return Quotient(left.factor * right.factor, left.over | right.over, left.under | right.under)


def _inverse(one: Quotient | None) -> Quotient | None:
    return Quotient(1 / one.factor, one.under, one.over) if one is not None and one.factor else None


def _plus(left: Quotient | None, right: Quotient | None) -> Quotient | None:
    if left is None or right is None:
        return None
    if left.is_number and right.is_number:
        return Quotient(left.factor + right.factor)
    same = (left.factor, left.under) == (right.factor, right.under)
    if not same or not left.over or not right.over or left.over & right.over:
        return None
    return Quotient(left.factor, left.over | right.over, left.under)


def _sum(several: list[Quotient | None]) -> Quotient | None:
    return reduce(_plus, several) if several else None


def _guarded(several: list[Quotient | None]) -> Quotient | None:
    """The one quotient among numbers."""
    series = {one for one in several if one is None or not one.is_number}
    return series.pop() if len(series) == 1 else None
