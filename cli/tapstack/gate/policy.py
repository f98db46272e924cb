"""What a policy is: metadata, parameters, and a verdict with evidence about one resource at a time."""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

from tapstack.errors import GateFailed
from tapstack.model.stack import Resource, Stack

_ID: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_\d+")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_TEXTS: Final = ("title", "rationale", "remediation")


class Verdict(StrEnum):
    """What a policy, or the gate (WAIVED, ERROR), says about a resource."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    WAIVED = "WAIVED"
    ERROR = "ERROR"


class Severity(StrEnum):
    """How bad a FAIL is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for LOW, 3 for CRITICAL."""
        return _RANKS[self]


_RANKS: Final = {severity: number for number, severity in enumerate(Severity)}


class Enforcement(StrEnum):
    """What a FAIL does (Sentinel's words): nothing, close the gate, or close it without a way around."""

    ADVISORY = "advisory"
    SOFT_MANDATORY = "soft-mandatory"
    HARD_MANDATORY = "hard-mandatory"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement of a policy about a resource.

    `attribute` is a dotted path into the resource; `actual` and `expected` are what was found there and what
    would have passed, as plain values or words. `advisory` makes a FAIL or UNKNOWN one that never blocks, whatever
    the policy's enforcement.
    """

    verdict: Verdict
    message: str
    attribute: str | None = None
    actual: Any = None
    expected: Any = None
    advisory: bool = False


def passed(message: str, attribute: str | None = None, actual: Any = None) -> Evidence:
    """The requirement holds; `message` says why."""
    return Evidence(Verdict.PASS, message, attribute, actual)


def failed(
    message: str,
    attribute: str | None = None,
    *,
    actual: Any = None,
    expected: Any = None,
    advisory: bool = False,
) -> Evidence:
    """The requirement does not hold."""
    return Evidence(Verdict.FAIL, message, attribute, actual, expected, advisory)


def unknown(
    message: str, attribute: str | None = None, *, actual: Any = None, expected: Any = None
) -> Evidence:
    """A value that decides is known only after apply."""
    return Evidence(Verdict.UNKNOWN, message, attribute, actual, expected)


def not_applicable(message: str) -> Evidence:
    """The policy says nothing about this resource."""
    return Evidence(Verdict.NOT_APPLICABLE, message)


class Ignored(BaseModel):
    """Addresses (exact, or with `*` and `?`) that a policy is not asked about, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class PolicyParameters(BaseModel):
    """What `[policies.<name>]` may set for every policy; unset leaves what the policy declares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enforcement: Enforcement | None = None
    severity: Severity | None = None
    ignore: tuple[Ignored, ...] = ()


class Policy(ABC):
    """One requirement. A subclass declares every class variable below and implements `evaluate`.

    A subclass with missing or wrong metadata raises GateFailed as it is defined: its module fails to import.
    Instances keep nothing between calls of `evaluate` but `parameters`.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    enforcement: ClassVar[Enforcement]
    waivable: ClassVar[bool]
    resource_types: ClassVar[tuple[str, ...]]
    rationale: ClassVar[str]
    remediation: ClassVar[str]
    references: ClassVar[tuple[str, ...]]

    class Parameters(PolicyParameters):
        """A subclass that takes parameters of its own derives from this."""

    def __init__(self, parameters: PolicyParameters | None = None) -> None:
        self.parameters: Any = parameters if parameters is not None else self.Parameters()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if wrong := list(_wrong(cls)):
            raise GateFailed(f"Policy {cls.__name__} can't be used: {'; '.join(wrong)}.")
        _offer_to_checkov(cls)

    @abstractmethod
    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """At least one piece of evidence about a resource of one of `resource_types`.

        Any exception closes the gate.
        """

    @property
    def effective_enforcement(self) -> Enforcement:
        """The parameter's, else the policy's."""
        return self.parameters.enforcement or self.enforcement

    @property
    def effective_severity(self) -> Severity:
        """The parameter's, else the policy's."""
        return self.parameters.severity or self.severity


def _wrong(cls: type[Policy]) -> Iterable[str]:
    """What is wrong with a policy's declarations."""
    if not _ID.fullmatch(str(getattr(cls, "id", ""))):
        yield "id must be letters, digits and underscores with a number at the end, such as CKV_ACME_1"
    if not _NAME.fullmatch(str(getattr(cls, "name", ""))):
        yield "name must be in snake_case"
    for text in _TEXTS:
        value = getattr(cls, text, None)
        if not isinstance(value, str) or not value.strip():
            yield f"{text} must be a text"
    if not isinstance(getattr(cls, "severity", None), Severity):
        yield "severity must be a Severity"
    if not isinstance(getattr(cls, "enforcement", None), Enforcement):
        yield "enforcement must be an Enforcement"
    if not isinstance(getattr(cls, "waivable", None), bool):
        yield "waivable must be a bool"
    for name in ("resource_types", "references"):
        value = getattr(cls, name, None)
        if (
            not isinstance(value, tuple)
            or not value
            or not all(isinstance(item, str) and item for item in value)
        ):
            yield f"{name} must be a tuple of texts with at least one"
    if not issubclass(cls.Parameters, PolicyParameters):
        yield "Parameters must derive from Policy.Parameters"


def _offer_to_checkov(cls: type[Policy]) -> None:
    """Register the policy with checkov, where checkov is what imports it.

    `checkov --external-checks-dir` loads a file under its bare stem and expects that loading registers its
    checks. tap imports policies under dotted names and never imports checkov: both must hold here.
    """
    if "." not in cls.__module__ and "checkov.terraform.checks.resource.registry" in sys.modules:
        from tapstack.gate.checkov_adapter import register

        register(cls)
