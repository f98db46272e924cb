"""Evaluates Terraform expressions as far as what they refer to is known; never guesses.

A value is None (null), bool, int, float, str, list (a `SetValue` for a set), dict, or something unknown. What
can't be worked out exactly is Unknown with the references in it; an object or list is kept with Unknown in its
unknown places. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Final, Protocol, get_args

from tapstack.model import syntax, template
from tapstack.model.scope import Refers
from tapstack.model.syntax import Key, Node, Path, SyntaxProblem, traversals, written
from tapstack.model.values import Unknown, as_bool, as_number

_NODES: Final = get_args(Node)
_MAX_STEPS: Final = 20_000
_MAX_SIZE: Final = 50_000
_TEXT_PER_UNIT: Final = 32
_MAX_NUMBER: Final = 10**100
# Digits enough for any two numbers that are kept here.
_EXACT: Final = Context(prec=1000)


class Scope(Protocol):
    """What names stand for."""

    def lookup(self, path: Path) -> Any:
        """The value at a path that starts with a root name ("var", "local", "aws_kms_key", ...).

        A `Place` (of this path, or what it leads to) where it isn't known. Raises Unevaluable where the path
        stands for nothing that can be told, Invalid where Terraform would refuse it.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Something unknown that can still be stepped into: a traversal and the scope that it is written in."""

    scope: Scope
    path: Path

    def __str__(self) -> str:
        return written(self.path)


class _PartlyKnown:
    """To everyone who doesn't ask for more, it is the Unknown of its references."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(self, Unknown) and isinstance(other, Unknown) and _facts(self) == _facts(other)

    def __hash__(self) -> int:
        return hash(_facts(self)) if isinstance(self, Unknown) else 0


def _facts(unknown: Unknown) -> tuple[tuple[str, ...], bool]:
    return unknown.references, unknown.computed


@dataclass(frozen=True, slots=True, eq=False)
class PartialJson(_PartlyKnown, Unknown):
    """A JSON text that is unknown as text, but not in its structure, which has Unknown at its unknown places."""

    structure: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class PartialText(_PartlyKnown, Unknown):
    """A text that is known in part: pieces of text and what is unknown between them."""

    parts: tuple[str | Unknown, ...] = ()


class SetValue(list[Any]):
    """A set of strings, numbers or bools, in Terraform's order; what is unknown in it stands last."""

    __slots__ = ()


class Unevaluable(Exception):
    """A value can't be told here."""


class _Exhausted(Exception):
    """An evaluation takes too many steps."""


class Invalid(Exception):
    """Terraform would refuse this; `try` and `can` ask for it."""


def evaluate(value: Any, scope: Scope, bound: Mapping[str, Any] | None = None) -> Any:
    """What a value of the JSON syntax, or a node, stands for; it may hold `Place`s, see `settled`.

    `bound` are names that stand for values of their own, such as the iterator of a dynamic block.
    """
    try:
        return bounded(_Evaluation(scope, bound or {}, [_MAX_STEPS]).value(value))
    except (Unevaluable, Invalid, RecursionError, _Exhausted):
        return Unknown()


def settled(value: Any) -> Any:
    """A value as others see it: a Place is Unknown with its one reference, a set is a list."""
    if isinstance(value, Place):
        return Unknown((written(value.path),))
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, Mapping):
        return {key: settled(item) for key, item in value.items()}
    return value


def bounded(value: Any) -> Any:
    """`value`, or Unknown for one that is too large to be worth knowing (a local that doubles another...)."""
    return Unknown() if _size(value) > _MAX_SIZE else value


def _size(value: Any) -> int:
    size, waiting = 0, [value]
    while waiting and size <= _MAX_SIZE:
        one = waiting.pop()
        size += 1 + (len(one) // _TEXT_PER_UNIT if isinstance(one, str) else 0)
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, PartialJson):
            waiting.append(one.structure)
        elif isinstance(one, PartialText):
            waiting.extend(one.parts)
    return size


def is_unknown(value: Any) -> bool:
    """Whether a value as a whole is unknown."""
    return isinstance(value, (Unknown, Place))


