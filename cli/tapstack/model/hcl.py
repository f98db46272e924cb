"""A stack as it is written: HCL, evaluated as far as what it says settles it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from tapstack.errors import GateFailed
from tapstack.model import template
from tapstack.model.expression import (
    Invalid,
    Scope,
    Unevaluable,
    elements,
    evaluate,
    settled,
    unknown_from,
    unknowns,
    walk,
)
from tapstack.model.module_instance import (
    Attributes,
    BlockInstance,
    InstanceKey,
    ModuleInstance,
    expanded,
)
from tapstack.model.scope import ModuleScope, backend_of, lifecycle_of, scope_of_module
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.syntax import Path, SyntaxProblem, expression, quoted
from tapstack.model.type_constraint import converted
from tapstack.model.values import MISSING, Unknown

_META_ARGUMENTS: Final = frozenset({"count", "for_each", "provider", "depends_on"})
_META_BLOCKS: Final = frozenset({"lifecycle", "provisioner", "connection"})
# The value of a variable of another type is given on a command line as an expression.
_PLAIN_TYPES: Final = frozenset({None, "${string}", "${number}", "${bool}", "${any}", "string"})
_MAX_RESOURCES: Final = 100_000
_MAX_BLOCKS: Final = 2_000


class HclBlock(Protocol):
    """A block as `terraform.source` reads it; values are those of Terraform's JSON syntax."""

    @property
    def type(self) -> str:
        """The block's type ("resource")."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels ("aws_kms_key", "main")."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Its attributes."""

    @property
    def blocks(self) -> Sequence[HclBlock]:
        """The blocks inside it."""


class HclModule(Protocol):
    """A module and those that it calls."""

    @property
    def blocks(self) -> Sequence[HclBlock]:
        """Its top-level blocks."""

    @property
    def calls(self) -> Mapping[str, HclModule]:
        """Local modules by the name of the call."""

    @property
    def unread(self) -> Sequence[str]:
        """A sentence for each part of it that was not read."""


class HclConfiguration(Protocol):
    """A configuration."""

    @property
    def root(self) -> HclModule:
        """The root module."""


class UnreadableConfiguration(GateFailed):
    """A part of the configuration can't be judged from HCL alone."""

    kind = "parse"
    file: str | None = None


def from_hcl(
    configuration: HclConfiguration, variables: Mapping[str, Any], workspace: str | None = None
) -> Stack:
    """Every resource instance that the code tells of.

    `variables` are the root module's given values: a string for a variable of another type is an expression, as on
    Terraform's command line. `workspace` is what terraform.workspace stands for. A block whose `count` or
    `for_each` is known has its instances, as in a plan; another one stands once, under its bare address. A value
    that only Terraform or AWS can tell is Unknown, and so is a sensitive variable. Raises
    UnreadableConfiguration (a GateFailed) where a part of the configuration was not read or a resource is
    declared twice.
    """
    declared = scope_of_module(configuration.root)
    root = _HclModuleInstance(configuration.root, declared, "", variables, workspace)
    default_tags: dict[str, Any] = {}
    resources: dict[str, Resource] = {}
    for resource in _resources(root, {}, default_tags):
        if resource.address in resources:
            raise UnreadableConfiguration(
                f"{resource.address} is declared twice.", hint="`terraform validate` says where"
            )
        if len(resources) >= _MAX_RESOURCES:
            raise UnreadableConfiguration(
                f"The configuration makes more than {_MAX_RESOURCES:,} resources.",
                hint="look at its count and for_each",
            )
        resources[resource.address] = resource
    return Stack(
        Kind.HCL,
        resources,
        default_tags,
        sum(resource.mode == "managed" for resource in resources.values()),
        root=declared,
        variables=root.shown_variables(),
        backend=backend_of(configuration),
        output_values={
            name: (settled(root.output(name)), name in declared.sensitive_outputs)
            for name in declared.outputs
        },
    )


