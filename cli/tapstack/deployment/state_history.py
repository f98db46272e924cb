"""What the bucket of a state says about it: whether it is kept as it should be, and which versions there are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from tapstack.deployment import bucket
from tapstack.deployment.backend import require_backend
from tapstack.deployment.bucket import Bucket
from tapstack.deployment.diagnose import Diagnosis
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.workspace import DEFAULT
from tapstack.errors import EnvironmentFailure
from tapstack.settings import BackendSection


def look(prepared: Prepared) -> Bucket:
    """The environment's bucket and the versions of its state. Raises InputError without a backend in tap.toml."""
    section = require_backend(prepared.settings)
    workspace = prepared.workspace.name
    # https://developer.hashicorp.com/terraform/language/backend/s3#workspace_key_prefix
    key = section.key if workspace == DEFAULT else f"env:/{workspace}/{section.key}"
    region = section.region or prepared.settings.region
    return bucket.look(prepared.driver.env, section.bucket, key, region)


def diagnose(prepared: Prepared, found: Bucket) -> Iterator[Diagnosis]:
    """Each thing that a bucket of states should do."""
    section = require_backend(prepared.settings)
    environment = prepared.settings.environment
    if not found.exists:
        yield Diagnosis(
            "bucket", False, f"{section.bucket} does not exist", f"tap backend create --env {environment}"
        )
        return
    yield Diagnosis("bucket", True, section.bucket)
    yield _fact(
        "versioning",
        found.versioning,
        "a state that is overwritten can be had back",
        "off: a state that is overwritten, cut off or deleted is lost",
        f"aws s3api put-bucket-versioning --bucket {section.bucket} --versioning-configuration Status=Enabled",
    )
    yield _encryption(section, found)
    yield _fact(
        "access",
        found.blocks_public_access,
        "public access is blocked",
        "public access is not blocked",
        "block all four kinds of public access of the bucket",
    )
    yield _fact(
        "transport",
        found.refuses_plain_http,
        "what does not come over TLS is refused",
        "plain HTTP is not refused",
        "deny aws:SecureTransport = false in the bucket's policy",
    )
    lock = "a lock file" if section.use_lockfile else f"the table {section.dynamodb_table}"
    yield Diagnosis(
        "lock",
        section.use_lockfile or section.dynamodb_table is not None,
        f"by {lock}"
        if section.use_lockfile or section.dynamodb_table
        else "none: two runs can overwrite each other",
        "use_lockfile = true in the backend",
    )
    yield _state(prepared, found)


def require_not_lost(prepared: Prepared) -> None:
    """Raise EnvironmentFailure where Terraform finds no state, although the bucket has kept one: it would create
    everything again.

    Where these credentials may not ask, nothing is known, and nothing raised.
    """
    if prepared.backend is None:
        return
    lost = None
    with contextlib.suppress(EnvironmentFailure):
        lost = _loss(look(prepared))
    if lost:
        raise EnvironmentFailure(
            f"There is no state in {prepared.backend.place}, so everything would be created again: it {lost}.",
            hint="restore that version (docs/state.md), or give the backend another key to begin afresh",
        )


def _loss(found: Bucket) -> str | None:
    """What became of the state; None where there is one, or never was."""
    earlier = [version for version in found.versions[1:] if version.bytes]
    if not found.versions or found.versions[0].bytes or not earlier:
        return None
    newest = found.versions[0]
    what = "was deleted" if newest.bytes is None else "was overwritten with nothing"
    last = earlier[0]
    return (
        f"{what} on {newest.modified}; the bucket keeps {_versions(len(earlier), 'earlier ')}, the newest {last.id} of "
        f"{last.modified} with {last.bytes} bytes"
    )


def _fact(what: str, holds: bool | None, yes: str, no: str, mend: str) -> Diagnosis:
    if holds is None:
        return Diagnosis(what, True, "not known: these credentials may not ask")
    return Diagnosis(what, holds, yes if holds else no, mend)


def _encryption(section: BackendSection, found: Bucket) -> Diagnosis:
    if section.kms_key_id:
        return Diagnosis("encryption", True, f"with {section.kms_key_id}")
    if found.kms_key:
        return Diagnosis(
            "encryption",
            False,
            f"the bucket's key is {found.kms_key}, but Terraform asks for S3's own instead",
            f'kms_key_id = "{found.kms_key}" in the backend',
        )
    return Diagnosis("encryption", True, "with S3's own keys (kms_key_id in the backend for another)")


def _state(prepared: Prepared, found: Bucket) -> Diagnosis:
    versions = found.versions
    if not versions:
        return Diagnosis("state", True, "none yet")
    if loss := _loss(found):
        return Diagnosis("state", False, f"it {loss}", "restore that version (docs/state.md)")
    mine = prepared.driver.binary
    said = f"{_versions(len(versions))}, the newest of {versions[0].modified}"
    if _release(found.written_by) > _release(mine.version):
        return Diagnosis(
            "state",
            False,
            f"{said}, written by Terraform {found.written_by}: this one is {mine.version}",
            "use a Terraform that is as new as the one that wrote it",
        )
    return Diagnosis("state", True, said)


def _versions(count: int, which: str = "") -> str:
    return f"{count} {which}version{'' if count == 1 else 's'}"


def _release(version: str) -> tuple[int, ...]:
    """Major and minor: releases within them read each other's states."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
