"""A stack's resources, looked up by address, by type and by attribute path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tapstack.model.scope import ModuleScope, is_plan_expression, references_of
from tapstack.model.values import MISSING, Missing, Unknown, holds_unknown, with_unknowns

if TYPE_CHECKING:
    from tapstack.model.graph import Graph
    from tapstack.model.policy_document import Document
    from tapstack.model.references import Located, Place

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
    none). Read them through `get`. `lifecycle` is the block's as written, {} if none or not known.
    `depends_on` are the addresses, without instance keys, that a state lists for it.
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
    lifecycle: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    sensitive: Any = False
    """What of `values` Terraform calls sensitive: a tree beside it, as `unknown` is."""

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

    def is_sensitive(self, path: str | Sequence[str]) -> bool:
        """Whether the value at a path, as `get` takes it, is sensitive or holds something that is."""
        marks: Any = self.sensitive
        for part in path.split(".") if isinstance(path, str) else path:
            if not marks or marks is True:
                break
            marks = _step(marks, part)
        return holds_unknown(marks)

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
        if len(parts) == 1 and parts[0] not in self.expressions:
            # Half of all that is unknown, answered without a search.
            return Unknown(computed=not is_plan_expression(self.expressions))
        level: list[Any] = [self.expressions]
        for depth, part in enumerate(parts):
            below = [one[part] for one in level if isinstance(one, Mapping) and part in one]
            if not below and part.isdigit():
                # Blocks of a set stand in another order in the configuration: any of them may be this one.
                continue
            if not below:
                whole = any(is_plan_expression(one) for one in level)
                return Unknown(references_of(level) if whole else (), not whole and depth == len(parts) - 1)
            level = [item for one in below for item in (one if isinstance(one, list) else [one])]
        return Unknown(references_of(level))


def _step(value: Any, part: str) -> Any:
    # A document's lists and objects, asked for before anything that only behaves like one: this is the innermost loop.
    if isinstance(value, dict):
        return value.get(part, MISSING)
    if isinstance(value, list):
        return value[int(part)] if part.isdigit() and int(part) < len(value) else MISSING
    return value.get(part, MISSING) if isinstance(value, Mapping) else MISSING


@lru_cache(maxsize=1024)
def module_path(module: str) -> tuple[str, ...]:
    """("a", "b") for the module address `module.a[0].module.b`."""
    return tuple(step[1] for step in _MODULE_STEP.finditer(module))


class Address(str):
    """A reference that starts with a resource's full address: it means the same in every module."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A resource instance and what of it is meant: "arn", "table.0.name", "" for the whole."""

    resource: Resource
    attribute: str


@dataclass(frozen=True, slots=True)
class Use:
    """A resource instance that refers to another one, and the top-level attribute or block in which it does."""

    resource: Resource
    path: str


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the root module; the value of a sensitive one is Unknown here."""

    name: str
    value: Any
    references: tuple[Reference, ...]
    sensitive: bool


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """What one judgement is about.

    `default_tags` maps a provider's configuration key ("aws", "aws.west") to its tags: a mapping (which may
    hold Unknown) or Unknown; a provider without default tags is not in it. `declared` counts the resource
    blocks of the configuration, 0 where all of them are switched off. `deletions` are addresses that the plan
    deletes, not among `resources`. Whatever concerns several resources is indexed when first asked for, then
    answered by look-up.
    """

    kind: Kind
    resources: Mapping[str, Resource]
    default_tags: Mapping[str, Any] = field(default_factory=dict)
    declared: int = 0
    deletions: tuple[str, ...] = ()
    root: ModuleScope = field(default_factory=ModuleScope, repr=False)
    """What the modules declare; empty for a state without its configuration."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """The root module's that are known; Unknown for one that is sensitive or without a value."""
    complete: bool = True
    """False for a plan that Terraform was told to limit to a part of the configuration."""
    backend: Mapping[str, Any] | None = None
    """The backend's arguments as written, with its "type"; None where none is declared or known."""
    output_values: Mapping[str, tuple[Any, bool]] = field(default_factory=dict, repr=False)
    """The root module's outputs: value, and whether it is sensitive. Read them through `outputs`."""
    _by_type: dict[str, list[Resource]] = field(init=False, repr=False)
    _made: dict[str, Graph] = field(init=False, repr=False, default_factory=dict)

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

    def target(self, resource: Resource, path: str | Sequence[str], *types: str) -> Any:
        """What the single value at `path` is: a Resource of one of `types`, whose attribute it is or which it names.

        The way leads through locals, module variables and outputs, aliases of keys and functions, and attributes
        that are handed on. A known value that names no such resource is returned as it is; Unknown if it can't be
        told; MISSING if unset. A managed resource comes before the data resource that reads it.
        """
        return self._graph.target(resource, path, types)

    def targets(
        self, resource: Resource, path: str | Sequence[str], *types: str
    ) -> tuple[Resource | Unknown | str, ...]:
        """Likewise for each element of a list or set; () if unset."""
        return self._graph.targets(resource, path, types)

    def resolve(self, resource: Resource, value: Any) -> tuple[Reference, ...]:
        """What an Unknown, or a known string such as an ARN, met inside `resource` refers to."""
        return self._graph.resolve(resource, value)

    def users(self, resource: Resource, *types: str) -> tuple[Use, ...]:
        """Who refers to it: resources of `types` (of any, without), each attribute once."""
        return self._graph.users(resource, types)

    def dependencies(self, resource: Resource) -> frozenset[str]:
        """Addresses of what must be there before it: all that it refers to anywhere, and depends_on.

        As in Terraform, all instances of what is referred to, and all that a local it uses refers to. For a state
        without its configuration, what the state says, which includes the dependencies of dependencies.
        """
        return self._graph.dependencies(resource)

    def region(self, resource: Resource) -> str | Unknown:
        """The AWS region of its provider's configuration, else that of its ARN; computed where nothing names one."""
        return self._graph.region(resource)

    def document(self, resource: Resource, path: str) -> Document | Unknown | Missing:
        """The JSON policy at `path`; Unknown if nothing is known of it."""
        from tapstack.model import policy_document

        return policy_document.find(self, resource, path)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """The root module's outputs by name."""
        return self._graph.outputs

    def expression(self, resource: Resource, path: str | Sequence[str]) -> Located | None:
        """The expression that sets `path`, followed to where it is really written; None where it is not known."""
        return self._graph.expression(resource, path)

    def references(self, place: Place, expression: Any) -> tuple[Reference, ...]:
        """What an expression that stands at `place` refers to."""
        return self._graph.references(place, expression)

    def absolute(self, resource: Resource, unknown: Unknown) -> Unknown:
        """`unknown`, met inside `resource`, with references that mean the same in every module."""
        return self._graph.absolute(resource, unknown)

    def absolute_of(self, place: Place, expression: Any) -> Unknown:
        """An expression that stands at `place` as Unknown with references that mean the same in every module."""
        return self._graph.absolute_of(place, expression)

    @property
    def _graph(self) -> Graph:
        # Made when it is first asked for: many judgements need values only.
        if "graph" not in self._made:
            from tapstack.model.graph import Graph

            self._made["graph"] = Graph(self)
        return self._made["graph"]
