"""What tap mends in moto's Kinesis, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real


def test_a_stream_has_the_tags_it_was_created_with(aws: Callable[..., Any]) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="tagged", ShardCount=1, Tags={"Owner": "payments"})
    kinesis.create_stream(StreamName="plain", ShardCount=1)
    assert kinesis.list_tags_for_stream(StreamName="tagged")["Tags"] == [
        {"Key": "Owner", "Value": "payments"}
    ]
    assert kinesis.list_tags_for_stream(StreamName="plain")["Tags"] == []
    for name in ("tagged", "plain"):
        kinesis.delete_stream(StreamName=name)
