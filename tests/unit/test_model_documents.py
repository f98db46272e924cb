"""Plans and states become stacks; anything else is refused in a sentence."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapstack.errors import GateFailed, TapError
from tapstack.model.plan import from_plan, is_plan
from tapstack.model.stack import Kind, Stack
from tapstack.model.state import from_state
from tapstack.model.values import Unknown

DOCUMENTS = Path(__file__).parents[1] / "policies" / "documents"
PLAN: dict[str, Any] = orjson.loads((DOCUMENTS / "plan.json").read_bytes())
STATE: dict[str, Any] = orjson.loads((DOCUMENTS / "state.json").read_bytes())
GRAPH: dict[str, Any] = orjson.loads((DOCUMENTS / "graph" / "plan.json").read_bytes())
DESTROY: dict[str, Any] = orjson.loads((DOCUMENTS / "destroy.json").read_bytes())


def test_a_plan_gives_every_instance_with_its_provider_and_references() -> None:
    stack = from_plan(PLAN)
    archive = stack.resources["module.archive.aws_cloudwatch_log_group.archive[1]"]
    assert (stack.kind, stack.declared, stack.deletions) == (Kind.PLAN, 7, ())
    assert (archive.module_path, archive.index, archive.provider_key) == (("archive",), 1, "aws")
    assert archive.get("kms_key_id") == Unknown(("var.key",))
    assert stack.resources["aws_kms_key.west"].provider_key == "aws.west"
    assert len(stack.of_types(("aws_cloudwatch_log_group",))) == 4
    assert len(stack.of_types(("*",))) == 9


def test_default_tags_of_a_plan_are_known_only_where_they_are_constant() -> None:
    document = copy.deepcopy(PLAN)
    assert from_plan(document).default_tags == {"aws": Unknown(("var.environment",))}
    tags = document["configuration"]["provider_config"]["aws"]["expressions"]["default_tags"][0]
    tags["tags"] = {"constant_value": {"Project": "p"}}
    assert from_plan(document).default_tags == {"aws": {"Project": "p"}}


def test_a_state_has_its_managed_resources_and_its_data() -> None:
    stack = from_state(STATE)
    assert stack.kind is Kind.STATE
    assert len(stack.of_types(("*",))) == 9
    assert "data.aws_caller_identity.current" in stack.resources


def test_an_empty_state_is_an_empty_stack() -> None:
    assert not from_state({"format_version": "1.0"}).resources


def test_what_a_plan_deletes_is_listed_and_not_judged() -> None:
    stack = from_plan(DESTROY)
    assert not stack.of_types(("*",))
    assert len(stack.deletions) == 9


def test_a_replaced_resource_is_judged_as_it_will_be() -> None:
    document = copy.deepcopy(PLAN)
    document["resource_changes"][2]["change"]["actions"] = ["delete", "create"]
    assert "aws_dynamodb_table.main" in from_plan(document).resources


def test_a_refresh_only_plan_is_judged_by_its_values() -> None:
    document = {**PLAN, "resource_changes": []}
    assert len(from_plan(document).of_types(("*",))) == 9


def test_a_plan_without_resources_of_a_configuration_that_has_some_is_refused() -> None:
    document = {**PLAN, "resource_changes": [], "planned_values": {"root_module": {}}}
    with pytest.raises(GateFailed, match="no resources, although the configuration declares 7"):
        from_plan(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "not a plan"),
        ({}, "not a plan"),
        ({"format_version": 1.2}, "not a plan"),
        ({**PLAN, "format_version": "2.0"}, "format version is 2.0"),
        ({**PLAN, "format_version": "0.2"}, "format version is 0.2"),
        (STATE, "not a plan"),
        ({**PLAN, "errored": True}, "incomplete"),
        ({**PLAN, "resource_changes": {}}, "at resource_changes"),
        ({**PLAN, "resource_changes": [{"address": "a_b.c"}]}, "does not say what happens to a_b.c"),
    ],
)
def test_what_is_not_a_plan_that_can_be_judged_is_refused(document: Any, said: str) -> None:
    with pytest.raises(GateFailed, match=said):
        from_plan(document)


def test_a_plan_is_not_taken_for_a_state() -> None:
    assert is_plan(PLAN)
    assert not is_plan(STATE)
    with pytest.raises(GateFailed, match="a plan, not a state"):
        from_state(PLAN)
    with pytest.raises(GateFailed, match="format version is 4"):
        from_state({**STATE, "format_version": "4"})


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(inner for key, below in children for inner in _paths(below, (*path, key)))]


_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, "", "x", [], {}, [None], {"a": None}, [[]], {"references": 3}]
)


def _replaced(document: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    changed = copy.copy(document)
    changed[path[0]] = _replaced(document[path[0]], path[1:], junk)
    return changed


def _ask(stack: Stack) -> None:
    """Every question that a policy may ask, about every resource."""
    assert stack.outputs is stack.outputs
    for resource in stack.resources.values():
        for attribute in ("tags", "tags_all", "point_in_time_recovery.0.enabled", "kms_key_id"):
            stack.target(resource, attribute, "aws_kms_key")
            stack.targets(resource, attribute)
            stack.expression(resource, attribute)
        stack.users(resource)
        stack.dependencies(resource)
        stack.region(resource)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([PLAN, GRAPH]).flatmap(lambda d: st.tuples(st.just(d), st.sampled_from(_paths(d)))), _JUNK
)
def test_a_plan_with_anything_anywhere_is_read_or_refused(
    place: tuple[Any, tuple[Any, ...]], junk: Any
) -> None:
    document, path = place
    try:
        stack = from_plan(_replaced(document, path, junk))
    except TapError:
        return
    _ask(stack)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_paths(STATE)), _JUNK)
def test_a_state_with_anything_anywhere_is_read_or_refused(path: tuple[Any, ...], junk: Any) -> None:
    try:
        stack = from_state(_replaced(STATE, path, junk))
    except TapError:
        return
    _ask(stack)


def switched_off(**more: Any) -> dict[str, Any]:
    """A whole plan of a configuration of which nothing is to be."""
    resource = {"mode": "managed", "type": "a_b", "name": "c", "count_expression": {"references": ["var.on"]}}
    root = {"resources": [resource], **more}
    return {
        "format_version": "1.2",
        "complete": True,
        "planned_values": {"root_module": {}},
        "configuration": {"root_module": root},
    }


def test_a_whole_plan_may_have_nothing_of_what_is_switched_off() -> None:
    inner = {"resources": [{"mode": "managed", "type": "a_b", "name": "d"}]}
    call = {"module": inner, "for_each_expression": {"references": ["var.on"]}}
    stack = from_plan(switched_off(module_calls={"inner": call}))
    assert (stack.declared, stack.resources) == (0, {})


@pytest.mark.parametrize("said", [{}, {"complete": False}])
def test_a_plan_that_does_not_say_that_it_is_whole_may_not(said: dict[str, Any]) -> None:
    document = {name: value for name, value in switched_off().items() if name != "complete"}
    with pytest.raises(GateFailed, match="The plan has no resources"):
        from_plan(document | said)


def test_what_has_neither_count_nor_for_each_can_not_be_switched_off() -> None:
    for module in ({"resources": [{"mode": "managed", "type": "a_b", "name": "d"}]}, {}):
        document = switched_off(module_calls={"inner": {"module": module}})
        if not module:
            del document["configuration"]["root_module"]["resources"][0]["count_expression"]
        with pytest.raises(GateFailed, match="The plan has no resources"):
            from_plan(document)


def test_what_a_plan_forgets_is_not_judged() -> None:
    document = copy.deepcopy(PLAN)
    change = next(one for one in document["resource_changes"] if one["mode"] == "managed")
    change["change"] |= {"actions": ["forget"], "after": None}
    stack = from_plan(document)
    assert stack.deletions == (change["address"],)
    assert change["address"] not in stack.resources
