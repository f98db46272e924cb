"""A stack's resources, looked up by address, by type and by attribute path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from tapstack.model.values import MISSING, Unknown, with_unknowns

_MODULE_STEP: Final = re.compile(r'module\.([^.\[]+)(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.?')


class Kind(StrEnum):
    """What a stack was read from."""

    HCL = "hcl"
    PLAN = "plan"
    STATE = "state"


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One resource instance; read from HCL, one block.

    `values`, `unknown` and `expressions` are the document's own trees, shared and never changed: the planned
    values, `after_unknown`, and the configuration's `expressions` that set them (None where the input has
    none). Read them through `get`.
    """

    address: str
    type: str
    name: str
    mode: str = "managed"
    module: str = ""
    index: str | int | None = None
    provider: str | None = None
    provider_key: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: Any = False
    expressions: Mapping[str, Any] | None = None

    def get(self, path: str | Sequence[str]) -> Any:
        """The value at "a.0.b" (or ("a", "0", "b") where a key holds a dot), MISSING, or Unknown.

        A list or map that is known in part has Unknown at its unknown places.
        """
        parts = path.split(".") if isinstance(path, str) else path
        value: Any = self.values
        unknown: Any = self.unknown
        for depth, part in enumerate(parts):
            if isinstance(value, Unknown):
                return value
            if unknown is True:
                return self._unknown_at(parts[:depth])
            value, unknown = _step(value, part), _step(unknown, part)
        if isinstance(value, Unknown):
            return value
        value = with_unknowns(value, unknown, tuple(parts), self._unknown_at)
        return MISSING if value is None else value

    def has(self, attribute: str) -> bool:
        """Whether the input speaks of a top-level attribute at all, be it null or unknown."""
        return attribute in self.values or (isinstance(self.unknown, dict) and attribute in self.unknown)

    @property
    def module_path(self) -> tuple[str, ...]:
        """The names of the module calls that lead here; () in the root module."""
        return module_path(self.module)

    def _unknown_at(self, parts: Sequence[str]) -> Unknown:
        """What the configuration says about a path that `unknown` marks.

        No expression at the very path, with its surroundings there, means that nobody set it. A plan's
        configuration leaves out the blocks that `dynamic` makes, so nothing is concluded about what is inside
        them; a `dynamic` block that is unknown as a whole looks like one that isn't there.
        """
        if self.expressions is None:
            return Unknown()
        level: list[Any] = [self.expressions]
        for depth, part in enumerate(parts):
            below = [one[part] for one in level if isinstance(one, Mapping) and part in one]
            if not below and part.isdigit():
                # Blocks of a set stand in another order in the configuration: any of them may be this one.
                continue
            if not below:
                whole = any(_is_expression(one) for one in level)
                return Unknown(references_of(level) if whole else (), not whole and depth == len(parts) - 1)
            level = [item for one in below for item in (one if isinstance(one, list) else [one])]
        return Unknown(references_of(level))


def _step(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, MISSING)
    if isinstance(value, list) and part.isdigit():
        return value[int(part)] if int(part) < len(value) else MISSING
    return MISSING


def _is_expression(node: Any) -> bool:
    return isinstance(node, Mapping) and bool(node) and node.keys() <= {"references", "constant_value"}


def references_of(nodes: Any) -> tuple[str, ...]:
    """The most specific references of an expression tree: a plan lists `a.b.c` and then its prefix `a.b`."""
    found = dict.fromkeys(_all_references(nodes))
    return tuple(r for r in found if not any(o != r and o.startswith((f"{r}.", f"{r}[")) for o in found))


def _all_references(node: Any) -> Iterator[str]:
    if _is_expression(node):
        listed = node.get("references")
        yield from (ref for ref in listed if isinstance(ref, str)) if isinstance(listed, list) else ()
    elif isinstance(node, Mapping):
        yield from _all_references(list(node.values()))
    elif isinstance(node, list):
        for below in node:
            yield from _all_references(below)


@lru_cache(maxsize=1024)
def module_path(module: str) -> tuple[str, ...]:
    """("a", "b") for the module address `module.a[0].module.b`."""
    return tuple(step[1] for step in _MODULE_STEP.finditer(module))


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """What one judgement is about.

    `default_tags` maps a provider's configuration key ("aws", "aws.west") to its tags: a mapping (which may
    hold Unknown) or Unknown; a provider without default tags is not in it. `declared` counts the resource
    blocks of the configuration. `deletions` are addresses that the plan deletes, not among `resources`.
    """

    kind: Kind
    resources: Mapping[str, Resource]
    default_tags: Mapping[str, Any] = field(default_factory=dict)
    declared: int = 0
    deletions: tuple[str, ...] = ()
    _by_type: dict[str, list[Resource]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_type: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            if resource.mode == "managed":
                by_type.setdefault(resource.type, []).append(resource)
        object.__setattr__(self, "_by_type", by_type)

    def of_types(self, types: Iterable[str]) -> list[Resource]:
        """Managed resources of these types; "*" stands for every type."""
        wanted = self._by_type if "*" in types else types
        return [resource for type_ in wanted for resource in self._by_type.get(type_, ())]

    def default_tags_of(self, resource: Resource) -> Any:
        """The default tags of a resource's provider: a mapping, Unknown, or MISSING."""
        return self.default_tags.get(resource.provider_key or "", MISSING)
