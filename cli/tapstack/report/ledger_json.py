"""A ledger as JSON, schema tap.ledger/1."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tapstack.gate.ledger import Finding, Ledger

SCHEMA: Final = "tap.ledger/1"
# What JSON readers in other languages can hold exactly.
_LARGEST: Final = 2**53 - 1


def render(ledger: Ledger, *, everything: bool = False) -> bytes:
    """UTF-8 JSON with a final newline; `everything` adds PASS and the NOT_APPLICABLE that policies explained.

    The same ledger gives the same bytes.
    """
    findings = (*ledger.findings, *ledger.others) if everything else ledger.findings
    document = {
        "schema": SCHEMA,
        "decision": ledger.decision,
        "exit_code": int(ledger.exit_code),
        "input": {"kind": ledger.input.kind, "path": ledger.input.path, "sha256": ledger.input.sha256},
        "counts": dict(ledger.counts),
        "disabled": list(ledger.disabled),
        "findings": [finding(one) for one in findings],
        "expiring": [
            {"policy": f.policy, "address": f.address, "until": f.waiver["until"], "owner": f.waiver["owner"]}
            for f in ledger.expiring
            if f.waiver
        ],
        "obligations": [
            {
                "policy": o.policy,
                "address": o.address,
                "attribute": o.attribute,
                "references": list(o.references),
            }
            for o in ledger.obligations
        ],
        "errors": [{"kind": e.kind, "message": e.message, "file": e.file} for e in ledger.errors],
    }
    return orjson.dumps(encodable(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def finding(finding: Finding) -> dict[str, Any]:
    """A finding as every report has it."""
    return {
        "policy": finding.policy,
        "name": finding.name,
        "address": finding.address,
        "verdict": finding.verdict,
        "severity": finding.severity,
        "enforcement": finding.enforcement,
        "attribute": finding.attribute,
        "actual": finding.actual,
        "expected": finding.expected,
        "message": finding.message,
        "file": finding.file,
        "line": finding.line,
        "end_line": finding.end_line,
        "fingerprint": finding.fingerprint,
        "overridden": finding.overridden,
        "waiver": dict(finding.waiver) if finding.waiver else None,
    }


def encodable(value: Any) -> Any:
    """A report must not fail over an odd value: huge numbers become text, broken UTF-8 is replaced."""
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [encodable(item) for item in value]
    if isinstance(value, str):
        return str(value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return str(value)
    return value
