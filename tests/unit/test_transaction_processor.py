"""What the transaction pipeline's function takes for a transaction, what it refuses, and what it answers Lambda."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

HANDLER = Path(__file__).parents[2] / "terraform/examples/transaction_pipeline/handlers/processor/handler.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("transaction_processor", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks for the module that it stands in.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


processor = load()

TRANSACTION = {
    "transactionId": "t-1",
    "accountId": "a-1",
    "amount": 12.5,
    "currency": "EUR",
    "occurredAt": "2025-01-31T12:00:00Z",
}


def encoded(data: bytes | dict[str, Any]) -> str:
    plain = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.b64encode(plain).decode()


def refused(data: bytes | dict[str, Any]) -> str:
    """The field that is wrong."""
    with pytest.raises(processor.InvalidTransactionError) as refusal:
        processor.transaction_of(encoded(data))
    field: str = refusal.value.field
    assert str(refusal.value) == f"{field}: expected {refusal.value.expected}"
    return field


def event(*data: bytes | dict[str, Any]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventSource": "aws:kinesis",
                "eventID": f"shardId-000000000000:{number}",
                "kinesis": {
                    "sequenceNumber": str(number),
                    "partitionKey": "a-1",
                    "approximateArrivalTimestamp": 1738324800.5,
                    "data": encoded(one),
                },
            }
            for number, one in enumerate(data, 1)
        ]
    }


def context(millis: int = 60_000) -> Any:
    return SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: millis)


def test_a_transaction_becomes_an_item_of_dynamodbs_api() -> None:
    assert processor.transaction_of(encoded(TRANSACTION)) == {
        "transactionId": {"S": "t-1"},
        "accountId": {"S": "a-1"},
        "amount": {"N": "12.5"},
        "currency": {"S": "EUR"},
        "occurredAt": {"S": "2025-01-31T12:00:00+00:00"},
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"transaction",
        b"[]",
        b"null",
        b'{"amount": NaN}',
        b"[" * 100_000,
        b'{"a": 1E' + b"9" * 30,
    ],
)
def test_a_record_must_be_a_json_object(data: bytes) -> None:
    assert refused(data) == "record"


@pytest.mark.parametrize("field", list(TRANSACTION))
def test_every_field_must_be_there(field: str) -> None:
    assert refused({name: value for name, value in TRANSACTION.items() if name != field}) == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transactionId", ""),
        ("transactionId", 7),
        ("transactionId", "a" * 129),
        ("transactionId", "-a"),
        ("accountId", "two words"),
        ("accountId", "\ud800"),
        ("amount", "12.5"),
        ("amount", True),
        ("amount", 0),
        ("amount", 1e20),
        ("amount", 1e-19),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("occurredAt", "2025-01-31T12:00:00"),
        ("occurredAt", "yesterday"),
        ("occurredAt", 1738324800),
    ],
)
def test_a_field_must_have_a_value_of_its_kind(field: str, value: object) -> None:
    assert refused(TRANSACTION | {field: value}) == field


def test_another_field_is_refused_by_a_short_name() -> None:
    assert refused(TRANSACTION | {"note": "x"}) == "note"
    assert len(refused(TRANSACTION | {"n" * 100_000: "x"})) == 64


@pytest.mark.parametrize("amount", ["99999999999999999999", "-0.000000000000000001", "1E+5", "12.50"])
def test_an_amount_keeps_its_value(amount: str) -> None:
    text = json.dumps(TRANSACTION).replace("12.5", amount)
    found = processor.transaction_of(encoded(text.encode()))["amount"]["N"]
    assert Decimal(found) == Decimal(amount)
    assert "E" not in found


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(list(TRANSACTION)) | st.text(), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_a_record_holds_is_a_transaction_or_refused(data: bytes) -> None:
    try:
        item = processor.transaction_of(encoded(data))
    except processor.InvalidTransactionError:
        return
    assert item.keys() == TRANSACTION.keys()


def test_without_time_for_a_record_it_is_left_for_another_delivery(capfd: pytest.CaptureFixture[str]) -> None:
    answer = load().handle(event(TRANSACTION, TRANSACTION), context(millis=24_000))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["WARNING", "INFO"]
    assert lines[0]["record"] == "shardId-000000000000:1"
    assert lines[1] | {"left": 2, "requestId": "request-1"} == lines[1]


def test_an_empty_batch_has_no_failures() -> None:
    assert processor.handle({"Records": []}, context()) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "wrong", [None, {}, {"Records": [{"eventSource": "aws:sqs", "body": "x"}]}, {"Records": 7}]
)
def test_an_event_of_something_else_is_a_fault(wrong: object, capfd: pytest.CaptureFixture[str]) -> None:
    fresh = load()
    with pytest.raises(fresh.ProcessingError, match=r"see the log of request request-1$"):
        fresh.handle(wrong, context())
    (line,) = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert (line["level"], line["requestId"]) == ("ERROR", "request-1")
    assert "expected an event of a Kinesis stream" in line["exception"]
