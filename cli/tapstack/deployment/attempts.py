"""What became of each apply, as its journal tells: what was done, what was in flight, what may exist unrecorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from tapstack.deployment import journal
from tapstack.deployment.import_ids import attributes, may_be_orphaned
from tapstack.masking import MASK
from tapstack.seal.store import JOURNAL, write_private

# Beside a plan, as long as it was not applied to its end: what the plan is to create.
CREATES: Final = "creates.jsonl"
_INSTANCE: Final = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
# What AWS says of something that is there already, perhaps since a request whose answer was lost.
_EXISTS: Final = re.compile(
    r"AlreadyExist|AlreadyOwnedByYou|ResourceInUse|ResourceConflict|NameExists|already exists", re.IGNORECASE
)
# After these nobody knows whether the request was carried out.
_DOUBTFUL: Final = re.compile(
    r"StatusCode: (?:0|5\d\d)\b|time(?:d )?out|deadline exceeded|connection (?:reset|refused)|request send failed"
    r"|\bEOF\b|cancel|interrupt|no such host|ExpiredToken",
    re.IGNORECASE,
)
_NAMES: Final = ("name", "name_prefix", "bucket", "identifier", "id")
EXISTS: Final = "exists"
DOUBTFUL: Final = "doubtful"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Intent:
    """A resource that a plan creates: what its id is made of, as far as the plan knows, and never a secret.

    `region` is "" where the provider names none; `provider` is the key of its configuration ("aws.replica"). `hides`
    says that its name is a secret, so that its id, which may hold it, is not written down either.
    """

    address: str
    type: str
    known: Mapping[str, str]
    region: str = ""
    provider: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    hides: bool = False


@dataclass(slots=True)
class Work:
    """What Terraform's events say of one apply: addresses with their action."""

    begun: dict[tuple[str, str], str] = field(default_factory=dict)
    """(address, action), and when."""
    done: dict[tuple[str, str], str] = field(default_factory=dict)
    """(address, action), and the id that the resource has got, "" where none is told."""
    failed: set[tuple[str, str]] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    """What an error about an address amounts to: EXISTS, DOUBTFUL or REFUSED."""
    stopped: bool = False
    """Whether Terraform was asked to stop."""

    def take(self, entry: Mapping[str, Any]) -> None:
        """Count one line of a journal."""
        address = str(entry.get("address", ""))
        key = (address, str(entry.get("action", "")))
        match entry.get("stage"):
            case "apply_start":
                self.begun[key] = str(entry.get("at", ""))
            case "apply_complete":
                self.done[key] = str(entry.get("id") or "")
            case "apply_errored":
                self.failed.add(key)
            case "stopping":
                self.stopped = True
            case "error":
                self.errors[address] = str(entry.get("what", ""))

    @property
    def in_flight(self) -> list[str]:
        """Addresses of what was begun and never ended."""
        return [key[0] for key in self.begun if key not in self.done and key not in self.failed]

    @property
    def creating(self) -> list[str]:
        """Addresses of creations that may have gone through although Terraform does not know it."""
        return [
            address
            for address, action in self.begun
            if action == "create"
            and (address, action) not in self.done
            and self.errors.get(address, DOUBTFUL) != REFUSED
        ]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One apply or destroy: `end` is "applied", "failed", or "" where the journal just stops.

    `killed` says that tap, Terraform or the machine was killed: what Terraform had done last may not be in the state.
    `kept` are states that Terraform could not write where they belong. `number` counts the attempts of a directory:
    clocks can be set back.
    """

    id: str
    directory: Path
    operation: str
    environment: str
    workspace: str
    at: str
    planned: Mapping[str, Intent]
    work: Work
    end: str
    killed: bool
    kept: tuple[Path, ...]
    recovered: bool
    number: int = 0

    @property
    def unsettled(self) -> bool:
        """Whether there may be something that the state does not know."""
        if self.recovered or self.end == "applied":
            return False
        stopped = self.work.stopped and bool(self.work.begun)
        return self.killed or stopped or bool(self.work.creating or self.kept)

    def pending(self) -> Mapping[str, Intent]:
        """What this attempt was to create and may have created, known to the state or not."""
        begun = {
            address: self.planned.get(address) or Intent(address, type_of(address), {})
            for address in self.work.creating
        }
        return {**self.planned, **begun} if self.killed else begun


def intents(document: Mapping[str, Any]) -> Iterator[Intent]:
    """The AWS resources that a plan (`terraform show -json`) creates."""
    configuration = document.get("configuration") or {}
    providers = dict(_providers(configuration.get("root_module") or {}))
    for change in document.get("resource_changes") or ():
        creates = change["mode"] == "managed" and "create" in change["change"]["actions"]
        if not creates or not change["type"].startswith("aws_"):
            continue
        known = _open(change["change"])
        provider = providers.get(_INSTANCE.sub("", change["address"]), "")
        yield Intent(
            change["address"],
            change["type"],
            {
                name: known[name]
                for name in (*attributes(change["type"]), "description")
                if isinstance(known.get(name), str)
            },
            region=_region(document, (configuration.get("provider_config") or {}).get(provider) or {}),
            provider=provider,
            tags={
                key: value for key, value in (known.get("tags_all") or {}).items() if isinstance(value, str)
            },
            hides=any(
                name in attributes(change["type"]) or name.endswith(_NAMES)
                for name in (change["change"].get("after") or {})
                if name not in known
            ),
        )


def _open(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """The planned values that are no secrets: of one, not even the name is written down."""
    secret = change.get("after_sensitive") or {}
    if secret is True:
        return {}
    return {
        name: value
        for name, value in (change.get("after") or {}).items()
        if not secret.get(name) and MASK.tree(value) == value
    }


def _providers(module: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each resource's address, without instance keys, and the key of its provider's configuration."""
    for resource in module.get("resources") or ():
        yield f"{prefix}{resource['address']}", str(resource.get("provider_config_key", ""))
    for name, call in (module.get("module_calls") or {}).items():
        yield from _providers(call.get("module") or {}, f"{prefix}module.{name}.")


