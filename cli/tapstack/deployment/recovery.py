"""After an apply that did not come to its end: what journals and states tell of it, and how it is settled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tapstack.deployment import attempts, errored_state, orphans, state_place
from tapstack.deployment.adoption import held_back
from tapstack.deployment.attempts import Attempt, Intent
from tapstack.deployment.errored_state import ErroredState
from tapstack.deployment.import_ids import import_id, is_setting, may_be_orphaned
from tapstack.deployment.journal import Journal
from tapstack.deployment.plan import Planned, PlanRequest
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.sealing import account, variables
from tapstack.deployment.state_place import State
from tapstack.deployment.surroundings import default_region
from tapstack.errors import InputError, TapError, TerraformFailed
from tapstack.seal import store
from tapstack.seal.statement import PLAN_NAME
from tapstack.terraform.failures import DiagnosedFailure

_EMPTY: Final = State("", 0, {"resources": [], "outputs": {}}, b"")
_SANDBOX_ACCOUNT: Final = "123456789012"
_PROVIDER: Final = re.compile(r'^provider\["[^"]*/hashicorp/aws"\](\.[\w-]+)?$')


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something that may exist and that no name leads to; `attempt` began to create it at `at`."""

    intent: Intent
    attempt: Attempt
    at: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What an environment is in before it is recovered.

    `attempts` are those that were not settled, newest first; `operation` is what is to be completed, "" for nothing.
    `candidates` maps addresses to import ids; `errored` are states to be brought back, `left` sentences about others.
    """

    attempts: Sequence[Attempt]
    operation: str
    state: State
    tainted: Sequence[str]
    candidates: Mapping[str, str]
    orphans: Sequence[Orphan]
    errored: Sequence[ErroredState]
    left: Sequence[str]

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to recover."""
        return not (self.attempts or self.errored)


def look(prepared: Prepared, plan_id: str | None = None) -> Situation:
    """What journals, state and left-over states tell. Raises InputError for an id that is no open attempt's."""
    settings = prepared.settings
    every = attempts.of_environment(settings.work / "plans", settings.environment, prepared.workspace.name)
    open_ = attempts.unsettled(every)
    if plan_id is not None:
        open_ = [one for one in open_ if one.id == plan_id]
        if not open_:
            raise InputError(
                f"There is no apply of plan {plan_id!r} in environment {settings.environment} that was interrupted.",
                hint="`tap recover` without an ID looks at all of them",
            )
    state = _state(prepared)
    recorded = dict(errored_state.instances(state))
    errored, left = errored_state.find(prepared, state, [path for one in open_ for path in one.kept])
    newest = every[0] if every else None
    operation = newest.operation if newest is not None and newest in open_ else ""
    candidates = _candidates(prepared, open_, recorded) if operation == "apply" else {}
    return Situation(
        attempts=open_,
        operation=operation,
        state=state,
        tainted=[address for address, one in recorded.items() if one.get("status") == "tainted"],
        candidates=candidates,
        orphans=[one for one in _orphans(every, open_, recorded) if one.intent.address not in candidates],
        errored=errored,
        left=left,
    )


def _state(prepared: Prepared) -> State:
    text = prepared.driver.state_pull()
    return state_place.read(text, "the backend") if text.strip() else _EMPTY


def _candidates(prepared: Prepared, open_: Sequence[Attempt], recorded: Mapping[str, Any]) -> dict[str, str]:
    """Import ids by address of what may exist and is not in the state."""
    found: dict[str, str] = {}
    place = _Place(prepared)
    for attempt in open_:
        done = {address: id_ for (address, action), id_ in attempt.work.done.items() if action == "create"}
        for address, intent in attempt.pending().items():
            if address in recorded or address in found:
                continue
            id_ = import_id(intent.type, intent.known, place.of(intent)) or done.get(address)
            if id_ and not is_setting(intent.type):
                found[address] = id_
    return found


class _Place:
    """Where a resource is: asked once, and only if an id depends on it."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._account: str | None = None

    def of(self, intent: Intent) -> dict[str, str]:
        """Region, account, and the endpoint where it is not AWS's own; see import_id."""
        env = self._prepared.driver.env
        endpoint = env.get("AWS_ENDPOINT_URL_SQS") or env.get("AWS_ENDPOINT_URL") or ""
        return {
            "region": intent.region or default_region(self._prepared) or "",
            "account": self._account_id(),
            "endpoint": endpoint.rstrip("/"),
        }

    def _account_id(self) -> str:
        if self._account is None:
            if self._prepared.sandbox:
                self._account = _SANDBOX_ACCOUNT
            else:
                self._account = account(self._prepared) or ""
        return self._account


