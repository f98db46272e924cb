"""What a function's response says of a batch: Lambda's conditions for success, failure and both in part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tapstack.sandbox.event_sources.batch import failed
from tapstack.sandbox.functions import Invocation

ITEMS = ["1", "2", "3"]


def done(payload: object, error: str | None = None) -> Invocation:
    return Invocation(json.dumps(payload).encode(), error, "", "request", "stream")


def reported(*names: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}])
def test_these_responses_are_a_success(response: object) -> None:
    assert failed(done(response), ITEMS, reports=True) == frozenset()


@pytest.mark.parametrize(
    "response",
    [
        "text",
        3,
        [],
        reported(""),
        reported(None),
        reported(["1"]),
        reported("4"),
        reported("1", "4"),
        {"batchItemFailures": "1"},
        {"batchItemFailures": ["1"]},
        {"batchItemFailures": [{"identifier": "1"}]},
    ],
)
def test_these_responses_are_a_failure_of_all(response: object) -> None:
    assert failed(done(response), ITEMS, reports=True) == frozenset(ITEMS)


def test_what_is_named_failed() -> None:
    assert failed(done(reported("2", "3", "2")), ITEMS, reports=True) == frozenset({"2", "3"})


def test_a_response_means_nothing_unless_it_was_agreed_on() -> None:
    assert failed(done(reported("2")), ITEMS, reports=False) == frozenset()


@pytest.mark.parametrize("reports", [True, False])
def test_an_error_is_a_failure_of_all(reports: bool) -> None:
    assert failed(done(reported("2"), "Unhandled"), ITEMS, reports=reports) == frozenset(ITEMS)