class _HclModuleInstance(ModuleInstance):
    """A module of the configuration, with the values that one call gives it."""

    def __init__(
        self,
        module: HclModule,
        declared: ModuleScope,
        address: str,
        given: Mapping[str, Any],
        workspace: str | None,
        caller: Scope | None = None,
    ) -> None:
        """`given` are values, or with a `caller` expressions of its scope."""
        super().__init__(declared, address)
        self.module = module
        self._given = given
        self._workspace = workspace
        self._caller = caller
        self._blocks: dict[str, HclBlock] = {}
        self._resources: dict[str, dict[InstanceKey, _Body] | None] = {}
        self._calls: dict[str, dict[InstanceKey, _HclModuleInstance] | None] = {}
        for block in module.blocks:
            self._blocks.setdefault(".".join((block.type, *block.labels)), block)

    def lookup(self, path: Path) -> Any:
        """See `Scope`."""
        if path == ("terraform", "workspace") and self._workspace is not None:
            return self._workspace
        return super().lookup(path)

    def variable(self, name: str) -> Any:
        block = self._blocks.get(f"variable.{name}")
        if block is None or _is_true(block, "sensitive") or _is_true(block, "ephemeral"):
            return Unknown()
        value = self._given.get(name, MISSING)
        type_ = block.attributes.get("type")
        if value is not MISSING and self._caller is not None:
            value = evaluate(value, self._caller)
        elif isinstance(value, str) and type_ not in _PLAIN_TYPES:
            value = _read(value)
        default = block.attributes.get("default", MISSING)
        if value is MISSING or (value is None and block.attributes.get("nullable") is False):
            value = evaluate(default, _NOTHING) if default is not MISSING else Unknown()
        try:
            return converted(value, type_)
        except (Unevaluable, Invalid):
            return unknown_from(value)

    def shown_variables(self) -> dict[str, Any]:
        """Its variables; Unknown for one that is sensitive or without a value."""
        values = {name: self.variable(name) for name in self.declared.variables}
        return {
            name: settled(value) if next(unknowns(value), None) is None else Unknown((f"var.{name}",))
            for name, value in values.items()
        }

    def instances(self, address: str) -> Mapping[InstanceKey, Attributes] | None:
        bodies = self.bodies(address)
        if bodies is None:
            return None
        attribute = _unread if address.startswith("data.") else None
        return {key: attribute or body.known for key, body in bodies.items()}

    def bodies(self, address: str) -> dict[InstanceKey, _Body] | None:
        """The instances of a resource's block; None where there is no such block, or they aren't known."""
        if address not in self._resources:
            block = self._blocks.get(address if address.startswith("data.") else f"resource.{address}")
            self._resources[address] = None
            scopes = _expanded(self, block) if block else None
            if block is not None and scopes is not None:
                self._resources[address] = {key: _Body(block, scope) for key, scope in scopes.items()}
        return self._resources[address]

    def called(self, name: str) -> Mapping[InstanceKey, _HclModuleInstance] | None:
        if name not in self._calls:
            self._calls[name] = None
            block = self._blocks.get(f"module.{name}")
            scopes = _expanded(self, block) if block and name in self.module.calls else None
            if scopes is not None:
                self._calls[name] = {key: self.call(name, key, scope) for key, scope in scopes.items()}
        return self._calls[name]

    def call(self, name: str, key: InstanceKey, scope: Scope) -> _HclModuleInstance:
        """One instance of a called module."""
        return _HclModuleInstance(
            self.module.calls[name],
            self.declared.children[name],
            _below(self.address, f"module.{name}{_index(key)}"),
            self._blocks[f"module.{name}"].attributes,
            self._workspace,
            scope,
        )


class _Nothing:
    """The scope of a default, which may not refer to anything."""

    def lookup(self, _path: Any) -> Any:
        raise Unevaluable


_NOTHING: Final = _Nothing()


def constant(value: Any) -> Any:
    """The value of an expression of the JSON syntax that refers to nothing; Unknown where it does."""
    return settled(evaluate(value, _NOTHING))


def _read(text: str) -> Any:
    try:
        return evaluate(expression(text), _NOTHING)
    except SyntaxProblem:
        return Unknown()


class _Body:
    """What one instance of a block says; each attribute is worked out when it is first asked for."""

    def __init__(self, block: HclBlock, scope: Scope) -> None:
        self.block = block
        self._scope = scope
        self._left = _MAX_BLOCKS
        self._values: dict[str, Any] = {}
        self._names = dict.fromkeys(block.attributes)
        self._names.update(dict.fromkeys(filter(None, (_block_name(inner) for inner in block.blocks))))

    def get(self, name: str) -> Any:
        """An attribute, or the blocks of that name as a list; MISSING where there is neither."""
        if name not in self._names:
            return MISSING
        if name not in self._values:
            # One that leads back to itself is an error of Terraform's; here it is unknown.
            self._values[name] = Unknown()
            self._values[name] = self._value(self.block, name, {})
        return self._values[name]

    def known(self, path: Path) -> Any:
        """What a reference to it gets, MISSING where that can't be told.

        What the configuration leaves out the provider may fill in: no block is known as a whole.
        """
        name = str(path[0])
        try:
            value = walk(self.get(name), path[1:])
        except Invalid:
            return MISSING
        return MISSING if isinstance(value, (list, dict)) and name not in self.block.attributes else value

    def values(self) -> dict[str, Any]:
        """All of it but the meta-arguments, in the shape that a plan has."""
        return {name: settled(self.get(name)) for name in self._names if name not in _META_ARGUMENTS}

    def _value(self, block: HclBlock, name: str, bound: Mapping[str, Any]) -> Any:
        if name in block.attributes:
            return evaluate(block.attributes[name], self._scope, bound)
        found: list[Any] = []
        for inner in block.blocks:
            if _block_name(inner) != name:
                continue
            if inner.type != "dynamic":
                found.append(self._inner(inner, bound))
                continue
            made = self._made(inner, bound)
            if made is None:
                return Unknown(_references(inner))
            found += made
        return found

    def _inner(self, block: HclBlock, bound: Mapping[str, Any]) -> dict[str, Any]:
        names = dict.fromkeys((*block.attributes, *filter(None, (_block_name(b) for b in block.blocks))))
        return {name: self._value(block, name, bound) for name in names}

    def _made(self, dynamic: HclBlock, bound: Mapping[str, Any]) -> list[Any] | None:
        """The blocks that a dynamic block makes; None where they can't be told."""
        content = next((inner for inner in dynamic.blocks if inner.type == "content"), None)
        try:
            pairs = elements(evaluate(dynamic.attributes.get("for_each"), self._scope, bound))
        except (Unevaluable, Invalid):
            return None
        self._left -= len(pairs)
        if content is None or self._left < 0:
            return None
        iterator = _bare(dynamic.attributes.get("iterator")) or dynamic.labels[0]
        return [
            self._inner(content, {**bound, iterator: {"key": key, "value": value}}) for key, value in pairs
        ]


