"""One instance of a module: what the names in its expressions stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from tapstack.model.expression import (
    Invalid,
    Place,
    Scope,
    Unevaluable,
    elements,
    evaluate,
    is_unknown,
    number_of,
    rebased,
    walk,
)
from tapstack.model.scope import Expression, ModuleScope
from tapstack.model.syntax import Key, Path
from tapstack.model.values import MISSING, Unknown

InstanceKey: TypeAlias = str | int | None
Attributes: TypeAlias = Callable[[Path], Any]
"""The value at a path below a resource; Unknown or MISSING if it isn't known."""

_T = TypeVar("_T")
# More than this is left to Terraform.
_MAX_INSTANCES: Final = 20_000
_OWN: Final = frozenset({"each", "count", "self", "path", "terraform"})


class ModuleInstance(ABC):
    """The scope of a module's expressions. Locals and outputs are worked out when they are first asked for."""

    def __init__(self, declared: ModuleScope, address: str) -> None:
        self.declared = declared
        self.address = address
        self._variables: dict[str, Any] = {}
        self._locals: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._instances: dict[str, Mapping[InstanceKey, Attributes] | None] = {}
        self._called: dict[str, Mapping[InstanceKey, ModuleInstance] | None] = {}

    @abstractmethod
    def variable(self, name: str) -> Any:
        """A variable's value in terms of the calling module; Unknown for one that isn't known."""

    @abstractmethod
    def instances(self, address: str) -> Mapping[InstanceKey, Attributes] | None:
        """The instances of "aws_x.y" or "data.aws_x.y"; None where they aren't known."""

    @abstractmethod
    def called(self, name: str) -> Mapping[InstanceKey, ModuleInstance] | None:
        """The instances of a called module; None where they aren't known."""

    def lookup(self, path: Path) -> Any:
        """See `Scope`."""
        root = path[0]
        if len(path) < 2 or not isinstance(path[1], str) or isinstance(path[1], Key):
            raise Unevaluable
        if root == "var":
            value = walk(self._worked_out(self._variables, path[1], self.variable), path[2:])
            return rebased(value, Place(self, path))
        if root == "local":
            value = walk(self._worked_out(self._locals, path[1], self._local), path[2:])
            return value if not isinstance(value, Unknown) or value.references else Place(self, path)
        if root == "module":
            modules = _once(self._called, path[1], self.called)
            return self._instance(path, 2, modules, self._output_at)
        if root in _OWN:
            return Place(self, path)
        length = 3 if root == "data" else 2
        if len(path) < length:
            raise Unevaluable
        address = ".".join(str(part) for part in path[:length])
        instances = _once(self._instances, address, self.instances)
        return self._instance(path, length, instances, self._attribute_at)

    def output(self, name: str) -> Any:
        """An output's value in terms of this module."""
        return self._worked_out(self._outputs, name, lambda n: evaluate(self.declared.outputs.get(n), self))

    def _local(self, name: str) -> Any:
        value = evaluate(self.declared.locals[name], self) if name in self.declared.locals else Unknown()
        # A local that leads back to itself is an error of Terraform's; here it is unknown.
        return Unknown() if isinstance(value, Place) and value.path[:2] == ("local", name) else value

    def _worked_out(self, known: dict[str, Any], name: str, work_out: Callable[[str], Any]) -> Any:
        if name not in known:
            known[name] = Unknown()
            known[name] = work_out(name)
        return known[name]

    def _instance(
        self,
        path: Path,
        length: int,
        instances: Mapping[InstanceKey, Any] | None,
        below: Callable[[Path, Any, Path], Any],
    ) -> Any:
        """`below` for the instance that a path means; without a key, Places of all of them."""
        if instances is None:
            return Place(self, path)
        if None in instances:
            return below(path, instances[None], path[length:])
        if len(path) == length:
            if all(isinstance(key, int) for key in instances):
                return [Place(self, (*path, at)) for at in range(len(instances))]
            return {str(key): Place(self, (*path, Key(key))) for key in instances}
        key = path[length]
        if key not in instances or (isinstance(key, str) and not isinstance(key, Key)):
            raise Invalid
        return below(path, instances[key], path[length + 1 :])

    def _output_at(self, path: Path, module: ModuleInstance, rest: Path) -> Any:
        if not rest or rest[0] not in module.declared.outputs:
            return Place(self, path)
        return rebased(walk(module.output(str(rest[0])), rest[1:]), Place(self, path))

    def _attribute_at(self, path: Path, attributes: Attributes, rest: Path) -> Any:
        place = Place(self, path)
        value = attributes(rest) if rest else None
        return place if value is None or value is MISSING else rebased(value, place)


def _once(known: dict[str, _T], name: str, find: Callable[[str], _T]) -> _T:
    if name not in known:
        known[name] = find(name)
    return known[name]


@dataclass(frozen=True, slots=True, eq=False)
class BlockInstance:
    """The scope of one instance of a block: its module's, with `each` and `count`.

    `each` is {"key": ..., "value": ...}, `count` {"index": ...}; None for what the block doesn't have or what
    isn't known.
    """

    module: Scope
    each: Mapping[str, Any] | None = None
    count: Mapping[str, Any] | None = None

    def lookup(self, path: Path) -> Any:
        """See `Scope`."""
        own = {"each": self.each, "count": self.count}.get(str(path[0]))
        return self.module.lookup(path) if own is None else walk(dict(own), path[1:])


def expanded(
    module: Scope, count: Expression, for_each: Expression
) -> dict[InstanceKey, BlockInstance] | None:
    """A block's instances by their keys; None where these aren't known."""
    try:
        if count is not None:
            return _counted(module, evaluate(count, module))
        if for_each is not None:
            return _keyed(module, evaluate(for_each, module))
    except (Unevaluable, Invalid):
        return None
    return {None: BlockInstance(module)}


def _counted(module: Scope, count: Any) -> dict[InstanceKey, BlockInstance]:
    number = MISSING if is_unknown(count) else number_of(count)
    if not isinstance(number, int) or not 0 <= number <= _MAX_INSTANCES:
        raise Unevaluable
    return {at: BlockInstance(module, count={"index": at}) for at in range(number)}


def _keyed(module: Scope, collection: Any) -> dict[InstanceKey, BlockInstance]:
    pairs = elements(collection)
    if len(pairs) > _MAX_INSTANCES or not all(isinstance(key, str) for key, _ in pairs):
        raise Unevaluable
    return {key: BlockInstance(module, each={"key": key, "value": value}) for key, value in pairs}
