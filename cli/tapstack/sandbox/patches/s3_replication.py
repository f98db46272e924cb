"""What moto's S3 lacks of replication."""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response

from tapstack.sandbox import bucket_replication
from tapstack.sandbox.record import Sandbox


def s3_replication(_sandbox: Sandbox) -> None:
    """A replication configuration is stored and nothing is replicated.

    The other bucket stays empty, and no object has a replication status. Delete when an object that is put into
    a bucket of moto's with a matching rule appears in the rule's destination.
    """
    put, tag, delete = S3Backend.put_object, S3Backend.put_object_tagging, S3Backend.delete_object
    describe = FakeKey.response_dict.fget
    by_bucket, by_key = S3Response.bucket_response, S3Response.key_response

    @wraps(put)
    def put_object(self: Any, *args: Any, **named: Any) -> Any:
        key = put(self, *args, **named)
        bucket_replication.put(self, key)
        return key

    @wraps(tag)
    def put_object_tagging(self: Any, key: Any, tags: dict[str, str] | None) -> Any:
        answer = tag(self, key, tags)
        bucket_replication.tagged(self, key)
        return answer

    @wraps(delete)
    def delete_object(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        answer = delete(self, bucket_name, key_name, version_id, bypass)
        if version_id is None:
            bucket_replication.deleted(self, bucket_name, key_name)
        return answer

    def response_dict(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = describe(self)
        if status := getattr(self, bucket_replication.STATUS, None):
            answer["x-amz-replication-status"] = status
        return answer

    @wraps(by_bucket)
    def bucket_response(self: Any, *args: Any, **named: Any) -> Any:
        with bucket_replication.request():
            return by_bucket(self, *args, **named)

    @wraps(by_key)
    def key_response(self: Any, *args: Any, **named: Any) -> Any:
        with bucket_replication.request():
            return by_key(self, *args, **named)

    S3Backend.put_object = put_object
    S3Backend.put_object_tagging = put_object_tagging
    S3Backend.delete_object = delete_object
    FakeKey.response_dict = property(response_dict)
    S3Response.bucket_response = bucket_response
    S3Response.key_response = key_response
