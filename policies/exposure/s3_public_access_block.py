"""No policy and no ACL can open a bucket to the world by mistake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.gate.s3_subresource import perhaps_about, subresources
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, is_unset

_BLOCK: Final = "aws_s3_bucket_public_access_block"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PublicAccessBlockConfiguration.html; each is false unless set.
_SETTINGS: Final = {
    "block_public_acls": "ACLs may still make objects public",
    "block_public_policy": "a bucket policy may still make it public",
    "ignore_public_acls": "public ACLs that are there still count",
    "restrict_public_buckets": "a public policy still serves everybody",
}


class S3PublicAccessBlock(Policy):
    """An `aws_s3_bucket_public_access_block` of this very bucket has all four settings true."""

    id = "CKV_TAP_801"
    name = "s3_public_access_block"
    title = "Every bucket blocks public access, in all four ways"
    severity = Severity.CRITICAL
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_s3_bucket",)
    rationale = (
        "One wrong statement or ACL makes a bucket public; the block refuses it, whoever writes it. A block of "
        "the whole account does not count: it belongs to another stack and can be gone tomorrow. Sharpens "
        "checkov's CKV_AWS_53 to CKV_AWS_56 and CKV2_AWS_6: it follows references to the right instance."
    )
    remediation = (
        'resource "aws_s3_bucket_public_access_block" "main" {\n'
        "  bucket                  = aws_s3_bucket.main.id\n"
        "  block_public_acls       = true\n"
        "  block_public_policy     = true\n"
        "  ignore_public_acls      = true\n"
        "  restrict_public_buckets = true\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether the bucket has a block, then each of its settings."""
        if blocks := subresources(stack, resource, _BLOCK):
            for block in blocks:
                yield from _settings(block)
        elif strays := perhaps_about(stack, resource, _BLOCK):
            yield unknown(
                f"No {_BLOCK} is known to be for this bucket; whose {strays[0].address} is, is not known yet.",
                "bucket",
                expected=_BLOCK,
            )
        else:
            yield failed(f"No {_BLOCK} is for this bucket.", "bucket", expected=_BLOCK)


def _settings(block: Resource) -> Iterable[Evidence]:
    evidence = [one for setting in _SETTINGS if (one := _setting(block, setting)) is not None]
    return evidence or [passed(f"{block.address} blocks public access in all four ways.", "bucket", True)]


def _setting(block: Resource, setting: str) -> Evidence | None:
    value = as_bool(block.get(setting))
    if value is True:
        return None
    if isinstance(value, Unknown) and not value.computed:
        said = f"{setting} of {block.address} is not known yet."
        return unknown(said, setting, actual=value, expected=True)
    said = f"{setting} of {block.address} is not true: {_SETTINGS[setting]}."
    return failed(said, setting, actual=False if is_unset(value) else value, expected=True)
