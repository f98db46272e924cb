"""Moves a state between the local file and S3, and sees that it arrived whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from tapstack.deployment import backend
from tapstack.deployment.backend import require_backend
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.state_place import LOCAL, Place, State, kept, put, remove_local
from tapstack.errors import EnvironmentFailure, InputError, Refused
from tapstack.terraform.driver import Driver

_LOCAL_OVERRIDE: Final = 'terraform {\n  backend "local" {}\n}\n'


@dataclass(frozen=True, slots=True)
class Move:
    """A move that may be made: states by workspace, from one place to another, which has none or older ones of them."""

    source: Place
    target: Place
    states: Mapping[str, State]


def planned(prepared: Prepared, to: Literal["s3", "local"]) -> Move | None:
    """What would be moved; None where the state is there already. Changes nothing.

    Raises InputError where there is no state, Refused where the target holds another one or a later one.
    """
    target = _target(prepared, to)
    source = _source(prepared, to)
    if source.is_same(target):
        return None
    states = {name: state for name, state in kept(source, prepared.driver).items() if state.lineage}
    if not states:
        raise InputError(
            f"There is no state in {source}, so there is nothing to move to {target}.",
            hint="`tap plan` begins one there",
        )
    there = kept(target, prepared.driver)
    for name, state in states.items():
        _require_room(target, there.get(name), state)
    return Move(source, target, states)


def carry_out(prepared: Prepared, move: Move) -> list[Path]:
    """Move, and compare what is there then with what was moved; the copies that are kept of it.

    Raises EnvironmentFailure where it did not arrive whole, or somebody wrote to the source meanwhile.
    """
    copies = [_keep(prepared, name, state) for name, state in move.states.items()]
    prepared.observer.phase(f"moving the state from {move.source} to {move.target}")
    put(move.target, prepared.driver, move.states)
    for place in (move.target, move.source):
        there = kept(place, prepared.driver)
        for name, state in move.states.items():
            if there.get(name) is None or not there[name].is_copy_of(state):
                what = "did not arrive whole in" if place is move.target else "was written meanwhile in"
                raise EnvironmentFailure(
                    f"The state {what} {place} (workspace {name}): {there.get(name) or 'none'} instead of {state}.",
                    hint=f"nothing is lost: {', '.join(map(str, copies))}; then migrate again",
                )
    if move.source.type == LOCAL:
        # Before init, which would offer to move what it finds there.
        remove_local(move.source, prepared.settings.directory)
    if move.target.type == LOCAL:
        backend.forget(prepared.data_dir)
    _towards(prepared, move.target).init(reconfigure=move.target.type != LOCAL)
    if move.target.type == LOCAL:
        # What tap.toml says then decides; init has to look at it again.
        prepared.init.forget()
    else:
        prepared.init.done()
    return copies


def _target(prepared: Prepared, to: str) -> Place:
    if to == LOCAL:
        return Place(LOCAL, {})
    require_backend(prepared.settings)
    assert prepared.backend is not None  # noqa: S101  # tap.toml names one
    return prepared.backend.place


def _source(prepared: Prepared, to: str) -> Place:
    before = backend.recorded(prepared.data_dir)
    if to == LOCAL and before.type == LOCAL and prepared.backend is not None:
        # A fresh checkout: nobody has looked at the bucket from here.
        prepared.ensure_initialised()
        return prepared.backend.place
    return before


def _require_room(target: Place, there: State | None, state: State) -> None:
    if there is None or not there.lineage:
        return
    if there.lineage != state.lineage:
        raise Refused(
            f"{target} holds another state (lineage {there.lineage}, {there.resources} resources): the one to be moved "
            f"has lineage {state.lineage}.",
            hint="give the backend another key, or move what is there away",
        )
    newer = there.serial > state.serial
    if newer or (there.serial == state.serial and there.content != state.content):
        raise Refused(
            f"{target} holds {'a later' if newer else 'a different'} version of this state: serial {there.serial} "
            f"there, {state.serial} here.",
            hint="somebody went on with it there: use that one, or remove it first if it is the wrong one",
        )


def _keep(prepared: Prepared, workspace: str, state: State) -> Path:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{workspace}-serial-{state.serial}.tfstate"
    copy = prepared.settings.environment_work / "archive" / name
    copy.parent.mkdir(mode=0o700, exist_ok=True)
    copy.touch(mode=0o600)
    copy.write_bytes(state.text)
    return copy


def _towards(prepared: Prepared, target: Place) -> Driver:
    """Terraform in the stack's directory, with the target as its backend whatever tap.toml says."""
    if target.type != LOCAL:
        return prepared.driver
    override = None
    if backend.declared(prepared.settings.directory) is not None:
        override = prepared.settings.environment_work / "local_override.tf"
        override.write_text(_LOCAL_OVERRIDE)
    return replace(prepared.driver, override=override, backend_config=None)
