"""The manual pages, made from the commands' own help: `python -m tapstack.manual DIR` writes one per command.

The language is man(7), https://man.openbsd.org/man.7. The same program and SOURCE_DATE_EPOCH give the same bytes;
without the latter the pages have no date.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from tapstack import __version__
from tapstack.app import tap
from tapstack.errors import EnvironmentFailure, ExitCode, InputError, TapError
from tapstack.report.screen import Screen

_VERBATIM: Final = "\b"
# Room for what escapes make longer: a line of a page has at most 80 bytes.
_WIDTH: Final = 68
_EXAMPLES: Final = "Examples:"


def pages(environ: Mapping[str, str]) -> dict[str, str]:
    """Every page by its file's name. Raises InputError for a SOURCE_DATE_EPOCH that is none."""
    epoch = environ.get("SOURCE_DATE_EPOCH")
    if epoch and not re.fullmatch(r"\d{1,11}", epoch, re.ASCII):
        raise InputError(f"SOURCE_DATE_EPOCH is {epoch!r}: seconds since 1970 were expected.")
    date = f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d}" if epoch else ""
    return {
        f"{'-'.join(path)}.1": _page(path, context, date) for path, context in _commands(("tap",), None, tap)
    }


def _commands(
    path: tuple[str, ...], above: click.Context | None, command: click.Command
) -> Iterator[tuple[tuple[str, ...], click.Context]]:
    context = click.Context(command, above, info_name=path[-1], **command.context_settings)
    yield path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None  # noqa: S101  # it was listed
            yield from _commands((*path, name), context, below)


def _page(path: tuple[str, ...], context: click.Context, date: str) -> str:
    command = context.command
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    examples = [one for one in paragraphs if _EXAMPLES in one]
    about = [one for one in paragraphs if _EXAMPLES not in one]
    name = "-".join(path)
    lines = [
        f'.TH {_escaped(name.upper())} 1 "{date}" "tap {__version__}" "tap"',
        ".SH NAME",
        _escaped(name),
        f"\\- {_text(_first(about[0]))[0]}",
        *_text(_first(about[0]))[1:],
        ".SH SYNOPSIS",
        f".B {_escaped(' '.join(path))}",
        *_text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_paragraphs(about),
    ]
    if isinstance(command, click.Group):
        lines += [
            ".SH COMMANDS",
            *_terms([(_named(path, one), said) for one, said in _below(command, context)]),
        ]
    lines += [".SH OPTIONS", *_terms(_options(context))]
    if len(path) == 1:
        lines += [".SH EXIT STATUS", *_terms([(str(code.value), code.meaning) for code in ExitCode])]
    lines += [".SH EXAMPLES", *_verbatim(examples[0].partition(_EXAMPLES)[2])]
    above = [f".BR {_escaped('-'.join(path[:length]))} (1)" for length in range(1, len(path))]
    return "\n".join([*lines, *([".SH SEE ALSO", *above] if above else [])]) + "\n"


def _below(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None  # noqa: S101  # it was listed
        yield name, _first(inspect.cleandoc(command.help or ""))


def _named(path: tuple[str, ...], name: str) -> str:
    return f"{'-'.join((*path, name))}(1)"


def _options(context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in context.command.get_params(context):
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context)):
            yield record


def _first(text: str) -> str:
    """The first sentence of a help text, on one line, without its full stop."""
    line = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[^.])\. (?=[A-Z])", line)[0].removesuffix(".")


def _paragraphs(texts: list[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        if number:
            yield ".PP"
        yield from _verbatim(text.removeprefix(_VERBATIM)) if text.startswith(_VERBATIM) else _text(text)


def _terms(terms: list[tuple[str, str]] | Iterator[tuple[str, str]]) -> Iterator[str]:
    for term, text in terms:
        yield ".TP"
        yield f".B {_escaped(term)}"
        yield from _text(text)


def _text(text: str) -> list[str]:
    return [_escaped(line) for line in textwrap.wrap(" ".join(text.split()), _WIDTH, break_on_hyphens=False)]


def _verbatim(text: str) -> list[str]:
    lines = textwrap.dedent(text.strip("\n")).splitlines()
    return [".RS 4", ".nf", *map(_escaped, lines), ".fi", ".RE"]


def _escaped(text: str) -> str:
    """A line that is text to roff: `\\`, and what would be a typographic dash or quote, or begin a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
    return f"\\&{text}" if text.startswith(".") else text


def write(directory: Path, environ: Mapping[str, str]) -> list[Path]:
    """Write every page into a directory, which is made where there is none; the files.

    Raises EnvironmentFailure where it can't be written.
    """
    made = pages(environ)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (directory / name).write_text(text, "utf-8")
    except OSError as failure:
        raise EnvironmentFailure(f"{failure.filename} can't be written: {failure.strerror}.") from failure
    return [directory / name for name in made]


def main(arguments: Sequence[str]) -> int:
    """Write the pages into the directory that is named, or into build/man; the exit code."""
    screen = Screen()
    try:
        written = write(Path(*arguments[:1] or ("build/man",)), os.environ)
    except TapError as failure:
        screen.error(failure.message)
        return int(failure.exit_code)
    screen.result(f"Wrote {len(written)} pages; read one with: man -l {written[0]}")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
