"""A variable's value as its declared type has it.

https://developer.hashicorp.com/terraform/language/expressions/type-constraints
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tapstack.model import syntax
from tapstack.model.expression import (
    Invalid,
    Unevaluable,
    bool_of,
    elements,
    is_unknown,
    number_of,
    set_of,
    text_of,
)
from tapstack.model.syntax import Call, Literal, Node, ObjectOf, Traversal

_PRIMITIVES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "string": text_of,
    "number": number_of,
    "bool": bool_of,
    "any": lambda value: value,
}


def converted(value: Any, constraint: Any) -> Any:
    """`value` converted to `constraint`, a `type` argument in JSON syntax ("${set(string)}").

    Raises Unevaluable or Invalid where it can't be.
    """
    if not isinstance(constraint, str):
        return value
    text = constraint if "${" in constraint else f"${{{constraint}}}"
    try:
        return _as(value, syntax.template(text))
    except syntax.SyntaxProblem:
        raise Unevaluable from None


def _as(value: Any, type_: Node) -> Any:
    if value is None or is_unknown(value):
        return value
    if isinstance(type_, Traversal) and type_.root in _PRIMITIVES and not type_.steps:
        return _PRIMITIVES[type_.root](value)
    if not isinstance(type_, Call) or not type_.arguments or type_.name not in _COLLECTIONS:
        raise Unevaluable
    return _COLLECTIONS[type_.name](value, type_.arguments[0])


def _list(value: Any, of: Node) -> Any:
    return [_as(item, of) for item in _items(value)]


def _set(value: Any, of: Node) -> Any:
    return set_of(_as(item, of) for item in _items(value))


def _map(value: Any, of: Node) -> Any:
    return {key: _as(item, of) for key, item in _members(value).items()}


def _tuple(value: Any, of: Node) -> Any:
    items = _items(value)
    if not isinstance(of, syntax.TupleOf) or len(of.items) != len(items):
        raise Invalid
    return [_as(item, one) for item, one in zip(items, of.items, strict=True)]


def _object(value: Any, of: Node) -> Any:
    members = _members(value)
    if not isinstance(of, ObjectOf):
        raise Unevaluable
    return {key.value: _member(members, key.value, one) for key, one in of.items if isinstance(key, Literal)}


def _member(members: Mapping[str, Any], name: str, type_: Node) -> Any:
    optional = isinstance(type_, Call) and type_.name == "optional"
    inner = type_.arguments[0] if isinstance(type_, Call) and optional and type_.arguments else type_
    value = members.get(name)
    if value is None and isinstance(type_, Call) and optional and len(type_.arguments) > 1:
        value = _constant(type_.arguments[1])
    elif name not in members and not optional:
        raise Invalid
    return _as(value, inner)


def _constant(node: Node) -> Any:
    """A default, which is written out. Raises Unevaluable for anything else."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, syntax.TupleOf):
        return [_constant(item) for item in node.items]
    if isinstance(node, ObjectOf):
        return {key.value: _constant(item) for key, item in node.items if isinstance(key, Literal)}
    raise Unevaluable


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid
    return [item for _, item in elements(value)]


def _members(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid
    return value


_COLLECTIONS: Final[Mapping[str, Callable[[Any, Node], Any]]] = {
    "list": _list,
    "set": _set,
    "map": _map,
    "tuple": _tuple,
    "object": _object,
}
