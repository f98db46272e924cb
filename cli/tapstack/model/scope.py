"""What each module of a stack declares, as written: the ground on which references are resolved.

The seam between readers and `references`: a plan's `configuration` and HCL both become a tree of `ModuleScope`s.

An *expression* is a value of Terraform's JSON syntax as `terraform.source.Block` describes it (None, bool, int,
float, list, dict, or str, a template in which `${code}` stands for code), or `Refers` where only the references
of an expression are known.

For `from_hcl`: pass `Stack(..., root=scope_of_module(configuration.root), backend=backend_of(configuration))`,
give each Resource `lifecycle=lifecycle_of(block)`, and `index` where count or for_each is known. Nothing else is
needed: the Stack finds the expression behind a Resource's attribute in its module's scope by itself, whatever
references an Unknown carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tapstack.model import template

if TYPE_CHECKING:
    from tapstack.model.hcl import HclBlock, HclConfiguration, HclModule

Expression = Any
_META_ARGUMENTS: Final = frozenset({"count", "for_each", "provider", "providers", "depends_on"})
_META_BLOCKS: Final = frozenset({"lifecycle", "provisioner", "connection"})
_PLAN_EXPRESSION: Final = frozenset({"references", "constant_value"})


@dataclass(frozen=True, slots=True)
class Refers:
    """An expression of which only the references are known, as a plan lists them, most specific ones only."""

    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The blocks that one `dynamic` block makes: `body` for each element of `for_each`."""

    iterator: str
    for_each: Expression
    body: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class BlockScope:
    """A resource, data, module or provider block.

    `body` maps attributes to expressions and nested blocks to a list of such mappings and of Dynamic. `each` is
    the expression of count or for_each, None without. `provider` is the provider it names ("aws.west").
    `planned` says that `body` is in the words of a plan's configuration: read it through `member`, always.
    """

    body: Mapping[str, Expression]
    each: Expression = None
    depends_on: tuple[str, ...] = ()
    provider: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)
    """For a module call that passes providers: the name inside, the name in the calling module."""
    lifecycle: Mapping[str, Any] = field(default_factory=dict)
    planned: bool = False
    _members: dict[str, Expression] = field(init=False, repr=False, compare=False, default_factory=dict)

    def member(self, name: str) -> Expression:
        """The expression of an attribute, the bodies of a block; None where it is not set."""
        if not self.planned:
            return self.body.get(name)
        # Asked by nearly every policy, and made once.
        if name not in self._members:
            self._members[name] = as_expression(self.body.get(name))
        return self._members[name]


@dataclass(frozen=True, slots=True)
class ModuleScope:
    """One module as its calls share it; () is the path of the root module.

    `resources` are by address within the module ("aws_kms_key.main", "data.aws_region.here"), without an
    instance key. `calls` holds the call's arguments in this module's scope, `children` what was called.
    `providers` are the provider configurations that this module declares, by "aws" or "aws.west".
    """

    path: tuple[str, ...] = ()
    locals: Mapping[str, Expression] = field(default_factory=dict)
    variables: Mapping[str, Expression] = field(default_factory=dict)
    """Defaults of the declared variables, None without one."""
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    sensitive_outputs: frozenset[str] = frozenset()
    resources: Mapping[str, BlockScope] = field(default_factory=dict)
    calls: Mapping[str, BlockScope] = field(default_factory=dict)
    children: Mapping[str, ModuleScope] = field(default_factory=dict)
    providers: Mapping[str, BlockScope] = field(default_factory=dict)

    def below(self, path: Iterable[str]) -> ModuleScope | None:
        """The module that a path of call names leads to."""
        module: ModuleScope | None = self
        for name in path:
            module = module.children.get(name) if module else None
        return module


def as_expression(node: Any) -> Expression:
    """A node of a plan's expression tree: a constant, Refers, or a tree of such."""
    if isinstance(node, dict):
        if node and node.keys() <= _PLAN_EXPRESSION:
            if "constant_value" in node:
                return _escaped(node["constant_value"])
            return Refers(references_of(node))
        return {key: as_expression(below) for key, below in node.items()}
    return [as_expression(below) for below in node] if isinstance(node, list) else node


def references_of(nodes: Any) -> tuple[str, ...]:
    """The most specific references of an expression tree: a plan lists `a.b.c` and then its prefix `a.b`."""
    found = tuple(dict.fromkeys(_all_references(nodes)))
    if len(found) < 2:
        return found
    return tuple(r for r in found if not any(o != r and o.startswith((f"{r}.", f"{r}[")) for o in found))


def is_plan_expression(node: Any) -> bool:
    """Whether a node of a plan's expression tree is an expression and no block."""
    return isinstance(node, dict) and bool(node) and node.keys() <= _PLAN_EXPRESSION


def _all_references(node: Any) -> list[str]:
    found: list[str] = []
    rest = [node]
    while rest:
        one = rest.pop()
        if isinstance(one, list):
            rest += reversed(one)
        elif isinstance(one, dict):
            if is_plan_expression(one):
                listed = one.get("references")
                found += [ref for ref in listed if isinstance(ref, str)] if isinstance(listed, list) else []
            else:
                rest += reversed(one.values())
    return found


def _escaped(value: Any) -> Any:
    """A constant as an expression: its texts are no templates."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return {k: _escaped(v) for k, v in value.items()} if isinstance(value, dict) else value


# A plan's configuration


def scope_of_plan(configuration: Mapping[str, Any]) -> ModuleScope:
    """The scopes of a plan's `configuration`; locals are not in it."""
    root = _planned_module(configuration.get("root_module", {}), (), {})
    return replace(
        root,
        providers={key: _planned(entry) for key, entry in configuration.get("provider_config", {}).items()},
    )


