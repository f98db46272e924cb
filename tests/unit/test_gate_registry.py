"""Loading policies: what can't be loaded closes the gate with the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.gate.ledger import ErrorKind
from tapstack.gate.registry import load

GOOD = """
from tapstack.gate.policy import Enforcement, Policy, Severity, passed


class Acme(Policy):
    id = "ACME_1"
    name = "acme"
    title = "Acme"
    severity = Severity.LOW
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = ("a_b",)
    rationale = "Because."
    remediation = "x = 1"
    references = ("https://example.com",)

    def evaluate(self, resource, stack):
        yield passed("fine")
"""


def test_the_pack_loads_in_the_order_of_its_ids() -> None:
    registry = load()
    assert registry.errors == ()
    ids = [policy.id for policy in registry.policies]
    assert ids == sorted(ids)
    assert {"CKV_TAP_101", "CKV_TAP_201", "CKV_TAP_301", "CKV_TAP_501"} <= set(ids)
    assert registry.find("CKV_TAP_301") is registry.find("log_group_retention") is not None


def test_policies_of_the_users_own_are_added_and_their_examples_left_out(tmp_path: Path) -> None:
    (tmp_path / "area" / "acme").mkdir(parents=True)
    (tmp_path / "area" / "acme.py").write_text(GOOD)
    (tmp_path / "area" / "acme" / "not_a_policy.py").write_text("1 / 0")
    (tmp_path / "__pycache__").mkdir()
    registry = load([tmp_path])
    assert registry.errors == ()
    assert registry.find("acme") is not None
    assert len(registry.policies) == len(load().policies) + 1


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("acme", "import nowhere_to_be_found", "ModuleNotFoundError"),
        ("acme", "def (", "SyntaxError"),
        ("acme", "1 / 0", "ZeroDivisionError"),
        ("acme", "raise SystemExit(0)", "SystemExit"),
        ("acme", "x = 1", "defines 0"),
        ("acme", GOOD + GOOD.replace("class Acme", "class Other"), "defines 2"),
        ("acme", GOOD.replace('title = "Acme"', ""), "title must be a text"),
        ("acme", GOOD.replace("def evaluate", "def judge"), "does not implement evaluate"),
        ("other", GOOD, "the policy is named acme, its file other"),
        ("acme", GOOD.replace("ACME_1", "CKV_TAP_101"), "id CKV_TAP_101 is taken by"),
        (
            "log_group_retention",
            GOOD.replace('name = "acme"', 'name = "log_group_retention"'),
            "name log_group_retention is taken by",
        ),
    ],
)
def test_a_policy_that_can_not_be_loaded_is_an_error_with_its_file(
    name: str, code: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / f"{name}.py").write_text(code)
    registry = load([tmp_path])
    assert [error.kind for error in registry.errors] == [ErrorKind.POLICY_IMPORT]
    assert said in registry.errors[0].message
    assert (registry.errors[0].file or "").endswith(f"{name}.py")
    assert len(registry.policies) == len(load().policies)


def test_a_directory_that_is_missing_or_holds_no_policy_is_an_error(tmp_path: Path) -> None:
    messages = [error.message for error in load([tmp_path, tmp_path / "nowhere"]).errors]
    assert any("There is no policy in" in message for message in messages)
    assert any("can't be read" in message for message in messages)
