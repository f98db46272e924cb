"""Input that nobody would write: the gate says why it can't decide, and never opens because it did not look."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapstack import app
from tests.conftest import ROOT

DOCUMENTS = ROOT / "tests" / "policies" / "documents"
PLAN = (DOCUMENTS / "plan.json").read_bytes().strip()
STATE = (DOCUMENTS / "state.json").read_bytes().strip()
_VALUES: tuple[Any, ...] = (None, True, -1, 1e308, "", "x", [], {}, [[]], [None], {"": None}, "\x00\u202e")


@dataclass
class Answer:
    code: int
    said: str


@pytest.fixture
def check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """`tap check` in this process, on bytes or in the directory that the test has filled."""
    monkeypatch.chdir(tmp_path)

    def run(data: bytes | None = None) -> Answer:
        arguments = ["check"]
        if data is not None:
            Path("document.json").write_bytes(data)
            arguments.append("document.json")
        with pytest.raises(SystemExit) as caught:
            app.main(arguments)
        captured = capsys.readouterr()
        said = captured.out + captured.err
        assert "Traceback" not in said
        assert caught.value.code != 70, said
        return Answer(int(str(caught.value.code)), said)

    return run


@pytest.mark.parametrize("document", [PLAN, STATE], ids=["plan", "state"])
def test_a_truncated_document_never_opens_the_gate(check: Callable[..., Answer], document: bytes) -> None:
    places = random.Random(1).sample(range(len(document)), 60)  # noqa: S311  # which places is of no matter
    for place in (0, 1, len(document) - 1, *places):
        answer = check(document[:place].rstrip())
        assert answer.code == 4, (place, answer.said)
        assert "neither a saved plan nor JSON" in answer.said


def _nodes(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] + [found for key, value in below for found in _nodes(value, (*path, key))]


def _replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    if not path:
        return value
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("document", [PLAN, STATE], ids=["plan", "state"])
def test_wrong_types_anywhere_are_a_verdict_or_a_sentence(
    check: Callable[..., Answer], document: bytes
) -> None:
    whole = json.loads(document)
    generator = random.Random(2)  # noqa: S311  # which places is of no matter
    for path in generator.sample(_nodes(whole), 150):
        answer = check(json.dumps(_replaced(whole, path, generator.choice(_VALUES))).encode())
        assert answer.code in (0, 3, 4), (path, answer.said)
        assert answer.said.strip()


@pytest.mark.parametrize(
    "path", [("planned_values",), ("resource_changes",), ("format_version",), ("configuration",)]
)
def test_a_plan_without_a_part_of_itself_never_opens_the_gate(
    check: Callable[..., Answer], path: tuple[str]
) -> None:
    whole = json.loads(PLAN)
    values: tuple[Any, ...] = (None, [], {}, "", 7)
    for value in values:
        answer = check(json.dumps(_replaced(whole, path, value)).encode())
        if answer.code == 0:
            assert " 1 resource:" not in answer.said, (path, value, answer.said)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff\xfe{}",
        b'{"a": "\xc3\x28"}',
        b"null",
        b"7",
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"format_version": "99.0", "planned_values": {}, "resource_changes": []}',
        b'{"format_version": "1.2", "values": 3}',
    ],
    ids=[
        "empty",
        "nul",
        "bom",
        "utf8",
        "null",
        "number",
        "brackets",
        "nested",
        "future",
        "values",
    ],
)
def test_strange_files_are_exit_4(check: Callable[..., Answer], data: bytes) -> None:
    answer = check(data)
    assert answer.code == 4, answer.said
    assert len(answer.said.strip().splitlines()) < 10


def test_ten_megabytes_in_one_string_are_judged_like_any_other(check: Callable[..., Answer]) -> None:
    whole = json.loads(PLAN)
    for change in whole["resource_changes"]:
        if isinstance(change["change"]["after"], dict):
            change["change"]["after"]["description"] = "x" * 10_000_000
            break
    answer = check(json.dumps(whole).encode())
    assert answer.code in (0, 3)
    assert len(answer.said) < 100_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resource {{{", 4),
        ('resource "a" "b" {', 4),
        ("\x00", 4),
        # Terraform refuses an argument here; what matters is that nothing breaks.
        ('x = "' + "$" * 50_000 + '"', None),
        ("locals { a = " + "[" * 400 + "]" * 400 + " }", 4),
        ('resource "aws_kms_key" "k" {\n  enable_key_rotation = "${"${true}"}"\n}\n', None),
    ],
    ids=["brace", "open", "nul", "dollars", "nested", "templates"],
)
def test_strange_configurations_never_open_the_gate(
    check: Callable[..., Answer], tmp_path: Path, text: str, expected: int | None
) -> None:
    (tmp_path / "main.tf").write_text(text)
    answer = check()
    if expected is not None:
        assert answer.code == expected, answer.said[:500]
    assert answer.code in (0, 3, 4)


def test_configuration_that_is_not_utf8_is_exit_4(check: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(b'locals { a = "\xff" }\n')
    answer = check()
    assert answer.code == 4
    assert "main.tf" in answer.said


def test_symbolic_links_in_circles_are_exit_4(check: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "a.tf").symlink_to("b.tf")
    (tmp_path / "b.tf").symlink_to("a.tf")
    answer = check()
    assert answer.code == 4
    assert "a.tf" in answer.said


def test_modules_that_call_each_other_in_circles_are_exit_4(
    check: Callable[..., Answer], tmp_path: Path
) -> None:
    for name, other in (("", "./m"), ("m", "../")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "main.tf").write_text(f'module "x" {{\n  source = "{other}"\n}}\n')
    answer = check()
    assert answer.code == 4


@settings(max_examples=60)
@given(st.text(alphabet='{}[]"$%<\n= abvr.', max_size=60))
def test_no_text_is_too_strange_for_the_reader(text: str) -> None:
    from tapstack.errors import TapError
    from tapstack.model.hcl import from_hcl
    from tapstack.terraform.source import read_configuration

    directory = Path(os.environ.get("TMPDIR", "/tmp")) / f"tap-fuzz-{os.getpid()}"  # noqa: S108
    directory.mkdir(exist_ok=True)
    (directory / "main.tf").write_text(text)
    try:
        # Anything but a TapError fails the test.
        with contextlib.suppress(TapError):
            from_hcl(read_configuration(directory), {})
    finally:
        (directory / "main.tf").unlink()
        directory.rmdir()
