"""Buckets whose versioning is suspended keep their versions, and can be emptied, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real


def test_one_version_of_a_suspended_bucket_is_deleted_and_the_rest_stays(aws: Callable[..., Any]) -> None:
    s3, bucket = aws("s3"), "suspended-versioning"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first, second = (s3.put_object(Bucket=bucket, Key="one", Body=body)["VersionId"] for body in (b"1", b"2"))
    marker = s3.delete_object(Bucket=bucket, Key="one")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})

    def held() -> set[str]:
        answer = s3.list_object_versions(Bucket=bucket)
        return {one["VersionId"] for kind in ("Versions", "DeleteMarkers") for one in answer.get(kind, [])}

    s3.delete_object(Bucket=bucket, Key="one", VersionId=first)
    assert held() == {second, marker}
    s3.delete_object(Bucket=bucket, Key="one", VersionId="no-such-version")
    assert held() == {second, marker}
    assert s3.delete_object(Bucket=bucket, Key="one", VersionId=marker)["DeleteMarker"] is True
    assert s3.get_object(Bucket=bucket, Key="one")["Body"].read() == b"2"
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "one", "VersionId": second}]})
    assert held() == set()
    s3.delete_bucket(Bucket=bucket)
