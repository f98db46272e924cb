"""What an apply did and when, out of its journal, for those who look at it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from tapstack.deployment import journal
from tapstack.report.report import Step, Timeline

_ENDS: Final[Mapping[str, Literal["done", "failed"]]] = {
    "apply_complete": "done",
    "apply_errored": "failed",
}


def read(path: Path) -> Timeline | None:
    """The last apply that a journal tells of; None where none was begun."""
    entries: list[Mapping[str, Any]] = []
    for entry in journal.read(path):
        if entry.get("stage") == "verified":
            entries = []
        if _at(entry) is not None:
            entries.append(entry)
    if not entries or entries[0].get("stage") != "verified":
        return None
    first, last = entries[0], entries[-1]
    ended = str(last.get("stage"))
    return Timeline(
        id=str(first.get("plan", "")),
        operation=str(first.get("operation", "")),
        began=str(first["at"]),
        seconds=_seconds(first, last),
        result="applied" if ended == "applied" else "failed" if ended == "failed" else "cut short",
        steps=tuple(_steps(first, entries)),
    )


def _steps(first: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[Step]:
    found: dict[tuple[str, str], Step] = {}
    for entry in entries:
        key = str(entry.get("address", "")), str(entry.get("action", ""))
        stage, now = str(entry.get("stage")), _seconds(first, entry)
        if stage == "apply_start":
            found[key] = Step(*key, began=now, ended=None, outcome="in flight")
        elif stage in _ENDS and key in found:
            found[key] = Step(*key, began=found[key].began, ended=now, outcome=_ENDS[stage])
    return list(found.values())


def _seconds(first: Mapping[str, Any], entry: Mapping[str, Any]) -> float:
    begin, now = _at(first), _at(entry)
    return max((now - begin).total_seconds(), 0.0) if begin and now else 0.0


def _at(entry: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.get("at", "")))
    except ValueError:
        return None
