"""What moto's KMS lacks."""

from __future__ import annotations

import json
from functools import wraps
from typing import Any, Final

from moto.kms.models import Key, KmsBackend, kms_backends
from moto.kms.responses import KmsResponse

from tapstack.sandbox.record import Sandbox

_ROTATION_DAYS: Final = 365


def kms_rotation_period(_sandbox: Sandbox) -> None:
    """EnableKeyRotation ignores RotationPeriodInDays and GetKeyRotationStatus never returns it.

    A key with rotation_period_in_days drifts from 0 for ever. Delete when GetKeyRotationStatus of moto
    returns RotationPeriodInDays.
    """
    enable, status = KmsResponse.enable_key_rotation, KmsResponse.get_key_rotation_status
    resolve = KmsBackend.get_key_id

    def key(self: Any) -> Any:
        return self.kms_backend.keys[resolve(self._get_param("KeyId"))]

    def enable_key_rotation(self: Any) -> Any:
        answer = enable(self)
        kept = getattr(key(self), "rotation_days", _ROTATION_DAYS)
        key(self).rotation_days = self._get_param("RotationPeriodInDays") or kept
        return answer

    def get_key_rotation_status(self: Any) -> str:
        answer = json.loads(status(self))
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = getattr(key(self), "rotation_days", _ROTATION_DAYS)
        return json.dumps(answer)

    KmsResponse.enable_key_rotation = enable_key_rotation
    KmsResponse.get_key_rotation_status = get_key_rotation_status


def kms_multi_region_keys(_sandbox: Sandbox) -> None:
    """ReplicateKey ignores tags, description and policy, and a replica shares what should be its own.

    Grants, aliases and the type of the key are one object for all regions: after DescribeKey in the replica's
    region the primary says that it is a replica, and the provider fails. Delete when moto's replica has what
    ReplicateKey was given and DescribeKey of the primary says PRIMARY.
    """
    replicate, describe = KmsResponse.replicate_key, Key.to_dict

    @wraps(replicate)
    def replicate_key(self: Any) -> str:
        answer = json.loads(replicate(self))
        region = self._get_param("ReplicaRegion")
        backend = kms_backends[self.current_account][region]
        replica = backend.keys[self.kms_backend.get_key_id(self._get_param("KeyId"))]
        replica.grants, replica.aliases, replica.rotations = {}, {}, list(replica.rotations)
        replica.description = self._get_param("Description") or ""
        replica.policy = self._get_param("Policy") or replica.generate_default_policy()
        tags = self._get_param("Tags") or []
        backend.tagger.delete_all_tags_for_resource(replica.id)
        backend.tagger.tag_resource(replica.id, tags)
        answer.update(
            ReplicaKeyMetadata=replica.to_dict()["KeyMetadata"],
            ReplicaPolicy=replica.policy,
            ReplicaTags=tags,
        )
        return json.dumps(answer)

    @wraps(describe)
    def to_dict(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = describe(self)
        # The list of regions is shared on purpose: every one of the keys names them all.
        if shared := answer["KeyMetadata"].get("MultiRegionConfiguration"):
            kind = "PRIMARY" if self.arn == shared["PrimaryKey"]["Arn"] else "REPLICA"
            answer["KeyMetadata"]["MultiRegionConfiguration"] = {**shared, "MultiRegionKeyType": kind}
        return answer

    KmsResponse.replicate_key = replicate_key
    Key.to_dict = to_dict
