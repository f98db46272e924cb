"""A stack as it will be: `terraform show -json` of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from tapstack.model.document import (
    DocumentError,
    RootValues,
    check_format,
    required,
    resources_below,
    validated,
)
from tapstack.model.stack import Kind, Resource, Stack, module_path, references_of
from tapstack.model.values import Unknown

_GONE: Final = ({"delete"}, {"forget"})


class _Change(TypedDict, total=False):
    actions: list[str]
    after: dict[str, Any] | None
    after_unknown: dict[str, Any] | bool


class _ResourceChange(TypedDict, total=False):
    address: str
    module_address: str
    mode: str
    type: str
    name: str
    index: str | int | None
    provider_name: str
    change: _Change


class _ConfigResource(TypedDict, total=False):
    mode: str
    type: str
    name: str
    provider_config_key: str
    expressions: dict[str, Any]


class _ConfigModule(TypedDict, total=False):
    resources: list[_ConfigResource]
    module_calls: dict[str, _ConfigCall]


class _ConfigCall(TypedDict, total=False):
    module: _ConfigModule


class _ConfigProvider(TypedDict, total=False):
    expressions: dict[str, Any]


class _Config(TypedDict, total=False):
    provider_config: dict[str, _ConfigProvider]
    root_module: _ConfigModule


class _Plan(TypedDict, total=False):
    format_version: str
    planned_values: RootValues
    resource_changes: list[_ResourceChange]
    configuration: _Config
    errored: bool


_ADAPTER: Final = TypeAdapter(_Plan)
_Declared = Mapping[tuple[tuple[str, ...], str, str, str], _ConfigResource]


def is_plan(document: Any) -> bool:
    """Whether a document is a plan's rather than a state's, by its own fields."""
    return isinstance(document, Mapping) and bool(document.keys() & {"planned_values", "resource_changes"})


def from_plan(document: Any) -> Stack:
    """The resources a plan leaves behind; what it deletes is listed in `deletions`.

    Raises DocumentError (a GateFailed) for anything that isn't a complete plan of a known format, and for a
    plan without resources of a configuration that has some.
    """
    check_format(document, "plan")
    if not is_plan(document):
        raise DocumentError("This is not a plan: it has neither planned_values nor resource_changes.")
    plan: _Plan = validated(_ADAPTER, document, "plan")
    if plan.get("errored"):
        raise DocumentError(
            "Terraform ended with an error while it made this plan, so the plan is incomplete."
        )
    configuration = plan.get("configuration", {})
    declared = dict(_declared(configuration.get("root_module", {}), ()))
    deletions: list[str] = []
    resources: dict[str, Resource] = {}
    for entry in plan.get("resource_changes", ()):
        resource = _changed(entry, declared)
        if resource is None:
            deletions.append(required(entry, "address", "change"))
        else:
            resources[resource.address] = resource
    # A refresh-only plan has values, but no changes.
    for resource in resources_below(plan.get("planned_values", {}).get("root_module", {})):
        resources.setdefault(resource.address, resource)
    managed = sum(mode == "managed" for _, mode, _, _ in declared)
    if managed and not deletions and not any(r.mode == "managed" for r in resources.values()):
        raise DocumentError(
            f"The plan has no resources, although the configuration declares {managed}.",
            hint="plan without -target, and look at count and for_each",
        )
    return Stack(Kind.PLAN, resources, _default_tags(configuration), managed, tuple(deletions))


def _declared(
    module: _ConfigModule, path: tuple[str, ...]
) -> Iterator[tuple[tuple[tuple[str, ...], str, str, str], _ConfigResource]]:
    for entry in module.get("resources", ()):
        yield (path, entry.get("mode", "managed"), entry.get("type", ""), entry.get("name", "")), entry
    for name, call in module.get("module_calls", {}).items():
        yield from _declared(call.get("module", {}), (*path, name))


def _changed(entry: _ResourceChange, declared: _Declared) -> Resource | None:
    """The resource as it will be, or None where it is deleted or forgotten."""
    change = entry.get("change")
    if change is None or not change.get("actions"):
        raise DocumentError(f"The plan does not say what happens to {required(entry, 'address', 'change')}.")
    if set(change["actions"]) in _GONE:
        return None
    module = entry.get("module_address", "")
    mode = entry.get("mode", "managed")
    type_, name = required(entry, "type", "change"), required(entry, "name", "change")
    config = declared.get((module_path(module), mode, type_, name))
    return Resource(
        address=required(entry, "address", "change"),
        type=type_,
        name=name,
        mode=mode,
        module=module,
        index=entry.get("index"),
        provider=entry.get("provider_name"),
        provider_key=config.get("provider_config_key") if config else None,
        values=change.get("after") or {},
        unknown=change.get("after_unknown", False),
        expressions=config.get("expressions", {}) if config else None,
    )


def _default_tags(configuration: _Config) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, provider in configuration.get("provider_config", {}).items():
        block = provider.get("expressions", {}).get("default_tags")
        if not block:
            continue
        first = block[0] if isinstance(block, list) else block
        tags = first.get("tags") if isinstance(first, Mapping) else None
        constant = tags.get("constant_value") if isinstance(tags, Mapping) else None
        found[key] = constant if isinstance(constant, Mapping) else Unknown(references_of([tags]))
    return found
