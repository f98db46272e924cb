"""The documentation says what the program does."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from types import ModuleType

import pytest

from tapstack.app import _COMMANDS, tap
from tapstack.settings import EnvironmentSection, PoliciesSection, StackSection
from tests.conftest import ROOT


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("TAP_")})
    module = generator()
    assert module.TARGET.read_text() == module.page(), "run `make docs`"


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
