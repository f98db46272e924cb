"""What refers to what in one stack: by reference where there is one, else by value. Indexed when first asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from tapstack.model.identity import Identity, arn_region
from tapstack.model.references import (
    Follower,
    Found,
    Known,
    Located,
    Opaque,
    Place,
    local_address,
    module_above,
    split_address,
    traversals,
)
from tapstack.model.scope import BlockScope, ModuleScope, Refers
from tapstack.model.stack import Address, Output, Reference, Resource, Stack, Use, module_path
from tapstack.model.values import MISSING, Unknown, holds_unknown

# A resource that stands for another one, and the attribute that says for which.
_STANDS_FOR: Final = {
    "aws_kms_alias": "target_key_id",
    "aws_lambda_alias": "function_name",
    "aws_lambda_function_url": "function_name",
    "aws_s3_bucket_acl": "bucket",
}
_NAMES: Final = ("key_id", "arn", "name", "bucket", "function_name", "url", "id")
_MOST_HANDS: Final = 4
_ConfigAddress = tuple[tuple[str, ...], str]


class Graph:
    """Answers the questions of a Stack that concern several resources; see there."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._dependencies: dict[_ConfigAddress, frozenset[str]] = {}
        self._users: dict[str, dict[str, list[Use]]] = {}

    @cached_property
    def _follower(self) -> Follower:
        return Follower(self._stack.root, self._stack.resources, self._stack.variables)

    @cached_property
    def _identity(self) -> Identity:
        return Identity(self._stack.resources.values())

    @cached_property
    def _instances(self) -> dict[_ConfigAddress, list[str]]:
        found: dict[_ConfigAddress, list[str]] = {}
        for resource in self._stack.resources.values():
            found.setdefault((resource.module_path, local_address(resource)), []).append(resource.address)
        return found

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self._stack.resources.values():
            found.setdefault(resource.type, []).append(resource)
        return found

    # Targets

    def target(
        self, resource: Resource, path: str | Sequence[str], types: tuple[str, ...], hands: int = 0
    ) -> Any:
        """See Stack.target. `hands` counts how many resources have handed the value on."""
        value = resource.get(path)
        if isinstance(value, str):
            return self._named(value, resource, path, types, hands)
        if not isinstance(value, Unknown):
            return value
        hits, others = self._hits(self._origins(resource, path, value), types, hands)
        return hits[0] if len(hits) == 1 and not others else value

    def targets(
        self, resource: Resource, path: str | Sequence[str], types: tuple[str, ...]
    ) -> tuple[Resource | Unknown | str, ...]:
        """See Stack.targets."""
        value = resource.get(path)
        if value is MISSING:
            return ()
        items = value if isinstance(value, list) else [value]
        found: list[Any] = [
            self._named(item, resource, path, types, 0) if isinstance(item, str) else item
            for item in items
            if not isinstance(item, Unknown)
        ]
        unknown = [item for item in items if isinstance(item, Unknown)]
        if unknown:
            hits, others = self._hits(self._origins(resource, path, unknown[0]), types, 0)
            new = [hit for hit in hits if hit not in found]
            found += new
            if others or not hits or (isinstance(value, list) and len(new) < len(unknown)):
                found.append(Unknown(tuple(others)) if others else unknown[0])
        return tuple(found)

    def _origins(self, resource: Resource, path: str | Sequence[str], value: Unknown) -> list[Found]:
        """What an unknown value at a path is made of."""
        parts = tuple(path.split(".") if isinstance(path, str) else path)
        located = self._follower.at(resource, parts) or [
            Located(Refers(value.references), self._place(resource))
        ]
        return list(
            dict.fromkeys(
                found
                for one in located
                for found in self._follower.found(one)
                if not isinstance(found, Known)
            )
        )

    def _place(self, resource: Resource) -> Place:
        found = self._follower.block(resource)
        if found is not None:
            return found[0]
        module = self._follower.place_of_module(resource.module)
        return replace(module or Place(ModuleScope(), resource.module), key=resource.index)

    def _hits(
        self, found: list[Found], types: tuple[str, ...], hands: int
    ) -> tuple[list[Resource], list[str]]:
        """The resources of `types` among the origins of an unknown value, and others that may make it unknown."""
        hits: list[Resource] = []
        others: list[str] = []
        for one in found:
            if isinstance(one, Reference):
                resource = self._as_type(one, types, hands)
                if resource is None and self._is_unknown(one):
                    others.append(_address(one))
                elif resource is not None and resource not in hits:
                    hits.append(resource)
            elif isinstance(one, Opaque):
                others.append(one.text)
        return hits, others

    def _is_unknown(self, reference: Reference) -> bool:
        resource, attribute = reference.resource, reference.attribute
        value = (
            resource.get(attribute) if attribute else (Unknown() if holds_unknown(resource.unknown) else None)
        )
        return value is MISSING or isinstance(value, (Unknown, dict, list))

    def _as_type(self, reference: Reference, types: tuple[str, ...], hands: int) -> Resource | None:
        """The resource of `types` that a reference leads to, itself or through what it stands for."""
        resource = reference.resource
        if types and resource.type not in types:
            return next((r for r in self._behind(reference, types, hands) if r.type in types), None)
        if resource.mode == "data":
            return next(
                (r for r in self._behind(reference, (resource.type,), hands) if r.mode == "managed"), resource
            )
        return resource

    def _behind(self, reference: Reference, types: tuple[str, ...], hands: int) -> Iterator[Resource]:
        """The resources that a reference to another one leads on to."""
        resource, attribute = reference.resource, reference.attribute
        if hands >= _MOST_HANDS:
            return
        if resource.mode == "data":
            ways = [
                name for name in _NAMES if resource.get(name) is not MISSING and self._is_set(resource, name)
            ]
        elif resource.type in _STANDS_FOR:
            ways = [_STANDS_FOR[resource.type]]
        elif attribute == "id" and resource.type.startswith("aws_s3_bucket_"):
            ways = ["bucket"]
        else:
            ways = (
                [attribute]
                if attribute and attribute != "id" and self._is_set(resource, attribute.partition(".")[0])
                else []
            )
        for way in ways:
            found = self.target(resource, way, types, hands + 1)
            if isinstance(found, Resource) and found is not resource:
                yield found

    def _is_set(self, resource: Resource, attribute: str) -> bool:
        """Whether the configuration gives an attribute its value; so it is taken to where that is not known."""
        found = self._follower.block(resource)
        return attribute in found[1].body if found else resource.has(attribute)

    def _named(
        self, value: str, resource: Resource, path: str | Sequence[str], types: tuple[str, ...], hands: int
    ) -> Resource | Unknown | str:
        """The one resource of `types` that a known value names, else the value."""
        named = [one for one in self._identity.named(value) if one.resource is not resource]
        fitting = [one.resource for one in named if not types or one.resource.type in types]
        if not fitting and types:
            behind = (self._as_type(one, types, hands) for one in named if one.resource.type in _STANDS_FOR)
            fitting = [one for one in behind if one is not None]
        if not types and not self._identity.within(value):
            return value
        fitting = [one for one in fitting if one.mode == "managed"] or fitting
        if len(fitting) > 1:
            fitting = self._nearest(fitting, resource, path)
        if len(fitting) > 1:
            return Unknown(tuple(one.address for one in fitting))
        return fitting[0] if fitting else value

    def _nearest(
        self, candidates: list[Resource], resource: Resource, path: str | Sequence[str]
    ) -> list[Resource]:
        """Of several resources of the same name those that are referred to, else those in the same region."""
        origins = {
            id(one.resource) for one in self._origins(resource, path, Unknown()) if isinstance(one, Reference)
        }
        referred = [one for one in candidates if id(one) in origins]
        if referred:
            return referred
        here = self.region(resource)
        return [one for one in candidates if isinstance(here, str) and self.region(one) == here] or candidates

    # References

    def expression(self, resource: Resource, path: str | Sequence[str]) -> Located | None:
        """See Stack.expression."""
        parts = tuple(path.split(".") if isinstance(path, str) else path)
        found = self._follower.at(resource, parts)
        return self._follower.reduced(found[0]) if len(found) == 1 else None

    def references(self, place: Place, expression: Any) -> tuple[Reference, ...]:
        """See Stack.references."""
        found = self._follower.found(Located(expression, place))
        return tuple(one for one in found if isinstance(one, Reference))

    def resolve(self, resource: Resource, value: Any) -> tuple[Reference, ...]:
        """See Stack.resolve."""
        if isinstance(value, str):
            return tuple(one for one in self._identity.within(value) if one.resource is not resource)
        if not isinstance(value, Unknown):
            return ()
        return tuple(one for one in self._resolved(resource, value) if isinstance(one, Reference))

    def _resolved(self, resource: Resource, unknown: Unknown) -> list[Found]:
        here: list[str] = []
        found: list[Found] = []
        for reference in unknown.references:
            split = split_address(reference) if isinstance(reference, Address) else None
            if split is None or split[0] not in self._stack.resources:
                here.append(reference)
            else:
                found.append(Reference(self._stack.resources[split[0]], split[1]))
        if here:
            found += self._follower.found(Located(Refers(tuple(here)), self._place(resource)))
        return list(dict.fromkeys(one for one in found if not isinstance(one, Known)))

    def absolute(self, resource: Resource, unknown: Unknown) -> Unknown:
        """See Stack.absolute."""
        return _absolute(self._resolved(resource, unknown), unknown.computed)

    def absolute_of(self, place: Place, expression: Any) -> Unknown:
        """See Stack.absolute_of."""
        return _absolute(self._follower.found(Located(expression, place)))

    # Users

    def users(self, resource: Resource, types: tuple[str, ...]) -> tuple[Use, ...]:
        """See Stack.users."""
        found: list[Use] = []
        for type_ in types or tuple(self._by_type):
            if type_ not in self._users:
                self._users[type_] = self._uses_of(type_)
            found += self._users[type_].get(resource.address, ())
        return tuple(found)

    def _uses_of(self, type_: str) -> dict[str, list[Use]]:
        """What the resources of a type use, by the address of what they use."""
        found: dict[str, dict[Use, None]] = {}
        for user in self._by_type.get(type_, ()):
            for path, used in self._uses(user):
                if used is not user:
                    found.setdefault(used.address, {})[Use(user, path)] = None
        return {address: list(uses) for address, uses in found.items()}

    def _uses(self, user: Resource) -> Iterator[tuple[str, Resource]]:
        block = self._follower.block(user)
        for path in block[1].body if block else ():
            for one in self._follower.found(Located(block[1].member(path), block[0])) if block else ():
                if isinstance(one, Reference):
                    yield from ((path, resource) for resource in self._reached(one))
        for path, value in user.values.items():
            if path not in ("arn", "id", "tags", "tags_all"):
                yield from ((path, resource) for resource in self._mentioned(user, path, value))

    def _reached(self, reference: Reference, hands: int = 0) -> Iterator[Resource]:
        """What is used through a reference: the resource, and those that it leads on to."""
        yield reference.resource
        for behind in self._behind(reference, (), hands):
            yield from self._reached(Reference(behind, ""), hands + 1)

    def _mentioned(self, user: Resource, key: str, value: Any) -> Iterator[Resource]:
        """What a known value of `user` names, at any depth."""
        if isinstance(value, str):
            for resource in self._identity.mentioned(key, value):
                if resource is not user:
                    yield from self._reached(Reference(resource, ""))
        elif isinstance(value, Mapping):
            for name, below in value.items():
                yield from self._mentioned(user, name, below)
        elif isinstance(value, list):
            for below in value:
                yield from self._mentioned(user, key, below)

    # Dependencies

    def dependencies(self, resource: Resource) -> frozenset[str]:
        """See Stack.dependencies."""
        address = (resource.module_path, local_address(resource))
        scope = self._stack.root.below(address[0])
        block = scope.resources.get(address[1]) if scope else None
        if scope is None or block is None:
            return frozenset(
                a for written in resource.depends_on for a in self._instances.get(_config(written), ())
            )
        if address not in self._dependencies:
            found = self._needed(scope, block) - {address}
            self._dependencies[address] = frozenset(a for one in found for a in self._instances.get(one, ()))
        return self._dependencies[address]

    def _needed(self, scope: ModuleScope, block: BlockScope) -> set[_ConfigAddress]:
        """What a block needs, as addresses of the configuration."""
        needed: set[_ConfigAddress] = set()
        done: set[tuple[str, ...]] = set()
        rest: list[tuple[ModuleScope, Any]] = [(scope, _whole(block))]
        rest += [(scope, _named_by(name)) for name in block.depends_on]
        for depth in range(len(scope.path)):
            outer = self._stack.root.below(scope.path[:depth])
            call = outer.calls.get(scope.path[depth]) if outer else None
            if outer and call:
                rest += [(outer, call.each), *((outer, _named_by(name)) for name in call.depends_on)]
        while rest:
            here, expression = rest.pop()
            for traversal in traversals(expression):
                names = [step for step in traversal.steps if isinstance(step, str)][:2]
                key = (*here.path, "/", traversal.root, *names)
                if key not in done:
                    done.add(key)
                    rest += self._one_need(here, traversal.root, names, needed)
        return needed

    def _one_need(
        self, here: ModuleScope, root: str, names: list[str], needed: set[_ConfigAddress]
    ) -> list[tuple[ModuleScope, Any]]:
        """Adds the resource that a name stands for to `needed`, or gives the expressions that it stands for."""
        name = names[0] if names else ""
        if root == "local":
            return [(here, here.locals.get(name))]
        if root == "var":
            outer = self._stack.root.below(here.path[:-1]) if here.path else None
            call = outer.calls.get(here.path[-1]) if outer else None
            return [(outer, call.member(name))] if outer and call else []
        if root == "module":
            child, call = here.children.get(name), here.calls.get(name)
            if child is None:
                return []
            outputs = [child.outputs.get(names[1])] if len(names) > 1 else list(child.outputs.values())
            return [*((child, output) for output in outputs), (here, call.each if call else None)]
        if root == _EVERYTHING:
            child = here.children.get(name)
            if child is not None:
                needed.update((child.path, address) for address in child.resources)
                return [(child, f"${{{_EVERYTHING}.{below}}}") for below in child.children]
            return []
        address = f"data.{'.'.join(names)}" if root == "data" else f"{root}.{name}"
        if address in here.resources:
            needed.add((here.path, address))
        return []

    # Region and outputs

    def region(self, resource: Resource) -> str | Unknown:
        """See Stack.region."""
        path, key = self._provider(resource)
        scope = self._stack.root.below(path)
        provider = scope.providers.get(key) if scope else None
        unknown = Unknown(computed=True)
        expression = provider.member("region") if provider is not None else None
        if expression is not None and scope is not None:
            known = self._follower.known(expression, Place(scope, module_above(resource.module, len(path))))
            if known is not None and isinstance(known.value, str):
                return known.value
            unknown = Unknown(expression.references if isinstance(expression, Refers) else ())
        return arn_region(resource.values.get("arn")) or unknown

    def _provider(self, resource: Resource) -> tuple[tuple[str, ...], str]:
        """The module that declares a resource's provider configuration, and its name there."""
        if resource.provider_key is not None:
            module, colon, key = resource.provider_key.rpartition(":")
            return (
                (module_path(module), key)
                if colon and self._stack.root.below(module_path(module))
                else ((), resource.provider_key)
            )
        path = resource.module_path
        scope = self._stack.root.below(path)
        block = scope.resources.get(local_address(resource)) if scope else None
        key = (block.provider if block else "") or resource.type.partition("_")[0]
        while scope is not None and path and key not in scope.providers:
            scope = self._stack.root.below(path[:-1])
            call = scope.calls.get(path[-1]) if scope else None
            key = call.providers.get(key, key) if call else key
            path = path[:-1]
        return path, key

    @cached_property
    def outputs(self) -> Mapping[str, Output]:
        """See Stack.outputs."""
        root = self._stack.root
        place = Place(root)
        found: dict[str, Output] = {}
        for name in dict.fromkeys((*root.outputs, *self._stack.output_values)):
            value, sensitive = self._stack.output_values.get(name, (Unknown(), False))
            sensitive = sensitive or name in root.sensitive_outputs
            references = self.references(place, root.outputs.get(name))
            if not references:
                references = tuple(dict.fromkeys(self._by_value(value)))
            found[name] = Output(name, Unknown() if sensitive else value, references, sensitive)
        return found

    def _by_value(self, value: Any) -> Iterator[Reference]:
        if isinstance(value, str):
            yield from self._identity.within(value)
        elif isinstance(value, (Mapping, list)):
            for below in value.values() if isinstance(value, Mapping) else value:
                yield from self._by_value(below)


# Stands before the name of a module call where all that is in the module is meant, and no output.
_EVERYTHING: Final = "everything_in"


def _named_by(depends_on: str) -> str:
    root, _, rest = depends_on.partition(".")
    return f"${{{_EVERYTHING}.{rest}}}" if root == "module" and "." not in rest else f"${{{depends_on}}}"


def _whole(block: BlockScope) -> list[Any]:
    return [block.each, *(block.member(name) for name in block.body)]


def _address(reference: Reference) -> str:
    address = reference.resource.address
    return Address(f"{address}.{reference.attribute}" if reference.attribute else address)


def _absolute(found: list[Found], computed: bool = False) -> Unknown:
    written = [
        _address(one) if isinstance(one, Reference) else one.text
        for one in found
        if not isinstance(one, Known)
    ]
    return Unknown(tuple(dict.fromkeys(written)), computed)


def _config(address: str) -> _ConfigAddress:
    """The module path and the rest of an address without instance keys."""
    path = module_path(address)
    rest = address.split(".", 2 * len(path))[-1] if path else address
    return path, rest
