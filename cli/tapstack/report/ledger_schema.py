"""The shape of a ledger's JSON, from which its JSON Schema is made."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from tapstack.gate.ledger import ErrorKind
from tapstack.gate.policy import Enforcement, Severity, Verdict

_CLOSED = ConfigDict(extra="forbid")


@with_config(_CLOSED)
class InputDocument(TypedDict):
    """What was judged; `sha256` is "" where it was no single file."""

    kind: Literal["hcl", "plan", "state"]
    path: str
    sha256: str


@with_config(_CLOSED)
class WaiverDocument(TypedDict):
    """Who answers for a finding; `verdict` is what the policy said, `place` is file:line."""

    verdict: Literal["FAIL", "UNKNOWN"]
    owner: str
    reason: str
    until: str | None
    days_left: int | None
    ticket: str | None
    address: str
    place: str | None


@with_config(_CLOSED)
class FindingDocument(TypedDict):
    """One statement about one resource; lines count from 1, paths are relative to the working directory."""

    policy: str
    name: str
    address: str
    verdict: Verdict
    severity: Severity
    enforcement: Enforcement
    attribute: str | None
    actual: Any
    expected: Any
    message: str
    file: str | None
    line: int | None
    end_line: int | None
    fingerprint: str
    overridden: bool
    waiver: WaiverDocument | None


@with_config(_CLOSED)
class ExpiringDocument(TypedDict):
    """A waiver that ends within 14 days."""

    policy: str
    address: str
    until: str
    owner: str


@with_config(_CLOSED)
class ObligationDocument(TypedDict):
    """What is looked at again after apply."""

    policy: str
    address: str
    attribute: str
    references: list[str]


@with_config(_CLOSED)
class ErrorDocument(TypedDict):
    """Why the gate could not decide."""

    kind: ErrorKind
    message: str
    file: str | None


@with_config(_CLOSED)
class LedgerDocument(TypedDict):
    """The whole; the counts of the verdicts add up to resources x policies."""

    schema: Literal["tap.ledger/1"]
    decision: Literal["open", "closed", "error"]
    exit_code: Literal[0, 3, 4]
    input: InputDocument
    counts: dict[str, int]
    disabled: list[str]
    findings: list[FindingDocument]
    expiring: list[ExpiringDocument]
    obligations: list[ObligationDocument]
    errors: list[ErrorDocument]


def schema() -> dict[str, Any]:
    """The JSON Schema of a ledger."""
    return {"$id": "urn:tapstack:ledger:v1", **TypeAdapter(LedgerDocument).json_schema()}


def findings() -> dict[str, Any]:
    """The JSON Schema of a ledger's findings alone."""
    return {"$id": "urn:tapstack:findings:v1", **TypeAdapter(list[FindingDocument]).json_schema()}
