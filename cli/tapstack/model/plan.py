"""A stack as it will be: `terraform show -json` of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from tapstack.model.document import (
    DocumentError,
    RootValues,
    Tree,
    check_format,
    declared_block,
    required,
    resources_below,
    validated,
)
from tapstack.model.scope import (
    ModuleScope,
    backend_of,
    completed,
    references_of,
    scope_of_module,
    scope_of_plan,
)
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import Unknown, with_unknowns

if TYPE_CHECKING:
    from tapstack.model.hcl import HclConfiguration

_GONE: Final = ({"delete"}, {"forget"})


class _Change(TypedDict, total=False):
    actions: list[str]
    after: Tree | None
    after_unknown: Tree | bool
    after_sensitive: Any


class _OutputChange(TypedDict, total=False):
    after: Any
    after_unknown: Any


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
    expressions: Tree
    count_expression: Any
    for_each_expression: Any
    depends_on: list[str]


class _ConfigOutput(TypedDict, total=False):
    expression: Any
    sensitive: bool


class _ConfigVariable(TypedDict, total=False):
    default: Any
    sensitive: bool


class _ConfigModule(TypedDict, total=False):
    resources: list[_ConfigResource]
    module_calls: dict[str, _ConfigCall]
    outputs: dict[str, _ConfigOutput]
    variables: dict[str, _ConfigVariable]


class _ConfigCall(TypedDict, total=False):
    module: _ConfigModule
    expressions: Tree
    count_expression: Any
    for_each_expression: Any
    depends_on: list[str]


class _ConfigProvider(TypedDict, total=False):
    expressions: Tree


class _Config(TypedDict, total=False):
    provider_config: dict[str, _ConfigProvider]
    root_module: _ConfigModule


class _Variable(TypedDict, total=False):
    value: Any


class _Values(TypedDict, total=False):
    values: RootValues


class _Plan(TypedDict, total=False):
    format_version: str
    variables: dict[str, _Variable]
    planned_values: RootValues
    prior_state: _Values
    output_changes: dict[str, _OutputChange]
    resource_changes: list[_ResourceChange]
    configuration: _Config
    errored: bool
    complete: bool


_ADAPTER: Final = TypeAdapter(_Plan)


def is_plan(document: Any) -> bool:
    """Whether a document is a plan's rather than a state's, by its own fields."""
    return isinstance(document, Mapping) and bool(document.keys() & {"planned_values", "resource_changes"})


def from_plan(document: Any, source: HclConfiguration | None = None) -> Stack:
    """The resources a plan leaves behind; what it deletes is listed in `deletions`.

    `source` is the configuration that was planned, if at hand: a plan knows neither locals nor the text of an
    expression. Raises DocumentError (a GateFailed) for anything that isn't a complete plan of a known format,
    and for a plan without resources of a configuration that has some.
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
    planned = scope_of_plan(configuration)
    root = completed(scope_of_module(source.root), planned) if source else planned
    deletions: list[str] = []
    resources: dict[str, Resource] = {}
    for entry in plan.get("resource_changes", ()):
        resource = _changed(entry, planned, root)
        if resource is None:
            deletions.append(required(entry, "address", "change"))
        else:
            resources[resource.address] = resource
    # A refresh-only plan has values, but no changes: planned ones, or those of the state as it was read.
    # What the plan forgets stands among the planned values all the same.
    for resource in resources_below(plan.get("planned_values", {}).get("root_module", {}), root, planned):
        if resource.address not in deletions:
            resources.setdefault(resource.address, resource)
    # Data that was read when the plan was made is in the state before it, and in no change.
    prior = plan.get("prior_state", {}).get("values", {}).get("root_module", {})
    for resource in resources_below(prior, root, planned, only="data"):
        if resource.provider_key is not None:
            resources.setdefault(resource.address, resource)
    if "resource_changes" not in plan and not any(r.mode == "managed" for r in resources.values()):
        for resource in resources_below(prior, root, planned, only="managed"):
            resources.setdefault(resource.address, resource)
    # Of a whole plan Terraform vouches that what is declared with a count or for_each is not to be.
    off = plan.get("complete", False) and _can_be_none(planned)
    managed = 0 if off and not any(r.mode == "managed" for r in resources.values()) else _declared(planned)
    if managed and not deletions and not any(r.mode == "managed" for r in resources.values()):
        raise DocumentError(
            f"The plan has no resources, although the configuration declares {managed}.",
            hint="plan without -target, and look at count and for_each",
        )
    return Stack(
        Kind.PLAN,
        resources,
        _default_tags(configuration),
        managed,
        tuple(deletions),
        root=root,
        variables=_variables(plan),
        backend=backend_of(source) if source else None,
        complete=plan.get("complete", True) is not False,
        output_values=_outputs(plan),
    )


def _declared(scope: ModuleScope) -> int:
    own = sum(not address.startswith("data.") for address in scope.resources)
    return own + sum(_declared(child) for child in scope.children.values())


def _can_be_none(scope: ModuleScope) -> bool:
    """Whether every resource, or a module that holds it, has a count or for_each."""
    return all(
        address.startswith("data.") or block.each is not None for address, block in scope.resources.items()
    ) and all(
        scope.calls[name].each is not None or _can_be_none(child) for name, child in scope.children.items()
    )


def _changed(entry: _ResourceChange, planned: ModuleScope, root: ModuleScope) -> Resource | None:
    """The resource as it will be, or None where it is deleted or forgotten."""
    change = entry.get("change")
    if change is None or not change.get("actions"):
        raise DocumentError(f"The plan does not say what happens to {required(entry, 'address', 'change')}.")
    if set(change["actions"]) in _GONE:
        return None
    module = entry.get("module_address", "")
    mode = entry.get("mode", "managed")
    type_, name = required(entry, "type", "change"), required(entry, "name", "change")
    config, written = (declared_block(scope, module, mode, type_, name) for scope in (planned, root))
    return Resource(
        address=required(entry, "address", "change"),
        type=type_,
        name=name,
        mode=mode,
        module=module,
        index=entry.get("index"),
        provider=entry.get("provider_name"),
        provider_key=config.provider or None if config else None,
        values=change.get("after") or {},
        unknown=change.get("after_unknown", False),
        sensitive=change.get("after_sensitive", False),
        expressions=config.body if config else None,
        lifecycle=written.lifecycle if written else {},
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


def _variables(plan: _Plan) -> dict[str, Any]:
    declared = plan.get("configuration", {}).get("root_module", {}).get("variables", {})
    return {
        name: Unknown((f"var.{name}",)) if declared.get(name, {}).get("sensitive") else given.get("value")
        for name, given in plan.get("variables", {}).items()
    }


def _outputs(plan: _Plan) -> dict[str, tuple[Any, bool]]:
    changes = plan.get("output_changes", {})
    found: dict[str, tuple[Any, bool]] = {}
    for name, planned in plan.get("planned_values", {}).get("outputs", {}).items():
        change = changes.get(name, {})
        value = change.get("after") if "value" not in planned else planned["value"]
        value = with_unknowns(value, change.get("after_unknown", False), (), lambda _: Unknown())
        found[name] = value, planned.get("sensitive", False)
    return found