def _orphans(
    every: Sequence[Attempt], open_: Sequence[Attempt], recorded: Mapping[str, Any]
) -> Iterator[Orphan]:
    for attempt in open_:
        later = every[: every.index(attempt)]
        again = {key for one in later for key in one.work.done}
        for address, intent in attempt.pending().items():
            key = (address, "create")
            begun = attempt.work.begun.get(key)
            if begun is None or key in attempt.work.done or not may_be_orphaned(intent.type, intent.known):
                continue
            # What is in the state is no orphan, unless a later apply has made another one.
            if address not in recorded or key in again:
                yield Orphan(intent, attempt, begun)


def unrecorded(
    prepared: Prepared, request: PlanRequest, situation: Situation, adopted: Mapping[str, str]
) -> tuple[Mapping[str, str], Sequence[str]]:
    """The tags of the whole stack, and the ARNs of what carries them and is neither in the state nor `adopted`.

    ({}, []) without tags. Raises TerraformFailed, with AWS's words, where these credentials may not ask.
    """
    planned = [intent for one in situation.attempts for intent in one.planned.values()]
    known = [*_recorded_intents(situation.state), *planned]
    tags = orphans.common_tags(known)
    if not tags:
        return {}, []
    providers = {intent.provider for intent in known}
    prepared.observer.phase("asking AWS what carries the tags of this stack")
    with held_back(prepared):
        try:
            found = orphans.find(prepared, request, tags, providers, situation.state.text)
        except DiagnosedFailure as failure:
            raise TerraformFailed("; ".join(one.summary for one in failure.diagnostics)) from None
    named = tuple(end for id_ in adopted.values() for end in _ends(id_))
    return tags, [arn for arn in found if not arn.endswith(named)]


def _ends(id_: str) -> Iterator[str]:
    """How an ARN may end that names what has this id: a name, a path, an ARN, or an address of a queue."""
    yield id_ if id_.startswith("arn:") else f"/{id_.lstrip('/')}"
    yield f":{id_.rpartition('/')[2]}"


def _recorded_intents(state: State) -> Iterator[Intent]:
    for resource in state.content["resources"]:
        if match := _PROVIDER.search(str(resource.get("provider", ""))):
            for instance in resource.get("instances") or ():
                tags = (instance.get("attributes") or {}).get("tags_all") or {}
                yield Intent("", resource["type"], {}, provider=f"aws{match[1] or ''}", tags=tags)


def bring_back(prepared: Prepared, situation: Situation) -> tuple[list[str], dict[str, str]]:
    """Make errored states the state; what was done, a sentence each, and candidates from those that are too old."""
    said: list[str] = []
    candidates: dict[str, str] = {}
    for one in situation.errored:
        current = _state(prepared)
        if errored_state.push(prepared, current, one):
            said.append(f"{one.path} is the state now ({one.state}).")
            continue
        recorded = {address for address, _ in errored_state.instances(current)}
        candidates |= errored_state.unknown_to(recorded, one)
        kept = errored_state.set_aside(prepared, one.path)
        said.append(
            f"{one.path} has serial {one.state.serial}, the state has {current.serial} already: it is not taken, but "
            f"what it alone knows is looked for. It is kept in {kept}."
        )
    return said, candidates


def other_variables(attempt: Attempt, planned: Planned) -> list[str]:
    """The variables that have other values than in the plan whose apply was interrupted."""
    try:
        sealed = store.read(attempt.directory.parent, attempt.id).statement.predicate.variables
    except TapError:
        return []
    now = variables(planned.document, sealed.salt).digests
    return sorted(name for name, value in now.items() if sealed.digests.get(name) != value)


def settle(prepared: Prepared, situation: Situation, plan_id: str) -> list[str]:
    """Note that nothing of these attempts is open any more; "" for `plan_id` where nothing had to be applied.

    Sentences about files that were in the way.
    """
    state = _state(prepared)
    for one in errored_state.find(prepared, state, ())[0]:
        if one.state.serial <= state.serial:
            errored_state.archive(prepared, one.path)
    for attempt in situation.attempts:
        journal = Journal(attempt.directory / store.JOURNAL)
        journal.write("recovered", by=plan_id)
        journal.close()
        attempts.forget(attempt.directory)
        # Terraform calls it stale; what is left of it are its secrets.
        (attempt.directory / PLAN_NAME).unlink(missing_ok=True)
    moved = errored_state.archive_unreadable(prepared)
    return [moved] if moved else []
