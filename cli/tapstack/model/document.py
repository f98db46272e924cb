"""What `terraform show -json` documents have in common, and how one that isn't as expected is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from tapstack.errors import GateFailed
from tapstack.model.stack import Resource

# https://developer.hashicorp.com/terraform/internals/json-format: a new major version may change meanings.
_MAJOR: Final = "1"


class DocumentError(GateFailed):
    """A document is not a plan or a state in a form that can be judged."""

    kind = "format"


class ResourceValues(TypedDict, total=False):
    """A resource of a values representation. `index` is absent without count and for_each."""

    address: str
    mode: str
    type: str
    name: str
    index: str | int | None
    provider_name: str
    values: dict[str, Any]


class ModuleValues(TypedDict, total=False):
    """A module of a values representation."""

    address: str
    resources: list[ResourceValues]
    child_modules: list[ModuleValues]


class RootValues(TypedDict, total=False):
    """A values representation."""

    root_module: ModuleValues


def validated(adapter: TypeAdapter[Any], document: Any, what: str) -> Any:
    """`document`, its form checked. Raises DocumentError naming the first place that differs."""
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DocumentError(
            f"The {what} is not as `terraform show -json` writes it, at {place}: {first['msg'].lower()}.",
            hint="make it again with `terraform show -json FILE`",
        ) from None
    except RecursionError:
        raise DocumentError(f"The {what} is nested too deeply to be read.") from None


def check_format(document: Any, what: str) -> None:
    """Raise DocumentError for what isn't a JSON object of a known format version."""
    version = document.get("format_version") if isinstance(document, Mapping) else None
    if not isinstance(version, str):
        raise DocumentError(
            f"This is not a {what}: it has no format_version.",
            hint="make one with `terraform show -json FILE`",
        )
    if version.partition(".")[0] != _MAJOR:
        raise DocumentError(
            f"The {what}'s format version is {version}; only {_MAJOR}.x is understood.",
            hint="use a Terraform that writes it, or a newer tap",
        )


def resources_below(module: ModuleValues) -> Iterator[Resource]:
    """Every resource of a values representation."""
    for entry in module.get("resources", ()):
        yield Resource(
            address=required(entry, "address", "resource"),
            type=required(entry, "type", "resource"),
            name=required(entry, "name", "resource"),
            mode=entry.get("mode", "managed"),
            module=module.get("address", ""),
            index=entry.get("index"),
            provider=entry.get("provider_name"),
            values=entry.get("values", {}),
        )
    for child in module.get("child_modules", ()):
        yield from resources_below(child)


def required(entry: Mapping[str, Any], key: str, what: str) -> str:
    """A text that must be there. Raises DocumentError."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise DocumentError(f"A {what} of the document has no {key}: {entry.get('address', 'unnamed')}.")
    return value
