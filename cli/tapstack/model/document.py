"""What `terraform show -json` documents have in common, and how one that isn't as expected is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import InstanceOf, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from tapstack.errors import GateFailed
from tapstack.model.scope import BlockScope, ModuleScope
from tapstack.model.stack import Resource, module_path

# https://developer.hashicorp.com/terraform/internals/json-format: a new major version may change meanings.
_MAJOR: Final = "1"


# Only its type is checked: to copy each of them, as pydantic does with `dict[str, Any]`, takes longer than to parse.
Tree = InstanceOf[dict[str, Any]]


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
    values: Tree
    sensitive_values: Any
    depends_on: list[str]


class ModuleValues(TypedDict, total=False):
    """A module of a values representation."""

    address: str
    resources: list[ResourceValues]
    child_modules: list[ModuleValues]


class OutputValue(TypedDict, total=False):
    """An output of a values representation; without a value where it is unknown."""

    value: Any
    sensitive: bool


class RootValues(TypedDict, total=False):
    """A values representation."""

    root_module: ModuleValues
    outputs: dict[str, OutputValue]


def validated(adapter: TypeAdapter[Any], document: Any, what: str) -> Any:
    """`document` itself, its form checked. Raises DocumentError naming the first place that differs."""
    try:
        # Strictly, so that nothing of it would have to become something else.
        adapter.validate_python(document, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise DocumentError(
            f"The {what} is not as `terraform show -json` writes it, at {place}: {first['msg'].lower()}.",
            hint="make it again with `terraform show -json FILE`",
        ) from None
    except RecursionError:
        raise DocumentError(f"The {what} is nested too deeply to be read.") from None
    return document


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


def resources_below(
    module: ModuleValues, root: ModuleScope, planned: ModuleScope | None = None, only: str | None = None
) -> Iterator[Resource]:
    """Every resource of a values representation, or those of one mode.

    `root` is what the configuration declares, `planned` what a plan says of that.
    """
    address = module.get("address", "")
    for entry in module.get("resources", ()):
        mode = entry.get("mode", "managed")
        if only is not None and mode != only:
            continue
        type_, name = required(entry, "type", "resource"), required(entry, "name", "resource")
        written = declared_block(root, address, mode, type_, name)
        config = declared_block(planned, address, mode, type_, name) if planned else None
        yield Resource(
            address=required(entry, "address", "resource"),
            type=type_,
            name=name,
            mode=mode,
            module=address,
            index=entry.get("index"),
            provider=entry.get("provider_name"),
            provider_key=config.provider or None if config else None,
            values=entry.get("values", {}),
            lifecycle=written.lifecycle if written else {},
            depends_on=tuple(entry.get("depends_on", ())),
            sensitive=entry.get("sensitive_values", False),
        )
    for child in module.get("child_modules", ()):
        yield from resources_below(child, root, planned, only)


def declared_block(scope: ModuleScope, module: str, mode: str, type_: str, name: str) -> BlockScope | None:
    """The block that declares a resource of the module with that address; None where it is not known."""
    place = scope.below(module_path(module))
    return place.resources.get(f"{'data.' if mode == 'data' else ''}{type_}.{name}") if place else None


def required(entry: Mapping[str, Any], key: str, what: str) -> str:
    """A text that must be there. Raises DocumentError."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise DocumentError(f"A {what} of the document has no {key}: {entry.get('address', 'unnamed')}.")
    return value
