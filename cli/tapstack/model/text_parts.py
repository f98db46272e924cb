"""Texts that are known in part: what of "acme-dev-${aws_vpc.main.id}" is settled, and what the rest is made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from tapstack.model import syntax
from tapstack.model.references import Follower, Located
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_DEEPEST = 20


def text_parts(stack: Stack, resource: Resource, path: str) -> tuple[str | Unknown, ...]:
    """The text at `path` in pieces: text where it is settled, elsewhere Unknown with references that mean the
    same in every module. () where nothing is set; one Unknown where the expression can't be seen.
    """
    value = resource.get(path)
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Unknown) or value.computed:
        return ()
    located = stack.expression(resource, path)
    if located is None:
        return (stack.absolute(resource, value),)
    return tuple(_joined(_pieces(stack, located, 0)))


def _joined(pieces: Iterator[str | Unknown]) -> Iterator[str | Unknown]:
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(str(piece) for piece in group)
        else:
            yield from group


def _pieces(stack: Stack, located: Located, depth: int) -> Iterator[str | Unknown]:
    follower = _follower(stack)
    located = follower.reduced(located)
    if isinstance(located.value, syntax.Template) and not located.steps and depth < _DEEPEST:
        for part in located.value.parts:
            yield from _pieces(stack, Located(part, located.place), depth + 1)
        return
    settled = _settled(stack, located)
    yield settled if settled is not None else stack.absolute_of(located.place, located.value)


def _settled(stack: Stack, located: Located) -> str | None:
    """The text of one piece: a value, or the known attribute of a resource."""
    if located.steps:
        return None
    known = _follower(stack).known(located.value, located.place)
    value = known.value if known is not None else None
    if known is None and isinstance(located.value, syntax.Traversal):
        references = stack.references(located.place, located.value)
        value = references[0].resource.get(references[0].attribute) if len(references) == 1 else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int)) else None


@lru_cache(maxsize=1)
def _follower(stack: Stack) -> Follower:
    return Follower(stack.root, stack.resources, stack.variables)
