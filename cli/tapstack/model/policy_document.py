"""IAM policy documents as statements, wherever they come from.

A document is found in a JSON text (constant, heredoc, state), in `jsonencode`, and in
`data.aws_iam_policy_document`, also where the text as a whole is known only after apply: then the expression that
makes it is read. The grammar is
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html; how a data source is put
together is what the AWS provider does
(https://github.com/hashicorp/terraform-provider-aws/blob/v5.100.0/internal/service/iam/policy_document_data_source.go).

What can't be read as a statement is left out and makes the document incomplete, and so does a text that isn't
JSON: whoever needs all statements must ask `complete`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final, TypeAlias

from tapstack.model import expression
from tapstack.model.expression import PartialJson, PartialText, settled, text_of, unknown_from, unknowns
from tapstack.model.references import Located, Place
from tapstack.model.scope import Refers, references_of
from tapstack.model.stack import Reference, Resource, Stack
from tapstack.model.stack_scope import StackScope
from tapstack.model.values import MISSING, Missing, Unknown, is_unset

Value: TypeAlias = str | Unknown
Values: TypeAlias = tuple[Value, ...]

_DATA: Final = "aws_iam_policy_document"
_TEXTS: Final = frozenset({"json", "minified_json"})
_EFFECTS: Final = frozenset({"Allow", "Deny"})
_MAX_DEPTH: Final = 12
# Noncharacters: no text of a configuration has them.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; what isn't there is empty.

    A principal of which not even the type is known stands under "AWS". `conditions` maps operator to key to
    values.
    """

    sid: str
    effect: str
    actions: Values = ()
    not_actions: Values = ()
    resources: Values = ()
    not_resources: Values = ()
    principals: Mapping[str, Values] = field(default_factory=dict)
    not_principals: Mapping[str, Values] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A policy. `complete` is False where there are, or may be, statements that couldn't be read."""

    statements: tuple[Statement, ...]
    complete: bool


class _Unreadable(Exception):
    """A part of a document isn't what the grammar asks for, or isn't known."""


def find(stack: Stack, resource: Resource, path: str) -> Document | Unknown | Missing:
    """The policy at `path` of a resource; MISSING if unset, Unknown if nothing is known of it.

    Unknown texts in it are to be resolved with `stack.resolve(resource, value)`.
    """
    return _finder(stack).find(resource, path, 0)


@lru_cache(maxsize=2)
def _finder(stack: Stack) -> _Finder:
    return _Finder(stack)


