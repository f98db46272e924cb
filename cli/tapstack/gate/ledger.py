"""What was asked of a stack and what came out: verdicts, findings, errors, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Literal

from tapstack.errors import ExitCode, TapError
from tapstack.gate.policy import Enforcement, Policy, Severity, Verdict
from tapstack.masking import MASK

Decision = Literal["open", "closed", "error"]
EXPIRES_SOON_DAYS: Final = 14


class ErrorKind(StrEnum):
    """Why the gate could not decide."""

    POLICY_IMPORT = "policy-import"
    POLICY_RAISED = "policy-raised"
    UNKNOWN_POLICY = "unknown-policy"
    PARSE = "parse"
    FORMAT = "format"
    NOTHING_EVALUATED = "nothing-evaluated"
    WAIVER = "waiver"


@dataclass(frozen=True, slots=True)
class GateError:
    """One reason why the gate could not decide; `file` is where, if it is in a file."""

    kind: ErrorKind
    message: str
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """What was judged. `path` is relative to the working directory; `sha256` is the file's, if any."""

    kind: str
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one resource, with where it stands.

    `fingerprint` names policy, address and attribute, and so stays when lines move. `blocks` says whether this
    finding closes the gate, `overridden` that it would have, had nobody gone past it.
    """

    policy: str
    name: str
    address: str
    verdict: Verdict
    severity: Severity
    enforcement: Enforcement
    message: str
    fingerprint: str
    blocks: bool
    attribute: str | None = None
    actual: Any = None
    expected: Any = None
    file: str | None = None
    line: int | None = None
    end_line: int | None = None
    waiver: Mapping[str, Any] | None = None
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class Obligation:
    """What a PASS before apply rests on: an attribute that a reference settled, although its value is not known.

    After apply, the same policy must say PASS about the same address of the state.
    """

    policy: str
    address: str
    attribute: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The outcome of one judgement.

    `counts` has "resources", "policies" and one number per verdict, in lower case: those of the verdicts add
    up to resources x policies, because every pair is accounted for. With checkov's own checks there are
    "checkov_pass", "checkov_fail" and "checkov_skipped" as well, a sum of their own. `findings` holds what is
    neither PASS nor NOT_APPLICABLE, most severe first; `others` holds the PASS and NOT_APPLICABLE that policies
    gave reasons for. `policies` are those that were asked, `obligations` what is to be looked at again after apply.
    """

    decision: Decision
    input: Input
    counts: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    others: tuple[Finding, ...] = ()
    errors: tuple[GateError, ...] = ()
    disabled: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    obligations: tuple[Obligation, ...] = ()

    def __post_init__(self) -> None:
        """Mask it before anybody cuts or wraps its texts, which would hide a secret from the mask."""
        object.__setattr__(self, "findings", tuple(map(_masked, self.findings)))
        errors = (replace(error, message=MASK.text(error.message)) for error in self.errors)
        object.__setattr__(self, "errors", tuple(errors))

    @property
    def overridden(self) -> tuple[str, ...]:
        """Policy and address of each finding that would have blocked."""
        return tuple(f"{one.policy} of {one.address}" for one in self.findings if one.overridden)

    @property
    def expiring(self) -> tuple[Finding, ...]:
        """The waived findings whose waiver ends within 14 days, soonest first."""
        soon = (f for f in self.findings if f.waiver and (f.waiver["days_left"] or 0) <= EXPIRES_SOON_DAYS)
        return tuple(sorted((f for f in soon if f.waiver and f.waiver["until"]), key=_end))

    @property
    def exit_code(self) -> ExitCode:
        """0 for open, 3 for closed, 4 for error."""
        return {
            "open": ExitCode.DONE,
            "closed": ExitCode.GATE_CLOSED,
            "error": ExitCode.GATE_ERROR,
        }[self.decision]


def _masked(finding: Finding) -> Finding:
    said = {
        "message": finding.message,
        "actual": finding.actual,
        "expected": finding.expected,
        "waiver": finding.waiver,
    }
    masked = MASK.tree(said)
    return finding if masked == said else replace(finding, **masked)


def _end(finding: Finding) -> str:
    return str(finding.waiver["until"]) if finding.waiver else ""


def undecided(error: TapError, source: Input) -> Ledger:
    """The ledger of a judgement that never began, because its input could not be read."""
    kind = ErrorKind(getattr(error, "kind", ErrorKind.FORMAT))
    entry = GateError(kind, error.message, getattr(error, "file", None))
    return Ledger("error", source, empty_counts(), errors=(entry,))


def empty_counts() -> dict[str, int]:
    """Every count, at 0."""
    return {"resources": 0, "policies": 0, **{verdict.lower(): 0 for verdict in Verdict}}
