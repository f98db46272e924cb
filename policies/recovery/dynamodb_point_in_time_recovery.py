"""DynamoDB tables can be put back to any second of the last days."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, as_number, is_unset

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PointInTimeRecoverySpecification.html
_DAYS_OF_AWS = 35
_ENABLED = "point_in_time_recovery.0.enabled"
_DAYS = "point_in_time_recovery.0.recovery_period_in_days"


class DynamodbPointInTimeRecovery(Policy):
    """The block says `enabled = true`, and keeps `min_recovery_days` if that is set."""

    id = "CKV_TAP_201"
    name = "dynamodb_point_in_time_recovery"
    title = "DynamoDB tables have point-in-time recovery"
    severity = Severity.HIGH
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_dynamodb_table",)
    rationale = (
        "A faulty deployment or a wrong delete reaches every replica at once; only a continuous backup undoes "
        "it. Sharpens checkov's CKV_AWS_28 with the recovery period and with values that are not known yet."
    )
    remediation = "point_in_time_recovery {\n  enabled = true\n}"
    references = (
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
    )

    class Parameters(Policy.Parameters):
        """The fewest days one must be able to go back, 1 to 35; unset leaves it to the table."""

        min_recovery_days: int | None = Field(default=None, ge=1, le=35)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether recovery is on, then how far it reaches."""
        enabled = as_bool(resource.get(_ENABLED))
        if isinstance(enabled, Unknown) and not enabled.computed:
            yield unknown("Whether recovery is on is not known yet.", _ENABLED, actual=enabled, expected=True)
        elif enabled is not True:
            actual = False if is_unset(enabled) else enabled
            yield failed("The table has no point-in-time recovery.", _ENABLED, actual=actual, expected=True)
        else:
            yield self._period(resource)

    def _period(self, resource: Resource) -> Evidence:
        least = self.parameters.min_recovery_days
        if least is None:
            return passed("Point-in-time recovery is on.", _ENABLED, True)
        value = as_number(resource.get(_DAYS))
        days = _DAYS_OF_AWS if is_unset(value) else value
        expected = f"at least {least}"
        if isinstance(days, (int, float)):
            if days >= least:
                return passed(f"The table can be put back {days} days.", _DAYS, days)
            return failed(
                f"The table can be put back only {days} days.", _DAYS, actual=days, expected=expected
            )
        return unknown("How far recovery reaches is not known yet.", _DAYS, actual=days, expected=expected)
