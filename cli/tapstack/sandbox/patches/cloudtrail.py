"""What moto's CloudTrail lacks."""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.models import CloudTrailBackend

from tapstack.sandbox.record import Sandbox


def cloudtrail_delete_by_arn(_sandbox: Sandbox) -> None:
    """DeleteTrail does nothing when it is given the ARN instead of the name.

    The provider gives the ARN: a destroyed trail stays, and can't be made again. Delete when moto deletes a trail by
    its ARN.
    """
    delete = CloudTrailBackend.delete_trail

    def delete_trail(self: Any, name: str) -> None:
        delete(self, name.rpartition("/")[2])

    CloudTrailBackend.delete_trail = delete_trail
