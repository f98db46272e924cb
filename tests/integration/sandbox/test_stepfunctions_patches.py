"""What tap mends in moto's Step Functions, seen through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

DONE = {"Type": "Succeed"}
INNER = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
MACHINE = {
    "StartAt": "Fetch",
    "States": {
        "Fetch": {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Which",
        },
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "Both"}],
            "Default": "Each",
        },
        "Both": {"Type": "Parallel", "Branches": [INNER, INNER], "Next": "Done"},
        "Each": {"Type": "Map", "ItemProcessor": INNER, "End": True},
        "Failed": {"Type": "Fail"},
        "Done": DONE,
    },
}


def verdict(aws: Callable[..., Any], definition: object) -> tuple[str, list[str]]:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    answer = aws("stepfunctions").validate_state_machine_definition(definition=text, type="STANDARD")
    assert answer["truncated"] is False
    assert {one["severity"] for one in answer["diagnostics"]} <= {"ERROR"}
    return answer["result"], [f"{one['code']} {one['location']}".rstrip() for one in answer["diagnostics"]]


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": states}


def test_a_machine_whose_states_can_be_walked_is_ok(aws: Callable[..., Any]) -> None:
    assert verdict(aws, MACHINE) == ("OK", [])


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        ("{", "INVALID_JSON_DESCRIPTION"),
        ("[]", "SCHEMA_VALIDATION_FAILED /States"),
        ({"StartAt": "A"}, "SCHEMA_VALIDATION_FAILED /States"),
        ({"States": {"A": DONE}}, "MISSING_TRANSITION_TARGET /StartAt"),
        (machine(A={"Type": "Taks", "End": True}), "SCHEMA_VALIDATION_FAILED /States/A/Type"),
        (machine(A={"Type": "Pass"}), "SCHEMA_VALIDATION_FAILED /States/A"),
        (machine(A={"Type": "Pass", "Next": "B"}), "MISSING_TRANSITION_TARGET /States/A"),
        (machine(A={"Type": "Choice", "Default": "A"}), "SCHEMA_VALIDATION_FAILED /States/A/Choices"),
        (machine(A={"Type": "Choice", "Choices": [{"Next": "B"}]}), "MISSING_TRANSITION_TARGET /States/A"),
        (
            machine(A={"Type": "Task", "End": True, "Catch": [{"Next": "B"}]}),
            "MISSING_TRANSITION_TARGET /States/A",
        ),
        (
            machine(A={"Type": "Parallel", "End": True}),
            "SCHEMA_VALIDATION_FAILED /States/A/Branches/0/States",
        ),
        (
            machine(A={"Type": "Map", "End": True, "Iterator": {**INNER, "StartAt": "B"}}),
            "MISSING_TRANSITION_TARGET /States/A/Iterator/StartAt",
        ),
    ],
)
def test_what_is_wrong_with_a_machine_is_found(
    aws: Callable[..., Any], definition: object, fault: str
) -> None:
    assert verdict(aws, definition) == ("FAIL", [fault])


def test_the_versions_of_a_machine_are_listed_newest_first(aws: Callable[..., Any]) -> None:
    states, definition = aws("stepfunctions"), json.dumps(INNER)
    role = "arn:aws:iam::123456789012:role/tests"
    made = states.create_state_machine(name="versions", definition=definition, roleArn=role)
    arn = made["stateMachineArn"]
    assert states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"] == []
    for _ in range(2):
        states.update_state_machine(stateMachineArn=arn, definition=definition, publish=True)
    versions = states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [one["stateMachineVersionArn"] for one in versions] == [f"{arn}:2", f"{arn}:1"]
    states.delete_state_machine(stateMachineArn=arn)
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        states.list_state_machine_versions(stateMachineArn=arn)
