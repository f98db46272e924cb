"""CloudWatch log groups are encrypted with a key of the customer's."""

from __future__ import annotations

from collections.abc import Iterable

from tapstack.gate.key_manager import key_manager
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown

_KEY = "kms_key_id"


class LogGroupEncryption(Policy):
    """`kms_key_id` is set."""

    id = "CKV_TAP_106"
    name = "log_group_encryption"
    title = "CloudWatch log groups are encrypted with a KMS key"
    severity = Severity.MEDIUM
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_cloudwatch_log_group",)
    rationale = (
        "Logs hold what the program saw: identifiers, addresses, sometimes secrets. Without a key of one's own "
        "CloudWatch encrypts them with one that nobody can audit or withdraw. "
        "Sharpens checkov's CKV_AWS_158 with keys that are not known yet."
    )
    remediation = "kms_key_id = aws_kms_key.main.arn"
    references = ("https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether there is a key."""
        manager, key = key_manager(resource, stack, _KEY), resource.get(_KEY)
        if manager is MISSING:
            yield failed("The log group has no key.", _KEY, expected="the ARN of a KMS key")
        elif isinstance(manager, Unknown):
            said = "Whether the log group has a key is not known yet."
            yield unknown(said, _KEY, actual=key, expected="the ARN of a KMS key")
        else:
            yield passed("The log group is encrypted with a key.", _KEY, key)
