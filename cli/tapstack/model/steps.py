"""The way through an expression: where it stands, the steps to take into its value, and what a step leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from tapstack.model import syntax
from tapstack.model.scope import Dynamic, Expression, ModuleScope
from tapstack.model.stack import Reference
from tapstack.model.values import MISSING, Unknown

# No name and no ARN comes near it; locals that double each other's text do.
_LONGEST_TEXT: Final = 100_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Key:
    """An index: `["a"]` or `[0]`."""

    value: str | int


@dataclass(frozen=True, slots=True)
class Nth:
    """The n-th element in the order of iteration."""

    number: int


@dataclass(frozen=True, slots=True)
class Every:
    """Some element, not known which; every element is meant."""


EVERY: Final = Every()
Step: TypeAlias = str | Key | Nth | Every


@dataclass(frozen=True, slots=True)
class Known:
    """A value that is settled."""

    value: Any


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something that can't be followed further, as written."""

    text: str


Found: TypeAlias = Reference | Known | Opaque


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where an expression stands: a module's instance (its address, "" for the root), and the block's instance.

    `key` is each.key or count.index, `each` the expression of for_each or count. `bound` are the variables of
    `for` expressions and `dynamic` blocks.
    """

    scope: ModuleScope
    module: str = ""
    key: str | int | None = None
    each: Expression = None
    bound: Mapping[str, Located | Known | Opaque] = field(default_factory=dict)
    prefer: str | int | None = None
    """The key of the instance that a reference without a key means."""


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """An expression (also a node of `syntax`), the steps still to take from its value, and where it stands."""

    value: Any
    place: Place
    steps: tuple[Step, ...] = ()


Further: TypeAlias = list[Located | Found] | None
"""Where one step leads; None where an expression is no way to another one but a whole of parts."""


def operands(node: Any) -> list[Any]:
    """The values that a value is put together from."""
    match node:
        case Mapping():
            return list(node.values())
        case list():
            return node
        case Dynamic():
            return [node.body]
        case syntax.ObjectOf():
            return [value for _, value in node.items]
        case syntax.TupleOf():
            return list(node.items)
        case syntax.Template():
            return list(node.parts)
        case syntax.Call():
            return list(node.arguments)
        case syntax.Binary():
            return [node.left, node.right]
        case syntax.Unary():
            return [node.operand]
        case syntax.TemplateFor():
            return [node.collection, node.body]
    return []


def put_together(node: Any, values: list[Any]) -> Found:
    """The value that is put together from known ones."""
    if isinstance(node, (list, syntax.TupleOf)):
        return Known(values)
    if isinstance(node, Mapping):
        return Known(dict(zip(node, values, strict=True)))
    if isinstance(node, syntax.Template) and all(isinstance(v, (str, bool, int, float)) for v in values):
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        return Known("".join(texts)) if sum(map(len, texts)) <= _LONGEST_TEXT else Opaque("a very long text")
    if isinstance(node, syntax.Binary) and node.operator in ("==", "!="):
        return Known((values[0] == values[1]) is (node.operator == "=="))
    return Opaque("an expression")


def iterated(steps: tuple[Step, ...]) -> tuple[Step, tuple[Step, ...]]:
    """The first step as one into what is iterated over, and the rest."""
    if not steps or isinstance(steps[0], str):
        return EVERY, steps
    first = steps[0]
    if isinstance(first, Key) and isinstance(first.value, int):
        return Nth(first.value), steps[1:]
    return first, steps[1:]


def element(items: list[Any], steps: tuple[Step, ...], place: Place) -> Further:
    """The elements of a list, tuple or set that the first step leads to."""
    if not steps:
        return None
    first, rest = steps[0], steps[1:]
    if isinstance(first, Key) and isinstance(first.value, str):
        # Only a set has text for keys, and there the key is the element.
        return [Known(first.value)]
    number = first.value if isinstance(first, Key) else first.number if isinstance(first, Nth) else None
    if isinstance(number, int):
        return [Located(items[number], place, rest)] if number < len(items) else []
    return [Located(item, place, steps if isinstance(first, str) else rest) for item in items]


def member_of(items: list[tuple[Any, Any]], steps: tuple[Step, ...], place: Place) -> Further:
    """The members that the first step leads to; a key that is None is not known."""
    if not steps:
        return None
    first, rest = steps[0], steps[1:]
    if isinstance(first, Nth):
        ordered = (
            sorted((str(key), value) for key, value in items if key is not None)
            if all(k is not None for k, _ in items)
            else []
        )
        chosen = [value for _, value in ordered][first.number : first.number + 1] or [
            value for _, value in items
        ]
    elif isinstance(first, Every):
        chosen = [value for _, value in items]
    else:
        wanted = first.value if isinstance(first, Key) else first
        exact = [value for key, value in items if key is not None and str(key) == str(wanted)]
        chosen = exact or [value for key, value in items if key is None]
    return [Located(value, place, rest) for value in chosen]


def inside(value: Any, steps: tuple[Step, ...]) -> Further:
    """What steps lead to in a known value."""
    for step in steps:
        wanted = step.value if isinstance(step, Key) else step
        if isinstance(value, Mapping) and isinstance(wanted, (str, int)):
            value = value.get(str(wanted), MISSING)
        elif isinstance(value, list) and isinstance(wanted, int) and wanted < len(value):
            value = value[wanted]
        elif isinstance(value, list) and isinstance(step, Key) and isinstance(wanted, str):
            value = wanted
        else:
            return [Opaque("an expression")]
    return [Opaque("an expression") if value is MISSING or isinstance(value, Unknown) else Known(value)]


def of_binding(what: Located | Known | Opaque, rest: tuple[Step, ...]) -> Further:
    """What steps from a variable of a `for` expression or a `dynamic` block lead to."""
    if isinstance(what, Known):
        return inside(what.value, rest)
    return [Located(what.value, what.place, (*what.steps, *rest)) if isinstance(what, Located) else what]


def instances_at(
    instances: Mapping[str | int | None, _T], steps: tuple[Step, ...], place: Place
) -> tuple[list[_T], tuple[Step, ...]]:
    """The instances that the first step leads to, and the steps that are left."""
    first = steps[0] if steps else ""
    indexed = not isinstance(first, str)
    rest = steps[1:] if indexed else steps
    if None in instances:
        return list(instances.values()), rest
    if isinstance(first, Key):
        return ([instances[first.value]] if first.value in instances else []), rest
    if isinstance(first, Nth):
        ordered = sorted(instances, key=lambda key: (isinstance(key, str), key))
        return [instances[key] for key in ordered[first.number : first.number + 1]], rest
    if not indexed and place.prefer is not None and place.prefer in instances:
        return [instances[place.prefer]], rest
    return list(instances.values()), rest


def shown(step: Step) -> str:
    """A step as part of a dotted path; "*" for every element."""
    if isinstance(step, Key):
        return str(step.value)
    return step if isinstance(step, str) else str(step.number) if isinstance(step, Nth) else "*"
