"""The known word that was meant."""

from __future__ import annotations

import pytest

from tapstack.suggestion import nearest

COMMANDS = ("plan", "policies", "apply")
SEALS = ("20261121T101500.042Z-1f3a9c0d2b4e6f81", "20261122T101500.042Z-1f3a9c0d2b4e6f81")


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("pln", COMMANDS, "plan"),
        ("PLAN", COMMANDS, "plan"),
        ("pol", COMMANDS, "policies"),
        ("p", COMMANDS, None),
        ("", COMMANDS, None),
        ("destroy", COMMANDS, None),
        ("plan", (), None),
        ("Prod", ("prod", "sandbox"), "prod"),
        ("prod", ("Production",), "Production"),
        ("20261122", SEALS, SEALS[1]),
        ("20261121T101500.042Z-1f3a9c0d2b4e6f8", SEALS, SEALS[0]),
        ("aws_kms_key.mian", ("aws_kms_key.main", "aws_kms_alias.main"), "aws_kms_key.main"),
        ("x" * 100_000, COMMANDS, None),
    ],
)
def test_the_nearest(word: str, known: tuple[str, ...], meant: str | None) -> None:
    assert nearest(word, known) == meant


def test_known_words_are_looked_at_once() -> None:
    assert nearest("pln", iter(COMMANDS)) == "plan"
