"""Terraform's functions, those that configurations commonly call.

https://developer.hashicorp.com/terraform/language/functions. A function gets values as `expression` describes
them and returns one; it raises Unevaluable for arguments with which its result can't be told for certain (text
outside of ASCII where Go and Python differ, regular expressions that RE2 reads otherwise) and Invalid for those
that Terraform refuses.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from tapstack.model.expression import (
    Invalid,
    PartialJson,
    SetValue,
    Unevaluable,
    bool_of,
    elements,
    equal,
    exact,
    is_unknown,
    kind_of,
    normal,
    number_of,
    set_of,
    settled,
    step,
    text_of,
    unknown_from,
    unknowns,
)
from tapstack.model.values import Unknown

if TYPE_CHECKING:
    from tapstack.model.expression import _Evaluation
    from tapstack.model.syntax import Call

# Unicode's White_Space, which Go trims; Python's own strip takes more.
_BLANKS: Final = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_VERB: Final = re.compile(r"%(?:%|(0?)(\d{0,3})([sdvtq]))")
_MAX_RANGE: Final = 1024
# What RE2 and Python read alike, and quickly: no look-around, back-reference, class by name or nested repetition.
_PLAIN_REGEX: Final = re.compile(
    r"(?:[^\\()\[\]{}*+?|^$]|\\[dwsDWS.\\/+*?()\[\]{}|^$-]|\[\^?(?:\\[dws.\\/\]\[^-]|[^\\\[\]])+\]|[|^$]"
    r"|\((?:\?:|\?P<[a-z]\w*>)?|\)(?![*+{])\??|[*+?]\??|\{\d{1,3}(?:,\d{0,3})?\}\??)*"
)
_REPETITION: Final = re.compile(r"[*+]|,\}|\{\d{2,}")
_MAX_REPETITIONS: Final = 3
_MAX_SUBJECT: Final = 256


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for arguments that are known through and through; Unknown for others."""

    @wraps(function)
    def wrapped(*arguments: Any) -> Any:
        if next(unknowns(list(arguments)), None) is not None:
            return unknown_from(*arguments)
        return function(*arguments)

    return wrapped


