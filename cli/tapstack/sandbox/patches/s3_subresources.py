"""What moto's S3 makes of parts of a bucket that it does not know."""

from __future__ import annotations

import re
from functools import wraps
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.s3.exceptions import MalformedXML
from moto.s3.responses import S3Response

from tapstack.sandbox.record import Sandbox

# As they stand in the query: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
_UNKNOWN: Final = frozenset(
    {
        "abac",
        "analytics",
        "intelligent-tiering",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "metrics",
        "session",
    }
)
_NEVER_DELETED: Final = _UNKNOWN | {"inventory"}
_OWNER: Final = "BucketOwner"
_PAYER: Final = re.compile(rb"<Payer>(BucketOwner|Requester)</Payer>")


def s3_unknown_subresources(_sandbox: Sandbox) -> None:
    """A call for a part of a bucket that moto does not know is taken for one for the bucket itself.

    Creating the part does nothing, reading it lists objects, and deleting it deletes the bucket. Such calls are
    refused by name. Delete when moto answers DeleteBucketMetricsConfiguration without deleting the bucket.
    """
    answer = S3Response._bucket_response

    @wraps(answer)
    def _bucket_response(self: Any, request: Any, full_url: str) -> Any:
        unknown = _NEVER_DELETED if request.method == "DELETE" else _UNKNOWN
        for name in sorted(unknown & set(self._get_querystring(request, full_url))):
            raise NotImplementedError(f"a bucket has no ?{name}")
        return answer(self, request, full_url)

    S3Response._bucket_response = _bucket_response


def s3_request_payment(_sandbox: Sandbox) -> None:
    """PutBucketRequestPayment does nothing, and GetBucketRequestPayment lists the bucket's objects.

    Who pays drifts for ever; nobody is charged here anyway. Delete when moto returns the payer that it was given.
    """
    answer = S3Response._bucket_response

    @wraps(answer)
    def _bucket_response(self: Any, request: Any, full_url: str) -> Any:
        if "requestPayment" not in self._get_querystring(request, full_url):
            return answer(self, request, full_url)
        bucket = self.backend.get_bucket(self.parse_bucket_name_from_url(request, full_url))
        if request.method == "PUT":
            payer = _PAYER.search(self.body)
            if payer is None:
                raise MalformedXML
            bucket.payer = payer[1].decode()
            return 200, {}, ""
        self.data["Action"] = "GetBucketRequestPayment"
        return self.serialized(ActionResult({"Payer": getattr(bucket, "payer", _OWNER)}))

    S3Response._bucket_response = _bucket_response
