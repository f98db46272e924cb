"""What the writer takes for an item, what it refuses, and what it says then."""

from __future__ import annotations

import importlib.util
import json
import math
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

HANDLERS = Path(__file__).parents[2] / "terraform" / "handlers"


def load(function: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{function}_handler", HANDLERS / function / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = load("writer")
reader = load("reader")
CONTEXT = SimpleNamespace(aws_request_id="request-1")

texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
numbers = st.integers(-(10**37), 10**37) | st.floats(-1e100, 1e100, allow_nan=False).filter(
    lambda number: number == 0 or abs(number) > 1e-100
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
items = st.builds(lambda key, rest: rest | {"id": key}, names, st.dictionaries(names, values, max_size=4))


def by_value(text: str) -> Any:
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


def through_the_table(item: dict[str, Any]) -> str:
    stored = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    read = {name: TypeDeserializer().deserialize(value) for name, value in stored.items()}
    text = reader.to_json(read)
    assert isinstance(text, str)
    return text


def refusal(event: object) -> dict[str, Any]:
    answer = writer.handle(event, CONTEXT)
    assert answer["statusCode"] == 400
    assert answer["headers"] == {"Content-Type": "application/json"}
    body = json.loads(answer["body"])
    assert body["message"] == f"{body['field']}: expected {body['expected']}"
    assert isinstance(body, dict)
    return body


def nested(levels: int) -> Any:
    value: Any = "core"
    for _ in range(levels):
        value = [value]
    return value


@given(items)
def test_what_a_direct_event_holds_is_what_the_reader_answers(item: dict[str, Any]) -> None:
    assert by_value(through_the_table(writer.item_of(item))) == by_value(json.dumps(item))


@given(items)
def test_what_a_body_holds_is_what_the_reader_answers(item: dict[str, Any]) -> None:
    text = json.dumps(item)
    assert by_value(through_the_table(writer.item_of({"body": text}))) == by_value(text)


def test_digits_a_float_would_round_survive() -> None:
    text = '{"id": "pi", "value": 3.1415926535897932384626433832795028842}'
    assert by_value(through_the_table(writer.item_of({"body": text}))) == by_value(text)


def test_an_event_with_an_id_is_the_item_even_if_it_has_a_body() -> None:
    event = {"id": "letter", "body": "Dear Sir"}
    assert writer.item_of(event) == event


@pytest.mark.parametrize("key", [None, "", 7, True, ["a"]])
def test_an_id_must_be_a_non_empty_string(key: object) -> None:
    assert refusal({"id": key})["expected"] == "a non-empty string"
    assert refusal({"body": json.dumps({"id": key})})["field"] == "id"


def test_an_item_without_an_id_is_refused() -> None:
    assert refusal({"name": "nobody"})["field"] == "id"


def test_an_id_may_have_2048_bytes_and_no_more() -> None:
    assert writer.item_of({"id": "é" * 1024})["id"] == "é" * 1024
    assert refusal({"id": "é" * 1024 + "x"}) == {
        "message": "id: expected at most 2048 bytes of UTF-8, found 2049",
        "field": "id",
        "expected": "at most 2048 bytes of UTF-8, found 2049",
    }


@pytest.mark.parametrize("event", [None, [], "id", 7])
def test_an_event_must_be_an_object(event: object) -> None:
    assert refusal(event) == {
        "message": "event: expected a JSON object",
        "field": "event",
        "expected": "a JSON object",
    }


@pytest.mark.parametrize(
    "body", [None, {"id": "a"}, "", "no json", "[]", '"id"', '{"id": "a", "n": NaN}', "[" * 100_000]
)
def test_a_body_must_be_an_object_as_text(body: object) -> None:
    assert refusal({"body": body})["message"] == "body: expected a JSON object as text"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**38 + 1, 1e126, 1e-131])
def test_a_number_dynamodb_cannot_hold_is_refused_by_its_path(number: float) -> None:
    assert refusal({"id": "a", "prices": [{"net": number}]})["field"] == "prices[0].net"


@pytest.mark.parametrize("text", ["9.9E+125", "-1E-130", "0E-200", "-0.0", "1" * 38])
def test_the_edges_of_dynamodbs_numbers_are_taken(text: str) -> None:
    stored = through_the_table(writer.item_of({"body": f'{{"id": "a", "number": {text}}}'}))
    assert by_value(stored)["number"] == Decimal(text)


def test_an_attribute_must_have_a_name() -> None:
    assert refusal({"id": "a", "": 1})["field"] == "event"
    assert refusal({"id": "a", "map": {"": 1}})["field"] == "map."


def test_half_a_surrogate_pair_is_refused() -> None:
    assert refusal({"body": '{"id": "a", "name": "\\ud800"}'})["field"] == "name"
    assert refusal({"body": '{"id": "\\ud800"}'})["field"] == "id"


def test_32_levels_of_nesting_are_an_item_and_33_are_not() -> None:
    assert writer.item_of({"id": "a", "deep": nested(32)})["deep"] == nested(32)
    assert refusal({"id": "a", "deep": nested(33)})["expected"] == "at most 32 levels of nesting"


def test_an_item_of_400_kb_is_the_largest() -> None:
    names_and_id = len("id") + len("a") + len("text")
    largest = "x" * (400 * 1024 - names_and_id)
    assert writer.item_of({"id": "a", "text": largest})["text"] == largest
    assert refusal({"id": "a", "text": largest + "x"})["expected"] == (
        "an item of at most 409600 bytes, found about 409601"
    )


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        ("é", 2),
        (0, 2),
        (12, 2),
        (123, 3),
        (1000, 2),
        ([], 3),
        (["a"], 5),
        ({"é": "a"}, 7),
    ],
)
def test_sizes_follow_dynamodbs_rules(value: object, size: int) -> None:
    assert writer.size_of(value) == size


def test_a_refusal_is_logged_with_its_request(capfd: pytest.CaptureFixture[str]) -> None:
    load("writer").handle({"id": 7}, CONTEXT)
    line = json.loads(capfd.readouterr().err)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "message": "id: expected a non-empty string",
        "requestId": "request-1",
        "status": 400,
    }


def test_a_fault_in_a_direct_event_is_raised_so_that_lambda_retries_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    fresh = load("writer")
    with pytest.raises(fresh.WriteError) as failure:
        fresh.handle({"id": "a"}, CONTEXT)
    assert str(failure.value) == "the item was not written; see the log of request request-1"
    line = json.loads(capfd.readouterr().err)
    assert line["requestId"] == "request-1"
    assert "status" not in line
    assert "KeyError: 'TABLE_NAME'" in line["exception"]


def test_a_fault_behind_a_front_end_is_answered_500_without_its_cause(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    answer = load("writer").handle({"body": '{"id": "a"}'}, CONTEXT)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {"message": "the item was not written", "requestId": "request-1"}
    assert json.loads(capfd.readouterr().err)["status"] == 500
