"""What the auditor of the order_audit example takes for a change of an order, and what it does about the rest."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

HANDLER = Path(__file__).parents[2] / "terraform/examples/order_audit/handlers/audit/handler.py"
CONTEXT = SimpleNamespace(aws_request_id="request-1")
ORDER = {"orderId": {"S": "o-1"}, "timestamp": {"N": "1700000000000"}, "status": {"S": "PAID"}}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("order_audit_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


audit = load()


def record(event: str = "INSERT", new: Any = ORDER, old: Any = None, number: str = "111") -> dict[str, Any]:
    image = new or old
    keys = {name: image[name] for name in ("orderId", "timestamp") if name in image}
    details: dict[str, Any] = {
        "Keys": keys,
        "SequenceNumber": number,
        "ApproximateCreationDateTime": 1700000000,
    }
    images = {"NewImage": new, "OldImage": old}
    details |= {name: one for name, one in images.items() if one is not None}
    return {"eventID": f"event-{number}", "eventName": event, "dynamodb": details}


def refusal(wrong: dict[str, Any]) -> str:
    with pytest.raises(audit.InvalidRecordError) as caught:
        audit.change_of(wrong)
    return str(caught.value.field)


def test_a_change_keeps_both_images_as_they_are() -> None:
    shipped = ORDER | {"status": {"S": "SHIPPED"}, "total": {"N": "12.50"}}
    change = audit.change_of(record("MODIFY", shipped, ORDER))
    assert change.object_key == "orders/o-1/1700000000000.json"
    assert json.loads(json.dumps(audit.document_of(change))) == {
        "eventId": "event-111",
        "eventName": "MODIFY",
        "sequenceNumber": "111",
        "madeAt": "2023-11-14T22:13:20+00:00",
        "orderId": "o-1",
        "timestamp": 1700000000000,
        "status": "SHIPPED",
        "newImage": shipped,
        "oldImage": ORDER,
    }


def test_a_removal_is_a_change_whatever_the_item_held() -> None:
    refused = ORDER | {"status": {"S": "failed"}}
    change = audit.change_of(record("REMOVE", None, refused))
    assert (change.status, change.new_image, change.old_image) == (None, None, refused)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("orderId", {"S": "../o-1"}),
        ("orderId", {"S": "a/b"}),
        ("orderId", {"S": "a" * 129}),
        ("orderId", {"S": "o-1\n"}),
        ("orderId", {"N": "1"}),
        ("timestamp", {"N": "1.5"}),
        ("timestamp", {"N": "-1"}),
        ("timestamp", {"N": "0"}),
        ("timestamp", {"N": "1" * 20}),
        ("timestamp", {"N": "\u0661"}),
        ("timestamp", {"S": "1"}),
        ("status", {"S": "failed"}),
        ("status", {"S": " FAILED"}),
        ("status", {"S": ""}),
        ("status", {"NULL": True}),
        ("status", "FAILED"),
    ],
)
def test_an_item_that_is_no_order_is_refused_by_the_attribute(attribute: str, value: Any) -> None:
    assert refusal(record(new=ORDER | {attribute: value})) == attribute


@pytest.mark.parametrize("attribute", ["orderId", "timestamp", "status"])
def test_what_is_missing_is_refused(attribute: str) -> None:
    assert refusal(record(new={k: v for k, v in ORDER.items() if k != attribute})) == attribute


def test_an_event_of_another_kind_is_refused() -> None:
    assert refusal(record("TRUNCATE")) == "eventName"
    assert refusal(record("MODIFY", None, ORDER)) == "NewImage"
    listed = record()
    listed["dynamodb"]["NewImage"] = ["no", "item"]
    assert refusal(listed) == "NewImage"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["Keys", "NewImage", "OldImage"]), json_values), json_values)
def test_whatever_a_record_holds_it_is_a_change_or_refused(details: dict[str, Any], event: Any) -> None:
    one = {"eventName": event, "dynamodb": {**details, "SequenceNumber": "1"}}
    try:
        change = audit.change_of(one)
    except audit.InvalidRecordError:
        return
    assert change.object_key.startswith("orders/")


@pytest.mark.parametrize(
    "event",
    [None, [], {}, {"Records": {}}, {"Records": [None]}, {"Records": [{"dynamodb": {"SequenceNumber": 1}}]}],
)
def test_an_event_that_is_no_batch_is_raised(event: Any) -> None:
    with pytest.raises(audit.InvalidEventError):
        audit.handle(event, CONTEXT)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as it is when nothing answers."""
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "ap-southeast-1",
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "AUDIT_BUCKET": "bucket",
        "ALERTS_TOPIC_ARN": "arn:aws:sns:ap-southeast-1:123456789012:alerts",
    }.items():
        monkeypatch.setenv(name, value)
    audit._s3.cache_clear()
    yield
    audit._s3.cache_clear()


def test_refused_records_are_reported_by_their_numbers() -> None:
    poison = record(new=ORDER | {"status": {"S": "failed"}})
    second = record(new=ORDER | {"orderId": {"S": "a/b"}}, number="112")
    answer = audit.handle({"Records": [poison, second]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "111"}, {"itemIdentifier": "112"}]}


@pytest.mark.usefixtures("nowhere")
def test_a_fault_is_raised_and_tells_its_cause_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    audit._log.addHandler(caplog.handler)
    try:
        with pytest.raises(audit.AuditError, match="request-1") as caught:
            audit.handle({"Records": [record()]}, CONTEXT)
    finally:
        audit._log.removeHandler(caplog.handler)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__suppress_context__
    (logged,) = caplog.records
    assert logged.facts["object"] == "orders/o-1/1700000000000.json"  # type: ignore[attr-defined]
    assert "127.0.0.1" in str(logged.exc_info)
