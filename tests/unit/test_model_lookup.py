"""Looking values up by path: known, missing, unknown, and known in part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.model.stack import Resource, module_path
from tapstack.model.values import MISSING, Unknown, as_bool, as_number, is_unset

KEY = {"references": ["aws_kms_key.k.arn", "aws_kms_key.k"]}


def resource(
    values: dict[str, Any], unknown: Any = False, expressions: dict[str, Any] | None = None
) -> Resource:
    return Resource("a_b.c", "a_b", "c", values=values, unknown=unknown, expressions=expressions)


def test_null_and_absent_are_both_missing() -> None:
    one = resource({"a": None, "b": [{"c": False}]})
    assert (one.get("a"), one.get("x"), one.get("b.1.c"), one.get("b.0.d")) == (MISSING,) * 4
    assert one.get("b.0.c") is False


def test_a_key_with_dots_is_looked_up_in_parts() -> None:
    assert resource({"tags": {"a.b": "c"}}).get(("tags", "a.b")) == "c"


def test_an_unknown_value_names_what_makes_it_up() -> None:
    one = resource({"e": [{"on": True}]}, {"e": [{"key": True}]}, {"e": [{"key": KEY, "on": {}}]})
    assert one.get("e.0.key") == Unknown(("aws_kms_key.k.arn",))
    assert one.get("e.0.on") is True


def test_an_unknown_value_that_nobody_set_is_computed() -> None:
    one = resource(
        {}, {"arn": True, "e": [{"days": True}]}, {"name": {}, "e": [{"on": {"constant_value": 1}}]}
    )
    assert one.get("arn") == Unknown(computed=True)
    assert one.get("e.0.days") == Unknown(computed=True)
    assert is_unset(one.get("arn"))


def test_nothing_is_concluded_about_what_is_inside_a_dynamic_block() -> None:
    # Terraform leaves dynamic blocks out of a plan's configuration.
    one = resource({"e": [{}]}, {"e": [{"key": True}]}, {"name": {}})
    assert one.get("e.0.key") == Unknown()
    assert not is_unset(one.get("e.0.key"))


def test_a_part_of_an_unknown_whole_is_unknown() -> None:
    one = resource({}, {"tags": True}, {"tags": KEY})
    assert one.get("tags.Name") == Unknown(("aws_kms_key.k.arn",))


def test_a_map_that_is_known_in_part_holds_unknown_where_it_is_not() -> None:
    values = {"tags": {"a": "b"}}
    one = resource(values, {"tags": {"key": True}}, {"tags": KEY})
    assert one.get("tags") == {"a": "b", "key": Unknown(("aws_kms_key.k.arn",))}
    assert values == {"tags": {"a": "b"}}


def test_the_references_of_a_block_in_a_set_are_those_of_all_its_blocks() -> None:
    expressions = {"r": [{"k": {"references": ["x_y.a"]}}, {"k": {"references": ["x_y.b"]}}]}
    one = resource({"r": [{}, {}]}, {"r": [{"k": True}, {"k": True}]}, expressions)
    assert one.get("r.0.k") == Unknown(("x_y.a", "x_y.b"))


def test_a_module_address_gives_the_path_of_its_calls() -> None:
    assert module_path('module.a["x.y[0]"].module.b-c[1]') == ("a", "b-c")
    assert module_path("") == ()


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("no", "no"), (1, 1), (False, False)])
def test_text_becomes_a_bool_where_terraform_would_make_it_one(value: Any, expected: Any) -> None:
    assert as_bool(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("14", 14), ("1.5", 1.5), ("x", "x"), (3, 3), ("nan", "nan")]
)
def test_text_becomes_a_number_where_terraform_would_make_it_one(value: Any, expected: Any) -> None:
    assert as_number(value) == expected


_KEYS = st.sampled_from(["a", "b", "0", "c"])
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_KEYS, below, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_KEYS, _TREES, max_size=3)


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if children is None:
        return [(path, tree)]
    return [leaf for key, below in children for leaf in _leaves(below, (*path, str(key)))]


@given(_OBJECTS)
def test_every_leaf_of_a_known_tree_is_found_at_its_path(tree: dict[str, Any]) -> None:
    one = resource(tree)
    for path, leaf in _leaves(tree):
        assert one.get(path) is (MISSING if leaf is None else leaf)


@given(_OBJECTS, _OBJECTS, _OBJECTS, st.lists(_KEYS, min_size=1, max_size=4))
def test_whatever_the_trees_a_lookup_answers_and_never_calls_the_unknown_known(
    values: dict[str, Any], unknown: dict[str, Any], expressions: dict[str, Any], path: list[str]
) -> None:
    found = resource(values, unknown, expressions).get(path)
    marked: Any = unknown
    for part in path:
        if marked is True:
            break
        marked = (
            marked.get(part)
            if isinstance(marked, dict)
            else marked[int(part)]
            if isinstance(marked, list) and part.isdigit() and int(part) < len(marked)
            else None
        )
    assert isinstance(found, Unknown) if marked is True else found is not None
