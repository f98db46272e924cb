"""Writes down what an apply does while it does it, and says what state the world is in when it ends early."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tapstack.deployment import attempts
from tapstack.deployment.attempts import Attempt, Work
from tapstack.deployment.journal import Journal
from tapstack.deployment.prepare import Prepared
from tapstack.errors import TapError
from tapstack.seal.store import Sealed
from tapstack.settings import Settings
from tapstack.terraform.events import Event
from tapstack.terraform.failures import StateKept
from tapstack.terraform.rescue import ERRORED

# The events of Terraform that say what has become of a resource.
_KEPT_EVENTS: Final = frozenset({"apply_start", "apply_complete", "apply_errored"})
# Terraform's own words for a signal, from tap or from anybody else.
_STOPPING: Final = "Interrupt received."
_CHANGES: Final = frozenset({"create", "update", "delete", "replace"})
# Named in a sentence; the rest is counted.
_NAMED: Final = 3


@contextlib.contextmanager
def journalled(prepared: Prepared, found: Sealed) -> Iterator[Work]:
    """Write down each stage, and each resource as Terraform begins and ends with it; gives what is known so far.

    A TapError that ends the block gets a sentence that says what was done, and what to do.
    """
    number = attempts.next_number(found.directory.parent)
    journal = Journal(found.journal)
    work = Work()
    hidden = attempts.hidden(found.directory)
    show: Callable[[Event], None] = prepared.driver.on_event

    def both(event: Event) -> None:
        entry = _entry(event, hidden)
        if entry is not None:
            work.take(entry)
            with contextlib.suppress(OSError):  # a full disk: the lines that follow may be the state itself
                journal.write(**entry)
        show(event)

    where = found.statement.predicate.where
    try:
        journal.write(
            "verified",
            number=number,
            plan=found.id,
            operation=found.statement.predicate.operation,
            environment=where.environment,
            workspace=where.workspace,
        )
        prepared.driver.on_event = both
        yield work
        journal.write("applied")
        attempts.forget(found.directory)
    except BaseException as failure:
        with contextlib.suppress(OSError):  # on a full disk: what happened is said all the same
            _end(journal, prepared, failure)
        if isinstance(failure, TapError) and work.begun:
            _tell(failure, prepared, found, work)
        raise
    finally:
        prepared.driver.on_event = show
        journal.close()


def _entry(event: Event, hidden: Collection[str]) -> dict[str, Any] | None:
    """The line of a journal that an event is worth."""
    if event.kind in _KEPT_EVENTS:
        id_ = _id(event) if event.action == "create" and event.address not in hidden else ""
        return {"stage": event.kind, "address": event.address, "action": event.action, "id": id_}
    if event.diagnostic is not None and event.diagnostic.severity == "error" and event.diagnostic.address:
        # What AWS says in full may hold a secret.
        what = attempts.meaning(f"{event.diagnostic.summary} {event.diagnostic.detail}")
        return {"stage": "error", "address": event.diagnostic.address, "what": what}
    if event.kind == "log" and _STOPPING in event.message:
        return {"stage": "stopping"}
    return None


def _id(event: Event) -> str:
    """What names the resource to find it again. The id of a random value is the value, known to the mask too late."""
    hook: Mapping[str, Any] = (event.data or {}).get("hook") or {}
    provider = (hook.get("resource") or {}).get("implied_provider")
    return "" if provider == "random" else str(hook.get("id_value") or "")


def _end(journal: Journal, prepared: Prepared, failure: BaseException) -> None:
    for path in _kept(prepared, failure):
        journal.write("state_kept", path=str(path))
    journal.write("failed", error=type(failure).__name__, killed=prepared.driver.killed)


def _kept(prepared: Prepared, failure: BaseException) -> list[Path]:
    """The files with the state, where Terraform could not write it to its place."""
    if isinstance(failure, StateKept) and failure.path is not None:
        # Terraform prints a state only where it could not write it to the file below either.
        return [failure.path.resolve()]
    errored = prepared.settings.directory.resolve() / ERRORED
    return [errored] if errored.is_file() else []


def _tell(failure: TapError, prepared: Prepared, found: Sealed, work: Work) -> None:
    changes = found.statement.predicate.judgement.changes
    total = sum(count for action, count in changes.items() if action in _CHANGES)
    failure.message += "\n" + said(work, total, killed=prepared.driver.killed, kept=_kept(prepared, failure))
    attempt = attempts.read(found.directory)
    if failure.hint is None and attempt is not None and attempt.unsettled:
        failure.hint = recover_hint(prepared.settings)


def said(work: Work, total: int, *, killed: bool, kept: Sequence[Path]) -> str:
    """How far an apply of `total` changes came, and where that is recorded."""
    unfinished = {address for address, _ in {*work.begun, *work.failed} - {*work.done}}
    done = {address for address, action in work.done if action != "read"} - unfinished
    parts = [f"{len(done)} of {total} changes were made"]
    flying = work.in_flight
    if flying:
        parts.append(f"{len(flying)} in flight ({_named(flying)})")
    if failed := sorted({address for address, _ in work.failed}):
        parts.append(f"{len(failed)} failed ({_named(failed)})")
    if kept:
        where = f"the state of it is kept in {' and '.join(map(str, kept))}"
    elif killed:
        where = "Terraform was killed: what it did last may not be in the state"
    else:
        where = "what was made is in the state"
    return f"{', '.join(parts)}; {where}."


def recover_hint(settings: Settings) -> str:
    """What to do after an apply that did not come to its end."""
    return f"`tap recover{settings.env_option}` finds what exists but is not in the state, and completes it"


def interrupted(prepared: Prepared) -> str | None:
    """A sentence about an apply of this environment that did not come to its end; None without one."""
    settings = prepared.settings
    found = attempts.unsettled(
        attempts.of_environment(settings.work / "plans", settings.environment, prepared.workspace.name)
    )
    return f"{describe(found[0])} {recover_hint(settings)}." if found else None


def describe(attempt: Attempt) -> str:
    """Which apply it was and how it ended, as a sentence."""
    how = "failed"
    if not attempt.end:
        how = "was cut short: tap or the machine was killed"
    elif attempt.killed:
        how = "was cut short: Terraform was killed"
    elif attempt.work.stopped:
        how = "was interrupted"
    return f"The {attempt.operation} of {attempt.id} {how}."


def _named(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return ", ".join(addresses[:_NAMED]) + more
