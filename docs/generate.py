"""Writes the pages that come from the program itself; `make docs` runs it and a test sees that they are current."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from tapstack.app import tap
from tapstack.commands import schema
from tapstack.deployment.judge import judge_directory_with_stack
from tapstack.deployment.variables import given_variables
from tapstack.errors import ExitCode, GateFailed
from tapstack.gate import examples
from tapstack.gate.registry import PACK, load
from tapstack.report import graph_mermaid, policy_markdown, stack_graph
from tapstack.report.graph_colours import DIRECTION
from tapstack.report.policy_facts import area_of
from tapstack.settings import SANDBOX
from tapstack.settings import load as load_settings

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
EXAMPLES = ROOT / "terraform" / "examples"
BEGIN, END = "<!-- graph: begin -->", "<!-- graph: end -->"
POLICIES = DOCS / "policies"
SCHEMAS = DOCS / "schemas"
_AREAS = """# Policies

Generated from the policies by `make docs`. Each page says what a policy decides, what can be set, and why, with
the examples that `tap policies test` runs. `tap policies show NAME` shows the same on a terminal, with what the
stack's [tap.toml](../settings.md) makes of it.

Parameters are set in `[policies.<name>]`. Every policy also takes `enforcement` (`advisory`, `soft-mandatory`,
`hard-mandatory`), `severity` (`LOW`, `MEDIUM`, `HIGH`, `CRITICAL`) and `ignore`, a list of `{ address, reason }`.
"""
_OWN = """## Your own

`tap policies new NAME --area AREA` writes a policy that works, with its examples; `[policies] directory` in
`tap.toml` names the directory, and from then on `plan`, `apply` and `check` ask its policies like the pack's. Ids
there begin at `CKV_CUSTOM_1`, or go on from the greatest one in the directory; `CKV_TAP_` is the pack's.
"""

_EXIT_CODES = """# Exit codes

Generated from the program by `make docs`. Every command keeps to these. A code other than 0 and 2 comes with a sentence
that says what is wrong.

| code | meaning |
|---|---|
"""
_SCHEMAS = """# Schemas

Generated from the program by `make docs`; `tap schema NAME` prints one. The version is at the end of its `$id`.

| schema | describes |
|---|---|
"""
_DESCRIBES = {
    "settings": "[tap.toml](../settings.md); editors complete it with this",
    "ledger": "what every policy said: `tap check --json`, and the `ledger.json` of a [sealed plan](../seals.md)",
    "findings": "the `findings` of a ledger alone",
    "seal": "the `seal.json` of a [sealed plan](../seals.md), an in-toto statement",
}

# As the program itself shows its help, on a terminal of that width.
SHAPE: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "terminal_width": 100,
}


def commands(command: click.Command, context: click.Context, path: str) -> list[str]:
    """A section with the help text of a command, and of those below it."""
    lines = [f"## {path}", "", "```text", command.get_help(context), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None  # noqa: S101  # it was listed
            lines += commands(
                below, click.Context(below, context, name, max_content_width=100), f"{path} {name}"
            )
    return lines


def commands_page() -> str:
    """The help of every command."""
    lines = ["# Commands", "", "Generated from the program by `make docs`.", ""]
    lines += commands(tap, click.Context(tap, info_name="tap", **SHAPE), "tap")
    return "\n".join([*lines, "What a command ends with: [exit codes](exit-codes.md).", ""])


def exit_codes_page() -> str:
    """Every exit code."""
    return "".join([_EXIT_CODES, *(f"| {code.value} | {code.meaning} |\n" for code in ExitCode)])


def schema_files() -> Mapping[Path, str]:
    """The JSON Schemas, and the page that lists them."""
    files, rows = {}, []
    for name, document in schema._SCHEMAS.items():
        files[SCHEMAS / f"{name}.json"] = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
        rows.append(f"| [{name}]({name}.json) | {_DESCRIBES[name]} |\n")
    return files | {SCHEMAS / "README.md": "".join([_SCHEMAS, *rows])}


def policy_pages() -> Mapping[Path, str]:
    """A page per policy of the pack, and the table of all. Raises GateFailed where one does not load."""
    registry = load()
    if registry.errors:
        raise GateFailed("\n".join(error.message for error in registry.errors))
    pages: dict[Path, str] = {}
    table = [_AREAS]
    for area, group in groupby(sorted(registry.policies, key=lambda one: one.id), key=area_of):
        rows = [(policy, f"{area}/{policy.name}.md") for policy in group]
        about = importlib.import_module(f"{PACK}.{area}").__doc__ or ""
        table += [f"## {area.capitalize()}", "", about.strip(), "", *policy_markdown.table(rows), ""]
        pages |= {
            POLICIES / page: policy_markdown.render(policy, examples.read(policy)) for policy, page in rows
        }
    return pages | {POLICIES / "README.md": "\n".join([*table, _OWN])}


def readmes() -> Mapping[Path, str]:
    """The READMEs of the stacks, each with its stack's picture where it has the marks for one."""
    found = [ROOT / "terraform" / "README.md", *sorted(EXAMPLES.glob("*/README.md"))]
    return {readme: with_graph(readme.read_text("utf-8"), readme.parent) for readme in found}


def with_graph(text: str, stack: Path) -> str:
    """`text` with the picture of a stack between the marks. Raises GateFailed where there are none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise GateFailed(
            f"The README of {stack.name} has no place for a picture: {BEGIN} and {END} are missing."
        )
    drawn = f"```mermaid\n{graph(stack)}```\n\nDrawn by `tap graph`. {DIRECTION}\n"
    return f"{before}{begin}\n{drawn}{end}{after}"


def graph(directory: Path) -> str:
    """What `tap graph` makes of a directory. Raises GateFailed where it can't be read."""
    settings = load_settings(directory, SANDBOX)
    ledger, stack = judge_directory_with_stack(directory, settings, given_variables(settings, ()))
    if stack is None:
        raise GateFailed(ledger.errors[0].message)
    return graph_mermaid.render(stack_graph.build(stack, ledger))


def pages() -> Mapping[Path, str]:
    """Every generated page."""
    reference = {DOCS / "commands.md": commands_page(), DOCS / "exit-codes.md": exit_codes_page()}
    return {**reference, **schema_files(), **policy_pages(), **readmes()}


def stale(current: Mapping[Path, str]) -> list[Path]:
    """Pages of policies that are gone."""
    return sorted(set(POLICIES.rglob("*.md")) - current.keys())


if __name__ == "__main__":
    made = pages()
    for path in stale(made):
        path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
