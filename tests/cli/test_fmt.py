"""`tap fmt`, with the Terraform that tap finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Tap

pytestmark = pytest.mark.real

UGLY = 'variable   "a" {\ntype=string\n}\n'
FINE = 'variable "a" {\n  type = string\n}\n'


@pytest.fixture
def stack(tmp_path: Path) -> Tap:
    (tmp_path / "below").mkdir()
    for name in ("main.tf", "below/other.tf"):
        (tmp_path / name).write_text(UGLY)
    return Tap(tmp_path)


def test_check_names_the_files_and_leaves_them_alone(stack: Tap) -> None:
    answer = stack("fmt", "--check")
    assert (answer.code, answer.out.splitlines()) == (1, ["below/other.tf", "main.tf"])
    assert (stack.directory / "main.tf").read_text() == UGLY
    answer = stack("fmt", "--check", "--json", "below")
    assert (answer.code, json.loads(answer.out)["files"]) == (1, ["below/other.tf"])


def test_it_rewrites_what_is_named_or_everything_below(stack: Tap) -> None:
    assert stack.succeeds("fmt", "main.tf").out == "main.tf\n"
    assert (stack.directory / "main.tf").read_text() == FINE
    assert (stack.directory / "below" / "other.tf").read_text() == UGLY
    assert stack.succeeds("fmt", "-C", "below").out == "below/other.tf\n"
    assert stack.succeeds("fmt", "--check").out == ""


def test_what_can_not_be_formatted_is_one_error(stack: Tap) -> None:
    answer = stack("fmt", "--nothing.tf")
    assert answer.code == 64
    answer = stack("fmt", "nothing.tf")
    assert (answer.code, answer.err.splitlines()) == (
        64,
        ["Error: nothing.tf does not exist; a file or a directory was expected."],
    )
    (stack.directory / "main.tf").write_text('variable "a" {\n')
    answer = stack("fmt")
    assert (answer.code, "Unclosed configuration block" in answer.err, "main.tf line 1" in answer.err) == (
        1,
        True,
        True,
    )


def test_terraforms_arguments_are_taps(stack: Tap) -> None:
    answer = stack("fmt", env={"TF_CLI_ARGS_fmt": "-write=false"})
    assert (answer.code, "TF_CLI_ARGS_fmt is set" in answer.err) == (64, True)
    assert stack("fmt", env={"TAP_TERRAFORM": "nowhere"}).code == 1
