"""Guards: what an environment never lets a plan do, whatever the policies say. Kept in tap.toml, not in the stack."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tapstack.gate.address import matches
from tapstack.settings import EnvironmentSection, Limit

_INSTANCE: Final = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
_MODULES: Final = re.compile(r'^(?:module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.)+')
# Named in a sentence; the rest is counted.
_NAMED: Final = 5
_ENDS: Final = {"delete": "destroys", "replace": "replaces", "forget": "forgets"}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that a plan changes: `action` is create, update, delete, replace, import or forget.

    `previous` is the address it had before a `moved` block, "" without one.
    """

    address: str
    action: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a guard refuses a plan, in a sentence; `soft` if an override may go past it."""

    guard: str
    sentence: str
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What the guards look at. `existing` counts the managed resources of the state; an unknown region is None."""

    changes: Sequence[Change]
    existing: int
    regions: Sequence[str | None]


def refusals(where: EnvironmentSection, plan: Plan) -> list[Refusal]:
    """Every refusal of the guards of an environment that look at a plan, worst first."""
    return [*_protected(where.protected, plan), *_regions(where.regions, plan), *_limits(where, plan)]


def _protected(patterns: Iterable[str], plan: Plan) -> Iterator[Refusal]:
    for change in plan.changes:
        if change.action not in _ENDS:
            continue
        names = {*_names(change.address), *_names(change.previous)}
        for pattern in patterns:
            if any(matches(pattern, name) for name in names):
                yield Refusal(
                    "protected",
                    f"The plan {_ENDS[change.action]} {change.address}, which is protected ({pattern}).",
                )
                break


def _names(address: str) -> Iterator[str]:
    """An address as patterns may mean it: with and without its modules and instance keys, and its type alone."""
    for name in (address, _MODULES.sub("", address)):
        yield name
        yield _INSTANCE.sub("", name)
    yield _MODULES.sub("", address).partition(".")[0]


def _regions(allowed: Sequence[str] | None, plan: Plan) -> Iterator[Refusal]:
    if allowed is None:
        return
    for region in sorted({region or "" for region in plan.regions} - {*allowed}):
        what = f"in {region}" if region else "in a region that is not known before apply"
        yield Refusal("regions", f"The plan works {what}; allowed: {', '.join(allowed)}.")


def _limits(where: EnvironmentSection, plan: Plan) -> Iterator[Refusal]:
    # Terraform counts a replacement as one to destroy, and what a table held is lost either way.
    destroys = {"delete", "replace"} if where.max_replace is None else {"delete"}
    for guard, limit, actions, verb in (
        ("max_destroy", where.max_destroy, destroys, "destroys"),
        ("max_replace", where.max_replace, {"replace"}, "replaces"),
        ("max_changes", where.max_changes, {"update", "delete", "replace", "forget"}, "changes"),
    ):
        if limit is None:
            continue
        concerned = [change.address for change in plan.changes if change.action in actions]
        most = _most(limit, plan.existing)
        if len(concerned) > most:
            share = f" ({limit} of {plan.existing})" if isinstance(limit, str) else ""
            yield Refusal(
                guard,
                f"The plan {verb} {len(concerned)} of what exists, {guard} allows {most}{share}: {_list(concerned)}.",
                soft=True,
            )


def _most(limit: Limit, existing: int) -> int:
    if isinstance(limit, int):
        return limit
    return math.floor(existing * float(limit.removesuffix("%")) / 100)


def _list(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return ", ".join(addresses[:_NAMED]) + more
