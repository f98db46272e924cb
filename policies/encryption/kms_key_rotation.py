"""Customer-managed keys rotate, and often enough."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, as_number, is_unset

# https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
_PERIOD_OF_AWS = 365


class KmsKeyRotation(Policy):
    """`enable_key_rotation` is true, and the period at most `max_rotation_days`."""

    id = "CKV_TAP_101"
    name = "kms_key_rotation"
    title = "Customer-managed KMS keys rotate automatically"
    severity = Severity.HIGH
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_kms_key", "aws_kms_replica_key")
    rationale = (
        "Rotation limits how much data one version of a key protects, and how long a leaked one is of use. "
        "It takes no work: KMS keeps the old versions for decryption. "
        "Sharpens checkov's CKV_AWS_7, which knows neither the period nor a value that is not known yet."
    )
    remediation = "enable_key_rotation = true"
    references = ("https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",)

    class Parameters(Policy.Parameters):
        """The longest period; AWS accepts 90 to 2560 days."""

        max_rotation_days: int = Field(default=365, ge=90, le=2560)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the key rotates at all, then how often."""
        yield from _cannot_rotate(resource) or self._rotation(resource)

    def _rotation(self, resource: Resource) -> Iterable[Evidence]:
        attribute = "enable_key_rotation"
        enabled = as_bool(resource.get(attribute))
        if isinstance(enabled, Unknown) and not enabled.computed:
            yield unknown(
                "Whether the key rotates is not known yet.", attribute, actual=enabled, expected=True
            )
        elif enabled is not True:
            actual = False if is_unset(enabled) else enabled
            yield failed("The key does not rotate.", attribute, actual=actual, expected=True)
        else:
            yield self._period(resource)

    def _period(self, resource: Resource) -> Evidence:
        attribute, most = "rotation_period_in_days", self.parameters.max_rotation_days
        value = as_number(resource.get(attribute))
        days = _PERIOD_OF_AWS if is_unset(value) else value
        expected = f"at most {most}"
        if isinstance(days, (int, float)):
            if days <= most:
                return passed(f"The key rotates every {days} days.", attribute, days)
            return failed(
                f"The key rotates only every {days} days.", attribute, actual=days, expected=expected
            )
        return unknown(
            "How often the key rotates is not known yet.", attribute, actual=days, expected=expected
        )


def _cannot_rotate(resource: Resource) -> list[Evidence]:
    """Kinds of key for which AWS offers no automatic rotation of their own."""
    if resource.type == "aws_kms_replica_key":
        return [not_applicable("A replica key rotates with its primary.")]
    # A state has "" where there is no such store.
    if isinstance(store := resource.get("custom_key_store_id"), str) and store:
        return [not_applicable("Keys in a custom key store can't rotate automatically.")]
    wanted: tuple[tuple[str, Any], ...] = (
        ("customer_master_key_spec", "SYMMETRIC_DEFAULT"),
        ("key_usage", "ENCRYPT_DECRYPT"),
    )
    for attribute, rotates in wanted:
        value = resource.get(attribute)
        if isinstance(value, Unknown) and not value.computed:
            return [unknown("Which kind of key this is is not known yet.", attribute, actual=value)]
        if not is_unset(value) and value not in ("", rotates):
            return [not_applicable(f"AWS does not rotate keys whose {attribute} is {value}.")]
    return []
