"""What moto's Step Functions lack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.stepfunctions.models import StepFunctionBackend
from moto.stepfunctions.responses import StepFunctionResponse

from tapstack.sandbox.record import Sandbox

_TYPES: Final = frozenset({"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"})
_ENDS: Final = frozenset({"Choice", "Succeed", "Fail"})

# Code, message, and where: the parts of a diagnostic.
_Fault = tuple[str, str, str]


def stepfunctions_validation(_sandbox: Sandbox) -> None:
    """ValidateStateMachineDefinition is not implemented.

    The provider asks it before every plan of an aws_sfn_state_machine, which fails. What is looked at is whether
    the definition is JSON and its states can be walked: types, transitions, ends, in branches and maps too; what
    the states do is not. Delete when moto implements ValidateStateMachineDefinition.
    """
    if hasattr(StepFunctionResponse, "validate_state_machine_definition"):
        raise AttributeError("ValidateStateMachineDefinition is implemented")

    def validate_state_machine_definition(self: Any) -> Any:
        diagnostics = [
            {"severity": "ERROR", "code": code, "message": message, "location": location}
            for code, message, location in _faults(self._get_param("definition"))
        ]
        result = "FAIL" if diagnostics else "OK"
        return ActionResult({"result": result, "diagnostics": diagnostics, "truncated": False})

    StepFunctionResponse.validate_state_machine_definition = validate_state_machine_definition


def stepfunctions_versions(_sandbox: Sandbox) -> None:
    """ListStateMachineVersions is not implemented.

    The provider asks it whenever it reads an aws_sfn_state_machine: the apply fails after the machine was made.
    Delete when moto implements ListStateMachineVersions.
    """
    describe = StepFunctionBackend.describe_state_machine
    if hasattr(StepFunctionResponse, "list_state_machine_versions"):
        raise AttributeError("ListStateMachineVersions is implemented")

    def list_state_machine_versions(self: Any) -> Any:
        versions = describe(self.stepfunction_backend, self._get_param("stateMachineArn")).versions
        newest_first = [
            {"stateMachineVersionArn": one.arn, "creationDate": one.creation_date}
            for _, one in sorted(versions.items(), reverse=True)
        ]
        return ActionResult({"stateMachineVersions": newest_first})

    StepFunctionResponse.list_state_machine_versions = list_state_machine_versions


def _faults(definition: str) -> list[_Fault]:
    try:
        machine = json.loads(definition)
    except ValueError as error:
        return [("INVALID_JSON_DESCRIPTION", f"Could not parse JSON: {error}", "")]
    return list(_of_machine(machine, ""))


def _of_machine(machine: object, at: str) -> Iterator[_Fault]:
    """The faults of a state machine, or of one inside a state.

    https://states-language.net/spec.html
    """
    states = machine.get("States") if isinstance(machine, Mapping) else None
    if not isinstance(machine, Mapping) or not isinstance(states, Mapping) or not states:
        yield ("SCHEMA_VALIDATION_FAILED", "States is missing or empty", f"{at}/States")
        return
    if machine.get("StartAt") not in states:
        yield (
            "MISSING_TRANSITION_TARGET",
            f"StartAt names no state: {machine.get('StartAt')}",
            f"{at}/StartAt",
        )
    for name, state in states.items():
        yield from _of_state(state, states, f"{at}/States/{name}")


def _of_state(state: object, states: Mapping[str, object], at: str) -> Iterator[_Fault]:
    if not isinstance(state, Mapping) or state.get("Type") not in _TYPES:
        yield ("SCHEMA_VALIDATION_FAILED", f"Type is none of {', '.join(sorted(_TYPES))}", f"{at}/Type")
        return
    kind = state["Type"]
    if kind not in _ENDS and state.get("End") is not True and "Next" not in state:
        yield ("SCHEMA_VALIDATION_FAILED", "The state has neither Next nor End", at)
    if kind == "Choice" and not state.get("Choices"):
        yield ("SCHEMA_VALIDATION_FAILED", "Choices is missing or empty", f"{at}/Choices")
    for target in _targets(state):
        if target not in states:
            yield ("MISSING_TRANSITION_TARGET", f"There is no state {target}", at)
    if kind == "Parallel":
        for number, branch in enumerate(state.get("Branches") or [None]):
            yield from _of_machine(branch, f"{at}/Branches/{number}")
    if kind == "Map":
        inner = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
        yield from _of_machine(state.get(inner), f"{at}/{inner}")


def _targets(state: Mapping[str, Any]) -> Iterator[object]:
    places = [state, *(state.get("Catch") or []), *(state.get("Choices") or [])]
    yield from (place["Next"] for place in places if isinstance(place, Mapping) and "Next" in place)
    if "Default" in state:
        yield state["Default"]
