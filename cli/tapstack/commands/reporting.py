"""--format: which reports are wanted, and where they go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from tapstack.commands import candidates
from tapstack.commands.options import Common
from tapstack.errors import EnvironmentFailure, ExitCode, InputError
from tapstack.report import files, formats
from tapstack.report.report import Page, Report
from tapstack.report.screen import drop
from tapstack.suggestion import nearest

_F = TypeVar("_F", bound=Callable[..., Any])
_STDOUT: Final = ("-", "/dev/stdout")
# Where CI systems have the repository; they take paths in reports from there.
_ROOTS: Final = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The format for stdout, "" where none was named, and those for files."""

    stdout: str = ""
    files: Mapping[Path, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Every format that was asked for."""
        return frozenset((self.stdout, *self.files.values()))


def report_options(function: _F) -> _F:
    """--format and --full; the command gets a `Wanted` as `formats`."""
    formats_option = click.option(
        "--format",
        "formats",
        multiple=True,
        callback=lambda _ctx, _parameter, given: parse(given),
        metavar="NAME[=FILE]",
        shell_complete=candidates.formats,
        help=f"A report, to stdout or a file; may be given several times. {', '.join(formats.NAMES)}.",
    )
    full = click.option("--full", is_flag=True, help="Leave nothing out of the text, however long it gets.")
    return formats_option(full(function))


def file_options(function: _F) -> _F:
    """--format with a file, for a command that has words of its own for stdout; it gets a `Wanted` as `formats`."""
    return click.option(
        "--format",
        "formats",
        multiple=True,
        callback=lambda _ctx, _parameter, given: _files_only(parse(given)),
        metavar="NAME=FILE",
        help=f"A report of the plan and of what became of it, to a file. {', '.join(formats.NAMES)}.",
    )(function)


def _files_only(wanted: Wanted) -> Wanted:
    if wanted.stdout:
        raise InputError(
            f"--format {wanted.stdout}: a file was expected, --format {wanted.stdout}=FILE.",
            hint="`tap plan` writes reports to stdout",
        )
    return wanted


def parse(given: Iterable[str]) -> Wanted:
    """What the options say. Raises InputError."""
    stdout, paths = "", dict[Path, str]()
    for text in given:
        name, _, file = text.partition("=")
        if name not in formats.NAMES:
            near = nearest(name, formats.NAMES)
            meant = f" Did you mean {near}?" if near else ""
            known = ", ".join(formats.NAMES)
            raise InputError(f"--format {text}: there is no format {name!r}; there are {known}.{meant}")
        if "=" not in text or file in _STDOUT:
            if stdout:
                raise InputError(
                    f"--format {stdout} and --format {name} both go to stdout.",
                    hint=f"give one of them a file: --format {name}=FILE",
                )
            stdout = name
        else:
            path = _writable(text, Path(file))
            if path in paths:
                raise InputError(f"--format {paths[path]} and --format {name} both go to {file}.")
            paths[path] = name
    return Wanted(stdout, paths)


def _writable(option: str, path: Path) -> Path:
    """What only a slip of the pen can explain is said before anything is done."""
    if str(path) == ".":
        raise InputError(f"--format {option}: a file was expected after the =.")
    if path.is_dir():
        raise InputError(f"--format {option}: {path} is a directory; a file was expected.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--format {option}: there is no directory {path.parent}.")
    return path


def refuse_two_documents(common: Common, wanted: Wanted) -> None:
    """Raise InputError where --json and a format both want stdout."""
    if common.as_json and wanted.stdout:
        raise InputError(
            f"--json and --format {wanted.stdout} both go to stdout.",
            hint=f"give the format a file: --format {wanted.stdout}=FILE",
        )


def deliver(
    common: Common, report: Report, wanted: Wanted, code: ExitCode, *, document: str | None = None
) -> int:
    """Write every report; with --json, `document` or else the report as JSON goes to stdout.

    The exit code is `code`; where a report could not be written, and `code` says that all is well, it is 1.
    """
    report = replace(report, root=repository(os.environ))
    done = attempt(common, lambda: _to_stdout(common, report, wanted.stdout, document))
    done &= to_files(common, report, wanted)
    if not done and code in (ExitCode.DONE, ExitCode.CHANGES):
        return int(ExitCode.FAILED)
    return int(code)


def to_files(common: Common, report: Report, wanted: Wanted) -> bool:
    """Write the reports that go to files; whether all could be written. What could not is said."""
    report = replace(report, root=repository(os.environ))
    done = True
    for path, name in wanted.files.items():
        done &= attempt(common, partial(_to_file, path, name, report))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and "github" in wanted.names:
        done &= attempt(common, lambda: files.append(Path(summary), formats.summary(report)))
    return done


@dataclass(slots=True)
class Afterwards:
    """The reports of a command whose own files are private: `report` is written when the block ends, in any way."""

    common: Common
    wanted: Wanted
    report: Report | None = None
    _written: bool = True

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self.report is not None:
            self._written = to_files(self.common, self.report, self.wanted)

    def code(self, code: ExitCode) -> int:
        """The exit code; where a report could not be written, and all else is well, it is 1."""
        return int(code or (ExitCode.DONE if self._written else ExitCode.FAILED))


def repository(environ: Mapping[str, str]) -> Path:
    """The directory that CI systems take paths from: theirs, or the repository's, or the working directory."""
    here = Path.cwd()
    for name in _ROOTS:
        if (given := environ.get(name)) and here.is_relative_to(root := Path(given).resolve()):
            return root
    return next((path for path in (here, *here.parents) if (path / ".git").exists()), here)


def attempt(common: Common, action: Callable[[], None]) -> bool:
    """Whether something could be written; what could not is said."""
    try:
        action()
    except EnvironmentFailure as failure:
        common.screen.error(failure.message, failure.hint)
        return False
    return True


def _to_file(path: Path, name: str, report: Report) -> None:
    files.write(path, formats.render(name, replace(report, page=Page(full=report.page.full))))


def to_screen(common: Common, report: Report) -> None:
    """The text, as wide as the screen."""
    screen = common.screen
    report = replace(report, page=Page(screen.width, screen.colour(), report.page.full))
    text = formats.render("text", report).decode().removesuffix("\n")
    # What the locale has no letter for is still told apart.
    encoding = getattr(screen.out, "encoding", None) or "utf-8"
    screen.result(text.encode(encoding, "backslashreplace").decode(encoding))


def _to_stdout(common: Common, report: Report, name: str, document: str | None) -> None:
    name = name or ("json" if common.as_json else "text")
    try:
        if common.as_json and document is not None:
            common.screen.result(document)
        elif name == "text":
            to_screen(common, report)
        else:
            common.screen.document(formats.render(name, report))
    except OSError as failure:
        # Or Python would try again at its end.
        drop(common.screen.out)
        raise EnvironmentFailure(f"The report can't be written to stdout: {failure.strerror}.") from None