def _block_name(block: HclBlock) -> str:
    if block.type == "dynamic":
        return block.labels[0] if block.labels else ""
    return "" if block.type in _META_BLOCKS else block.type


def _unread(_path: Path) -> Any:
    """What a data source will say."""
    return MISSING


def _expanded(module: Scope, block: HclBlock) -> dict[InstanceKey, BlockInstance] | None:
    return expanded(module, block.attributes.get("count"), block.attributes.get("for_each"))


def _index(key: InstanceKey) -> str:
    if key is None:
        return ""
    return f"[{key}]" if isinstance(key, int) else f"[{quoted(key)}]"


def _is_true(block: HclBlock, name: str) -> bool:
    return block.attributes.get(name, False) not in (False, "false")


def _resources(
    instance: _HclModuleInstance, providers: Mapping[str, str], default_tags: dict[str, Any]
) -> Iterator[Resource]:
    module = instance.module
    if module.unread:
        raise UnreadableConfiguration(
            f"The configuration was not read as a whole: {'; '.join(module.unread)}.",
            hint="judge its plan: `terraform show -json PLAN` knows every module",
        )
    own = [block for block in module.blocks if block.type == "provider" and block.labels]
    for block in own:
        tags = _Body(block, instance).get("default_tags")
        if tags is not MISSING:
            default_tags[_provider_key(block, instance.address)] = _tags(tags)
    providers = {**providers, **{_provider_key(b, ""): _provider_key(b, instance.address) for b in own}}
    for block in module.blocks:
        if block.type in ("resource", "data") and len(block.labels) == 2:
            yield from _instances(block, instance, providers)
        elif block.type == "module" and block.labels and block.labels[0] in module.calls:
            yield from _called(block, instance, providers, default_tags)


def _tags(blocks: Any) -> Any:
    if not isinstance(blocks, list):
        return settled(blocks)
    return settled(blocks[0].get("tags")) or {} if blocks else {}


def _called(
    block: HclBlock, instance: _HclModuleInstance, providers: Mapping[str, str], default_tags: dict[str, Any]
) -> Iterator[Resource]:
    name = block.labels[0]
    passed = block.attributes.get("providers")
    if isinstance(passed, Mapping):
        inner = {key: providers.get(_bare(value), _bare(value)) for key, value in passed.items()}
    else:
        # Only provider configurations without an alias are inherited.
        inner = {key: value for key, value in providers.items() if "." not in key}
    modules = instance.called(name)
    if modules is None:
        modules = {None: instance.call(name, None, BlockInstance(instance))}
    for module in modules.values():
        yield from _resources(module, inner, default_tags)


def _instances(
    block: HclBlock, instance: _HclModuleInstance, providers: Mapping[str, str]
) -> Iterator[Resource]:
    type_, name = block.labels
    mode = "data" if block.type == "data" else "managed"
    local = f"{'data.' if mode == 'data' else ''}{type_}.{name}"
    provider = _bare(block.attributes.get("provider")) or type_.partition("_")[0]
    bodies = instance.bodies(local)
    if bodies is None:
        bodies = {None: _Body(block, BlockInstance(instance))}
    for key, body in bodies.items():
        yield Resource(
            address=_below(instance.address, f"{local}{_index(key)}"),
            type=type_,
            name=name,
            mode=mode,
            module=instance.address,
            index=key,
            provider_key=providers.get(provider, provider),
            values=body.values(),
            lifecycle=lifecycle_of(block),
        )


def _references(node: Any) -> tuple[str, ...]:
    if isinstance(node, str):
        return template.references(node)
    if isinstance(node, Mapping):
        below: list[Any] = list(node.values())
    elif isinstance(node, (list, tuple)):
        below = list(node)
    elif node is None or isinstance(node, (bool, int, float)):
        return ()
    else:
        below = [node.attributes, node.blocks]
    return tuple(dict.fromkeys(ref for item in below for ref in _references(item)))


def _provider_key(block: HclBlock, module: str) -> str:
    """A provider's key as a plan writes it: "aws", "aws.west", "module.a:aws"."""
    alias = block.attributes.get("alias")
    key = f"{block.labels[0]}.{alias}" if alias else block.labels[0]
    return f"{module}:{key}" if module else key


def _bare(expression: Any) -> str:
    """`aws.west` for the expression `${aws.west}`."""
    return expression.removeprefix("${").removesuffix("}") if isinstance(expression, str) else ""


def _below(module: str, address: str) -> str:
    return f"{module}.{address}" if module else address
