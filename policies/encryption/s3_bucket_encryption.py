"""S3 buckets are encrypted with the algorithm that was agreed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.gate.s3_subresource import perhaps_about, subresources
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Unknown, is_unset

_CONFIGURATION: Final = "aws_s3_bucket_server_side_encryption_configuration"
_INLINE: Final = "server_side_encryption_configuration"
_ALGORITHM: Final = "apply_server_side_encryption_by_default.0.sse_algorithm"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ServerSideEncryptionByDefault.html
_ACCEPTED: Final = {
    "aws:kms": ("aws:kms", "aws:kms:dsse"),
    "AES256": ("AES256",),
    "any": ("aws:kms", "aws:kms:dsse", "AES256"),
}


class S3BucketEncryption(Policy):
    """An encryption configuration of this very bucket says `algorithm`."""

    id = "CKV_TAP_109"
    name = "s3_bucket_encryption"
    title = "S3 buckets have an encryption configuration"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_s3_bucket",)
    rationale = (
        "S3 encrypts every object with keys of its own, so that whoever may read the bucket may read the data. "
        "With KMS they need the key as well, and each use leaves a trail. Sharpens checkov's CKV_AWS_145, "
        "which knows one algorithm for everybody."
    )
    remediation = (
        f'resource "{_CONFIGURATION}" "this" {{\n'
        "  bucket = aws_s3_bucket.this.id\n\n"
        "  rule {\n"
        "    apply_server_side_encryption_by_default {\n"
        '      sse_algorithm     = "aws:kms"\n'
        "      kms_master_key_id = aws_kms_key.main.arn\n"
        "    }\n"
        "  }\n"
        "}"
    )
    references = ("https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",)

    class Parameters(Policy.Parameters):
        """The algorithm; "aws:kms" also takes DSSE-KMS, "any" takes every one that is asked for."""

        algorithm: Literal["aws:kms", "AES256", "any"] = "aws:kms"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """The bucket's own configurations first, then its deprecated block, then what may be its own."""
        algorithm = self.parameters.algorithm
        expected = " or ".join(_ACCEPTED[algorithm])
        if own := subresources(stack, resource, _CONFIGURATION):
            yield from (_judge(one.get("rule"), algorithm, one.address) for one in own)
        elif not is_unset(rules := _inline(resource, stack)):
            yield _judge(rules, algorithm, "")
        elif others := perhaps_about(stack, resource, _CONFIGURATION):
            said = f"Whether {others[0].address} is about this bucket is not known yet."
            yield unknown(said, _INLINE, actual=others[0].get("bucket"), expected=expected)
        else:
            said = f"The bucket has no encryption configuration: no {_CONFIGURATION} is about it."
            yield failed(said, _INLINE, expected=expected)


def _judge(rules: Any, wanted: str, where: str) -> Evidence:
    """`where` is the address of the configuration, "" for the bucket's own block."""
    subject = where or "The bucket"
    expected = " or ".join(_ACCEPTED[wanted])
    found = [_algorithm(rule) for rule in rules] if isinstance(rules, list) else [rules]
    wrong = [one for one in found if one not in _ACCEPTED[wanted]]
    if found and not wrong:
        return passed(f"{subject} encrypts with {found[0]}.", _INLINE, found[0])
    if unclear := [one for one in wrong if isinstance(one, Unknown)]:
        said = f"The algorithm that {where or 'the bucket'} names is not known yet."
        return unknown(said, _INLINE, actual=unclear[0], expected=expected)
    actual = next((one for one in wrong if one is not MISSING), None)
    said = f"{subject} encrypts with {actual}." if actual else f"{subject} names no algorithm."
    return failed(said, _INLINE, actual=actual, expected=expected)


def _algorithm(rule: Any) -> Any:
    """The algorithm of a rule's value."""
    value = rule
    for step in ("apply_server_side_encryption_by_default", 0, "sse_algorithm"):
        if isinstance(value, Unknown):
            return value
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and value else MISSING
        else:
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
    return MISSING if value is None else value


def _inline(resource: Resource, stack: Stack) -> Any:
    """The rules of the deprecated block; MISSING where it only repeats what AWS does for every bucket.

    After the first apply the provider fills the block in, whoever configured the bucket.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
    """
    rules = resource.get(f"{_INLINE}.0.rule")
    written = stack.kind is not Kind.PLAN or _INLINE in (resource.expressions or {})
    default = isinstance(rules, list) and [_algorithm(rule) for rule in rules] == ["AES256"]
    return MISSING if default and not written else rules
