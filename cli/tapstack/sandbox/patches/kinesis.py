"""What moto's Kinesis lacks."""

from __future__ import annotations

from typing import Any

from moto.kinesis.models import KinesisBackend
from moto.kinesis.responses import KinesisResponse

from tapstack.sandbox.record import Sandbox


def kinesis_tags(_sandbox: Sandbox) -> None:
    """CreateStream ignores its Tags.

    A stream with tags drifts after its creation. Delete when ListTagsForStream of moto returns the tags that
    CreateStream was given.
    """
    create, tag = KinesisResponse.create_stream, KinesisBackend.add_tags_to_stream

    def create_stream(self: Any) -> Any:
        answer = create(self)
        tags = self._get_param("Tags") or {}
        tag(self.kinesis_backend, stream_arn=None, stream_name=self._get_param("StreamName"), tags=tags)
        return answer

    KinesisResponse.create_stream = create_stream