def _outside(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for arguments that are known at least as a whole; what is inside of them may be unknown."""

    @wraps(function)
    def wrapped(*arguments: Any) -> Any:
        if any(is_unknown(argument) for argument in arguments):
            return unknown_from(*arguments)
        return function(*arguments)

    return wrapped


def _ascii(value: Any) -> str:
    text = text_of(value)
    if not text.isascii():
        raise Unevaluable
    return text


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid
    return [item for _, item in elements(value)]


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid
    return value


# Text


def json_text(value: Any) -> str:
    """A known value as `jsonencode` writes it."""
    text = json.dumps(settled(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if re.search(r"\d[eE][-+]?\d", text) and any("e" in repr(number) for number in _floats(value)):
        raise Unevaluable
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _floats(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [number for item in below for number in _floats(item)]


def _jsonencode(value: Any) -> Any:
    if is_unknown(value):
        return unknown_from(value)
    if next(unknowns(value), None) is None:
        return json_text(value)
    return PartialJson(unknown_from(value).references, structure=settled(value))


def _jsondecode(text: Any) -> Any:
    if isinstance(text, PartialJson):
        return text.structure
    if is_unknown(text):
        return unknown_from(text)
    try:
        return json.loads(text_of(text), parse_float=_number, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise Invalid from None


def _number(text: str) -> Any:
    return normal(exact(text)) if isinstance(number_of(text), int) else float(text)


def _refused(_text: str) -> Any:
    raise Invalid


def _join(separator: Any, *lists: Any) -> str:
    return text_of(separator).join(text_of(item) for one in lists for item in _list(one))


def _split(separator: Any, text: Any) -> list[str]:
    parted = text_of(separator)
    return text_of(text).split(parted) if parted else list(_ascii(text))


def _format(pattern: Any, *arguments: Any) -> str:
    waiting = list(arguments)
    result, at = "", 0
    text = text_of(pattern)
    while (found := text.find("%", at)) >= 0:
        match = _VERB.match(text, found)
        if match is None:
            raise Unevaluable
        result += text[at:found] + ("%" if match[3] is None else _verb(match, waiting))
        at = match.end()
    if waiting:
        raise Invalid
    return result + text[at:]


def _verb(match: re.Match[str], waiting: list[Any]) -> str:
    if not waiting:
        raise Invalid
    value, verb = waiting.pop(0), match[3]
    if not kind_of(value):
        raise Unevaluable
    if verb == "d":
        value = number_of(value)
        if not isinstance(value, int) or value < 0:
            raise Unevaluable
    elif verb == "t":
        value = bool_of(value)
    elif verb == "q":
        value = json.dumps(_ascii(value))
    if match[1] and verb != "d":
        raise Unevaluable
    width = int(match[2] or 0)
    return text_of(value).rjust(width, "0" if match[1] else " ")


def _formatlist(pattern: Any, *arguments: Any) -> list[str]:
    lengths = {len(argument) for argument in arguments if isinstance(argument, list)}
    if len(lengths) != 1:
        raise Unevaluable
    rows = [_list(a) if isinstance(a, list) else [a] * next(iter(lengths)) for a in arguments]
    return [_format(pattern, *row) for row in zip(*rows, strict=True)]


def _replace(value: Any, part: Any, by: Any) -> str:
    text, old, new = text_of(value), text_of(part), text_of(by)
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        raise Unevaluable
    if len(new) * (text.count(old) + 1) > _MAX_RANGE * _MAX_RANGE:
        raise Unevaluable
    return text.replace(old, new)


def _substr(value: Any, offset: Any, size: Any) -> str:
    text, start, length = _ascii(value), number_of(offset), number_of(size)
    if not isinstance(start, int) or not isinstance(length, int) or length < -1 or -start > len(text):
        raise Unevaluable
    start = start + len(text) if start < 0 else start
    return text[start:] if length == -1 else text[start : start + length]


def _title(text: Any) -> str:
    return re.sub(r"(?<![A-Za-z0-9_])[a-z]", lambda match: match[0].upper(), _ascii(text))


def _trimprefix(text: Any, prefix: Any) -> str:
    return text_of(text).removeprefix(text_of(prefix))


def _trimsuffix(text: Any, suffix: Any) -> str:
    return text_of(text).removesuffix(text_of(suffix))


def _pattern(pattern: Any, text: Any) -> tuple[re.Pattern[str], str]:
    pattern, text = text_of(pattern), text_of(text)
    plain = len(pattern) <= _MAX_SUBJECT and _PLAIN_REGEX.fullmatch(pattern) is not None
    repetitions = len(_REPETITION.findall(pattern))
    if not plain or repetitions > _MAX_REPETITIONS or len(text) > _MAX_SUBJECT or re.search(r"[\n\v]", text):
        raise Unevaluable
    try:
        return re.compile(pattern, re.ASCII), text
    except (re.error, OverflowError):
        raise Unevaluable from None


def _found(match: re.Match[str]) -> Any:
    if match.re.groupindex:
        if len(match.re.groupindex) != match.re.groups:
            raise Invalid
        return dict(match.groupdict())
    return list(match.groups()) if match.re.groups else match[0]


def _regex(pattern: Any, text: Any) -> Any:
    compiled, subject = _pattern(pattern, text)
    match = compiled.search(subject)
    if match is None:
        raise Invalid
    return _found(match)


def _regexall(pattern: Any, text: Any) -> list[Any]:
    compiled, subject = _pattern(pattern, text)
    matches = list(compiled.finditer(subject))
    if any(not match[0] for match in matches):
        # Go and Python go on differently after an empty match.
        raise Unevaluable
    return [_found(match) for match in matches]


def _base64decode(text: Any) -> str:
    try:
        return base64.b64decode(_ascii(text), validate=True).decode()
    except ValueError:
        raise Invalid from None


# Collections


def _merge(*maps: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for one in maps:
        result.update({} if one is None else _map(one))
    return result


def _concat(*lists: Any) -> list[Any]:
    if any(isinstance(one, SetValue) for one in lists):
        raise Unevaluable
    return [item for one in lists for item in _list(one)]


def _values(value: Any) -> list[Any]:
    return [item for _, item in elements(_map(value))]


def _zipmap(keys: Any, values: Any) -> dict[str, Any]:
    names, items = _list(keys), _list(values)
    if len(names) != len(items):
        raise Invalid
    if any(is_unknown(name) for name in names):
        raise Unevaluable
    return {text_of(name): item for name, item in zip(names, items, strict=True)}


def _lookup(mapping: Any, key: Any, *default: Any) -> Any:
    if is_unknown(mapping) or is_unknown(key):
        return unknown_from(mapping, key, *default)
    if len(default) > 1:
        raise Invalid
    if text_of(key) in _map(mapping) or not default:
        return step(mapping, key)
    return default[0]


def _element(value: Any, index: Any) -> Any:
    items, at = _list(value), number_of(index)
    if not items or not isinstance(at, int):
        raise Invalid
    if at < 0:
        raise Unevaluable
    return items[at % len(items)]


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(_ascii(value))
    if isinstance(value, SetValue):
        return len(elements(value))
    if isinstance(value, (list, dict)):
        return len(value)
    raise Invalid


def _contains(value: Any, wanted: Any) -> Any:
    if is_unknown(value) or next(unknowns(wanted), None) is not None or not isinstance(value, list):
        return unknown_from(value, wanted) if isinstance(value, list) or is_unknown(value) else _refused("")
    known = [item for item in value if next(unknowns(item), None) is None]
    if any(_alike(item, wanted) for item in known):
        return True
    return False if len(known) == len(value) else unknown_from(value, wanted)


def _alike(item: Any, wanted: Any) -> bool:
    """Equality of an element and what is looked for, whose type Terraform would first unify."""
    if kind_of(item) != kind_of(wanted) and kind_of(item) and kind_of(wanted):
        raise Unevaluable
    return equal(item, wanted)


def _index(value: Any, wanted: Any) -> int:
    for at, item in enumerate(_list(value)):
        if _alike(item, wanted):
            return at
    raise Invalid


def _coalesce(*values: Any) -> Any:
    known = {kind_of(value) for value in values if value is not None and not is_unknown(value)}
    for value in values:
        if is_unknown(value):
            return unknown_from(*values)
        if value is not None and value != "":
            if "" in known:
                raise Unevaluable
            return text_of(value) if "string" in known else value
    raise Invalid


def _coalescelist(*lists: Any) -> Any:
    for one in lists:
        if is_unknown(one):
            return unknown_from(*lists)
        if one:
            return _list(one)
    raise Invalid


def _flatten(value: Any) -> list[Any]:
    result: list[Any] = []
    for item in _list(value):
        if is_unknown(item):
            # It may be a list itself.
            raise Unevaluable
        result += _flatten(item) if isinstance(item, list) else [item]
    return result


def _distinct(value: Any) -> list[Any]:
    result: list[Any] = []
    for item in _list(value):
        if not any(type(item) is type(other) and item == other for other in result):
            result.append(item)
    return result


def _compact(value: Any) -> list[str]:
    return [text_of(item) for item in _list(value) if item is not None and item != ""]


def _sort(value: Any) -> list[str]:
    return sorted(text_of(item) for item in _list(value))


def _slice(value: Any, start: Any, end: Any) -> list[Any]:
    items = _list(value)
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end <= len(items):
        raise Invalid
    return items[start:end]


def _one(value: Any) -> Any:
    items = _list(value)
    if len(items) > 1:
        raise Invalid
    return items[0] if items else None


def _setproduct(*values: Any) -> list[Any]:
    lists = [_list(value) for value in values]
    size = 1
    for one in lists:
        size *= len(one)
    if size > _MAX_RANGE or any(isinstance(value, SetValue) for value in values):
        # A product of sets is a set of tuples, whose order only Terraform knows.
        raise Unevaluable
    return [list(row) for row in itertools.product(*lists)]


def _chunklist(value: Any, size: Any) -> list[Any]:
    items = _list(value)
    if not isinstance(size, int) or size < 1:
        raise Unevaluable
    return [items[at : at + size] for at in range(0, len(items), size)]


def _range(*limits: Any) -> list[int]:
    if not 1 <= len(limits) <= 3 or not all(isinstance(limit, int) for limit in limits):
        raise Unevaluable
    start, end, *by = limits if len(limits) > 1 else (0, *limits)
    by = by or [1 if end >= start else -1]
    if not by[0] or len(result := range(start, end, by[0])) > _MAX_RANGE:
        raise Invalid
    return list(result)


def _sets(combine: Callable[[set[Any], set[Any]], set[Any]]) -> Callable[..., Any]:
    def function(first: Any, *others: Any) -> SetValue:
        result = set_of(_list(first))
        for other in others:
            second = set_of(_list(other))
            if len({kind_of(item) for item in (*result, *second)}) > 1:
                raise Unevaluable
            result = set_of(combine(set(result), set(second)))
        return result

    return _whole(function)


def _all(value: Any) -> bool:
    items = [bool_of(item) for item in _list(value)]
    return all(items)


def _any(value: Any) -> bool:
    items = [bool_of(item) for item in _list(value)]
    return any(items)


# Types


def _tostring(value: Any) -> Any:
    return None if value is None else text_of(value)


def _tonumber(value: Any) -> Any:
    return None if value is None else number_of(value)


def _tobool(value: Any) -> Any:
    return None if value is None else bool_of(value)


def _toset(value: Any) -> SetValue:
    return value if isinstance(value, SetValue) else set_of(_list(value))


def _unified(items: list[Any]) -> list[Any]:
    """Elements of one collection: beside a string, every primitive is one."""
    kinds = {kind_of(item) for item in items if item is not None and not is_unknown(item)}
    if len(kinds) <= 1:
        return items
    if "" in kinds or "string" not in kinds:
        raise Unevaluable
    return [item if item is None or is_unknown(item) else text_of(item) for item in items]


def _tolist(value: Any) -> list[Any]:
    return _unified(_list(value))


def _tomap(value: Any) -> dict[str, Any]:
    mapping = _map(value)
    return dict(zip(mapping, _unified(list(mapping.values())), strict=True))


# Numbers


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    return _whole(
        lambda *numbers: normal(choose(exact(number) for number in numbers)) if numbers else _refused("")
    )


def _floor(value: Any) -> int:
    return int(exact(value).to_integral_value("ROUND_FLOOR"))


def _ceil(value: Any) -> int:
    return int(exact(value).to_integral_value("ROUND_CEILING"))


def _sum(value: Any) -> Any:
    items = _list(value)
    return normal(sum(exact(item) for item in items) + exact(0)) if items else _refused("")


# What needs its arguments unevaluated


def _try(evaluation: _Evaluation, call: Call) -> Any:
    for argument in call.arguments:
        try:
            value = evaluation.node(argument)
        except Invalid:
            continue
        if next(unknowns(value), None) is not None:
            # It may still fail when it is known.
            raise Unevaluable
        return value
    raise Invalid


def _can(evaluation: _Evaluation, call: Call) -> Any:
    if len(call.arguments) != 1:
        raise Invalid
    try:
        value = evaluation.node(call.arguments[0])
    except Invalid:
        return False
    return True if next(unknowns(value), None) is None else unknown_from(value)


LAZY: Final[Mapping[str, Callable[[_Evaluation, Call], Any]]] = {"try": _try, "can": _can}
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "jsonencode": _jsonencode,
    "jsondecode": _jsondecode,
    "lookup": _lookup,
    "contains": _contains,
    "coalesce": _coalesce,
    "coalescelist": _coalescelist,
    "sensitive": lambda value: Unknown(unknown_from(value).references),
    "nonsensitive": lambda value: value,
    "merge": _outside(_merge),
    "concat": _outside(_concat),
    "keys": _outside(lambda value: sorted(_map(value))),
    "values": _outside(_values),
    "zipmap": _outside(_zipmap),
    "element": _outside(_element),
    "length": _outside(_length),
    "flatten": _outside(_flatten),
    "reverse": _outside(lambda value: _list(value)[::-1]),
    "slice": _outside(_slice),
    "one": _outside(_one),
    "setproduct": _outside(_setproduct),
    "chunklist": _outside(_chunklist),
    "toset": _outside(_toset),
    "tolist": _outside(_tolist),
    "tomap": _outside(_tomap),
    "tostring": _whole(_tostring),
    "tonumber": _whole(_tonumber),
    "tobool": _whole(_tobool),
    "join": _whole(_join),
    "split": _whole(_split),
    "format": _whole(_format),
    "formatlist": _whole(_formatlist),
    "lower": _whole(lambda text: _ascii(text).lower()),
    "upper": _whole(lambda text: _ascii(text).upper()),
    "title": _whole(_title),
    "replace": _whole(_replace),
    "trimspace": _whole(lambda text: text_of(text).strip(_BLANKS)),
    "trim": _whole(lambda text, characters: text_of(text).strip(text_of(characters) or None)),
    "trimprefix": _whole(_trimprefix),
    "trimsuffix": _whole(_trimsuffix),
    "chomp": _whole(lambda text: text_of(text).rstrip("\r\n")),
    "strrev": _whole(lambda text: _ascii(text)[::-1]),
    "substr": _whole(_substr),
    "startswith": _whole(lambda text, prefix: text_of(text).startswith(text_of(prefix))),
    "endswith": _whole(lambda text, suffix: text_of(text).endswith(text_of(suffix))),
    "strcontains": _whole(lambda text, part: text_of(part) in text_of(text)),
    "regex": _whole(_regex),
    "regexall": _whole(_regexall),
    "base64encode": _whole(lambda text: base64.b64encode(text_of(text).encode()).decode()),
    "base64decode": _whole(_base64decode),
    "sha256": _whole(lambda text: hashlib.sha256(text_of(text).encode()).hexdigest()),
    "index": _whole(_index),
    "distinct": _whole(_distinct),
    "compact": _whole(_compact),
    "sort": _whole(_sort),
    "alltrue": _whole(_all),
    "anytrue": _whole(_any),
    "setunion": _sets(set.union),
    "setintersection": _sets(set.intersection),
    "setsubtract": _sets(set.difference),
    "range": _whole(_range),
    "min": _extreme(min),
    "max": _extreme(max),
    "floor": _whole(_floor),
    "ceil": _whole(_ceil),
    "abs": _whole(lambda value: normal(abs(exact(value)))),
    "sum": _whole(_sum),
}
