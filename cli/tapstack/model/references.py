"""Follows expressions to what they are made of: through locals, variables, outputs and iterations, to instances.

Structure is kept where the expression is known as written: `local.keys["a"]` leads to that one member. Where only
references are known (a plan without its HCL), a reference to a resource with instances leads to the instance of the
same key if `each` or `count.index` stands among the references.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from tapstack.model import syntax
from tapstack.model.scope import BlockScope, Dynamic, ModuleScope, Refers
from tapstack.model.stack import Reference, Resource
from tapstack.model.steps import (
    EVERY,
    Found,
    Further,
    Key,
    Known,
    Located,
    Nth,
    Opaque,
    Place,
    Step,
    element,
    inside,
    instances_at,
    iterated,
    member_of,
    of_binding,
    operands,
    put_together,
    shown,
)
from tapstack.model.values import MISSING, Unknown

__all__ = [
    "Follower",
    "Found",
    "Key",
    "Known",
    "Located",
    "Nth",
    "Opaque",
    "Place",
    "Step",
    "local_address",
    "module_above",
    "parsed",
    "split_address",
    "traversals",
]

_MODULE: Final = re.compile(r'module\.([^.\[]+)(?:\[(?:"((?:[^"\\]|\\.)*)"|(\d+))\])?\.?')
_ADDRESS: Final = re.compile(
    r'((?:module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.)*(?:data\.)?[\w-]+\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?)'
    r"(?:\.(.*))?"
)
_PLAIN: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+")
# Terraform's functions that hand on what they are given, or its elements.
_TRANSPARENT: Final = frozenset(
    {"toset", "tolist", "tomap", "flatten", "compact", "distinct", "sort", "reverse", "try", "coalesce"}
    | {"coalescelist", "concat", "merge", "sensitive", "nonsensitive", "setunion", "ephemeralasnull"}
)
_SETS: Final = frozenset({"toset", "setunion"})
_REORDERING: Final = frozenset(
    {"toset", "flatten", "compact", "distinct", "sort", "reverse", "concat", "setunion"}
)
_COUNTING: Final = frozenset(
    {"length", "keys", "contains", "can", "index", "anytrue", "alltrue", "startswith", "endswith"}
)
_MOST_STEPS: Final = 150


def parsed(text: str) -> syntax.Node | None:
    """The tree of a template; None for what is not understood."""
    try:
        return syntax.template(text)
    except syntax.SyntaxProblem:
        return None


def _name(reference: str) -> syntax.Node | None:
    """The tree of a reference; most are plain names, which need no parser."""
    if _PLAIN.fullmatch(reference):
        root, *steps = reference.split(".")
        return syntax.Traversal(root, tuple(steps))
    return parsed(f"${{{reference}}}")


class Follower:
    """Follows expressions within one stack."""

    def __init__(
        self, root: ModuleScope, resources: Mapping[str, Resource], variables: Mapping[str, Any]
    ) -> None:
        self.root = root
        self.resources = resources
        self.variables = variables
        self.instances: dict[tuple[str, str], dict[str | int | None, Resource]] = {}
        self.modules: dict[tuple[str, str], dict[str | int | None, str]] = {}
        self._places: dict[str, Place | None] = {"": Place(root)}
        self._made_of: dict[tuple[int, str, tuple[Step, ...]], tuple[Located, list[Found]]] = {}
        for resource in resources.values():
            self.instances.setdefault((resource.module, local_address(resource)), {})[resource.index] = (
                resource
            )
        for module in {resource.module for resource in resources.values()}:
            self._add_module(module)

    def _add_module(self, address: str) -> None:
        parent = ""
        for match in _MODULE.finditer(address):
            here = address[: match.end()].removesuffix(".")
            self.modules.setdefault((parent, match[1]), {})[_key_of(match)] = here
            parent = here

    # Places

    def place_of_module(self, address: str) -> Place | None:
        """Where the locals and outputs of a module's instance stand; None for one that is not declared."""
        if address not in self._places:
            *_, last = _MODULE.finditer(address)
            parent = self.place_of_module(address[: last.start()].removesuffix("."))
            scope = parent.scope.children.get(last[1]) if parent else None
            self._places[address] = Place(scope, address) if scope else None
        return self._places[address]

    def caller(self, place: Place) -> tuple[Place, BlockScope] | None:
        """Where the arguments of the call stand that makes a module's instance, and the call."""
        *_, last = _MODULE.finditer(place.module)
        parent = self.place_of_module(place.module[: last.start()].removesuffix("."))
        call = parent.scope.calls.get(last[1]) if parent else None
        return (replace(parent, key=_key_of(last), each=call.each), call) if parent and call else None

    def block(self, resource: Resource) -> tuple[Place, BlockScope] | None:
        """Where a resource's expressions stand, and its block."""
        module = self.place_of_module(resource.module)
        block = module.scope.resources.get(local_address(resource)) if module else None
        if module is None or block is None:
            return None
        return Place(module.scope, module.module, resource.index, block.each), block

    def at(self, resource: Resource, parts: tuple[str, ...]) -> list[Located]:
        """The expressions that may set the value at a path: several only for blocks whose order isn't known."""
        found = self.block(resource)
        if found is None:
            return []
        place, block = found
        level = [Located(block.member(parts[0]), place)]
        for depth, part in enumerate(parts[1:], 1):
            nested = [below for one in level for below in self._nested(one, part)]
            level = self._alike(nested, resource.get(parts[: depth + 1])) if len(nested) > 1 else nested
        return [one for one in level if one.value is not None]

    def _nested(self, one: Located, part: str) -> Iterator[Located]:
        node = one.value
        if isinstance(node, list) and part.isdigit():
            if any(isinstance(item, (Mapping, Dynamic)) for item in node):
                # The blocks of a set stand in another order in the plan.
                yield from (self._content(item, one.place, int(part)) for item in node)
            elif int(part) < len(node):
                yield Located(node[int(part)], one.place)
        elif isinstance(node, Mapping):
            yield Located(node.get(part), one.place)
        elif isinstance(node, Refers):
            yield one
        elif isinstance(node, str):
            step: Step = Key(int(part)) if part.isdigit() else part
            yield Located(node, one.place, (*one.steps, step))

    def _content(self, item: Any, place: Place, number: int) -> Located:
        if not isinstance(item, Dynamic):
            return Located(item, place)
        value = Located(item.for_each, place, (Nth(number),))
        bound = {
            **place.bound,
            f"{item.iterator}.value": value,
            f"{item.iterator}.key": Opaque(f"{item.iterator}.key"),
        }
        return Located(item.body, replace(place, bound=bound))

    def _alike(self, blocks: list[Located], value: Any) -> list[Located]:
        """Of several blocks those whose settled attributes have the values of the one looked for."""
        if not isinstance(value, Mapping):
            return blocks
        return [one for one in blocks if self._may_be(one, value)] or blocks

    def _may_be(self, block: Located, value: Mapping[str, Any]) -> bool:
        for key, expression in block.value.items() if isinstance(block.value, Mapping) else ():
            there = value.get(key)
            if isinstance(there, (str, bool, int, float)) and isinstance(expression, (str, bool, int, float)):
                known = self.known(expression, block.place)
                if known is not None and known.value != there:
                    return False
        return True

    # Following

    def found(self, one: Located) -> list[Found]:
        """What a value is made of, in order; a reference only once."""
        result: list[Found] = []
        seen: set[Reference] = set()
        for item in self._follow(one, 0):
            if not isinstance(item, Reference):
                result.append(item)
            elif item not in seen:
                seen.add(item)
                result.append(item)
        return result

    def known(self, expression: Any, place: Place) -> Known | None:
        """The settled value of an expression."""
        found = list(self._follow(Located(expression, place), 0))
        return found[0] if len(found) == 1 and isinstance(found[0], Known) else None

    def reduced(self, one: Located) -> Located:
        """Through locals, variables, outputs and structure, to where a value is really written."""
        for _ in range(_MOST_STEPS):
            further = self._further(one)
            if further is None or len(further) != 1 or not isinstance(further[0], Located):
                break
            one = further[0]
        return one

    def _follow(self, one: Located, depth: int) -> Iterator[Found]:
        if depth > _MOST_STEPS:
            yield Opaque("an expression that is too deep")
            return
        if one.place is not self._places.get(one.place.module):
            yield from self._followed(one, depth)
            return
        # What a local or an output is made of is found once, however often it is used on the way.
        key = (id(one.value), one.place.module, one.steps)
        if key not in self._made_of:
            # Met again before it is found, it leads back to itself, which is an error of Terraform's.
            self._made_of[key] = (one, [Opaque("an expression that leads back to itself")])
            self._made_of[key] = (one, list(self._followed(one, depth)))
        yield from self._made_of[key][1]

    def _followed(self, one: Located, depth: int) -> Iterator[Found]:
        further = self._further(one)
        for step in further or ():
            if isinstance(step, Located):
                yield from self._follow(step, depth + 1)
            else:
                yield step
        if further is None and isinstance(one.value, Refers):
            yield from self._refers(one.value, one, depth)
        elif further is None:
            yield from self._parts(one, depth)

    def _parts(self, one: Located, depth: int) -> Iterator[Found]:
        """What a value is made of that is put together."""
        below = [list(self._follow(Located(node, one.place), depth + 1)) for node in operands(one.value)]
        values = [item.value for found in below for item in found if isinstance(item, Known)]
        if len(values) == len(below) == sum(map(len, below)):
            yield put_together(one.value, values)
        else:
            # Each once: what is used twice in a local that is used twice would be there four times.
            yield from dict.fromkeys(item for found in below for item in found if not isinstance(item, Known))

    def _refers(self, node: Refers, one: Located, depth: int) -> Iterator[Found]:
        hint = next((step.value for step in one.steps if isinstance(step, Key)), None)
        same_key = any(ref.startswith(("each.", "count.")) for ref in node.references)
        prefer = one.place.key if same_key and hint is None else hint
        place = one.place if prefer == one.place.prefer else replace(one.place, prefer=prefer)
        attribute = ".".join(step for step in one.steps if isinstance(step, str))
        for text in node.references:
            if len(node.references) > 1 and text in ("each.key", "count.index"):
                continue
            below = _name(text)
            if below is None:
                yield Opaque(text)
                continue
            for found in self._follow(Located(below, place), depth + 1):
                whole = isinstance(found, Reference) and not found.attribute
                yield Reference(found.resource, attribute) if whole else found  # type: ignore[union-attr]

    def _further(self, one: Located) -> list[Located | Found] | None:
        """One step of the way to where a value is written; None at the end of it."""
        node, place, steps = one.value, one.place, one.steps
        if isinstance(node, str):
            below = parsed(node)
            return [Opaque(node) if below is None else Located(below, place, steps)]
        if node is None or isinstance(node, (bool, int, float)):
            return [Known(node)]
        if isinstance(node, (list, syntax.TupleOf)):
            return element(node if isinstance(node, list) else list(node.items), steps, place)
        if isinstance(node, dict):
            return member_of(list(node.items()), steps, place)
        way = _WAYS.get(type(node))
        return way(self, node, steps, place) if way else None

    def _literal(self, node: syntax.Literal, steps: tuple[Step, ...], place: Place) -> Further:  # noqa: ARG002
        return [Known(node.value)]

    def _object(self, node: syntax.ObjectOf, steps: tuple[Step, ...], place: Place) -> Further:
        if not steps:
            return None
        items: list[tuple[Any, Any]] = []
        for key, value in node.items:
            known = self.known(key, place)
            items.append((known.value if known else None, value))
        return member_of(items, steps, place)

    def _access(self, node: syntax.Access, steps: tuple[Step, ...], place: Place) -> Further:
        return [Located(node.of, place, (*self._steps(node.steps, place), *steps))]

    def _splat(self, node: syntax.Splat, steps: tuple[Step, ...], place: Place) -> Further:
        first, rest = iterated(steps)
        return [Located(node.of, place, (first, *self._steps(node.steps, place), *rest))]

    def _conditional(self, node: syntax.Conditional, steps: tuple[Step, ...], place: Place) -> Further:
        condition = self.known(node.condition, place)
        if condition is not None and isinstance(condition.value, bool):
            return [Located(node.yes if condition.value else node.no, place, steps)]
        return [Located(node.yes, place, steps), Located(node.no, place, steps)]

    def _for(self, node: syntax.For, steps: tuple[Step, ...], place: Place) -> Further:
        first, rest = iterated(steps)
        by_key = isinstance(node.key_result, syntax.Traversal) and node.key_result == syntax.Traversal(
            node.key or "", ()
        )
        if node.key_result is None:
            settled = isinstance(first, Nth) and node.condition is None
        else:
            settled = isinstance(first, Key) and by_key
        first = first if settled else EVERY
        bound = {**place.bound, node.value: Located(node.collection, place, (first,))}
        if node.key:
            bound[node.key] = Known(first.value) if isinstance(first, Key) else Opaque(node.key)
        return [Located(node.result, replace(place, bound=bound), rest)]

    def _call(self, node: syntax.Call, steps: tuple[Step, ...], place: Place) -> Further:
        arguments, first = node.arguments, steps[0] if steps else None
        if node.name in _SETS and isinstance(first, Key) and isinstance(first.value, str):
            return [Known(first.value)]
        if node.name in _TRANSPARENT:
            steps = (
                (EVERY, *steps[1:]) if node.name in _REORDERING and isinstance(first, (Key, Nth)) else steps
            )
            return [Located(argument, place, steps) for argument in arguments]
        if node.name in _COUNTING:
            return [Opaque(f"{node.name}(...)")]
        if node.name in ("one", "values") and arguments:
            first, rest = (EVERY, steps) if node.name == "one" else iterated(steps)
            return [Located(arguments[0], place, (first, *rest))]
        if node.name in ("element", "lookup") and len(arguments) > 1:
            key = self._steps(arguments[1:2], place)[0]
            nth = isinstance(key, Key) and isinstance(key.value, int) and node.name == "element"
            return [Located(arguments[0], place, (Nth(key.value) if nth else key, *steps))]  # type: ignore[union-attr,arg-type]
        if node.name == "zipmap" and len(arguments) > 1 and isinstance(first, Key):
            keys = self.known(arguments[0], place)
            there = isinstance(keys.value, list) and first.value in keys.value if keys else False
            nth_ = Nth(keys.value.index(first.value)) if keys and there else EVERY
            return [Located(arguments[1], place, (nth_, *steps[1:]))]
        return None

    def _steps(self, steps: tuple[str | syntax.Node, ...], place: Place) -> tuple[Step, ...]:
        taken: list[Step] = []
        for step in steps:
            if isinstance(step, str):
                taken.append(step)
                continue
            known = Known(step.value) if isinstance(step, syntax.Literal) else self.known(step, place)
            value = known.value if known else None
            taken.append(Key(value) if isinstance(value, (str, int)) else EVERY)
        return tuple(taken)

    # Names

    def _traversal(self, node: syntax.Traversal, steps: tuple[Step, ...], place: Place) -> Further:
        root, steps = node.root, (*self._steps(node.steps, place), *steps)
        first = steps[0] if steps and isinstance(steps[0], str) else ""
        for name, rest in ((root, steps), (f"{root}.{first}", steps[1:])):
            if name in place.bound:
                return of_binding(place.bound[name], rest)
        if root in ("each", "count"):
            return self._iteration(first, steps[1:], place)
        here = self.place_of_module(place.module) or place
        if root == "local":
            if first not in here.scope.locals:
                return [Opaque(f"local.{first}")]
            return [Located(here.scope.locals[first], here, steps[1:])]
        if root == "var":
            return self._variable(first, steps[1:], place)
        if root == "module":
            return self._module(first, steps[1:], place)
        if root in ("path", "terraform", "self") or not first:
            return [Opaque(f"{root}.{first}" if first else root)]
        if root == "data":
            name = next((step for step in steps[1:2] if isinstance(step, str)), "")
            return self._instances(f"data.{first}.{name}", steps[2:], place)
        return self._instances(f"{root}.{first}", steps[1:], place)

    def _iteration(self, what: str, rest: tuple[Step, ...], place: Place) -> Further:
        if what in ("key", "index") and place.key is not None:
            return [Known(place.key)]
        if what == "value" and place.key is not None and place.each is not None:
            here = self.place_of_module(place.module) or place
            return [Located(place.each, here, (Key(place.key), *rest))]
        return [Opaque(f"each.{what}")]

    def _variable(self, name: str, rest: tuple[Step, ...], place: Place) -> Further:
        default = place.scope.variables.get(name)
        value: Any = MISSING
        if not place.module:
            value = self.variables.get(name, MISSING)
        elif (found := self.caller(place)) is not None:
            given = found[1].member(name)
            if given is not None:
                return [Located(given, found[0], rest)]
        if value is MISSING and default is not None:
            return [Located(default, self.place_of_module(place.module) or place, rest)]
        if value is MISSING or isinstance(value, Unknown):
            return [Opaque(f"var.{name}")]
        return inside(value, rest)

    def _module(self, name: str, steps: tuple[Step, ...], place: Place) -> Further:
        below = f"{place.module}.module.{name}" if place.module else f"module.{name}"
        instances = self.modules.get((place.module, name)) or {None: below}
        chosen, rest = instances_at(instances, steps, place)
        found: list[Located | Found] = []
        for address in chosen:
            inner = self.place_of_module(address)
            outputs = inner.scope.outputs if inner else {}
            named = [rest[0]] if rest and isinstance(rest[0], str) else list(outputs)
            for output in named:
                if inner is None or output not in outputs:
                    found.append(Opaque(f"module.{name}.{output}"))
                else:
                    found.append(Located(outputs[output], inner, rest[1:]))
        return found or [Opaque(f"module.{name}")]

    def _instances(self, address: str, steps: tuple[Step, ...], place: Place) -> Further:
        instances = self.instances.get((place.module, address))
        if not instances:
            return [Opaque(address)]
        chosen, rest = instances_at(instances, steps, place)
        attribute = ".".join(shown(step) for step in rest)
        return [Reference(resource, attribute) for resource in chosen] or [Opaque(address)]