def _planned_module(
    module: Mapping[str, Any], path: tuple[str, ...], known: dict[int, ModuleScope]
) -> ModuleScope:
    """`known` are the modules that were met, by the object that they were read from: a plan repeats them."""
    calls = module.get("module_calls", {})
    if id(module) not in known:
        outputs = module.get("outputs", {})
        known[id(module)] = ModuleScope(
            variables={
                name: _escaped(entry.get("default")) for name, entry in module.get("variables", {}).items()
            },
            outputs={name: as_expression(entry.get("expression")) for name, entry in outputs.items()},
            sensitive_outputs=frozenset(name for name, entry in outputs.items() if entry.get("sensitive")),
            resources={_local_address(entry): _planned(entry) for entry in module.get("resources", ())},
            calls={name: _planned(call) for name, call in calls.items()},
        )
    children = {
        name: _planned_module(call.get("module", {}), (*path, name), known) for name, call in calls.items()
    }
    return replace(known[id(module)], path=path, children=children)


def _local_address(entry: Mapping[str, Any]) -> str:
    address = f"{entry.get('type', '')}.{entry.get('name', '')}"
    return f"data.{address}" if entry.get("mode") == "data" else address


def _planned(entry: Mapping[str, Any]) -> BlockScope:
    each = entry.get("for_each_expression") or entry.get("count_expression")
    return BlockScope(
        body=entry.get("expressions", {}),
        each=as_expression(each) if each else None,
        depends_on=tuple(entry.get("depends_on", ())),
        provider=entry.get("provider_config_key", ""),
        planned=True,
    )


# HCL


def scope_of_module(module: HclModule, path: tuple[str, ...] = ()) -> ModuleScope:
    """The scope of an HCL module and of those it calls."""
    locals_: dict[str, Expression] = {}
    named: dict[str, dict[str, HclBlock]] = {}
    for block in module.blocks:
        if block.type == "locals":
            locals_.update(block.attributes)
        elif block.type == "data" and len(block.labels) == 2:
            named.setdefault("resource", {})["data." + ".".join(block.labels)] = block
        elif block.type == "provider" and block.labels:
            alias = block.attributes.get("alias")
            named.setdefault("provider", {})[f"{block.labels[0]}.{alias}" if alias else block.labels[0]] = (
                block
            )
        else:
            named.setdefault(block.type, {})[".".join(block.labels)] = block
    outputs = named.get("output", {})
    return ModuleScope(
        path=path,
        locals=locals_,
        variables={
            name: block.attributes.get("default") for name, block in named.get("variable", {}).items()
        },
        outputs={name: block.attributes.get("value") for name, block in outputs.items()},
        sensitive_outputs=frozenset(
            n for n, block in outputs.items() if block.attributes.get("sensitive") is True
        ),
        resources={address: _written(block) for address, block in named.get("resource", {}).items()},
        calls={name: _written(block) for name, block in named.get("module", {}).items()},
        children={name: scope_of_module(called, (*path, name)) for name, called in module.calls.items()},
        providers={key: _written(block) for key, block in named.get("provider", {}).items()},
    )


def completed(written: ModuleScope, planned: ModuleScope) -> ModuleScope:
    """The scope as written, with what only the plan knows of: modules that were not read."""
    children = {
        name: completed(written.children[name], child) if name in written.children else child
        for name, child in planned.children.items()
    }
    return replace(written, children=children)


def backend_of(configuration: HclConfiguration) -> Mapping[str, Any] | None:
    """The `backend` (or `cloud`) block of the root module with its `type`; None where none is declared."""
    for block in configuration.root.blocks:
        for inner in block.blocks if block.type == "terraform" else ():
            if inner.type == "backend" and inner.labels:
                return {"type": inner.labels[0], **inner.attributes}
            if inner.type == "cloud":
                return {"type": "cloud", **inner.attributes}
    return None


def lifecycle_of(block: HclBlock) -> Mapping[str, Any]:
    """The arguments of a block's `lifecycle` block as values; {} without one."""
    return next((dict(inner.attributes) for inner in block.blocks if inner.type == "lifecycle"), {})


def _written(block: HclBlock) -> BlockScope:
    attributes = block.attributes
    depends_on, passed = attributes.get("depends_on"), attributes.get("providers")
    each = attributes.get("for_each")
    return BlockScope(
        body=_body(block),
        each=attributes.get("count") if each is None else each,
        depends_on=tuple(ref for item in depends_on for ref in template.references(str(item)))
        if isinstance(depends_on, list)
        else (),
        provider=_bare(attributes.get("provider")),
        providers={key: _bare(value) for key, value in passed.items()} if isinstance(passed, Mapping) else {},
        lifecycle=lifecycle_of(block),
    )


def _body(block: HclBlock) -> dict[str, Expression]:
    body: dict[str, Expression] = {k: v for k, v in block.attributes.items() if k not in _META_ARGUMENTS}
    for inner in block.blocks:
        if inner.type == "dynamic" and inner.labels:
            content = next((b for b in inner.blocks if b.type == "content"), None)
            iterator = _bare(inner.attributes.get("iterator")) or inner.labels[0]
            below = _body(content) if content else {}
            body.setdefault(inner.labels[0], []).append(
                Dynamic(iterator, inner.attributes.get("for_each"), below)
            )
        elif inner.type not in _META_BLOCKS:
            blocks = body.setdefault(inner.type, [])
            if isinstance(blocks, list):
                blocks.append(_body(inner))
    return body


def _bare(expression: Any) -> str:
    """`aws.west` for the expression `${aws.west}`."""
    return expression.removeprefix("${").removesuffix("}") if isinstance(expression, str) else ""