def unknowns(value: Any) -> Iterator[Unknown | Place]:
    """Everything unknown in a value."""
    if isinstance(value, (Unknown, Place)):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from unknowns(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from unknowns(item)


def unknown_from(*values: Any) -> Unknown:
    """Unknown with every reference of what is unknown in `values`."""
    found: dict[str, None] = {}
    for one in unknowns(list(values)):
        found.update(dict.fromkeys((written(one.path),) if isinstance(one, Place) else one.references))
    return Unknown(tuple(found))


def step(value: Any, key: Any) -> Any:
    """`value.key` or `value[key]`. Raises Invalid where there is nothing."""
    if isinstance(value, Place):
        return value.scope.lookup((*value.path, key))
    if isinstance(value, Unknown):
        return unknown_from(value)
    if isinstance(value, dict):
        name = text_of(key)
        if name not in value:
            raise Invalid
        return value[name]
    if isinstance(value, list) and not isinstance(value, SetValue):
        index = as_number(key)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(value):
            raise Invalid
        return value[index]
    raise Invalid


def walk(value: Any, path: Iterable[Any]) -> Any:
    """`step` for each of `path`."""
    for key in path:
        value = step(value, key)
    return value


def rebased(value: Any, place: Place) -> Any:
    """`value` as seen at `place`: what is unknown in it is a Place there, not where it was written."""
    if is_unknown(value):
        return place
    if isinstance(value, SetValue):
        return SetValue(place if is_unknown(item) else item for item in value)
    if isinstance(value, list):
        return [rebased(item, Place(place.scope, (*place.path, i))) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            key: rebased(item, Place(place.scope, (*place.path, key if key.isidentifier() else Key(key))))
            for key, item in value.items()
        }
    return value


def text_of(value: Any) -> str:
    """A primitive as Terraform's string. Raises Invalid for anything else."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    raise Invalid


def number_of(value: Any) -> int | float:
    """A number, or a string that Terraform converts to one. Raises Invalid."""
    number = as_number(value)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise Invalid
    return number


def bool_of(value: Any) -> bool:
    """A bool, or a string that Terraform converts to one. Raises Invalid."""
    result = as_bool(value)
    if not isinstance(result, bool):
        raise Invalid
    return result


def exact(value: Any) -> Decimal:
    """A number, or a string that stands for one, to reckon with. Raises Invalid."""
    return Decimal(repr(number_of(value)))


def normal(value: Decimal) -> int | float:
    """A number as it is kept here: an int where it is whole. Raises Unevaluable where it isn't exact."""
    if abs(value) > _MAX_NUMBER:
        raise Unevaluable
    if value == value.to_integral_value():
        return int(value)
    if Decimal(repr(float(value))) != value:
        raise Unevaluable
    return float(value)


def set_of(items: Iterable[Any]) -> SetValue:
    """The set of these primitives, converted to one type. Raises Unevaluable for other types."""
    items = list(items)
    known = [item for item in items if not is_unknown(item)]
    if not all(isinstance(item, (str, bool, int, float)) for item in known):
        raise Unevaluable
    if len({kind_of(item) for item in known}) > 1:
        known = [text_of(item) for item in known]
    return SetValue([*sorted(set(known)), *(item for item in items if is_unknown(item))])


def kind_of(value: Any) -> str:
    """The primitive type of a value, "" for others."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else ""


def equal(left: Any, right: Any) -> bool:
    """`left == right`. Raises Unevaluable for equal collections, whose types may differ all the same."""
    if left is None or right is None:
        return left is right
    if kind_of(left) != kind_of(right):
        return False
    if kind_of(left):
        return bool(left == right)
    if left != right:
        return False
    raise Unevaluable


def elements(value: Any) -> list[tuple[Any, Any]]:
    """Key and value of each element in Terraform's order. Raises Invalid, or Unevaluable for unknown ones."""
    if isinstance(value, SetValue):
        if any(is_unknown(item) for item in value):
            raise Unevaluable
        return [(item, item) for item in value]
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return sorted(value.items())
    if is_unknown(value):
        raise Unevaluable
    raise Invalid


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One evaluation; `budget` holds the number of steps that are left."""

    scope: Scope
    bound: Mapping[str, Any]
    budget: list[int]

    def value(self, value: Any) -> Any:
        """A value of the JSON syntax. An item that can't be told is Unknown in its place."""
        if isinstance(value, str):
            if "${" not in value and "%{" not in value:
                return value
            try:
                node = syntax.template(value)
            except SyntaxProblem:
                return Unknown(template.references(value))
            return self.part(node)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, Mapping):
            return {str(key): self.value(item) for key, item in value.items()}
        if isinstance(value, _NODES):
            return self.part(value)
        return Unknown(value.references) if isinstance(value, Refers) else self._literal(value)

    def _literal(self, value: Any) -> Any:
        if isinstance(value, float):
            return normal(Decimal(repr(value))) if abs(value) < float("inf") else Unknown()
        if value is None or isinstance(value, (bool, Unknown, Place)):
            return value
        return value if isinstance(value, int) and abs(value) <= _MAX_NUMBER else Unknown()

    def part(self, node: Node) -> Any:
        """The value of a node, Unknown where it can't be told."""
        try:
            return self.known_part(node)
        except Invalid:
            return Unknown(tuple(dict.fromkeys(self.references(node))))

    def known_part(self, node: Node) -> Any:
        """The value of a node, Unknown where it can't be told. Raises Invalid."""
        try:
            return self.node(node)
        except Unevaluable:
            return Unknown(tuple(dict.fromkeys(self.references(node))))

    def node(self, node: Node) -> Any:
        """The value of a node. Raises Unevaluable, or Invalid."""
        self.budget[0] -= 1
        if self.budget[0] < 0:
            raise _Exhausted
        return _EVALUATORS[type(node)](self, node)

    def references(self, node: Node) -> Iterator[str]:
        """What a node refers to, followed as far as it can be."""
        for traversal, free in traversals(node, frozenset(self.bound)):
            try:
                value = self.node(traversal) if free or traversal.root in self.bound else None
            except (Unevaluable, Invalid):
                value = None
            found = unknown_from(value).references
            if found:
                yield from found
            elif free and (reference := syntax.written_reference(traversal)):
                yield reference

    # Nodes

    def _literal_node(self, node: syntax.Literal) -> Any:
        return node.value

    def _template(self, node: syntax.Template) -> Any:
        return self._joined([self.known_part(part) for part in node.parts])

    def _joined(self, values: list[Any]) -> Any:
        if _size(values) > _MAX_SIZE:
            raise Unevaluable
        parts = [settled(value) if is_unknown(value) else text_of(value) for value in values]
        if any(isinstance(part, Unknown) for part in parts):
            return PartialText(unknown_from(*parts).references, parts=tuple(parts))
        return "".join(parts)

    def _template_for(self, node: syntax.TemplateFor) -> Any:
        return self._joined([inner.part(node.body) for inner, _, _ in self._each(node)])

    def _tuple(self, node: syntax.TupleOf) -> Any:
        return [self.part(item) for item in node.items]

    def _object(self, node: syntax.ObjectOf) -> Any:
        result: dict[str, Any] = {}
        for key, value in node.items:
            name = self.node(key)
            if is_unknown(name):
                raise Unevaluable
            result[text_of(name)] = self.part(value)
        return result

    def _traversal(self, node: syntax.Traversal) -> Any:
        if node.root in self.bound:
            return self._stepped(self.bound[node.root], node.steps)
        path: list[str | int] = [node.root]
        for item in node.steps:
            key: Any = item
            if not isinstance(item, str):
                key = self.node(item)
                if is_unknown(key):
                    raise Unevaluable
                key = Key(key) if isinstance(key, str) else key
                if not isinstance(key, (str, int)) or isinstance(key, bool):
                    raise Unevaluable
            path.append(key)
        return self.scope.lookup(tuple(path))

    def _access(self, node: syntax.Access) -> Any:
        return self._stepped(self.node(node.of), node.steps)

    def _stepped(self, value: Any, steps: Sequence[str | Node]) -> Any:
        for item in steps:
            key: Any = item
            if not isinstance(item, str):
                key = self.node(item)
                if is_unknown(key):
                    return unknown_from(value, key) if unknown_from(value).references else _unevaluable()
                key = Key(key) if isinstance(key, str) else key
            value = step(value, key)
        return value

    def _splat(self, node: syntax.Splat) -> Any:
        value = self.node(node.of)
        if is_unknown(value):
            raise Unevaluable
        if isinstance(value, SetValue):
            items = [item for _, item in elements(value)]
        else:
            items = value if isinstance(value, list) else [] if value is None else [value]
        return [self._stepped(item, node.steps) for item in items]

    def _call(self, node: syntax.Call) -> Any:
        from tapstack.model import functions

        lazy = functions.LAZY.get(node.name)
        if lazy is not None:
            return lazy(self, node)
        function = functions.FUNCTIONS.get(node.name)
        if function is None:
            raise Unevaluable
        arguments = [self.known_part(argument) for argument in node.arguments]
        if node.expand:
            last = arguments.pop()
            arguments += [item for _, item in elements(last)]
        if _size(arguments) > _MAX_SIZE:
            raise Unevaluable
        try:
            return function(*arguments)
        except TypeError:
            # Python's own complaint about their number, or about values that Terraform wouldn't take either.
            raise Unevaluable from None

    def _unary(self, node: syntax.Unary) -> Any:
        value = self.node(node.operand)
        if is_unknown(value):
            return unknown_from(value)
        return not bool_of(value) if node.operator == "!" else -number_of(value)

    def _binary(self, node: syntax.Binary) -> Any:
        left = self.node(node.left)
        if node.operator in ("&&", "||"):
            return self._logical(node, left)
        right = self.node(node.right)
        if is_unknown(left) or is_unknown(right):
            return unknown_from(left, right)
        if node.operator in ("==", "!="):
            if next(unknowns([left, right]), None) is not None:
                return unknown_from(left, right)
            return equal(left, right) == (node.operator == "==")
        return _OPERATORS[node.operator](exact(left), exact(right))

    def _logical(self, node: syntax.Binary, left: Any) -> Any:
        decisive = node.operator == "||"
        right = self.part(node.right)
        for value in (left, right):
            if not is_unknown(value) and bool_of(value) == decisive:
                return decisive
        return unknown_from(left, right) if is_unknown(left) or is_unknown(right) else not decisive

    def _conditional(self, node: syntax.Conditional) -> Any:
        condition = self.node(node.condition)
        if is_unknown(condition):
            return unknown_from(condition, self.part(node.yes), self.part(node.no))
        chosen, other = (node.yes, node.no) if bool_of(condition) else (node.no, node.yes)
        value = self.node(chosen)
        kinds = {kind_of(value), kind_of(self.part(other))}
        # Both sides become one type; a number beside a string is a string.
        return text_of(value) if kind_of(value) and "string" in kinds and "" not in kinds else value

    def _for(self, node: syntax.For) -> Any:
        if node.key_result is None:
            return [inner.part(node.result) for inner, _, _ in self._each(node)]
        result: dict[str, Any] = {}
        for inner, _, _ in self._each(node):
            key = inner.node(node.key_result)
            if is_unknown(key):
                raise Unevaluable
            name = text_of(key)
            if node.group:
                result.setdefault(name, []).append(inner.part(node.result))
            elif name in result:
                raise Invalid
            else:
                result[name] = inner.part(node.result)
        return result

    def _each(self, node: syntax.For | syntax.TemplateFor) -> Iterator[tuple[_Evaluation, Any, Any]]:
        for key, value in elements(self.node(node.collection)):
            bound = {**self.bound, node.value: value}
            if node.key is not None:
                bound[node.key] = key
            inner = _Evaluation(self.scope, bound, self.budget)
            condition = node.condition if isinstance(node, syntax.For) else None
            if condition is not None:
                wanted = inner.node(condition)
                if is_unknown(wanted):
                    raise Unevaluable
                if not bool_of(wanted):
                    continue
            yield inner, key, value


