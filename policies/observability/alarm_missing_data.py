"""An alarm says what silence means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Unknown, is_unset

_ATTRIBUTE = "treat_missing_data"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_DEFAULT = "missing"


class AlarmMissingData(Policy):
    """`treat_missing_data` is set, to the `value` that was agreed."""

    id = "CKV_TAP_305"
    name = "alarm_missing_data"
    title = "Alarms say how they treat missing data"
    severity = Severity.LOW
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_cloudwatch_metric_alarm",)
    rationale = (
        "A function that nobody calls publishes no errors. Left alone, its alarm goes to INSUFFICIENT_DATA and "
        "back with every quiet hour, and people learn to ignore it."
    )
    remediation = 'treat_missing_data = "notBreaching"'
    references = (
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/"
        "AlarmThatSendsEmail.html#alarms-and-missing-data",
    )

    class Parameters(Policy.Parameters):
        """The value every alarm must have; "any" for whichever, as long as it is written."""

        value: Literal["missing", "ignore", "breaching", "notBreaching", "any"] = "notBreaching"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether it is explicit, and what was agreed."""
        wanted = self.parameters.value
        expected = "any explicit value" if wanted == "any" else wanted
        value = _explicit(resource)
        if isinstance(value, Unknown) and not value.computed:
            yield unknown(
                "How the alarm treats missing data is not known yet.",
                _ATTRIBUTE,
                actual=value,
                expected=expected,
            )
        elif is_unset(value):
            yield failed(
                f"The alarm does not say how it treats missing data; CloudWatch then takes {_DEFAULT}.",
                _ATTRIBUTE,
                expected=expected,
            )
        elif wanted == "any" and value == _DEFAULT and stack.kind is Kind.STATE:
            yield unknown(
                f"A state does not tell whether {_DEFAULT} was written or is CloudWatch's default.",
                _ATTRIBUTE,
                actual=value,
                expected=expected,
            )
        elif wanted not in ("any", value):
            yield failed(
                f"The alarm treats missing data as {value}.", _ATTRIBUTE, actual=value, expected=expected
            )
        else:
            yield passed(f"The alarm treats missing data as {value}.", _ATTRIBUTE, value)


def _explicit(resource: Resource) -> Any:
    """The value; MISSING where a plan shows the provider's default that the configuration doesn't set."""
    if resource.expressions is not None and _ATTRIBUTE not in resource.expressions:
        return MISSING
    return resource.get(_ATTRIBUTE)
