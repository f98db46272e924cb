"""The lock of a state: who holds it, and how it is taken away from somebody who is gone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tapstack.deployment.backend import recorded
from tapstack.deployment.prepare import Prepared
from tapstack.errors import EnvironmentFailure, InputError

# Terraform's own words: https://github.com/hashicorp/terraform/blob/main/internal/states/statemgr/locker.go
_FIELD: Final = re.compile(r"^ *(ID|Path|Operation|Who|Version|Created|Info): *(.*?) *$", re.MULTILINE)
_NO_LOCK: Final = ("unable to retrieve file", "failed to retrieve lock info", "NoSuchKey")
# No lock has it, so that Terraform only says whose the lock is.
_NOBODYS: Final = "00000000-0000-0000-0000-000000000000"
_S3: Final = "s3"


@dataclass(frozen=True, slots=True)
class Lock:
    """What Terraform writes into a lock; `created` is None where it can't be read."""

    id: str
    path: str
    operation: str
    who: str
    version: str
    created: datetime | None

    def said(self, now: datetime | None = None) -> str:
        """Who does what since when, in a few words."""
        since = ""
        if self.created is not None:
            since = f" since {self.created:%Y-%m-%d %H:%M:%S} UTC ({_age(self.created, now)})"
        what = self.operation.removeprefix("OperationType").lower() or "an operation"
        return f"{self.who} ({what}, Terraform {self.version}){since}; lock {self.id} of {self.path}"


def lock_in(text: str) -> Lock | None:
    """The lock that Terraform describes in an error; None where it describes none."""
    _, found, description = text.partition("Lock Info:")
    # The first of each: more words of Terraform's follow.
    fields = dict(reversed(_FIELD.findall(description)))
    if not found or not fields.get("ID"):
        return None
    return Lock(
        id=fields["ID"],
        path=fields.get("Path", ""),
        operation=fields.get("Operation", ""),
        who=fields.get("Who", "") or "somebody",
        version=fields.get("Version", ""),
        created=_time(fields.get("Created", "")),
    )


def current(prepared: Prepared) -> Lock | None:
    """Who holds the lock of the state now; None where nobody does. Changes nothing.

    Raises InputError for a backend that says it only to those who hold it, EnvironmentFailure where it does not answer.
    """
    type_ = recorded(prepared.data_dir).type
    if type_ != _S3:
        raise InputError(
            f"The state of environment {prepared.settings.environment} is kept by the backend {type_}, whose locks "
            "tap does not know.",
            hint="terraform force-unlock LOCK_ID"
            if type_ != "local"
            else "the lock of a local state ends with the process that holds it",
        )
    said = prepared.driver.force_unlock(_NOBODYS)
    lock = lock_in(said)
    if lock is None and not any(word in said for word in _NO_LOCK):
        raise EnvironmentFailure(f"The backend does not say who holds the lock: {said}")
    return lock


def release(prepared: Prepared, lock_id: str) -> None:
    """Take the lock away from whoever holds it. Raises EnvironmentFailure where Terraform can't."""
    said = prepared.driver.force_unlock(lock_id)
    if said:
        raise EnvironmentFailure(f"The lock {lock_id} is not released: {said}")


def _time(text: str) -> datetime | None:
    # Go's: 2026-11-21 12:50:32.949004317 +0000 UTC
    match = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", text)
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None


def _age(created: datetime, now: datetime | None) -> str:
    seconds = max(int(((now or datetime.now(UTC)) - created).total_seconds()), 0)
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{seconds} seconds ago"
