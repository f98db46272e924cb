"""What pages and tables say about a policy: its parameters in words, their values and where those came from."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticUndefined, to_jsonable_python

from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Policy, PolicyParameters, Verdict
from tapstack.settings import FILE_NAME, Settings

HEADINGS: Final = {
    Verdict.PASS: "Passes",
    Verdict.FAIL: "Fails",
    Verdict.UNKNOWN: "Not known before apply",
    Verdict.NOT_APPLICABLE: "Not applicable",
    None: "Beside them",
}
_DEFAULT: Final = "default"
# Every policy takes these.
SHARED: Final = frozenset(PolicyParameters.model_fields)
_NAMES: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds in one environment: tap.toml as it is written, and what the gate makes of it."""

    settings: Settings
    gate: GateSettings

    def is_disabled(self, policy: type[Policy]) -> bool:
        """Whether a policy is not asked."""
        return policy.name in self.gate.disabled or policy.id in self.gate.disabled


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as it holds. `default` and `value` are as JSON has them.

    `source` is "default", a line of tap.toml, or the environment that the gate took the value from.
    """

    name: str
    type: str
    default: Any
    value: Any
    source: str

    @property
    def is_shared(self) -> bool:
        """Whether every policy has it."""
        return self.name in SHARED

    @property
    def is_changed(self) -> bool:
        """Whether tap.toml sets it."""
        return self.source.startswith(FILE_NAME)


def area_of(policy: type[Policy]) -> str:
    """The folder that a policy's file is in."""
    return Path(inspect.getfile(policy)).parent.name


def text_of(thing: type) -> str:
    """A class's own docstring as one paragraph after another, "" where it has none."""
    return inspect.cleandoc(thing.__dict__.get("__doc__") or "")


def parameters(policy: type[Policy], in_force: InForce | None = None) -> tuple[Parameter, ...]:
    """Every parameter, the policy's own first; with nothing in force, defaults hold."""
    fields = policy.Parameters.model_fields
    try:
        schema = policy.Parameters.model_json_schema()
    except PydanticInvalidForJsonSchema:
        # Something that TOML has no word for, such as a type of the policy's own.
        schema = {"properties": {name: {} for name in fields}}
    found = []
    for name in sorted(fields, key=lambda name: name in SHARED):
        default = _default(policy, name)
        value, source = (in_force and _setting(policy, in_force, name)) or (default, _DEFAULT)
        words = _words(schema["properties"][name], schema.get("$defs", {}))
        found.append(Parameter(name, words, default, value, source))
    return tuple(found)


def word(value: Any) -> str:
    """A value as tap.toml would have it, or "unset"."""
    return "unset" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _default(policy: type[Policy], name: str) -> Any:
    if name in ("severity", "enforcement"):
        return str(getattr(policy, name))
    default = policy.Parameters.model_fields[name].get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return None
    return to_jsonable_python(sorted(default) if isinstance(default, (set, frozenset)) else default)


def _setting(policy: type[Policy], in_force: InForce, key: str) -> tuple[Any, str] | None:
    """As the gate reads it: a table named by the policy's name over one by its id, an environment over the stack."""
    settings = in_force.settings
    environment = f"environments.{settings.environment}"
    names = (policy.name, policy.id)
    written = (
        (f"{environment}.policies", settings.where.policies),
        ("policies", settings.policies.parameters),
    )
    for name in names:
        for prefix, table in written:
            given = table.get(name, {})
            if key in given:
                return given[key], _line(settings, f"{prefix}.{name}.{key}")
    filled_in = (in_force.gate.parameters.get(name, {}) for name in names)
    return next(((table[key], environment) for table in filled_in if key in table), None)


def _line(settings: Settings, dotted: str) -> str:
    """The line of a key; that of the table around it where it is written inline."""
    parts = dotted.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    line = next((settings.lines[prefix] for prefix in prefixes if prefix in settings.lines), None)
    return f"{FILE_NAME}:{line}" if line else FILE_NAME


def _words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema, as far as pydantic makes them from parameters, as a person says it."""
    if "$ref" in schema:
        return _words(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        choices = [_words(one, definitions) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(choices))
    type_ = schema.get("type", "anything")
    if type_ == "array":
        items = schema.get("items") or {}
        return f"list of {_words(items, definitions)}" if items else "list"
    if type_ == "object":
        return _table(schema, definitions)
    bounds = ", ".join(_bounds(schema))
    return f"{_NAMES.get(type_, type_)}{f', {bounds}' if bounds else ''}"


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, text in _BOUNDS.items():
        if key in schema:
            yield text.format(schema[key])


def _table(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "properties" in schema:
        return f"{{{', '.join(schema['properties'])}}}"
    values = schema.get("additionalProperties")
    return f"table of {_words(values, definitions)}" if isinstance(values, Mapping) and values else "table"
