"""A report as JSON, against the schema that `tap schema ledger` prints."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from tapstack.report import formats, ledger_json
from tapstack.report.ledger_schema import schema
from tapstack.report.report import Report
from tests.unit.reports import BROKEN, CLOSED, OPEN, REFUSED, many

VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize(
    "report", [CLOSED, OPEN, BROKEN, REFUSED, replace(CLOSED, everything=True), many(100)]
)
def test_it_holds_to_the_published_schema(report: Report) -> None:
    assert [
        error.message for error in VALIDATOR.iter_errors(json.loads(formats.render("json", report)))
    ] == []


def test_the_schema_would_see_a_mistake() -> None:
    document = json.loads(formats.render("json", CLOSED))
    document["findings"][0]["verdict"] = "MAYBE"
    document["more"] = 1
    assert len(list(VALIDATOR.iter_errors(document))) == 2


def test_it_is_the_ledger_that_is_sealed() -> None:
    assert formats.render("json", CLOSED) == ledger_json.render(CLOSED.ledger)


@pytest.mark.slow
def test_fifty_thousand_findings_are_all_there() -> None:
    assert len(json.loads(formats.render("json", many(50_000)))["findings"]) == 50_000
