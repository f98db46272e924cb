"""A stack as it is written: HCL, evaluated as far as literals, variables and locals go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tapstack.errors import GateFailed
from tapstack.model import template
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Unknown, as_bool, as_number

_META_ARGUMENTS: Final = frozenset({"count", "for_each", "provider", "depends_on"})
_META_BLOCKS: Final = frozenset({"lifecycle", "provisioner", "connection"})
_MODULE_ARGUMENTS: Final = _META_ARGUMENTS | {"source", "version", "providers"}
_TRAVERSAL: Final = re.compile(r'(var|local)((?:\.[\w-]+|\["[^"$]*"\]|\[\d+\])+)')
_STEP: Final = re.compile(r'\.([\w-]+)|\["([^"$]*)"\]|\[(\d+)\]')


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


def from_hcl(configuration: HclConfiguration, variables: Mapping[str, Any]) -> Stack:
    """One resource per block, without instances: `count` and `for_each` are not expanded.

    `variables` are the root module's given values. What isn't a literal, a variable, a local or a string made
    of those is Unknown with its references. Raises UnreadableConfiguration (a GateFailed) where a part of the
    configuration was not read.
    """
    default_tags: dict[str, Any] = {}
    resources: dict[str, Resource] = {}
    declared = 0
    for resource in _module(configuration.root, variables, "", {}, default_tags):
        declared += resource.mode == "managed"
        if resource.address in resources:
            raise UnreadableConfiguration(
                f"{resource.address} is declared twice.", hint="`terraform validate` says where"
            )
        resources[resource.address] = resource
    return Stack(Kind.HCL, resources, default_tags, declared)


@dataclass(slots=True)
class Scope:
    """The variables and locals of one module; each local is worked out when it is first asked for."""

    variables: Mapping[str, Any]
    locals: Mapping[str, Any]
    _known: dict[str, Any] = field(default_factory=dict)

    def evaluate(self, value: Any) -> Any:
        """A value of the JSON syntax with its templates worked out; Unknown where they can't be."""
        if isinstance(value, str):
            return self._template(value)
        if isinstance(value, list):
            return [self.evaluate(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self.evaluate(item) for key, item in value.items()}
        return value

    def _template(self, text: str) -> Any:
        if "${" not in text and "%{" not in text:
            return text
        parts = list(template.split(text))
        if len(parts) == 1 and parts[0][0] == "code":
            value = self._traversal(parts[0][1])
            return Unknown(template.references(text)) if value is MISSING else value
        result = ""
        for kind, part in parts:
            value = part if kind == "text" else self._traversal(part) if kind == "code" else MISSING
            if not isinstance(value, (str, bool, int, float)):
                return Unknown(template.references(text))
            result += _text(value)
        return result

    def _traversal(self, code: str) -> Any:
        """What `var.a.b` or `local.a[0]` stands for; MISSING where nothing is there, and for other code."""
        match = _TRAVERSAL.fullmatch(code)
        if match is None:
            return MISSING
        name, *steps = (a or b or c for a, b, c in _STEP.findall(match[2]))
        value = self.variables.get(name, MISSING) if match[1] == "var" else self._local(name)
        for step in steps:
            if isinstance(value, Mapping):
                value = value.get(step, MISSING)
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return MISSING
        return MISSING if isinstance(value, Unknown) and not value.references else value

    def _local(self, name: str) -> Any:
        if name not in self._known:
            # A local that leads back to itself is an error of Terraform's; here it is unknown.
            self._known[name] = MISSING
            self._known[name] = self.evaluate(self.locals.get(name, MISSING))
        return self._known[name]


def _text(value: str | bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _module(
    module: HclModule,
    given: Mapping[str, Any],
    address: str,
    providers: Mapping[str, str],
    default_tags: dict[str, Any],
) -> Iterator[Resource]:
    if module.unread:
        raise UnreadableConfiguration(
            f"The configuration was not read as a whole: {'; '.join(module.unread)}.",
            hint="judge its plan: `terraform show -json PLAN` knows every module",
        )
    scope = _scope(module, given)
    for block in module.blocks:
        if block.type == "provider" and block.labels:
            key = _provider_key(block, address)
            if tags := _default_tags(block, scope):
                default_tags[key] = tags[0]
    own = {
        _provider_key(b, ""): _provider_key(b, address)
        for b in module.blocks
        if b.type == "provider" and b.labels
    }
    providers = {**providers, **own}
    for block in module.blocks:
        if block.type in ("resource", "data") and len(block.labels) == 2:
            resource = _resource(block, scope, address, providers)
            if resource is not None:
                yield resource
        elif block.type == "module" and block.labels and block.labels[0] in module.calls:
            yield from _call(block, module, scope, address, providers, default_tags)


def _call(
    block: HclBlock,
    module: HclModule,
    scope: Scope,
    address: str,
    providers: Mapping[str, str],
    default_tags: dict[str, Any],
) -> Iterator[Resource]:
    if scope.evaluate(block.attributes.get("count")) == 0:
        return
    name = block.labels[0]
    given = {k: scope.evaluate(v) for k, v in block.attributes.items() if k not in _MODULE_ARGUMENTS}
    passed = block.attributes.get("providers")
    if isinstance(passed, Mapping):
        inner = {key: providers.get(_bare(value), _bare(value)) for key, value in passed.items()}
    else:
        # Only provider configurations without an alias are inherited.
        inner = {key: value for key, value in providers.items() if "." not in key}
    yield from _module(module.calls[name], given, _below(address, f"module.{name}"), inner, default_tags)


def _scope(module: HclModule, given: Mapping[str, Any]) -> Scope:
    variables: dict[str, Any] = {}
    locals_: dict[str, Any] = {}
    for block in module.blocks:
        if block.type == "variable" and block.labels:
            name = block.labels[0]
            value = given.get(name, MISSING)
            if value is MISSING:
                value = Scope({}, {}).evaluate(block.attributes.get("default", MISSING))
            variables[name] = Unknown((f"var.{name}",)) if value is MISSING else _converted(value, block)
        elif block.type == "locals":
            locals_.update(block.attributes)
    return Scope(variables, locals_)


def _converted(value: Any, variable: HclBlock) -> Any:
    """A variable's value as its declared type, for the primitive types."""
    declared = variable.attributes.get("type")
    if declared == "${bool}":
        return as_bool(value)
    if declared == "${number}":
        return as_number(value)
    return _text(value) if declared == "${string}" and isinstance(value, (bool, int, float)) else value


def _default_tags(block: HclBlock, scope: Scope) -> list[Any]:
    found = [b for b in block.blocks if b.type == "default_tags" or b.labels == ("default_tags",)]
    return [
        scope.evaluate(b.attributes.get("tags")) or {}
        if b.type == "default_tags"
        else Unknown(_references(b))
        for b in found
    ]


def _resource(block: HclBlock, scope: Scope, module: str, providers: Mapping[str, str]) -> Resource | None:
    """The resource of a block, or None where `count` is 0."""
    if scope.evaluate(block.attributes.get("count")) == 0:
        return None
    type_, name = block.labels
    mode = "data" if block.type == "data" else "managed"
    key = _bare(block.attributes.get("provider")) or type_.partition("_")[0]
    values = _values(block, scope)
    for meta in _META_ARGUMENTS:
        values.pop(meta, None)
    return Resource(
        address=_below(module, f"{'data.' if mode == 'data' else ''}{type_}.{name}"),
        type=type_,
        name=name,
        mode=mode,
        module=module,
        provider_key=providers.get(key, key),
        values=values,
    )


def _values(block: HclBlock, scope: Scope) -> dict[str, Any]:
    """Attributes as values, blocks as lists of such, in the shape that a plan has."""
    values: dict[str, Any] = {name: scope.evaluate(value) for name, value in block.attributes.items()}
    for inner in block.blocks:
        if inner.type not in _META_BLOCKS and inner.type != "dynamic":
            values.setdefault(inner.type, []).append(_values(inner, scope))
    for inner in block.blocks:
        if inner.type == "dynamic" and inner.labels:
            values[inner.labels[0]] = Unknown(_references(inner))
    return values


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
