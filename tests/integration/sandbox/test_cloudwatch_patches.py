"""What tap mends in moto's CloudWatch, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

ALARM: dict[str, Any] = {
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "MetricName": "m",
    "Namespace": "n",
    "Period": 60,
    "Statistic": "Sum",
    "Threshold": 1,
}
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm"


@pytest.fixture
def cloudwatch(aws: Callable[..., Any]) -> Iterator[Any]:
    """A client, and the alarms `errors` and `slow one`."""
    client = aws("cloudwatch")
    for name in ("errors", "slow one"):
        client.put_metric_alarm(AlarmName=name, **ALARM)
    yield client
    client.delete_alarms(AlarmNames=["errors", "slow one", "both"])


def test_a_composite_alarm_is_kept_with_all_it_was_given(cloudwatch: Any) -> None:
    given = {
        "AlarmName": "both",
        "AlarmRule": 'ALARM("errors") AND NOT (OK("slow one") OR FALSE)',
        "AlarmDescription": "both at once",
        "ActionsEnabled": False,
        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:t"],
        "OKActions": ["arn:aws:sns:us-east-1:123456789012:u"],
        "InsufficientDataActions": [],
        "ActionsSuppressor": f"{ARN}:errors",
        "ActionsSuppressorWaitPeriod": 60,
        "ActionsSuppressorExtensionPeriod": 120,
    }
    cloudwatch.put_composite_alarm(**given, Tags=[{"Key": "a", "Value": "b"}])
    answer = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])
    [alarm] = answer["CompositeAlarms"]
    assert {name: alarm[name] for name in given} == given
    assert (alarm["AlarmArn"], alarm["StateValue"], answer["MetricAlarms"]) == (f"{ARN}:both", "OK", [])
    assert cloudwatch.list_tags_for_resource(ResourceARN=f"{ARN}:both")["Tags"] == [
        {"Key": "a", "Value": "b"}
    ]
    cloudwatch.delete_alarms(AlarmNames=["both"])
    assert not cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"]


@pytest.mark.parametrize(
    "rule",
    ["ALARM(errors)", f"ALARM({ARN}:errors)", "ALARM('slow one') OR ALARM(errors)", "TRUE", " NOT(FALSE)"],
)
def test_every_way_to_write_a_rule_is_taken(cloudwatch: Any, rule: str) -> None:
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=rule)
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"][0]["AlarmRule"] == rule


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("ALARM(errors) AND", "Error in AlarmRule"),
        ("ALARM(errors", "Error in AlarmRule"),
        ("ALARM(errors) XOR TRUE", "Error in AlarmRule"),
        ("errors", "Error in AlarmRule"),
        ("1 OR TRUE", "Error in AlarmRule"),
        ("TRUE(TRUE)", "Error in AlarmRule"),
        ("ALARM(nowhere) OR OK(errors)", r"alarms \[nowhere\] in the alarm rule do not exist"),
    ],
)
def test_a_rule_that_aws_would_not_take_is_refused(cloudwatch: Any, rule: str, said: str) -> None:
    with pytest.raises(ClientError, match=said):
        cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=rule)
    assert not cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"]
