"""What tap mends in moto's Application Auto Scaling, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

TARGET = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/scaled",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}


@pytest.fixture
def scaling(aws: Callable[..., Any]) -> Iterator[Any]:
    client = aws("application-autoscaling")
    yield client
    client.deregister_scalable_target(**TARGET)


def register(scaling: Any, **fields: Any) -> str:
    arn: str = scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=5, **fields)[
        "ScalableTargetARN"
    ]
    return arn


def test_a_target_has_the_tags_it_was_registered_with(scaling: Any) -> None:
    arn = register(scaling, Tags={"Owner": "payments"})
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Owner": "payments"}
    assert register(scaling) == arn
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Owner": "payments"}


def test_a_target_is_tagged_and_untagged_later(scaling: Any) -> None:
    arn = register(scaling)
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {}
    scaling.tag_resource(ResourceARN=arn, Tags={"a": "1", "b": "2"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}


def test_a_target_that_is_not_there_has_no_tags(scaling: Any) -> None:
    register(scaling)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scaling.list_tags_for_resource(
            ResourceARN="arn:aws:application-autoscaling:us-east-1:1:scalable-target/x"
        )