def _unevaluable() -> Any:
    raise Unevaluable


def _quotient(left: Decimal, right: Decimal) -> Any:
    if not right:
        raise Invalid
    result = _EXACT.divide(left, right)
    return normal(result) if _EXACT.multiply(result, right) == left else _unevaluable()


def _remainder(left: Decimal, right: Decimal) -> Any:
    if not right:
        raise Invalid
    whole = left == left.to_integral_value() and right == right.to_integral_value()
    return normal(_EXACT.remainder(left, right)) if whole else _unevaluable()


_OPERATORS: Final[Mapping[str, Callable[[Decimal, Decimal], Any]]] = {
    "+": lambda a, b: normal(_EXACT.add(a, b)),
    "-": lambda a, b: normal(_EXACT.subtract(a, b)),
    "*": lambda a, b: normal(_EXACT.multiply(a, b)),
    "/": _quotient,
    "%": _remainder,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_EVALUATORS: Final[Mapping[type, Callable[[_Evaluation, Any], Any]]] = {
    syntax.Literal: _Evaluation._literal_node,
    syntax.Template: _Evaluation._template,
    syntax.TemplateFor: _Evaluation._template_for,
    syntax.TupleOf: _Evaluation._tuple,
    syntax.ObjectOf: _Evaluation._object,
    syntax.Traversal: _Evaluation._traversal,
    syntax.Access: _Evaluation._access,
    syntax.Splat: _Evaluation._splat,
    syntax.Call: _Evaluation._call,
    syntax.Unary: _Evaluation._unary,
    syntax.Binary: _Evaluation._binary,
    syntax.Conditional: _Evaluation._conditional,
    syntax.For: _Evaluation._for,
}
