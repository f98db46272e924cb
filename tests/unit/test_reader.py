"""Which ids the reader takes, how it writes an item as JSON, and what it answers for a fault."""

from __future__ import annotations

import importlib.util
import json
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from boto3.dynamodb.types import DYNAMODB_CONTEXT, Binary
from hypothesis import given
from hypothesis import strategies as st

HANDLER = Path(__file__).parents[2] / "terraform" / "handlers" / "reader" / "handler.py"
CONTEXT = SimpleNamespace(aws_request_id="request-1")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reader_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = load()

decimals = st.decimals(
    allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20
)


def refusal(event: object) -> dict[str, Any]:
    answer = reader.handle(event, CONTEXT)
    assert answer["statusCode"] == 400
    assert answer["headers"] == {"Content-Type": "application/json"}
    body = json.loads(answer["body"])
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize("event", [{"id": "a"}, {"pathParameters": {"id": "a"}, "body": None}])
def test_an_id_comes_directly_or_as_a_path_parameter(event: object) -> None:
    assert reader.id_of(event) == "a"


def test_an_id_of_the_event_wins_over_a_path_parameter() -> None:
    assert reader.id_of({"id": "a", "pathParameters": {"id": "b"}}) == "a"


@pytest.mark.parametrize(
    "event",
    [{}, {"id": ""}, {"id": 7}, {"id": None}, {"pathParameters": None}, {"pathParameters": {"id": ""}}],
)
def test_an_id_must_be_a_non_empty_string(event: object) -> None:
    assert refusal(event) == {
        "message": "id: expected a non-empty string",
        "field": "id",
        "expected": "a non-empty string",
    }


@pytest.mark.parametrize("event", [None, [], "id", 7])
def test_an_event_must_be_an_object(event: object) -> None:
    assert refusal(event)["message"] == "event: expected a JSON object"


def test_an_id_may_have_2048_bytes_and_no_more() -> None:
    assert reader.id_of({"id": "é" * 1024}) == "é" * 1024
    assert refusal({"id": "é" * 1024 + "x"})["expected"] == "at most 2048 bytes of UTF-8, found 2049"


def test_half_a_surrogate_pair_is_refused() -> None:
    assert refusal({"id": "\ud800"})["expected"] == "text that UTF-8 can encode"


@given(decimals)
def test_numbers_keep_all_their_digits(number: Decimal) -> None:
    assert json.loads(reader.to_json(number), parse_int=Decimal, parse_float=Decimal) == number


@pytest.mark.parametrize("digits", ["1E-130", "9.9E+125", "-0", "0.10", "-1E+40", "1" * 38])
def test_every_number_of_dynamodb_is_a_json_number(digits: str) -> None:
    number = DYNAMODB_CONTEXT.create_decimal(digits)
    assert json.loads(reader.to_json(number), parse_int=Decimal, parse_float=Decimal) == number


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_everything_else_is_written_as_json_writes_it(value: object) -> None:
    assert json.loads(reader.to_json(value)) == value


def test_sets_become_sorted_lists() -> None:
    item = {"names": {"b", "a"}, "numbers": {Decimal(10), Decimal(9)}, "blobs": {Binary(b"b"), Binary(b"a")}}
    assert json.loads(reader.to_json(item)) == {
        "names": ["a", "b"],
        "numbers": [9, 10],
        "blobs": ["YQ==", "Yg=="],
    }


def test_a_fault_is_logged_and_answered_500_without_its_cause(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    answer = load().handle({"id": "a"}, CONTEXT)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {"message": "the item was not read", "requestId": "request-1"}
    line = json.loads(capfd.readouterr().err)
    assert line["level"] == "ERROR"
    assert line["requestId"] == "request-1"
    assert line["status"] == 500
    assert "KeyError: 'TABLE_NAME'" in line["exception"]
