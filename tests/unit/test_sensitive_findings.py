"""What Terraform calls sensitive is in no finding, even where the mask of the process has never heard of it."""

from __future__ import annotations

from typing import Any

import pytest

from tapstack.gate.policy import failed, passed
from tapstack.masking import MASK, MASKED, Mask
from tapstack.model.plan import from_plan
from tapstack.model.stack import Resource
from tapstack.model.state import from_state
from tests.unit.test_gate_engine import asked, says

VALUES = {"x": "the-secret", "y": [{"inner": "the-inner", "open": "shown"}], "z": "shown"}
MARKS = {"x": True, "y": [{"inner": True}]}
RESOURCE = {"address": "a_b.c", "mode": "managed", "type": "a_b", "name": "c"}
PLAN = {
    "format_version": "1.2",
    "resource_changes": [
        {**RESOURCE, "change": {"actions": ["create"], "after": VALUES, "after_sensitive": MARKS}}
    ],
}
STATE = {
    "format_version": "1.0",
    "values": {"root_module": {"resources": [{**RESOURCE, "values": VALUES, "sensitive_values": MARKS}]}},
}
STACKS = {"plan": from_plan(PLAN), "state": from_state(STATE)}

QUOTES = says(
    lambda one: [
        failed(f"It is {one.get(path)}.", path, actual=one.get(path), expected="no such thing")
        for path in ("x", "y", "y.0.inner", "y.0.open", "z")
    ]
)


@pytest.mark.parametrize("kind", STACKS)
def test_a_finding_about_a_sensitive_attribute_does_not_quote_it(kind: str) -> None:
    ledger = asked(QUOTES, of=STACKS[kind])
    found = {one.attribute: (one.actual, one.message) for one in ledger.findings}
    assert found == {
        "x": (MASKED, f"It is {MASKED}."),
        # Which of them the message quotes is not known: all of them go.
        "y": (MASKED, f"It is [{{'inner': '{MASKED}', 'open': '{MASKED}'}}]."),
        "y.0.inner": (MASKED, f"It is {MASKED}."),
        "y.0.open": ("shown", "It is shown."),
        "z": ("shown", "It is shown."),
    }
    assert "the-" not in str(ledger.findings)


def test_what_passed_does_not_quote_it_either() -> None:
    passes = says(lambda one: [passed(f"It is {one.get('x')}.", "x", one.get("x"))])
    (one,) = asked(passes, of=STACKS["plan"]).others
    assert (one.actual, one.message) == (MASKED, f"It is {MASKED}.")


@pytest.mark.parametrize(
    ("marks", "path", "expected"),
    [
        (False, "x", False),
        ({}, "x", False),
        (True, "x.y", True),
        ({"x": [{"y": True}]}, "x", True),
        ({"x": [{"y": True}]}, "x.0.y", True),
        ({"x": [{"y": True}]}, "x.0.z", False),
        ({"x": [{"y": True}]}, "x.1", False),
        ({"x": {"y": False}}, "x", False),
    ],
)
def test_a_path_is_sensitive_with_what_is_above_or_below_it(marks: Any, path: str, expected: bool) -> None:
    assert Resource("a_b.c", "a_b", "c", sensitive=marks).is_sensitive(path) is expected


def test_a_ledger_is_masked_before_anybody_cuts_its_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Mask(["a secret of several words"])
    for name in ("_secrets", "_forms", "_lengths"):
        monkeypatch.setattr(MASK, name, getattr(known, name))
    said = says(
        lambda _: [
            failed("It is a secret of several words.", "x", actual={"k": ["a secret of several words"]})
        ]
    )
    ledger = asked(said)
    assert [(one.message, one.actual) for one in ledger.findings] == [(f"It is {MASKED}.", {"k": [MASKED]})]
    raises = says(lambda _: int("a secret of several words"))
    broken = asked(raises)
    assert MASKED in broken.errors[0].message
    assert "several words" not in str((broken.errors, broken.findings))
