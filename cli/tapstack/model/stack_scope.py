"""Evaluates expressions with what is known of a stack's resources, for values that a plan only calls unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tapstack.model.expression import (
    Invalid,
    Place,
    Unevaluable,
    elements,
    evaluate,
    step,
)
from tapstack.model.module_instance import Attributes, BlockInstance, InstanceKey, ModuleInstance
from tapstack.model.references import Key, Known, Located, Nth, Opaque, Step, local_address
from tapstack.model.references import Place as WrittenPlace
from tapstack.model.scope import ModuleScope
from tapstack.model.stack import Kind, Resource, Stack, module_path
from tapstack.model.syntax import Path
from tapstack.model.values import MISSING, Unknown

_CALL: Final = re.compile(r'(module\.[\w-]+)(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?')


class StackScope:
    """The modules of one stack as scopes of expressions."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._modules: dict[str, _Module] = {}
        self._calls: dict[str, dict[str, None]] = {}
        self._resources: dict[tuple[str, str], dict[InstanceKey, Resource]] = {}
        for resource in stack.resources.values():
            self._resources.setdefault((resource.module, local_address(resource)), {})[resource.index] = (
                resource
            )
        for module in {resource.module for resource in stack.resources.values()}:
            for match in _CALL.finditer(module):
                self._calls.setdefault(module[: match.end(1)], {})[module[: match.end()]] = None

    def value(self, located: Located) -> Any:
        """The value of an expression where it stands; Unknown where it can't be told."""
        place = located.place
        try:
            module = self.module(place.module)
            bound = {name: self._bound(one) for name, one in place.bound.items()}
            value = evaluate(located.value, self._instance(module, place), bound)
            return self._walked(value, located.steps)
        except (Unevaluable, Invalid):
            return Unknown()

    def place_of(self, place: Place) -> WrittenPlace:
        """Where a value stands that is exactly an unknown reference."""
        module = place.scope
        if not isinstance(module, _Module):
            raise TypeError(module)
        return WrittenPlace(module.declared, module.address)

    def module(self, address: str) -> _Module:
        """The module instance at an address. Raises Unevaluable where the configuration has none."""
        if address not in self._modules:
            declared = self.stack.root.below(module_path(address))
            if declared is None:
                raise Unevaluable
            self._modules[address] = _Module(self, declared, address)
        return self._modules[address]

    def called(self, caller: _Module, name: str) -> dict[InstanceKey, ModuleInstance] | None:
        """The instances of a module that another one calls, as far as they have resources."""
        prefix = f"{caller.address}.module.{name}" if caller.address else f"module.{name}"
        found: dict[InstanceKey, ModuleInstance] = {}
        for address in self._calls.get(prefix, ()):
            found[_key(address[len(prefix) :])] = self.module(address)
        return found or None

    def argument(self, address: str, name: str) -> Any:
        """What the call of a module instance says for a variable, in terms of the caller; MISSING for nothing."""
        prefix, own, last = _split(address)
        caller = self.module(prefix)
        call = caller.declared.calls.get(own)
        if call is None or name not in call.body:
            return MISSING
        place = WrittenPlace(caller.declared, prefix, _key(last), call.each)
        return evaluate(call.member(name), self._instance(caller, place))

    def instances(self, module: str, address: str) -> dict[InstanceKey, Resource]:
        """The instances of a block, by its address within its module."""
        return self._resources.get((module, address), {})

    def _bound(self, one: Located | Known | Opaque) -> Any:
        if isinstance(one, Located):
            return self.value(one)
        return one.value if isinstance(one, Known) else Unknown()

    def _walked(self, value: Any, steps: tuple[Step, ...]) -> Any:
        for one in steps:
            if isinstance(one, Nth):
                value = elements(value)[one.number][1] if one.number < len(elements(value)) else Unknown()
            elif isinstance(one, (Key, str)):
                value = step(value, one.value if isinstance(one, Key) else one)
            else:
                raise Unevaluable
        return value

    def _instance(self, module: _Module, place: WrittenPlace) -> BlockInstance:
        if isinstance(place.key, int):
            return BlockInstance(module, count={"index": place.key})
        if place.key is None:
            return BlockInstance(module)
        collection = evaluate(place.each, module) if place.each is not None else Unknown()
        if isinstance(collection, dict) and place.key in collection:
            value = collection[place.key]
        else:
            value = place.key if isinstance(collection, list) else Place(module, ("each", "value"))
        return BlockInstance(module, each={"key": place.key, "value": value})


def _split(address: str) -> tuple[str, str, str]:
    """("module.a", "b", "[0]") for "module.a.module.b[0]"."""
    *_, last = _CALL.finditer(address)
    return address[: last.start()].removesuffix("."), last[1].removeprefix("module."), last[2] or ""


def _key(text: str) -> InstanceKey:
    """The instance key that ends an address."""
    if not text:
        return None
    key: InstanceKey = json.loads(text[1:-1].replace("$${", "${").replace("%%{", "%{"))
    return key


class _Module(ModuleInstance):
    """A module whose resources and arguments are those of the stack."""

    def __init__(self, scope: StackScope, declared: ModuleScope, address: str) -> None:
        super().__init__(declared, address)
        self.scope = scope

    def variable(self, name: str) -> Any:
        if not self.address:
            return self.scope.stack.variables.get(name, Unknown())
        value = self.scope.argument(self.address, name)
        if value is MISSING:
            return evaluate(self.declared.variables.get(name), self)
        # Whether `null` means the default is up to the variable's `nullable`.
        return Unknown() if value is None else value

    def instances(self, address: str) -> Mapping[InstanceKey, Attributes] | None:
        found = self.scope.instances(self.address, address)
        return {key: self._attributes(resource) for key, resource in found.items()} or None

    def called(self, name: str) -> Mapping[InstanceKey, ModuleInstance] | None:
        return self.scope.called(self, name)

    def _attributes(self, resource: Resource) -> Attributes:
        def attributes(path: Path) -> Any:
            value = resource.get([str(part) for part in path])
            # In HCL a block holds only what is written; the provider may add to it.
            partial = self.scope.stack.kind is Kind.HCL and isinstance(value, (list, dict))
            return MISSING if partial else value

        return attributes
