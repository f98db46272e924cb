"""Drift as JSON, schema tap.drift/1."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tapstack.errors import ExitCode
from tapstack.gate.drift import Drift, DriftedResource
from tapstack.model.drift import AttributeChange
from tapstack.report import ledger_json

SCHEMA: Final = "tap.drift/1"


def render(drift: Drift, environment: str, exit_code: ExitCode) -> str:
    """One document; `resources` are ranked, worst first. Of a sensitive change, before and after are null."""
    document = {
        "schema": SCHEMA,
        "environment": environment,
        "drift": bool(drift.drifted),
        "exit_code": int(exit_code),
        "counts": {
            "compared": drift.compared,
            "drifted": len(drift.drifted),
            "deleted": sum(one.action == "delete" for one in drift.resources),
            "breaking": sum(bool(one.broken) for one in drift.resources),
            "findings": sum(len(one.broken) for one in drift.resources),
            "earlier_findings": drift.earlier,
        },
        "resources": [_resource(one) for one in drift.resources],
        "errors": [{"kind": e.kind, "message": e.message, "file": e.file} for e in drift.errors],
    }
    return orjson.dumps(ledger_json.encodable(document), option=orjson.OPT_INDENT_2).decode()


def _resource(one: DriftedResource) -> dict[str, Any]:
    return {
        "address": one.address,
        "action": one.action,
        "severity": one.broken[0].severity if one.broken else None,
        "file": one.file,
        "line": one.line,
        "changes": [_change(change) for change in one.changes],
        "findings": [ledger_json.finding(finding) for finding in one.findings],
    }


def _change(change: AttributeChange) -> dict[str, Any]:
    return {
        "attribute": change.path,
        "before": change.before,
        "after": change.after,
        "sensitive": change.sensitive,
        "feeds_output": change.feeds_output,
    }