class _Finder:
    """Finds the documents of one stack, each once."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._found: dict[tuple[str, str], Document | Unknown | Missing] = {}

    def find(self, resource: Resource, path: str, depth: int) -> Document | Unknown | Missing:
        key = (resource.address, path)
        if key not in self._found:
            # One that leads back to itself is unknown.
            self._found[key] = Unknown()
            self._found[key] = self._find(resource, path, depth)
        return self._found[key]

    def _find(self, resource: Resource, path: str, depth: int) -> Document | Unknown | Missing:
        value = resource.get(path)
        # A state has "" where there is no policy.
        if is_unset(value) or value == "":
            return MISSING
        if isinstance(value, str):
            return of_text(value)
        if not isinstance(value, Unknown):
            return Document((), complete=False)
        if depth > _MAX_DEPTH:
            return value
        found = self._of_partial(value, self._absolute_at(resource))
        if found is None:
            located = self._written(resource, path)
            references = () if located else self.stack.resolve(resource, value)
            found = self._of_value(located, depth) if located else self._of_references(references, depth)
        return found or value

    def _of_partial(self, value: Any, absolute: _Absolute) -> Document | None:
        """The document that a text is, as far as it is known."""
        if isinstance(value, str):
            return of_text(value)
        if isinstance(value, PartialJson):
            return _document(value.structure, absolute)
        return _document(_structure(value), absolute) if isinstance(value, PartialText) else None

    def _of_value(self, located: Located, depth: int) -> Document | None:
        return self._of_evaluated(self._evaluated(located), located.place, depth)

    def _of_evaluated(self, value: Any, place: Place, depth: int) -> Document | None:
        """The document of an expression's value: a text, or exactly an attribute of another resource."""
        if not isinstance(value, expression.Place):
            return self._of_partial(settled(value), self._absolute_of(place))
        refers = Refers((str(value),))
        return self._of_references(self.stack.references(self._scope.place_of(value), refers), depth)

    def _of_references(self, references: tuple[Reference, ...], depth: int) -> Document | None:
        """The document of another resource's attribute.

        A plan alone doesn't tell `x.json` from `f(x.json)`: it is taken for what nearly always is written.
        """
        if len(references) != 1 or not references[0].attribute:
            return None
        resource, attribute = references[0].resource, references[0].attribute
        if resource.type == _DATA and resource.mode == "data" and attribute in _TEXTS:
            return self._data_document(resource, depth + 1)
        found = self.find(resource, attribute, depth + 1)
        return found if isinstance(found, Document) else None

    # data.aws_iam_policy_document

    def _data_document(self, source: Resource, depth: int) -> Document:
        for name in _TEXTS:
            if isinstance(text := source.get(name), str):
                return of_text(text)
        own = self._own(source)
        before = self._others(source, "source_policy_documents", depth)
        after = self._others(source, "override_policy_documents", depth)
        return merged([*before, own, *after])

    def _others(self, source: Resource, name: str, depth: int) -> Iterator[Document]:
        value = source.get(name)
        if is_unset(value):
            return
        if isinstance(value, list):
            for number, item in enumerate(value):
                # The provider skips an empty text.
                if item not in ("", None):
                    found = self.find(source, f"{name}.{number}", depth + 1)
                    yield found if isinstance(found, Document) else _NOTHING
            return
        located = self._written(source, name)
        items = self._evaluated(located) if located else None
        if located is None or not isinstance(items, list):
            yield _NOTHING
            return
        for item in items:
            yield self._of_evaluated(item, located.place, depth) or _NOTHING

    def _own(self, source: Resource) -> Document:
        blocks = source.get("statement")
        if is_unset(blocks):
            return Document((), complete=True)
        if not isinstance(blocks, list):
            return _NOTHING
        statements, complete = [], True
        for number, block in enumerate(blocks):
            try:
                statements.append(_of_block(self._block(source, f"statement.{number}", block)))
            except _Unreadable:
                complete = False
        return Document(tuple(statements), complete)

    def _block(self, source: Resource, path: str, value: Any) -> Any:
        """A block in which what the plan calls unknown is what the configuration says, with full references."""
        if isinstance(value, dict):
            return {key: self._block(source, f"{path}.{key}", item) for key, item in value.items()}
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            return [self._block(source, f"{path}.{number}", item) for number, item in enumerate(value)]
        if next(unknowns(value), None) is None:
            return value
        located = self._written(source, path)
        written = None if located is None else settled(self._evaluated(located))
        if located is not None and not isinstance(written, Unknown):
            return _rewritten(written, self._absolute_of(located.place))
        references = _planned_references(source, path)
        absolute = self._absolute_at(source)
        return _rewritten(value, (lambda _: absolute(Unknown(references))) if references else absolute)

    # Expressions and references

    def _written(self, resource: Resource, path: str) -> Located | None:
        """The expression at a path, where more is known of it than its references."""
        located = self.stack.expression(resource, path)
        return None if located is None or isinstance(located.value, Refers) else located

    @cached_property
    def _scope(self) -> StackScope:
        return StackScope(self.stack)

    def _evaluated(self, located: Located) -> Any:
        return self._scope.value(located)

    def _absolute_at(self, resource: Resource) -> _Absolute:
        return lambda unknown: self.stack.absolute(resource, unknown)

    def _absolute_of(self, place: Place) -> _Absolute:
        return lambda unknown: self.stack.absolute_of(place, Refers(unknown.references))


