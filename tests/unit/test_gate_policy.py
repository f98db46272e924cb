"""A policy's declarations are checked as it is defined, and nothing of checkov's is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from tapstack.errors import GateFailed
from tapstack.gate.address import matches
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, passed
from tapstack.model.stack import Resource, Stack

DECLARED: dict[str, Any] = {
    "id": "ACME_1",
    "name": "acme",
    "title": "Acme",
    "severity": Severity.LOW,
    "enforcement": Enforcement.ADVISORY,
    "waivable": True,
    "resource_types": ("a_b",),
    "rationale": "Because.",
    "remediation": "x = 1",
    "references": ("https://example.com",),
}


def define(**declared: Any) -> type[Policy]:
    def evaluate(self: Policy, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        return [passed("fine")]

    return type("Acme", (Policy,), {**declared, "evaluate": evaluate, "__module__": "tests.acme"})


def test_a_policy_with_every_declaration_is_one() -> None:
    policy = define(**DECLARED)()
    assert policy.effective_severity is Severity.LOW
    assert policy.effective_enforcement is Enforcement.ADVISORY


def test_parameters_common_to_all_policies_change_how_it_counts() -> None:
    policy = define(**DECLARED)
    given = policy.Parameters.model_validate({"severity": "HIGH", "enforcement": "hard-mandatory"})
    assert policy(given).effective_severity is Severity.HIGH
    assert policy(given).effective_enforcement is Enforcement.HARD_MANDATORY


@pytest.mark.parametrize("missing", sorted(DECLARED))
def test_a_policy_without_a_declaration_can_not_be_defined(missing: str) -> None:
    with pytest.raises(GateFailed, match=f"Acme can't be used: {missing} must be"):
        define(**{key: value for key, value in DECLARED.items() if key != missing})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "acme"),
        ("name", "Acme-1"),
        ("title", " "),
        ("severity", "HIGH"),
        ("enforcement", "advisory"),
        ("waivable", "yes"),
        ("resource_types", "a_b"),
        ("references", ()),
        ("Parameters", dict),
    ],
)
def test_a_policy_with_a_wrong_declaration_can_not_be_defined(key: str, value: Any) -> None:
    with pytest.raises(GateFailed, match=key):
        define(**{**DECLARED, key: value})


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(GateFailed, match="title must be a text; waivable must be a bool"):
        define(**{**DECLARED, "title": "", "waivable": None})


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ('a_b.c["x"]', 'a_b.c["x"]', True),
        ("a_b.*", 'a_b.c["x"]', True),
        ("a_b.?", "a_b.c", True),
        ("a_b.c", "a_b.cd", False),
        ("*.c", "module.m.a_b.c", True),
        ("a_b.[c]", "a_b.c", False),
        ("axb.c", "a.b.c", False),
    ],
)
def test_brackets_in_an_address_pattern_are_literal(pattern: str, address: str, expected: bool) -> None:
    assert matches(pattern, address) is expected


@pytest.mark.real
def test_loading_the_pack_loads_neither_checkov_nor_hcl2() -> None:
    code = (
        "import sys; from tapstack.gate import engine, registry; loaded = registry.load();"
        "print(len(loaded.policies) > 0, [m for m in ('checkov', 'hcl2', 'lark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"
