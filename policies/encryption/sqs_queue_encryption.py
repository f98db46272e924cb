"""SQS queues are encrypted with the kind of key that was agreed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tapstack.gate.key_manager import KeyManager, key_manager
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, as_bool, is_unset

_KEY = "kms_master_key_id"
_BY_SQS = "sqs_managed_sse_enabled"
_WORDS = {
    "customer-managed": "a customer-managed key",
    "aws-managed": "the AWS-managed key (alias/aws/sqs)",
    "sqs-managed": "SQS's own keys",
}
_ACCEPTED = {
    "customer-managed": ("customer-managed",),
    "aws-managed": ("aws-managed",),
    "sqs-managed": ("sqs-managed", "customer-managed"),
    "any": tuple(_WORDS),
}


class SqsQueueEncryption(Policy):
    """`kms_master_key_id`, or `sqs_managed_sse_enabled`, is what `mode` wants."""

    id = "CKV_TAP_111"
    name = "sqs_queue_encryption"
    title = "SQS queues are encrypted"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_sqs_queue",)
    rationale = (
        "Messages wait in a queue for up to 14 days, longest in the dead-letter queue where the interesting "
        "ones end. A key of one's own says who may read them; SQS's own keys don't, and alias/aws/sqs can't "
        "be opened to the services that send. Sharpens checkov's CKV_AWS_27, which takes every kind."
    )
    remediation = "kms_master_key_id = aws_kms_key.main.arn"
    references = (
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html",
    )

    class Parameters(Policy.Parameters):
        """The kind of key; "sqs-managed" also takes a customer-managed one, "any" takes all three kinds."""

        mode: Literal["customer-managed", "aws-managed", "sqs-managed", "any"] = "customer-managed"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whose key encrypts the queue; without one, whether SQS does, where that is enough."""
        accepted = _ACCEPTED[self.parameters.mode]
        expected = " or ".join(_WORDS[kind] for kind in accepted)
        manager, key = key_manager(resource, stack, _KEY), resource.get(_KEY)
        if manager is MISSING:
            yield _without_key(resource, accepted, expected)
            return
        if isinstance(manager, Unknown):
            said = "Whose key the queue has, if any, is not known yet."
            yield unknown(said, _KEY, actual=key, expected=expected)
            return
        found = "customer-managed" if manager is KeyManager.CUSTOMER else "aws-managed"
        if found in accepted:
            yield passed(f"The queue is encrypted with {_WORDS[found]}.", _KEY, key)
        else:
            said = f"The queue is encrypted with {_WORDS[found]}, not with {expected}."
            yield failed(said, _KEY, actual=key, expected=expected)


def _without_key(resource: Resource, accepted: tuple[str, ...], expected: str) -> Evidence:
    by_sqs = as_bool(resource.get(_BY_SQS))
    if "sqs-managed" not in accepted:
        return failed(f"The queue is not encrypted with {expected}.", _KEY, expected=expected)
    if isinstance(by_sqs, Unknown) and not by_sqs.computed:
        said = "Whether SQS encrypts the queue is not known yet."
        return unknown(said, _BY_SQS, actual=by_sqs, expected=True)
    if by_sqs is True:
        return passed("SQS encrypts the queue with its own keys.", _BY_SQS, True)
    # AWS's own default depends on when and how a queue was made; the code has to say it.
    said = "Nothing asks for the queue to be encrypted."
    return failed(said, _BY_SQS, actual=None if is_unset(by_sqs) else by_sqs, expected=True)
