"""What moto's Application Auto Scaling lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling.models import FakeScalableTarget
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError

from tapstack.sandbox.record import Sandbox


def applicationautoscaling_tags(_sandbox: Sandbox) -> None:
    """Scalable targets have no tags: there are no calls for them, and RegisterScalableTarget drops its own.

    An aws_appautoscaling_target fails in its first reading. Delete when ListTagsForResource of moto returns the
    tags of a target.
    """
    register = ApplicationAutoScalingResponse.register_scalable_target
    FakeScalableTarget.tags = {}

    def target(self: Any, arn: str) -> Any:
        targets = self.applicationautoscaling_backend.targets.values()
        for held in (held for dimension in targets for held in dimension.values()):
            if held.arn == arn:
                return held
        raise JsonRESTError("ResourceNotFoundException", f"The specified resource doesn't exist: {arn}")

    def register_scalable_target(self: Any) -> str:
        answer: str = register(self)
        if tags := self._get_param("Tags"):
            target(self, json.loads(answer)["ScalableTargetARN"]).tags = dict(tags)
        return answer

    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"Tags": target(self, self._get_param("ResourceARN")).tags})

    def tag_resource(self: Any) -> str:
        tagged = target(self, self._get_param("ResourceARN"))
        tagged.tags = {**tagged.tags, **self._get_param("Tags")}
        return "{}"

    def untag_resource(self: Any) -> str:
        tagged, gone = target(self, self._get_param("ResourceARN")), self._get_param("TagKeys")
        tagged.tags = {name: value for name, value in tagged.tags.items() if name not in gone}
        return "{}"

    ApplicationAutoScalingResponse.register_scalable_target = register_scalable_target
    ApplicationAutoScalingResponse.list_tags_for_resource = list_tags_for_resource
    ApplicationAutoScalingResponse.tag_resource = tag_resource
    ApplicationAutoScalingResponse.untag_resource = untag_resource
