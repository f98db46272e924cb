"""What `--help` says, of every command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tapstack.app import _COMMANDS, _SECTIONS, tap
from tests.cli.commands import every_command
from tests.conftest import ROOT

COMMANDS = ROOT / "cli" / "tapstack" / "commands"
PATHS = [path for path, _ in every_command()]
# What a shell ends a command with.
ENDS = {"|", "||", "&&", ";", ">", ">>", "<(", "<", ")", "-)"}


def help_of(path: str) -> str:
    return next(context.command.help or "" for one, context in every_command() if one == path)


def examples(path: str) -> list[str]:
    """The lines of the examples, those that go on with a backslash as one."""
    text = help_of(path).partition("Examples:\n")[2].split("\n\n")[0]
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def commands_of(line: str) -> Iterator[list[str]]:
    """The arguments of each tap that a line of shell starts."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    current: list[str] | None = None
    for word in lexer:
        if "$(" in word:
            yield from commands_of(word.partition("$(")[2].rpartition(")")[0])
        if word in ENDS:
            if current is not None:
                yield current
            current = None
        elif current is not None:
            current.append(word)
        elif word == "tap":
            current = []
    if current is not None:
        yield current


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("tap plan # now", [["plan"]]),
        ('eval "$(tap sandbox env -C x)"; aws s3 ls', [["sandbox", "env", "-C", "x"]]),
        ("tap check --json | jq . && tap apply", [["check", "--json"], ["apply"]]),
        ("tap schema settings > x.json", [["schema", "settings"]]),
        ("check - <(tap schema ledger) -", [["schema", "ledger"]]),
        ('tap waive a.b c --reason "it is; so"', [["waive", "a.b", "c", "--reason", "it is; so"]]),
        ("echo tapped", []),
    ],
)
def test_commands_are_found_in_a_line_of_shell(line: str, commands: list[list[str]]) -> None:
    assert list(commands_of(line)) == commands


@pytest.mark.parametrize("path", PATHS)
def test_there_are_two_examples_of_the_command_itself(path: str) -> None:
    own = path.split()[1:]
    shown = [line for line in examples(path) if any(one[: len(own)] == own for one in commands_of(line))]
    # The keys' second example is what a key is for.
    assert len(shown) >= (1 if path == "tap keys" else 2)
    assert len(examples(path)) >= 2


@pytest.mark.parametrize("path", PATHS)
def test_every_example_can_be_parsed(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in examples(path):
        found = list(commands_of(line))
        assert found, f"{line} has no command"
        for arguments in found:
            parse(tap, "tap", arguments, None)


def parse(command: click.Command, name: str, arguments: list[str], above: click.Context | None) -> None:
    """What click makes of the arguments, without anything being run. Raises click.UsageError."""
    with command.make_context(name, list(arguments), parent=above) as context:
        if isinstance(command, click.Group):
            below_name, below, rest = command.resolve_command(
                context, [*context._protected_args, *context.args]
            )
            assert below is not None
            assert below_name is not None
            parse(below, below_name, rest, context)


@pytest.mark.parametrize(
    "wrong",
    ["plan --nonsense", "plan extra", "waive a.b", "schema nonsense", "check --format nonsense", "keys nwe"],
)
def test_a_wrong_example_would_be_seen(wrong: str) -> None:
    with pytest.raises(Exception, match=r"."):
        parse(tap, "tap", wrong.split(), None)


def test_every_command_is_in_one_section() -> None:
    listed = [name for section in _SECTIONS.values() for name in section]
    assert sorted(listed) == sorted(set(listed))
    modules = {path.stem for path in COMMANDS.glob("*.py") if "\ndef command(" in path.read_text("utf-8")}
    assert {module for module, _ in _COMMANDS.values()} == modules
    assert all(section for section in _SECTIONS.values())


def test_the_help_shows_the_sections_in_eighty_columns() -> None:
    text = click.Context(tap, info_name="tap", terminal_width=80, **tap.context_settings).get_help()
    assert max(map(len, text.splitlines())) <= 80
    titles = [line.removesuffix(":") for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["Options", *_SECTIONS, "Exit codes"]
    for section, commands in _SECTIONS.items():
        block = text.partition(f"\n{section}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in block] == list(commands)
        assert (
            len({len(line) - len(line[2:].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip()) for line in block})
            == 1
        )


@pytest.mark.parametrize("path", ["tap policies", "tap backend", "tap sandbox", "tap keys"])
def test_what_the_commands_of_a_group_are_for_is_not_cut(path: str) -> None:
    context = next(context for one, context in every_command() if one == path)
    listed = context.get_help().partition("Commands:")[2]
    assert "..." not in listed
    names = [line.split()[0] for line in listed.splitlines() if line[:2] == "  " and line[2] != " "]
    assert names == [one.split()[-1] for one, _ in every_command() if one.startswith(f"{path} ")]
