"""What tap mends in moto's CloudTrail, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real


@pytest.mark.parametrize("by", ["Name", "TrailARN"])
def test_a_trail_is_deleted_by_name_and_by_arn(aws: Callable[..., Any], by: str) -> None:
    aws("s3").create_bucket(Bucket="trails")
    trails = aws("cloudtrail")
    made = trails.create_trail(Name="trail", S3BucketName="trails")
    trails.delete_trail(Name=made[by])
    aws("s3").delete_bucket(Bucket="trails")
    assert trails.describe_trails()["trailList"] == []