def _region(document: Mapping[str, Any], provider: Mapping[str, Any]) -> str:
    """The region that a provider's configuration names, itself or by a variable; "" for any other way."""
    expression = (provider.get("expressions") or {}).get("region") or {}
    if "constant_value" in expression:
        return str(expression["constant_value"])
    variables = document.get("variables") or {}
    for reference in expression.get("references") or ():
        value = (variables.get(str(reference).removeprefix("var.")) or {}).get("value")
        if isinstance(value, str):
            return value
    return ""


def note(directory: Path, planned: Iterable[Intent]) -> None:
    """Write down, beside a plan, what it is to create."""
    lines = b"".join(orjson.dumps(asdict(one), option=orjson.OPT_APPEND_NEWLINE) for one in planned)
    if lines:
        write_private(directory / CREATES, lines)


def hidden(directory: Path) -> frozenset[str]:
    """The addresses of what a plan is to create whose ids may hold a secret."""
    return frozenset(one.address for one in map(_intent, journal.read(directory / CREATES)) if one.hides)


def forget(directory: Path) -> None:
    """Remove what `note` wrote: all of it is in the state."""
    (directory / CREATES).unlink(missing_ok=True)


def meaning(text: str) -> str:
    """What an error of AWS amounts to, for a creation that ended with it."""
    if _EXISTS.search(text):
        return EXISTS
    return DOUBTFUL if _DOUBTFUL.search(text) else REFUSED


def read(directory: Path) -> Attempt | None:
    """What the journal of one plan tells; None where no apply of it was begun."""
    work = Work()
    began: Mapping[str, Any] = {}
    ended: Mapping[str, Any] = {}
    recovered = False
    kept: list[Path] = []
    for entry in journal.read(directory / JOURNAL):
        work.take(entry)
        match entry.get("stage"):
            case "verified":
                began, ended = entry, {}
            case "applied" | "failed":
                ended = entry
            case "state_kept":
                kept.append(Path(str(entry.get("path", ""))))
            case "recovered":
                recovered = True
    if not began:
        return None
    return Attempt(
        id=directory.name,
        directory=directory,
        operation=str(began.get("operation", "")),
        environment=str(began.get("environment", "")),
        workspace=str(began.get("workspace", "")),
        at=str(began.get("at", "")),
        planned={one.address: one for one in map(_intent, journal.read(directory / CREATES))},
        work=work,
        end=str(ended.get("stage", "")),
        # Terraform tells what it begins before it does; what tap did not live to hear of may have been begun.
        killed=not ended or (bool(ended.get("killed")) and bool(work.begun)),
        kept=tuple(kept),
        recovered=recovered,
        number=int(began.get("number") or 0),
    )


def _intent(entry: Mapping[str, Any]) -> Intent:
    return Intent(
        address=str(entry.get("address", "")),
        type=str(entry.get("type", "")),
        known=dict(entry.get("known") or {}),
        region=str(entry.get("region", "")),
        provider=str(entry.get("provider", "")),
        tags=dict(entry.get("tags") or {}),
        hides=bool(entry.get("hides")),
    )


def next_number(plans: Path) -> int:
    """The number of an attempt that begins now."""
    return 1 + max((one.number for one in map(read, plans.glob("[!.]*/")) if one), default=0)


def is_unsettled(directory: Path) -> bool:
    """Whether a plan's apply left something open, so that its journal is still needed."""
    found = read(directory)
    return found is not None and found.unsettled


def of_environment(plans: Path, environment: str, workspace: str) -> list[Attempt]:
    """The attempts of an environment's workspace, the newest first."""
    found = map(read, plans.glob("[!.]*/"))
    mine = [one for one in found if one and (one.environment, one.workspace) == (environment, workspace)]
    return sorted(mine, key=lambda one: (one.number, one.at), reverse=True)


def unsettled(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Those of `attempts`, newest first, after which something may exist that the state does not know.

    An apply that went through has met by name whatever an earlier one had left; what has no name may still be there.
    """
    found, applied = [], False
    for one in attempts:
        if one.unsettled and (
            not applied or any(may_be_orphaned(each.type, each.known) for each in one.pending().values())
        ):
            found.append(one)
        applied = applied or (one.end == "applied" and one.operation == "apply")
    return found


def type_of(address: str) -> str:
    """The resource's type: what stands before its name, behind all modules."""
    return _INSTANCE.sub("", address).split(".")[-2] if "." in address else ""
