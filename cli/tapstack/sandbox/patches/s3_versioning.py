"""What moto's S3 lacks of buckets whose versioning is suspended."""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3.exceptions import AccessDeniedByLock
from moto.s3.models import FakeDeleteMarker, S3Backend

from tapstack.sandbox.record import Sandbox


def s3_suspended_versioning(_sandbox: Sandbox) -> None:
    """Where versioning is suspended, deleting one version deletes all, and fails if one is a delete marker.

    Terraform suspends before it empties a bucket: one with a delete marker can't be destroyed. Delete when moto
    deletes just the named version of a suspended bucket's object.
    """
    delete = S3Backend.delete_object

    @wraps(delete)
    def delete_object(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        if version_id is None or bucket.versioning_status != "Suspended":
            return delete(self, bucket_name, key_name, version_id, bypass)
        return True, _delete_version(bucket, key_name, version_id, bypass)

    S3Backend.delete_object = delete_object


def _delete_version(bucket: Any, name: str, version: str, bypass: bool) -> dict[str, str]:
    """Delete a version, if it is there; what is said of it in the answer's headers."""
    held = bucket.keys.getlist(name, [])
    gone = [one for one in held if str(one.version_id) == version]
    is_marker = any(isinstance(one, FakeDeleteMarker) for one in gone)
    if not is_marker and any(one.is_locked(governance_bypass=bypass) for one in gone):
        raise AccessDeniedByLock
    if gone:
        bucket.keys.setlist(name, [one for one in held if one not in gone])
    if gone and len(gone) == len(held):
        bucket.keys.pop(name)
    return {"version-id": version, **({"delete-marker": "true"} if is_marker else {})}
