"""The documentation says what the program does."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tapstack.app import _COMMANDS, tap
from tapstack.errors import GateFailed
from tapstack.gate.registry import load
from tapstack.settings import EnvironmentSection, PoliciesSection, StackSection
from tests.conftest import ROOT


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_generated_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("TAP_")})
    pages = generator().pages()
    stacks = [
        ROOT,
        *(one for one in (ROOT / "terraform" / "examples").iterdir() if (one / "tap.toml").exists()),
    ]
    assert {stack / "README.md" for stack in stacks} <= set(pages)
    assert len(pages) == len(load().policies) + 2 + len(stacks)
    for path, text in pages.items():
        assert path.exists(), f"{path} is missing: run `make docs`"
        assert path.read_text() == text, f"{path} is old: run `make docs`"


def test_a_readme_without_a_place_for_the_picture_is_said_to_be_one() -> None:
    with pytest.raises(GateFailed, match="terraform has no place for a picture"):
        generator().with_graph("# A stack\n", ROOT / "terraform")


def test_the_picture_takes_the_place_of_the_one_before() -> None:
    module = generator()
    text = f"# A stack\n\n{module.BEGIN}\nold\n{module.END}\n\nMore.\n"
    once = module.with_graph(text, ROOT / "terraform")
    assert once.startswith(f"# A stack\n\n{module.BEGIN}\n```mermaid\n---\ntitle: '22 resources: ")
    assert once.endswith(f"{module.END}\n\nMore.\n")
    assert "old" not in once
    assert module.with_graph(once, ROOT / "terraform") == once


def test_no_page_is_left_of_a_policy_that_is_gone() -> None:
    module = generator()
    assert module.stale(module.policy_pages()) == []


def test_the_page_of_a_policy_that_is_gone_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = generator()
    monkeypatch.setattr(module, "POLICIES", tmp_path)
    gone, kept = tmp_path / "encryption" / "gone.md", tmp_path / "README.md"
    gone.parent.mkdir()
    for page in (gone, kept):
        page.touch()
    assert module.stale({kept: ""}) == [gone]


def test_a_policys_page_has_the_same_four_headings_on_every_page() -> None:
    for path, text in generator().policy_pages().items():
        if path.name != "README.md":
            headings = [line for line in text.splitlines() if line.startswith("## ")]
            assert headings == ["## Configuration", "## Examples", "## Why", "## How to fix"], path


def test_every_command_has_two_examples() -> None:
    import click

    context = click.Context(tap, info_name="tap")
    for name in _COMMANDS:
        command = tap.get_command(context, name)
        assert command is not None
        found = [command]
        if isinstance(command, click.Group):
            found += command.commands.values()
        for one in found:
            examples = (one.help or "").partition("Examples:")[2]
            assert len([line for line in examples.splitlines() if "tap " in line]) >= 2, one.name


def test_the_settings_page_names_every_key() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for section in (StackSection, EnvironmentSection, PoliciesSection):
        for key in section.model_fields:
            assert f"`{key}`" in text, f"{section.__name__}.{key}"


def test_the_example_of_the_settings_page_is_valid() -> None:
    from tapstack.settings import SettingsFile

    text = (ROOT / "docs" / "settings.md").read_text()
    SettingsFile.model_validate(tomllib.loads(text.partition("```toml\n")[2].partition("```")[0]))


def test_help_imports_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys; from tapstack.app import tap\n"
        "try: tap.main(['--help'], prog_name='tap')\n"
        "except SystemExit: pass\n"
        "print([m for m in ('checkov', 'moto', 'boto3', 'rich', 'pydantic', 'hcl2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
