"""docs/security.md names a test for each threat: they have to exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("|")][2:]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_threats() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_threat_has_tests_and_they_exist(row: str) -> None:
    named = _NAMED.findall(row)
    assert named
    assert [f"{path}::{name}" for path, name in named if name not in functions_of(path)] == []
    assert all(name.startswith("test_") for _, name in named)
    assert row.count("::") == len(named)
