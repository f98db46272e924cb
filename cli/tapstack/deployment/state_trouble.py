"""What Terraform says about a state that it could not lock, read or write, as a sentence that says what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tapstack.deployment.credentials_trouble import has_expired, hinted
from tapstack.deployment.state_lock import lock_in
from tapstack.deployment.workspace import STATE_FILE
from tapstack.errors import TerraformFailed
from tapstack.settings import Settings
from tapstack.terraform.failures import DiagnosedFailure

_LOCKED: Final = "Error acquiring the state lock"
_GONE: Final = (
    "The state was locked a moment ago, and the lock was gone before it could say by whom. Nothing was done.",
    "again, or wait for it: --lock-timeout SECONDS",
)
_NOT_KEPT: Final = "Failed to persist state to backend"
_TWO_STATES: Final = "Can't ask approval for state migration"
_NO_BUCKET: Final = re.compile(r'S3 bucket "([^"]+)" does not exist|NoSuchBucket')
_NEWER: Final = re.compile(
    r"The state file uses format version (\d+), which is not supported by (\S+ [\w.+-]+?)\.(?: This state file was "
    r"created by (\S+ [\w.+-]+?)\.)?(?:\s|$)"
)
_NO_STATE: Final = re.compile(r"The state file (could not be parsed as JSON: [^\n]+?)\.(?:\s|$)")
_VERSIONS: Final = (
    "the bucket keeps earlier versions: `tap backend check` lists them, docs/state.md restores one"
)


def explained(failure: TerraformFailed, settings: Settings) -> TerraformFailed:
    """The failure in tap's words where it is about the state's place or lock; else the same."""
    said = failure.message
    if isinstance(failure, DiagnosedFailure):
        said = "\n".join(f"{one.summary}\n{one.detail}" for one in failure.diagnostics)
    found = _explanation(said, settings)
    return TerraformFailed(found[0], hint=found[1]) if found else hinted(failure)


def _explanation(said: str, settings: Settings) -> tuple[str, str] | None:
    named = settings.env_option
    if _NOT_KEPT in said:
        return _not_kept(said, settings.directory, named)
    if _LOCKED in said or "state lock" in said:
        lock = lock_in(said)
        if lock is None:
            # The file could not be made because it was there, and was not there any more to be read.
            return _GONE if "PreconditionFailed" in said else None
        return (
            f"The state is locked by {lock.said()}. Nothing was done.",
            f"wait for it (--lock-timeout SECONDS), or, if its owner is gone: tap unlock {lock.id}{named}",
        )
    if match := _NO_BUCKET.search(said):
        bucket = match[1] or (settings.backend.bucket if settings.backend else "of the state")
        return (
            f"The bucket {bucket}, which keeps the state of environment {settings.environment}, does not exist.",
            f"tap backend create{named} makes it; if it was there before, do the credentials belong to its account?",
        )
    if _TWO_STATES in said:
        beside = settings.directory / STATE_FILE
        return (
            f"There is a state in {beside} and another one in the backend; nothing says which of them counts.",
            f"if the backend's does, move {beside} away; else: tap backend migrate{named}",
        )
    if match := _NEWER.search(said):
        by = f", written by {match[3]}" if match[3] else ""
        return (
            f"The state has format version {match[1]}{by}, which {match[2]} can't read.",
            "use a Terraform that is as new as the one that wrote it",
        )
    if match := _NO_STATE.search(said):
        return f"The state is cut off, or is no Terraform state: it {match[1]}.", _VERSIONS
    return None


def _not_kept(said: str, directory: Path, named: str) -> tuple[str, str]:
    why = next((line for line in said.splitlines() if line.startswith("Error saving state:")), "")
    why = f" ({_short(why.removeprefix('Error saving state:').strip())})" if why else ""
    return (
        f"Terraform did its work, but the backend did not take the state{why}: it is kept in "
        f"{directory / 'errored.tfstate'}. Nothing must be applied before it is back.",
        f"{'the credentials have expired: get new ones' if has_expired(why) else 'mend the backend'}, then: "
        f"tap recover{named}",
    )


def _short(why: str) -> str:
    """The cause without what only the service's support can use."""
    _, found, cause = why.rpartition("api error ")
    return cause if found else why