_Absolute: TypeAlias = Callable[[Unknown], Unknown]
_NOTHING: Final = Document((), complete=False)


def _planned_references(source: Resource, path: str) -> tuple[str, ...]:
    """What a plan's configuration says of one place in a `statement`, where its block can be told.

    A plan leaves out what `dynamic` makes. As many blocks as are written are those that are written: in their
    order for statements, while those inside of a statement are sets.
    """
    node: Any = source.expressions
    value: Any = source.values
    for depth, part in enumerate(path.split(".")):
        if isinstance(node, list):
            alike = isinstance(value, list) and len(value) == len(node) and (depth == 1 or len(node) == 1)
            node, value = (node[int(part)], value[int(part)]) if alike else (None, None)
        else:
            node = node.get(part) if isinstance(node, Mapping) else None
            value = value.get(part) if isinstance(value, Mapping) else None
    return references_of(node)


def of_text(text: str) -> Document:
    """The document of a JSON text that is known."""
    return _of_known_text(text)


@lru_cache(maxsize=4096)
def _of_known_text(text: str) -> Document:
    return _document(_parsed(text), lambda unknown: unknown)


def merged(documents: Iterable[Document]) -> Document:
    """Documents as the provider merges them: a later statement takes the place of one with the same sid."""
    statements: list[Statement] = []
    complete = True
    for document in documents:
        complete = complete and document.complete
        for new in document.statements:
            at = next((i for i, old in enumerate(statements) if new.sid and old.sid == new.sid), None)
            if at is None:
                statements.append(new)
            else:
                statements[at] = new
    return Document(tuple(statements), complete)


# JSON


def _parsed(text: str) -> Any:
    """What a JSON text says; Unknown for one that isn't JSON."""
    try:
        return json.loads(text, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        return Unknown()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        # AWS refuses an element that is there twice.
        raise ValueError
    return result


def _structure(text: PartialText) -> Any:
    """What a JSON text says that is known in part; Unknown for one that isn't JSON."""
    joined = ""
    for number, part in enumerate(text.parts):
        mark = f"{_OPEN}{number}{_CLOSE}"
        joined += (
            part if isinstance(part, str) else json.dumps(mark) if isinstance(part, PartialJson) else mark
        )
    return _unmarked(_parsed(joined), text.parts)


def _unmarked(value: Any, parts: tuple[Value, ...]) -> Any:
    if isinstance(value, list):
        return [_unmarked(item, parts) for item in value]
    if isinstance(value, dict):
        if any(_OPEN in key for key in value):
            return Unknown()
        return {key: _unmarked(item, parts) for key, item in value.items()}
    if not isinstance(value, str) or _OPEN not in value:
        return value
    inside = [parts[int(piece.partition(_CLOSE)[0])] for piece in value.split(_OPEN)[1:]]
    first = inside[0]
    whole = value.startswith(_OPEN) and value.endswith(_CLOSE) and len(inside) == 1
    return first.structure if whole and isinstance(first, PartialJson) else unknown_from(*inside)


def _document(structure: Any, absolute: _Absolute) -> Document:
    if not isinstance(structure, dict):
        return _NOTHING
    listed = _elements(structure).get("statement")
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list):
        return _NOTHING
    statements, complete = [], True
    for one in listed:
        try:
            statements.append(_statement(_rewritten(one, absolute)))
        except _Unreadable:
            complete = False
    return Document(tuple(statements), complete)


def _rewritten(value: Any, absolute: _Absolute) -> Any:
    """`value` with references in it that mean the same in every module."""
    if isinstance(value, Unknown):
        return absolute(value) if value.references else value
    if isinstance(value, list):
        return [_rewritten(item, absolute) for item in value]
    if isinstance(value, dict):
        return {key: _rewritten(item, absolute) for key, item in value.items()}
    return value


def _elements(value: Any) -> dict[str, Any]:
    """The elements of an object by lower-case name: IAM does not tell their case."""
    if not isinstance(value, dict):
        raise _Unreadable
    result = {key.lower(): item for key, item in value.items()}
    if len(result) != len(value):
        raise _Unreadable
    return result


