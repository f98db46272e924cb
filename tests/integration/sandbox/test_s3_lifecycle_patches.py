"""What tap mends in moto's lifecycle rules, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real

BUCKET = "bucket-of-the-rules"


def rule(name: str, **steps: Any) -> dict[str, Any]:
    return {"ID": name, "Status": "Enabled", "Filter": {"Prefix": name}, **steps}


def test_an_expiration_keeps_the_number_of_newer_versions_of_its_own_rule(aws: Callable[..., Any]) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=BUCKET)
    rules = [
        rule("without", NoncurrentVersionExpiration={"NoncurrentDays": 30}),
        rule("nothing", Expiration={"Days": 5}),
        rule("hundred", NoncurrentVersionExpiration={"NoncurrentDays": 9, "NewerNoncurrentVersions": 100}),
    ]
    try:
        s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
        found = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        assert [one.get("NoncurrentVersionExpiration") for one in found] == [
            one.get("NoncurrentVersionExpiration") for one in rules
        ]
    finally:
        s3.delete_bucket(Bucket=BUCKET)
