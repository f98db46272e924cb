"""Kinesis streams are encrypted with a KMS key."""

from __future__ import annotations

from collections.abc import Iterable

from tapstack.gate.key_manager import key_manager
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, is_unset

_TYPE = "encryption_type"
_KEY = "kms_key_id"
_A_KEY = "a KMS key"


class KinesisStreamEncryption(Policy):
    """`encryption_type` is KMS, and `kms_key_id` is set."""

    id = "CKV_TAP_110"
    name = "kinesis_stream_encryption"
    title = "Kinesis streams are encrypted with a KMS key"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_kinesis_stream",)
    rationale = (
        "A stream keeps every record for at least a day, unencrypted unless it is told otherwise. "
        "Sharpens checkov's CKV_AWS_43, which doesn't ask for a key."
    )
    remediation = 'encryption_type = "KMS"\nkms_key_id      = aws_kms_key.main.arn'
    references = ("https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether the stream is encrypted, then whether it names a key."""
        type_ = resource.get(_TYPE)
        if isinstance(type_, Unknown) and not type_.computed:
            said = "Whether the stream is encrypted is not known yet."
            yield unknown(said, _TYPE, actual=type_, expected="KMS")
        elif type_ != "KMS":
            actual = "NONE" if is_unset(type_) else type_
            yield failed("The stream is not encrypted.", _TYPE, actual=actual, expected="KMS")
        else:
            yield _key(resource, stack)


def _key(resource: Resource, stack: Stack) -> Evidence:
    manager, key = key_manager(resource, stack, _KEY), resource.get(_KEY)
    if manager is MISSING:
        return failed("The stream is to be encrypted, but names no key.", _KEY, expected=_A_KEY)
    if isinstance(manager, Unknown):
        return unknown("Whether the stream has a key is not known yet.", _KEY, actual=key, expected=_A_KEY)
    return passed("The stream is encrypted with a key.", _KEY, key)
