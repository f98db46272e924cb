"""`tap new`: a stack that works as it is; test_distribution makes one with an installed wheel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapstack.deployment import scaffold_stack
from tapstack.deployment.scaffold_stack import StackDraft
from tapstack.errors import InputError
from tests.conftest import ROOT, TAP, Tap

MADE = [
    ".github/workflows/tap.yml",
    ".gitignore",
    "Makefile",
    "README.md",
    "handlers/reader/handler.py",
    "handlers/writer/handler.py",
    "smoke.py",
    "tap.toml",
    "tap_stack.tf",
    "tests/test_stack.py",
]


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[Tap]:
    """tap in an empty directory, with itself and its Python on PATH as after activating its environment."""
    made = Tap(tmp_path)
    made.env["PATH"] = os.pathsep.join([str(TAP.parent), made.env["PATH"]])
    yield made
    for directory in tmp_path.glob("*/.tap"):
        made("rehearse", str(directory.parent), "--clean")
        made("sandbox", "stop", "-C", str(directory.parent))


def files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


@pytest.mark.real
def test_the_scaffold_passes_its_own_tests_and_its_rehearsal(tap: Tap) -> None:
    answer = tap.succeeds("new", "item-store", "--company", "zeta")
    assert answer.out.splitlines() == [f"Made item-store/{name}" for name in MADE]
    stack = tap.directory / "item-store"
    assert files(stack) == MADE
    tested = subprocess.run(
        ["make", "test"], cwd=stack, env=tap.env, capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "The gate is open." in tested.stdout
    assert " passed" in tested.stdout
    rehearsed = tap.succeeds("rehearse", str(stack), "--json")
    said = json.loads(rehearsed.out)
    assert (said["passed"], said["stack"]) == (True, "item-store")
    assert "through zeta-dev-writer: 201" in rehearsed.out


def test_its_names_are_in_the_settings_and_the_main_stack_is_as_it_was(tap: Tap) -> None:
    tap.succeeds("new", "deep/er", "--name", "Shop_1", "--company", "a1")
    stack = tap.directory / "deep" / "er"
    settings = tomllib.loads((stack / "tap.toml").read_text())
    own = tomllib.loads((ROOT / "terraform" / "tap.toml").read_text())
    assert settings["stack"] == own["stack"] | {"name": "Shop_1"}
    assert settings["environments"]["sandbox"]["variables"] == {
        "company": "a1",
        "project": "Shop_1",
        "environment": "dev",
    }
    assert settings["policies"] == own["policies"]
    for name in ("tap_stack.tf", "smoke.py", "handlers/reader/handler.py"):
        assert (stack / name).read_bytes() == (ROOT / "terraform" / name).read_bytes()
    for name in MADE:
        assert not re.search(r"@[a-z]+@", (stack / name).read_text()), name


def test_json_names_what_was_made(tap: Tap) -> None:
    said = json.loads(tap.succeeds("new", "-C", str(tap.directory), "shop", "--json").out)
    assert (said["schema"], said["name"], said["company"]) == ("tap.new/1", "shop", "acme")
    assert said["made"] == [f"shop/{name}" for name in MADE]


def test_an_empty_directory_is_taken_and_another_is_left_alone(tap: Tap) -> None:
    stack = tap.directory / "shop"
    stack.mkdir()
    tap.succeeds("new", ".", "-C", str(stack))
    answer = tap("new", "shop")
    assert answer.code == 64
    assert answer.err.splitlines() == [
        "Error: shop is not empty: a new stack goes into a new or an empty directory."
    ]
    (tap.directory / "file").touch()
    assert tap("new", "file").err.splitlines() == ["Error: file is not a directory."]
    assert "can't be written: Not a directory" in tap("new", "file/below").err


@pytest.mark.parametrize(
    ("name", "company", "said"),
    [
        ("", "acme", "'' can't name a stack"),
        ("-x", "acme", "'-x' can't name a stack"),
        ('a"b', "acme", "can't name a stack"),
        ("x" * 65, "acme", "can't name a stack"),
        ("shop", "", "'' can't be the company"),
        ("shop", "a", "'a' can't be the company"),
        ("shop", "Acme", "'Acme' can't be the company"),
        ("shop", "acme-", "can't be the company"),
        ("shop", "x" * 21, "can't be the company"),
        ("shop", 'a"b', "can't be the company"),
        ("shop", "acme\n", "can't be the company"),
    ],
)
def test_names_that_can_not_be_are_one_sentence(tmp_path: Path, name: str, company: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        StackDraft(tmp_path, name, company)


def test_a_tap_between_releases_is_asked_for_as_pip_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaffold_stack, "__version__", "0.1.1.dev3+g6db4ce456.d20260102")
    scaffold_stack.write(StackDraft(tmp_path / "shop", "shop", "acme"))
    workflow = (tmp_path / "shop" / ".github" / "workflows" / "tap.yml").read_text()
    assert "pip install 'tapstack[sandbox,terraform]>=0.1.1.dev3' pytest" in workflow


def test_the_rule_for_the_company_is_the_main_stacks() -> None:
    text = (ROOT / "terraform" / "tap_stack.tf").read_text()
    found = re.search(r'regex\("\^(.*)\$", var\.company\)', text)
    assert found is not None
    assert found.group(1) == scaffold_stack._COMPANY.pattern
