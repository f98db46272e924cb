"""What configures one bucket: S3's subresources, which Terraform has as resources of their own."""

from __future__ import annotations

from functools import lru_cache

from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_BUCKET = "aws_s3_bucket"


def subresources(stack: Stack, bucket: Resource, type_: str) -> tuple[Resource, ...]:
    """The resources of a type ("aws_s3_bucket_versioning") that are about this bucket."""
    return tuple(use.resource for use in stack.users(bucket, type_) if use.path == "bucket")


def perhaps_about(stack: Stack, bucket: Resource, type_: str) -> tuple[Resource, ...]:
    """The resources of a type of which it can't be told whether they are about this bucket.

    Those whose bucket is not known, and, where the bucket's own name is not known, those of a bucket that is none
    of the stack's.
    """
    of_unknown, of_strangers = _unclear(stack, type_)
    name = bucket.get("bucket")
    return of_unknown + (of_strangers if isinstance(name, Unknown) and not name.computed else ())


@lru_cache(maxsize=8)
def _unclear(stack: Stack, type_: str) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
    targets = [(resource, stack.target(resource, "bucket", _BUCKET)) for resource in stack.of_types((type_,))]
    return (
        tuple(resource for resource, target in targets if isinstance(target, Unknown)),
        tuple(resource for resource, target in targets if isinstance(target, str)),
    )