def _statement(value: Any) -> Statement:
    elements = _elements(value)
    effect, sid = elements.get("effect"), elements.get("sid")
    if not isinstance(effect, str) or effect not in _EFFECTS:
        raise _Unreadable
    return Statement(
        sid=sid if isinstance(sid, str) else "",
        effect=effect,
        actions=_values(elements.get("action")),
        not_actions=_values(elements.get("notaction")),
        resources=_values(elements.get("resource")),
        not_resources=_values(elements.get("notresource")),
        principals=_principals(elements.get("principal")),
        not_principals=_principals(elements.get("notprincipal")),
        conditions=_conditions(elements.get("condition")),
    )


def _values(value: Any) -> Values:
    """One value or a list of them. Raises _Unreadable for what is neither."""
    if value is None or value is MISSING:
        return ()
    return tuple(_value(item) for item in (value if isinstance(value, list) else [value]))


def _value(value: Any) -> Value:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, (str, bool, int, float)):
        return text_of(value)
    raise _Unreadable


def _principals(value: Any) -> dict[str, Values]:
    if value is None:
        return {}
    if isinstance(value, Unknown):
        return {"AWS": (value,)}
    if value == "*":
        return {"*": ("*",)}
    if not isinstance(value, dict):
        raise _Unreadable
    return {type_: _values(identifiers) for type_, identifiers in value.items()}


def _conditions(value: Any) -> dict[str, dict[str, Values]]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise _Unreadable
    return {
        operator: {key: _values(values) for key, values in keys.items()} for operator, keys in value.items()
    }


# Blocks of the data source


def _of_block(block: Any) -> Statement:
    if not isinstance(block, dict):
        raise _Unreadable
    effect, sid = block.get("effect"), block.get("sid")
    effect = "Allow" if is_unset(effect) or effect in (None, "") else effect
    if (
        not isinstance(effect, str)
        or effect not in _EFFECTS
        or (isinstance(sid, Unknown) and not sid.computed)
    ):
        # A statement whose sid isn't known may take the place of any other.
        raise _Unreadable
    return Statement(
        sid=sid if isinstance(sid, str) else "",
        effect=effect,
        actions=_set(block.get("actions")),
        not_actions=_set(block.get("not_actions")),
        resources=_set(block.get("resources")),
        not_resources=_set(block.get("not_resources")),
        principals=_principal_blocks(block.get("principals")),
        not_principals=_principal_blocks(block.get("not_principals")),
        conditions=_condition_blocks(block.get("condition")),
    )


def _set(value: Any) -> Values:
    """Values in which `&{` stands for the `${` of IAM's own variables."""
    if is_unset(value):
        return ()
    return tuple(item.replace("&{", "${") if isinstance(item, str) else item for item in _values(value))


def _blocks(value: Any) -> list[Mapping[str, Any]]:
    if value is None or is_unset(value):
        return []
    if not isinstance(value, list) or not all(isinstance(block, dict) for block in value):
        raise _Unreadable
    return value


def _principal_blocks(value: Any) -> dict[str, Values]:
    if isinstance(value, Unknown) and not value.computed:
        return {"AWS": (value,)}
    result: dict[str, Values] = {}
    for block in _blocks(value):
        type_ = block.get("type")
        type_ = type_ if isinstance(type_, str) else "AWS"
        result[type_] = (*result.get(type_, ()), *_set(block.get("identifiers")))
    return result


def _condition_blocks(value: Any) -> dict[str, dict[str, Values]]:
    result: dict[str, dict[str, Values]] = {}
    for block in _blocks(value):
        operator, key = block.get("test"), block.get("variable")
        if not isinstance(operator, str) or not isinstance(key, str):
            raise _Unreadable
        keys = result.setdefault(operator, {})
        keys[key] = (*keys.get(key, ()), *_set(block.get("values")))
    return result
