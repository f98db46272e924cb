"""DynamoDB tables are encrypted with the kind of key that was agreed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tapstack.gate.key_manager import TABLE_KEY, KeyManager, table_key_manager
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, is_unset

_ENABLED = "server_side_encryption.0.enabled"


class DynamodbEncryption(Policy):
    """The block's `enabled` and `kms_key_arn` say what `mode` wants."""

    id = "CKV_TAP_104"
    name = "dynamodb_encryption"
    title = "DynamoDB tables are encrypted with a KMS key"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_dynamodb_table",)
    rationale = (
        "Without the block a table is encrypted with a key that AWS owns: nobody can see who used it, limit "
        "who may, or take it away. A key of one's own has a policy and a trail, and can be disabled. "
        "Sharpens checkov's CKV_AWS_119, which knows one mode for everybody."
    )
    remediation = "server_side_encryption {\n  enabled     = true\n  kms_key_arn = aws_kms_key.main.arn\n}"
    references = (
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html",
    )

    class Parameters(Policy.Parameters):
        """Exactly this kind of key; "any" leaves it to the table."""

        mode: Literal["customer-managed", "aws-managed", "any"] = "customer-managed"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether KMS is asked for at all, then with whose key."""
        mode = self.parameters.mode
        enabled = as_bool(resource.get(_ENABLED))
        if mode == "any":
            yield passed("DynamoDB encrypts every table, and any key will do.", _ENABLED)
        elif isinstance(enabled, Unknown) and not enabled.computed:
            yield unknown(
                "Whether the table is encrypted with a KMS key is not known yet.",
                _ENABLED,
                actual=enabled,
                expected=True,
            )
        elif enabled is not True:
            yield failed(
                f"The table is encrypted with the AWS-owned key, not with {_a_key(mode)}.",
                _ENABLED,
                actual=False if is_unset(enabled) else enabled,
                expected=True,
            )
        else:
            yield _judge(resource, stack, mode)


def _judge(resource: Resource, stack: Stack, mode: str) -> Evidence:
    key, manager = resource.get(TABLE_KEY), table_key_manager(resource, stack)
    actual = None if is_unset(key) else key
    if isinstance(manager, Unknown):
        if mode == "aws-managed" and isinstance(key, str):
            return passed("The table is encrypted with KMS, and with no key of this stack.", TABLE_KEY, key)
        said = "The table is encrypted with KMS, but whose key that is can't be told."
        return unknown(said, TABLE_KEY, actual=actual, expected=_a_key(mode))
    found = "customer-managed" if manager is KeyManager.CUSTOMER else "aws-managed"
    if found == mode:
        return passed(f"The table is encrypted with {_a_key(mode)}.", TABLE_KEY, actual)
    said = f"The table is encrypted with {_a_key(found)}, not with {_a_key(mode)}."
    return failed(said, TABLE_KEY, actual=actual, expected=_a_key(mode))


def _a_key(mode: str) -> str:
    return "a customer-managed key" if mode == "customer-managed" else "the AWS-managed key"
