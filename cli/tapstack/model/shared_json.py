"""Reads the JSON of large plans and states: parts that read the same are one object, parsed once and held once.

In a plan every resource stands twice, as a change and as planned values; instances differ in little, and calls of one
module repeat its configuration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

Read = Callable[[Any], Any]

# Below this, orjson alone is faster than what it takes to find the parts, in bytes.
_LARGE: Final = 1_000_000
# A part shorter than a digest is its own key, so that no text can pass for the digest of another one.
_DIGEST_BYTES: Final = 32
_LEAVES: Final[Mapping[str, Read]] = MappingProxyType({})


def read(data: bytes) -> Any:
    """What `orjson.loads` makes of it, but equal parts may be one object: nobody changes them.

    Raises orjson.JSONDecodeError.
    """
    if len(data) < _LARGE:
        return orjson.loads(data)
    # Costs every start with a small document, or none, eight milliseconds.
    import msgspec

    try:
        return _Reader().document(data)
    except (msgspec.DecodeError, orjson.JSONDecodeError, RecursionError):
        # Not of the form of a plan, or not JSON; then the place in the whole is told.
        return orjson.loads(data)


def _digest(text: memoryview) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


class _Reader:
    """One document: which of its parts may be met again, and what they are."""

    def __init__(self) -> None:
        from msgspec import Raw
        from msgspec.json import Decoder

        self._members: Callable[[Any], dict[str, Any]] = Decoder(dict[str, Raw]).decode
        self._items: Callable[[Any], list[Any]] = Decoder(list[Raw]).decode
        self._known: dict[bytes, Any] = {}
        resource = {"resources": self._list_of(self._object_of(_LEAVES))}
        values = self._object_of({"root_module": self._recursive(resource, "child_modules", self._list_of)})
        changes = self._list_of(self._object_of({"change": self._object_of(_LEAVES)}))
        module = self._recursive(resource, "module_calls", self._calls_of)
        self.document = self._object_of(
            {
                "planned_values": values,
                "values": values,
                "prior_state": self._object_of({"values": values}),
                "resource_changes": changes,
                "resource_drift": changes,
                "configuration": self._object_of({"root_module": module}),
            }
        )

    def _object_of(self, members: Mapping[str, Read]) -> Read:
        """What reads an object; a member that `members` does not name is a leaf, one that orjson reads whole."""
        decode, known = self._members, self._known
        leaf: Read = orjson.loads

        def read_object(part: Any) -> dict[str, Any]:
            made = {}
            for name, raw in decode(part).items():
                text = memoryview(raw)
                key = bytes(text) if len(text) < _DIGEST_BYTES else _digest(text)
                if key in known:
                    made[name] = known[key]
                else:
                    made[name] = known[key] = members.get(name, leaf)(text)
            return made

        return read_object

    def _list_of(self, item: Read) -> Read:
        return lambda part: [item(one) for one in self._items(part)]

    def _calls_of(self, module: Read) -> Read:
        call = self._object_of({"module": module})
        return lambda part: {name: call(one) for name, one in self._members(part).items()}

    def _recursive(self, members: Mapping[str, Read], name: str, below: Callable[[Read], Read]) -> Read:
        """What reads an object whose member `name` holds more of its kind."""
        read_object: Read
        known = {**members, name: lambda part: below(read_object)(part)}
        read_object = self._object_of(known)
        return read_object
