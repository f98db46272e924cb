"""The documentation says what the program does."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tapstack.app import _COMMANDS, tap
from tapstack.errors import GateFailed
from tapstack.gate.registry import load
from tapstack.settings import BackendSection, EnvironmentSection, PoliciesSection, StackSection
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
        ROOT / "terraform",
        *(one for one in (ROOT / "terraform" / "examples").iterdir() if (one / "tap.toml").exists()),
    ]
    assert {stack / "README.md" for stack in stacks} <= set(pages)
    reference = {"commands.md", "exit-codes.md", "policies/README.md", "schemas/README.md"}
    reference |= {f"schemas/{name}.json" for name in ("settings", "ledger", "findings", "seal")}
    assert {ROOT / "docs" / name for name in reference} <= set(pages)
    assert len(pages) == len(load().policies) + len(reference) + len(stacks)
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


def test_the_settings_page_tells_every_default() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", text, re.M))
    for section in (StackSection, EnvironmentSection, PoliciesSection, BackendSection):
        for key, field in section.model_fields.items():
            if field.default not in (None, "", [], {}) and not field.is_required():
                assert tomllib.loads(f"x = {told.get(key)}") == {"x": field.default}, (
                    f"{section.__name__}.{key}"
                )


def test_the_example_of_the_settings_page_is_valid() -> None:
    from tapstack.settings import SettingsFile

    text = (ROOT / "docs" / "settings.md").read_text()
    SettingsFile.model_validate(tomllib.loads(text.partition("```toml\n")[2].partition("```")[0]))


def pages() -> list[Path]:
    """The pages that people write and read."""
    return [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_shows_what_no_test_runs(page: Path) -> None:
    """A session is walked (tests/e2e), or it is the output that a test has got (tests/documented.py)."""
    text = page.read_text("utf-8")
    shown = re.findall(r"^(?:<!-- output: ([\w-]+) -->\n)?```([^\n`]*)\n(.*?)^```$", text, re.M | re.S)
    assert [body for name, kind, body in shown if "$ " in body[:2] and not name and kind != "console"] == []
    name = page.relative_to(ROOT / "docs").with_suffix("").as_posix() if page.parent != ROOT else ""
    got = {output for output, _, _ in shown if output}
    assert got - documented_by_tests(name) == set()


def documented_by_tests(page: str) -> set[str]:
    """The outputs of a page that tests compare with what they get."""
    call = re.compile(rf'\bdocumented\(\s*"{page}",\s*"([\w-]+)"')
    return {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in call.findall(path.read_text("utf-8"))
    }


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
