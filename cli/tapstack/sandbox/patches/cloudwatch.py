"""What moto's CloudWatch lacks."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import Any, Final

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import EmptyResult

from tapstack.sandbox.record import Sandbox

# ALARM("name"), OK(name), INSUFFICIENT_DATA(arn)
_STATE: Final = re.compile(
    r"""\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|'([^']+)'|([^\s()"']+))\s*\)"""
)
_WORDS: Final = {"AND": "and", "OR": "or", "NOT": "not", "TRUE": "True", "FALSE": "False"}
_RULE: Final = (ast.Expression, ast.BoolOp, ast.UnaryOp, ast.Constant, ast.And, ast.Or, ast.Not)
# Parameters that moto's alarm has no place for; they are returned under the same name.
_OF_COMPOSITE: Final = {
    "ActionsSuppressor": "actions_suppressor",
    "ActionsSuppressorWaitPeriod": "actions_suppressor_wait_period",
    "ActionsSuppressorExtensionPeriod": "actions_suppressor_extension_period",
}


def cloudwatch_composite_alarm(_sandbox: Sandbox) -> None:
    """PutCompositeAlarm is not implemented.

    The apply of an aws_cloudwatch_composite_alarm fails. The rule is checked as AWS does (its words, and that the
    alarms it names exist); like every alarm here it never fires. Delete when moto implements PutCompositeAlarm.
    """
    put = CloudWatchBackend.put_metric_alarm
    if hasattr(CloudWatchResponse, "put_composite_alarm"):
        raise AttributeError("PutCompositeAlarm is implemented")

    def put_composite_alarm(self: Any) -> Any:
        backend, rule = self.cloudwatch_backend, self._get_param("AlarmRule")
        _check(rule, backend.alarms)
        alarm = put(
            backend,
            name=self._get_param("AlarmName"),
            rule=rule,
            description=self._get_param("AlarmDescription"),
            actions_enabled=self._get_param("ActionsEnabled"),
            alarm_actions=self._get_param("AlarmActions", []),
            ok_actions=self._get_param("OKActions", []),
            insufficient_data_actions=self._get_param("InsufficientDataActions", []),
            tags=self._get_param("Tags", []),
            **dict.fromkeys(("namespace", "metric_name", "comparison_operator", "evaluation_periods")),
            **dict.fromkeys(("period", "threshold", "statistic")),
            dimensions=[],
        )
        alarm.alarm_rule = rule
        for parameter, attribute in _OF_COMPOSITE.items():
            setattr(alarm, attribute, self._get_param(parameter))
        return EmptyResult()

    CloudWatchResponse.put_composite_alarm = put_composite_alarm


def _check(rule: str, alarms: Collection[str]) -> None:
    """Raise moto's ValidationError for a rule that AWS would not take.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """
    named = ["".join(groups).rpartition(":alarm:")[2] for groups in _STATE.findall(rule)]
    plain = re.sub(r"\w+", lambda word: _WORDS.get(word[0], word[0]), _STATE.sub("TRUE", rule))
    try:
        parts = list(ast.walk(ast.parse(plain.strip(), mode="eval")))
    except SyntaxError as error:
        raise ValidationError(f"Error in AlarmRule [{rule}]") from error
    if not all(isinstance(part, _RULE) and isinstance(getattr(part, "value", True), bool) for part in parts):
        raise ValidationError(f"Error in AlarmRule [{rule}]")
    if missing := [name for name in dict.fromkeys(named) if name not in alarms]:
        listed = ", ".join(missing)
        raise ValidationError(
            f"Could not save the composite alarm as alarms [{listed}] in the alarm rule do not exist"
        )