_WAYS: Final[Mapping[type, Callable[..., Further]]] = {
    syntax.Literal: Follower._literal,
    syntax.ObjectOf: Follower._object,
    syntax.Access: Follower._access,
    syntax.Splat: Follower._splat,
    syntax.Conditional: Follower._conditional,
    syntax.For: Follower._for,
    syntax.Call: Follower._call,
    syntax.Traversal: Follower._traversal,
}


def local_address(resource: Resource) -> str:
    """A resource's address within its module, without an instance key."""
    address = f"{resource.type}.{resource.name}"
    return f"data.{address}" if resource.mode == "data" else address


def split_address(text: str) -> tuple[str, str] | None:
    """A resource's full address and what follows it: ("module.a.aws_kms_key.k[0]", "arn")."""
    match = _ADDRESS.fullmatch(text)
    return (match[1], match[2] or "") if match else None


def module_above(module: str, depth: int) -> str:
    """The address of the module instance `depth` calls below the root on the way to `module`."""
    ends = [match.end() for match in _MODULE.finditer(module)]
    return module[: ends[depth - 1]].removesuffix(".") if depth else ""


def traversals(expression: Any) -> Iterator[syntax.Traversal]:
    """Every name that an expression mentions, wherever in it."""
    rest = [expression]
    while rest:
        node = rest.pop()
        if isinstance(node, str):
            node = parsed(node) if "${" in node or "%{" in node else None
        elif isinstance(node, Refers):
            rest.extend(f"${{{text}}}" for text in node.references)
        if isinstance(node, syntax.Traversal):
            yield node
        if isinstance(node, Dynamic):
            rest.extend((node.for_each, node.body))
        elif node is not None:
            rest.extend(_mentioned(node))


def _mentioned(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    if isinstance(node, (list, tuple)):
        return list(node)
    if dataclasses.is_dataclass(node) and type(node).__module__ == syntax.__name__:
        # Whatever a node holds is a node, a tuple of such, or plain text and no template.
        below = [getattr(node, one.name) for one in dataclasses.fields(node)]
        return (
            [item for item in below if not isinstance(item, str)]
            if not isinstance(node, syntax.Literal)
            else []
        )
    return []


def _key_of(match: re.Match[str]) -> str | int | None:
    if match[2] is None:
        return int(match[3]) if match[3] else None
    try:
        key: str = json.loads(f'"{match[2]}"', strict=False)
    except ValueError:
        return match[2]
    return key.replace("$${", "${").replace("%%{", "%{")
