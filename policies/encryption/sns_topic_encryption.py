"""SNS topics are encrypted with the kind of key that was agreed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tapstack.gate.key_manager import KeyManager, key_manager
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown

_KEY = "kms_master_key_id"
_WORDS = {
    "customer-managed": "a customer-managed key",
    "aws-managed": "the AWS-managed key (alias/aws/sns)",
    "any": "a KMS key",
}


class SnsTopicEncryption(Policy):
    """`kms_master_key_id` names a key of the kind that `mode` wants."""

    id = "CKV_TAP_108"
    name = "sns_topic_encryption"
    title = "SNS topics are encrypted with a KMS key"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_sns_topic",)
    rationale = (
        "A topic without a key keeps its messages unencrypted until they are delivered. The AWS-managed key "
        "alias/aws/sns encrypts them, but its policy can't be changed: CloudWatch alarms, S3 and EventBridge "
        "can't publish through it. Sharpens checkov's CKV_AWS_26, which takes either kind."
    )
    remediation = "kms_master_key_id = aws_kms_key.main.arn"
    references = (
        "https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    )

    class Parameters(Policy.Parameters):
        """Exactly this kind of key; "any" is either."""

        mode: Literal["customer-managed", "aws-managed", "any"] = "customer-managed"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether there is a key, then whose it is."""
        mode = self.parameters.mode
        expected = _WORDS[mode]
        manager, key = key_manager(resource, stack, _KEY), resource.get(_KEY)
        if manager is MISSING:
            yield failed("The topic is not encrypted.", _KEY, expected=expected)
            return
        if isinstance(manager, Unknown):
            said = "Whose key the topic has, if any, is not known yet."
            yield unknown(said, _KEY, actual=key, expected=expected)
            return
        found = "customer-managed" if manager is KeyManager.CUSTOMER else "aws-managed"
        if mode in (found, "any"):
            yield passed(f"The topic is encrypted with {_WORDS[found]}.", _KEY, key)
        else:
            said = f"The topic is encrypted with {_WORDS[found]}, not with {expected}."
            yield failed(said, _KEY, actual=key, expected=expected)
