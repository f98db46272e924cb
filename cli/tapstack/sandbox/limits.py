"""What the embedded AWS cannot show of a stack, in sentences; docs/sandbox.md says it at length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tapstack.sandbox.coverage import Standing, cover

_GENERAL: Final = (
    "IAM, key policies and their conditions are stored and not enforced: a missing permission shows on AWS only.",
    "Quotas, costs and latency do not exist here, and little is eventually consistent.",
)
_FAITHFUL: Final = (Standing.EXACT, Standing.NOT_AWS)
_NAMED: Final = 4


def limits(types: Mapping[str, int]) -> list[str]:
    """Sentences on a stack with so many resources of each type, the worst first; [] without resources of AWS.

    Raises SandboxFailed where moto is not installed.
    """
    covered = cover(types)
    if all(one.standing is Standing.NOT_AWS for one in covered):
        return []
    by_reason: dict[str, list[str]] = {}
    for one in covered:
        if one.standing not in _FAITHFUL:
            by_reason.setdefault(one.reason, []).append(one.type)
    return [*_GENERAL, *(f"{_listed(found)}: {reason}." for reason, found in by_reason.items())]


def _listed(types: list[str]) -> str:
    rest = f" and {len(types) - _NAMED} more" if len(types) > _NAMED else ""
    return f"{', '.join(types[:_NAMED])}{rest}"
