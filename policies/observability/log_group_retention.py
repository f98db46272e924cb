"""Logs are kept as long as agreed, no longer and no shorter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import model_validator

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_number, is_unset

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
ACCEPTED_DAYS = frozenset(
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
)
_DEFAULT_DAYS = 14
_ATTRIBUTE = "retention_in_days"


class LogGroupRetention(Policy):
    """`retention_in_days` is `exactly` so many days, or within `min_days` and `max_days`."""

    id = "CKV_TAP_301"
    name = "log_group_retention"
    title = "CloudWatch log groups keep their events as long as agreed"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_cloudwatch_log_group",)
    rationale = (
        "A log group without retention keeps everything for ever: the bill grows, and so does what a leak "
        "gives away; one that is too short loses the evidence. Sharpens checkov's CKV_AWS_66 and CKV_AWS_338, "
        "which know one number for everybody."
    )
    remediation = "retention_in_days = 14"
    references = (
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
    )

    class Parameters(Policy.Parameters):
        """Days; `min_days` or `max_days` switches `exactly` off, which is 14 where nothing is set."""

        exactly: int | None = None
        min_days: int | None = None
        max_days: int | None = None

        @model_validator(mode="after")
        def _some_value_can_pass(self) -> Self:
            if not any(self.allows(days) for days in ACCEPTED_DAYS):
                accepted = ", ".join(str(days) for days in sorted(ACCEPTED_DAYS))
                raise ValueError(f"no value that CloudWatch accepts is {self.words()}; it accepts {accepted}")
            return self

        def bounds(self) -> tuple[int | None, int | None]:
            """Least and most days, both inclusive; None for no bound."""
            if self.min_days is not None or self.max_days is not None:
                return self.min_days, self.max_days
            exactly = _DEFAULT_DAYS if self.exactly is None else self.exactly
            return exactly, exactly

        def allows(self, days: float) -> bool:
            """Whether so many days are within the bounds."""
            least, most = self.bounds()
            return (least is None or days >= least) and (most is None or days <= most)

        def words(self) -> str:
            """The bounds as a person says them."""
            least, most = self.bounds()
            if least == most:
                return f"exactly {least}"
            if least is None or most is None:
                return f"at most {most}" if least is None else f"at least {least}"
            return f"between {least} and {most}"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the days are set, accepted by CloudWatch, and what was agreed."""
        yield self._retention(as_number(resource.get(_ATTRIBUTE)), self.parameters.words())

    def _retention(self, days: Any, expected: str) -> Evidence:
        if is_unset(days) or days == 0:
            actual = None if is_unset(days) else days
            return failed(
                "The log group keeps its events for ever.", _ATTRIBUTE, actual=actual, expected=expected
            )
        if isinstance(days, Unknown):
            return unknown("The retention is not known yet.", _ATTRIBUTE, actual=days, expected=expected)
        if days not in ACCEPTED_DAYS:
            return failed(
                "CloudWatch does not accept this retention.", _ATTRIBUTE, actual=days, expected=expected
            )
        if not self.parameters.allows(days):
            return failed(
                f"The log group keeps its events for {days} days.", _ATTRIBUTE, actual=days, expected=expected
            )
        return passed(f"Events are kept for {days} days.", _ATTRIBUTE, days)
