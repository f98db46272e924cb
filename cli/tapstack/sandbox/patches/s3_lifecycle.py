"""What moto's lifecycle rules lack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import wraps
from typing import Any, Final

from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from tapstack.sandbox.record import Sandbox

_EXPIRATION: Final = "<NoncurrentVersionExpiration>"


def s3_newer_noncurrent_versions(_sandbox: Sandbox) -> None:
    """GetBucketLifecycleConfiguration forgets how many noncurrent versions an expiration keeps.

    A lifecycle configuration with newer_noncurrent_versions is waited for in vain: its apply fails after three
    minutes. Delete when moto returns NewerNoncurrentVersions of NoncurrentVersionExpiration.
    """
    set_, get = FakeBucket.set_lifecycle, S3Response.get_bucket_lifecycle

    @wraps(set_)
    def set_lifecycle(self: Any, rules: Sequence[dict[str, Any]]) -> None:
        set_(self, rules)
        expirations = [rule.get("NoncurrentVersionExpiration") or {} for rule in rules]
        self.newer_noncurrent_versions = [one.get("NewerNoncurrentVersions") for one in expirations if one]

    @wraps(get)
    def get_bucket_lifecycle(self: Any) -> Any:
        status, headers, body = get(self)
        kept = iter(getattr(self.backend.get_bucket(self.bucket_name), "newer_noncurrent_versions", ()))

        def with_number(_match: re.Match[str]) -> str:
            number = next(kept, None)
            return _EXPIRATION + (
                f"<NewerNoncurrentVersions>{number}</NewerNoncurrentVersions>" if number else ""
            )

        return status, headers, re.sub(_EXPIRATION, with_number, body)

    FakeBucket.set_lifecycle = set_lifecycle
    S3Response.get_bucket_lifecycle = get_bucket_lifecycle
