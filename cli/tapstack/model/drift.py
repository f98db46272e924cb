"""What changed outside Terraform: `terraform show -json` of a refresh-only plan, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from tapstack.model.differences import Path, Values, differences
from tapstack.model.document import (
    DocumentError,
    ModuleValues,
    ResourceValues,
    RootValues,
    Tree,
    check_format,
    required,
    validated,
)
from tapstack.model.stack import Resource


class _Change(TypedDict, total=False):
    actions: list[str]
    before: Tree | None
    after: Tree | None
    before_sensitive: Any
    after_sensitive: Any


class _Drifted(TypedDict, total=False):
    address: str
    module_address: str
    mode: str
    type: str
    name: str
    index: str | int | None
    provider_name: str
    change: _Change


class _Relevant(TypedDict, total=False):
    resource: str
    attribute: list[Any]


class _State(TypedDict, total=False):
    format_version: str
    values: RootValues


class _OutputChange(TypedDict, total=False):
    actions: list[str]
    before: Any


class _Plan(TypedDict, total=False):
    format_version: str
    prior_state: _State
    resource_drift: list[_Drifted]
    relevant_attributes: list[_Relevant]
    output_changes: dict[str, _OutputChange]
    errored: bool


_ADAPTER: Final = TypeAdapter(_Plan)


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One value that is not as Terraform left it; None stands for unset.

    `path` is dotted, with the places that list elements have now. Of a sensitive value neither side is kept.
    `feeds_output` says that an output of the stack changes with it.
    """

    path: str
    before: Any
    after: Any
    sensitive: bool = False
    feeds_output: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Drifted:
    """A resource that was changed or deleted outside Terraform; a deleted one has no `changes`."""

    resource: Resource
    action: Literal["update", "delete"]
    changes: tuple[AttributeChange, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RefreshedPlan:
    """A refresh-only plan: what drifted, and the state as Terraform knew it and as it really is.

    Both states are documents as `terraform show -json` writes them.
    """

    drifted: tuple[Drifted, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def from_refresh(document: Any) -> RefreshedPlan:
    """Read a refresh-only plan. Raises DocumentError (a GateFailed) for anything else.

    What is unset and what is empty are the same here: providers write one and read back the other. So are two
    spellings of the same JSON. A resource that differs in nothing else has not drifted.
    """
    check_format(document, "plan")
    plan: _Plan = validated(_ADAPTER, document, "plan")
    if plan.get("errored"):
        raise DocumentError("Terraform ended with an error while it compared, so what it says is incomplete.")
    entries = [entry for entry in plan.get("resource_drift", ()) if _actions(entry) != ["no-op"]]
    relevant = _relevant(plan.get("relevant_attributes", ()))
    found = (_drifted(entry, relevant.get(entry.get("address", ""), ())) for entry in entries)
    after = plan.get("prior_state") or _State(format_version="1.0")
    return RefreshedPlan(
        tuple(one for one in found if one.changes or one.action == "delete"),
        _state_before(after, entries, plan.get("output_changes", {})),
        after,
    )


def _actions(entry: _Drifted) -> list[str]:
    return entry.get("change", {}).get("actions", [])


def _drifted(entry: _Drifted, relevant: Sequence[Path]) -> Drifted:
    change = entry.get("change", {})
    before, after = change.get("before") or {}, change.get("after")
    resource = Resource(
        address=required(entry, "address", "drift"),
        type=required(entry, "type", "drift"),
        name=required(entry, "name", "drift"),
        mode=entry.get("mode", "managed"),
        module=entry.get("module_address", ""),
        index=entry.get("index"),
        values=before,
    )
    if after is None:
        return Drifted(resource, "delete")
    marks = (change.get("before_sensitive"), change.get("after_sensitive"))
    changes = list(differences((), (before, after), marks))
    own = {path for path, _ in changes if path[:1] == ("tags",)}
    return Drifted(
        resource,
        "update",
        tuple(
            _change(path, values, relevant)
            for path, values in changes
            # The provider repeats in tags_all what tags already say.
            if not (path[:1] == ("tags_all",) and ("tags", *path[1:]) in own)
        ),
    )


def _change(path: Path, values: Values, relevant: Iterable[Path]) -> AttributeChange:
    feeds = any(path[: len(one)] == one[: len(path)] for one in relevant)
    before, after = values or (None, None)
    return AttributeChange(".".join(path), before, after, values is None, feeds)


def _relevant(entries: Iterable[_Relevant]) -> dict[str, list[Path]]:
    """Attributes by address that outputs which change are made from."""
    found: dict[str, list[Path]] = {}
    for entry in entries:
        path = tuple(str(part) for part in entry.get("attribute", ()))
        found.setdefault(entry.get("resource", ""), []).append(path)
    return found


def _state_before(
    after: _State, entries: Iterable[_Drifted], outputs: Mapping[str, _OutputChange]
) -> Mapping[str, Any]:
    """The state that Terraform knew: a plan tells it only by what is different now."""
    values = after.get("values", {})
    modules: dict[str, dict[str, ResourceValues]] = {"": {}}
    for module in _modules(values.get("root_module", {})):
        known = {required(one, "address", "resource"): one for one in module.get("resources", ())}
        modules.setdefault(module.get("address", ""), {}).update(known)
    for entry in entries:
        address = required(entry, "address", "drift")
        place = modules.setdefault(entry.get("module_address", ""), {})
        place[address] = {**_identity(entry), **place.get(address, {}), "values": _before(entry)}  # type: ignore[typeddict-item]
    known_outputs = {
        name: {**output, "value": outputs[name].get("before")} if _outlived(outputs.get(name)) else output
        for name, output in values.get("outputs", {}).items()
    }
    children = [
        {"address": address, "resources": [*resources.values()]}
        for address, resources in modules.items()
        if address
    ]
    root = {"resources": [*modules[""].values()], "child_modules": children}
    return {**after, "values": {"outputs": known_outputs, "root_module": root}}


def _outlived(change: _OutputChange | None) -> bool:
    """Whether an output was there before and has another value now."""
    return change is not None and change.get("actions") == ["update"]


def _before(entry: _Drifted) -> dict[str, Any]:
    return entry.get("change", {}).get("before") or {}


def _identity(entry: _Drifted) -> dict[str, Any]:
    return {key: entry[key] for key in entry if key not in ("module_address", "change")}  # type: ignore[literal-required]


def _modules(module: ModuleValues) -> Iterator[ModuleValues]:
    yield module
    yield from chain.from_iterable(map(_modules, module.get("child_modules", ())))
