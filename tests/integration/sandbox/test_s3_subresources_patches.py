"""Parts of a bucket that moto does not know are refused, and never taken for the bucket; seen through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

BUCKET = "bucket-of-the-subresources"


@pytest.fixture
def s3(aws: Callable[..., Any]) -> Iterator[Any]:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.delete_bucket(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("put_bucket_metrics_configuration", {"Id": "a", "MetricsConfiguration": {"Id": "a"}}),
        ("get_bucket_metrics_configuration", {"Id": "a"}),
        ("delete_bucket_metrics_configuration", {"Id": "a"}),
        ("list_bucket_metrics_configurations", {}),
        ("delete_bucket_analytics_configuration", {"Id": "a"}),
        ("delete_bucket_intelligent_tiering_configuration", {"Id": "a"}),
        ("delete_bucket_inventory_configuration", {"Id": "a"}),
    ],
)
def test_a_part_that_moto_does_not_know_is_refused_by_name_and_the_bucket_stays(
    s3: Any, call: str, arguments: dict[str, Any]
) -> None:
    named = "".join(word.capitalize() for word in call.split("_"))
    with pytest.raises(ClientError, match=f"can't do s3 {named}: "):
        getattr(s3, call)(Bucket=BUCKET, **arguments)
    s3.head_bucket(Bucket=BUCKET)


def test_who_pays_is_kept(s3: Any) -> None:
    assert s3.get_bucket_request_payment(Bucket=BUCKET)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=BUCKET, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=BUCKET)["Payer"] == "Requester"
    with pytest.raises(ClientError, match="MalformedXML"):
        s3.put_bucket_request_payment(Bucket=BUCKET, RequestPaymentConfiguration={"Payer": "Nobody"})
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.get_bucket_request_payment(Bucket="bucket-that-is-nowhere")
