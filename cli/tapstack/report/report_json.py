"""A report as JSON: its ledger, schema tap.ledger/1."""

from __future__ import annotations

from tapstack.report import ledger_json
from tapstack.report.report import Report


def render(report: Report) -> bytes:
    """What `tap schema ledger` describes."""
    return ledger_json.render(report.ledger, everything=report.everything)
