"""Adopts what exists and is not in the state: by a plan with import blocks, judged and sealed like any other."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tapstack.deployment.plan import Planned, PlanRequest, make_plan
from tapstack.deployment.prepare import Prepared
from tapstack.errors import InputError, Refused
from tapstack.seal import store
from tapstack.terraform import imports
from tapstack.terraform.events import Diagnostic, Event
from tapstack.terraform.failures import DiagnosedFailure

_TARGET: Final = re.compile(r'existing object to "(.+)", the provider')


@dataclass(frozen=True, slots=True)
class Adoption:
    """A plan that adopts. `absent` are candidates that do not exist, `unclear` those that AWS says nothing sure of."""

    planned: Planned
    adopted: Mapping[str, str]
    absent: Sequence[str]
    unclear: Mapping[str, str] = field(default_factory=dict)


def adopt(
    prepared: Prepared, request: PlanRequest, candidates: Mapping[str, str], agreed: Mapping[str, str]
) -> Adoption:
    """Plan with an import for each candidate that exists; Terraform is asked, by planning again without the others.

    `agreed` are addresses with ids that a person has named: they are imported whatever tags they carry. Raises what
    `make_plan` raises, and Refused for what is not this stack's or would be replaced.
    """
    left = {**candidates, **agreed}
    absent: list[str] = []
    unclear: dict[str, str] = {}
    if left:
        prepared.observer.phase(f"looking for {len(left)} that may exist without being in the state")
    while True:
        with held_back(prepared) as said, _importing(prepared, left):
            try:
                planned = make_plan(prepared, request)
            except DiagnosedFailure as failure:
                wrong = _blamed(failure.diagnostics, left)
                if not wrong:
                    _say(prepared, said)
                    raise
            else:
                _say(prepared, said)
                break
        for address, why in wrong.items():
            if address in agreed:
                raise InputError(f"{address} can't be imported as {agreed[address]!r}: {why}")
            del left[address]
            if why:
                unclear[address] = why
            else:
                absent.append(address)
    try:
        _require_own(prepared, planned, agreed)
    except Refused:
        store.discard(planned.sealed)
        raise
    return Adoption(planned, left, absent, unclear)


@contextlib.contextmanager
def _importing(prepared: Prepared, ids: Mapping[str, str]) -> Iterator[None]:
    if not ids:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="tap-recover-") as private:  # mode 0700
        path = Path(private, "imports.tf")
        path.write_text(imports.text(ids), "utf-8")
        prepared.driver.imports = path
        try:
            yield
        finally:
            prepared.driver.imports = None


@contextlib.contextmanager
def held_back(prepared: Prepared) -> Iterator[list[Event]]:
    """Collect diagnostics: that something does not exist is an answer here, no error."""
    held: list[Event] = []
    show = prepared.driver.on_event

    def take(event: Event) -> None:
        if event.diagnostic is None:
            show(event)
        else:
            held.append(event)

    prepared.driver.on_event = take
    try:
        yield held
    finally:
        prepared.driver.on_event = show


def _say(prepared: Prepared, held: Sequence[Event]) -> None:
    for event in held:
        prepared.observer.event(event)


def _blamed(diagnostics: Sequence[Diagnostic], left: Mapping[str, str]) -> dict[str, str]:
    """The candidates that a plan failed about, and why; "" for what does not exist."""
    found: dict[str, str] = {}
    for one in diagnostics:
        text = f"{one.summary}\n{one.detail}"
        if match := _TARGET.search(text):
            found[match[1]] = ""
        elif one.address in left:
            found[one.address] = one.summary
        else:
            # What an importer says of an id names neither address nor place.
            found |= {
                address: one.summary
                for address, id_ in left.items()
                if address in text or (not one.filename and (f'"{id_}"' in text or f"({id_})" in text))
            }
    placeless = next((one.summary for one in diagnostics if not one.filename and not one.address), "")
    found = {address: why for address, why in found.items() if address in left}
    return found or (dict.fromkeys(left, placeless) if placeless else {})


def _require_own(prepared: Prepared, planned: Planned, agreed: Mapping[str, str]) -> None:
    """Raise Refused where an import would take over what carries others' tags, or would replace it."""
    doubts = {
        change["address"]: (change["change"]["importing"].get("id", ""), doubt)
        for change in planned.document.get("resource_changes") or ()
        if change["change"].get("importing") and change["address"] not in agreed
        if (doubt := _doubt(change["change"]))
    }
    if doubts:
        named = " ".join(f"--import '{address}={id_}'" for address, (id_, _) in doubts.items())
        raise Refused(
            "\n".join(f"{address} exists ({id_}), but {doubt}" for address, (id_, doubt) in doubts.items()),
            hint=f"tap recover{prepared.settings.env_option} {named} takes it all the same; "
            "or give yours another name",
        )


def _doubt(change: Mapping[str, Any]) -> str:
    """Why what is imported may be somebody else's; "" where nothing speaks for that."""
    before, after = change.get("before") or {}, change.get("after") or {}
    if "delete" in change["actions"]:
        return "is so different that adopting would replace it."
    if (before.get("tags_all") or {}) != (after.get("tags_all") or {}):
        return (
            f"its tags are not those of this stack: it may be somebody else's. {_tags(before)} there, "
            f"{_tags(after)} here."
        )
    if "tags_all" not in after and "update" in change["actions"]:
        return "is not as this stack has it, and has no tags that say whose it is."
    return ""


def _tags(values: Mapping[str, Any]) -> str:
    tags = values.get("tags_all") or {}
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or "no tags"
