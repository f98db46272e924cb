"""Tells before an apply which resource types the embedded AWS can show, and how well."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

from tapstack.errors import SandboxFailed
from tapstack.sandbox.coverage_applied import APPLIED, DIFFERENT, FAILING
from tapstack.sandbox.coverage_calls import CALLS

DATA: Final = "data."


class Standing(StrEnum):
    """How well the embedded AWS shows a resource type; the worst comes first."""

    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"
    APPROXIMATE = "approximate"
    EXACT = "exact"
    NOT_AWS = "not AWS"

    @property
    def meaning(self) -> str:
        """One line for a person."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Standing.UNSUPPORTED: "the apply would fail",
    Standing.UNKNOWN: "not looked at",
    Standing.APPROXIMATE: "differs from AWS, or no test of tap's has tried",
    Standing.EXACT: "tap's tests apply it, plan no change and destroy it; no difference known",
    Standing.NOT_AWS: "needs no sandbox",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """One resource type of a stack; `type` has "data." before it for a data source, `reason` is "" for exact ones."""

    type: str
    count: int
    standing: Standing
    reason: str


def cover(types: Mapping[str, int]) -> tuple[Covered, ...]:
    """The standing of each type, the worst first; `types` counts resources.

    Starts nothing. Raises SandboxFailed where moto is not installed.
    """
    covered = [Covered(kind, count, *_standing(kind)) for kind, count in types.items()]
    order = list(Standing)
    return tuple(sorted(covered, key=lambda one: (order.index(one.standing), one.type)))


def moto_version() -> str:
    """The installed moto's, for what is said about it."""
    return f"moto {version('moto')}"


def _standing(kind: str) -> tuple[Standing, str]:
    provider = kind.removeprefix(DATA).partition("_")[0]
    if provider == "awscc":
        return Standing.UNSUPPORTED, "provider awscc asks Cloud Control, which moto does not have"
    if provider != "aws":
        return Standing.NOT_AWS, f"of provider {provider}, which does not ask AWS"
    if kind in FAILING:
        return Standing.UNSUPPORTED, FAILING[kind]
    if kind in APPLIED:
        return Standing.APPROXIMATE if APPLIED[kind] else Standing.EXACT, APPLIED[kind]
    if kind in DIFFERENT:
        return Standing.APPROXIMATE, DIFFERENT[kind]
    if kind not in CALLS:
        return Standing.UNKNOWN, "tap's table does not have it"
    service, call = CALLS[kind]
    if not _implements(service, call):
        return Standing.UNSUPPORTED, f"{moto_version()} does not implement {service} {call}"
    return Standing.APPROXIMATE, f"{moto_version()} has {service} {call}; no test of tap's has tried"


@cache
def _implements(service: str, call: str) -> bool:
    """Whether the installed moto has code for a call.

    Most services have a method for it where requests are answered; S3 and Batch only have one behind that.
    """
    try:
        from moto.backends import get_backend
        from moto.core.utils import camelcase_to_underscores
    except ImportError as error:
        raise SandboxFailed(
            f"What the sandbox can show can't be told without moto: {error}.",
            hint="pip install 'tapstack[sandbox]'",
        ) from error
    try:
        backend = get_backend(service).backend
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("moto."):
            return False
        raise
    method = camelcase_to_underscores(call)
    return any(hasattr(one, method) for one in (backend, *_answering(backend)))


def _answering(backend: Any) -> list[Any]:
    """The classes of a service that answer requests."""
    from moto.core.responses import BaseResponse

    module = import_module(f"{backend.__module__.partition('.models')[0]}.responses")
    classes = (one for _, one in inspect.getmembers(module, inspect.isclass))
    return [one for one in classes if issubclass(one, BaseResponse)]
