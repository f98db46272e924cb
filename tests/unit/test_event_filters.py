"""Event patterns: each rule that Lambda documents, what it lets through and what not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tapstack.sandbox.event_sources.filters import InvalidPattern, compiled


def accepts(pattern: object, facts: dict[str, Any]) -> bool:
    return compiled((json.dumps(pattern),)).accept(facts)


@pytest.mark.parametrize(
    ("rules", "yes", "no"),
    [
        (["x"], ["x", ["y", "x"]], ["y", "X", None, 1, {"x": 1}, ["y"], []]),
        ([1], [1, 1.0], [True, "1", 2]),
        ([True], [True], [1, "true", False]),
        ([None], [None], ["", 0, False]),
        ([""], [""], [None, " "]),
        (["a", "b"], ["a", "b"], ["c"]),
        ([{"prefix": "us-"}], ["us-", "us-east-1"], ["eu-west-1", 1, None]),
        ([{"suffix": ".png"}], ["a.png"], ["a.jpg", 5]),
        ([{"equals-ignore-case": "Alice"}], ["ALICE", "alice"], ["bob", 1]),
        ([{"anything-but": ["a", 1]}], ["b", 2, None], ["a", 1]),
        ([{"anything-but": "a"}], ["b"], ["a"]),
        ([{"anything-but": {"prefix": "a"}}], ["b"], ["ab"]),
        ([{"numeric": ["=", 100]}], [100, 100.0], [99, "100", True]),
        ([{"numeric": [">", 10, "<=", 20]}], [10.5, 20], [10, 21, "15"]),
        ([{"exists": True}], ["", None, 0, False], [{"a": 1}, []]),
    ],
)
def test_a_rule_lets_through_and_drops(rules: list[Any], yes: list[Any], no: list[Any]) -> None:
    assert [value for value in yes if not accepts({"key": rules}, {"key": value})] == []
    assert [value for value in no if accepts({"key": rules}, {"key": value})] == []


def test_only_exists_false_accepts_a_key_that_is_not_there() -> None:
    assert accepts({"key": [{"exists": False}]}, {})
    assert accepts({"above": {"key": [{"exists": False}]}}, {})
    assert not accepts({"key": [{"exists": False}]}, {"key": None})
    for rule in (None, "", {"exists": True}, {"anything-but": ["a"]}, {"numeric": ["<", 1]}, {"prefix": ""}):
        assert not accepts({"key": [rule]}, {}), rule


def test_all_keys_must_match_and_one_rule_of_each() -> None:
    pattern = {"a": {"b": ["x", "y"]}, "c": [1]}
    assert accepts(pattern, {"a": {"b": "y", "more": 1}, "c": 1})
    assert not accepts(pattern, {"a": {"b": "y"}, "c": 2})
    assert not accepts(pattern, {"a": "b", "c": 1})


def test_or_takes_one_of_several_patterns() -> None:
    pattern = {"$or": [{"a": ["x"]}, {"b": [1]}], "c": [True]}
    assert accepts(pattern, {"a": "x", "c": True})
    assert accepts(pattern, {"b": 1, "c": True})
    assert not accepts(pattern, {"a": "y", "b": 2, "c": True})
    assert not accepts(pattern, {"a": "x", "c": False})


def test_objects_in_an_array_are_looked_through() -> None:
    assert accepts({"lines": {"sku": ["x"]}}, {"lines": [{"sku": "y"}, {"sku": "x"}]})
    assert not accepts({"lines": {"sku": ["x"]}}, {"lines": [{"sku": "y"}]})


def test_one_of_several_criteria_is_enough_and_none_let_all_through() -> None:
    criteria = compiled(('{"a": ["x"]}', '{"b": ["x"]}'))
    assert criteria.accept({"b": "x"})
    assert not criteria.accept({"c": "x"})
    assert compiled(()).accept({})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"a": "x"}',
        '{"a": []}',
        '{"a": [["x"]]}',
        '{"a": [{"matches": "x"}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}',
        '{"a": [{"exists": "yes"}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["!", 1]}]}',
        '{"a": [{"numeric": [">", "1"]}]}',
        '{"$or": []}',
        '{"$or": ["x"]}',
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern):
        compiled((text,))
