"""Where two versions of a resource's values differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

MASKED: Final = "(sensitive)"
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})

Path = tuple[str, ...]
# Before and after; of a sensitive value only that it changed.
Values = tuple[Any, Any] | None


def differences(path: Path, values: tuple[Any, Any], marks: tuple[Any, Any]) -> Iterator[tuple[Path, Values]]:
    """The innermost values that differ, before and after, each with its path; None instead of a sensitive one.

    `marks` are the trees that say what is sensitive: before_sensitive and after_sensitive of a plan.
    """
    before, after = values
    if before == after or (before in _EMPTY and after in _EMPTY):
        return
    if True in marks:
        yield path, None
        return
    if isinstance(before, str) and isinstance(after, str):
        parsed = _json(before), _json(after)
        if parsed[0] is not None and parsed[1] is not None:
            yield from differences(path, parsed, (False, False))
            return
    if _both(dict, before, after):
        for key in dict.fromkeys((*(before or ()), *(after or ()))):
            inner = _member(before, key), _member(after, key)
            yield from differences((*path, key), inner, (_member(marks[0], key), _member(marks[1], key)))
    elif _both(list, before, after):
        yield from _of_lists(path, (before or [], after or []), marks)
    else:
        yield path, (_masked(before, marks[0]), _masked(after, marks[1]))


def _of_lists(
    path: Path, values: tuple[list[Any], list[Any]], marks: tuple[Any, Any]
) -> Iterator[tuple[Path, Values]]:
    """Blocks are compared with their counterparts, wherever those stand now; lists of plain values as a whole."""
    before, after = _unmatched(*values), _unmatched(*reversed(values))
    blocks = all(isinstance(value, dict) for _, value in (*before, *after))
    if not blocks or not (before or after):
        yield path, (_masked(values[0], marks[0]), _masked(values[1], marks[1]))
        return
    pairs = min(len(before), len(after)) if len(before) == len(after) else 0
    for (old, one), (new, other) in zip(before[:pairs], after[:pairs], strict=True):
        inner = _member(marks[0], old), _member(marks[1], new)
        yield from differences((*path, str(new)), (one, other), inner)
    for place, value in before[pairs:]:
        yield (*path, str(place)), (_masked(value, _member(marks[0], place)), None)
    for place, value in after[pairs:]:
        yield (*path, str(place)), (None, _masked(value, _member(marks[1], place)))


def _unmatched(values: list[Any], others: list[Any]) -> list[tuple[int, Any]]:
    """Elements of `values`, with their places, that are not among `others`."""
    rest, found = [*others], []
    for place, value in enumerate(values):
        if value in rest:
            rest.remove(value)
        else:
            found.append((place, value))
    return found


def _both(kind: type, before: Any, after: Any) -> bool:
    return all(value is None or isinstance(value, kind) for value in (before, after))


def _member(tree: Any, key: str | int) -> Any:
    """What a value or a tree of marks holds at `key`; a tree of marks may be a mere true or false."""
    if isinstance(tree, bool):
        return tree
    if isinstance(tree, dict):
        return tree.get(key)
    if isinstance(tree, list) and isinstance(key, int) and key < len(tree):
        return tree[key]
    return None


def _masked(value: Any, marks: Any) -> Any:
    """`value` without what its marks call sensitive."""
    if marks is True:
        return MASKED
    if isinstance(value, dict):
        return {key: _masked(item, _member(marks, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, _member(marks, place)) for place, item in enumerate(value)]
    return value


def _json(text: str) -> Any:
    """The object or list that a text is the JSON of; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
