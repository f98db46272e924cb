"""A rehearsal as JSON, schema tap.rehearsal/1."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tapstack.report import ledger_json
from tapstack.report.rehearsal_step import Report, Step

SCHEMA: Final = "tap.rehearsal/1"


def render(report: Report) -> str:
    """One document; steps that were not reached are not in `steps`."""
    kept = report.kept
    document = {
        "schema": SCHEMA,
        "id": report.id,
        "stack": report.stack,
        "environment": report.environment,
        "passed": report.failure is None,
        "exit_code": int(report.exit_code),
        "failed": report.failure.name if report.failure else None,
        "seconds": round(report.seconds, 3),
        "steps": [_step(step) for step in report.steps],
        "not_reached": list(report.not_reached),
        "limits": list(report.limits),
        "kept": {
            "directory": str(kept.directory),
            "environment": str(kept.environment),
            "url": kept.url or None,
            "files": {name: str(path) for name, path in kept.files.items()},
        }
        if kept
        else None,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _step(step: Step) -> dict[str, Any]:
    outcome = step.outcome
    return {
        "name": step.name,
        "verdict": outcome.verdict,
        "seconds": round(step.seconds, 3),
        "detail": outcome.detail,
        "exit_code": int(outcome.exit_code),
        "hint": outcome.hint,
        "said": outcome.said or None,
        "diagnostics": outcome.diagnostics or None,
        "ledger": orjson.Fragment(ledger_json.render(outcome.ledger)) if outcome.ledger else None,
    }
