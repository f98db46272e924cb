"""What an editor shows of a stack, with its unsaved buffers: problems to the character, and what mends them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tapstack import buffers
from tapstack.deployment import known_secrets, watched
from tapstack.deployment.judge import judge_directory_with_stack, read_source
from tapstack.deployment.mending import mended
from tapstack.deployment.places import Places, Span
from tapstack.deployment.variables import given_variables
from tapstack.errors import InputError, TapError
from tapstack.gate.ledger import ErrorKind, Finding, GateError, Ledger
from tapstack.gate.policy import Enforcement, Policy, Severity, Verdict
from tapstack.masking import MASK
from tapstack.model.stack import Stack
from tapstack.report import policy_markdown
from tapstack.report.comparison import comparison
from tapstack.settings import FILE_NAME, Settings, load
from tapstack.terraform.source import configuration_files

Level = Literal["error", "warning", "information"]

_LEVELS: Final[Mapping[Severity, Level]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "information",
}
_AT: Final = re.compile(r"(?P<file>[^\n]+?):(?P<line>\d+): (?P<message>.+)", re.DOTALL)
_SHOWN: Final = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.ERROR)
_MOST_FIXES: Final = 6


@dataclass(frozen=True, slots=True)
class Desk:
    """What is on an editor's desk: a stack's directory, the buffers by real path, how characters are counted."""

    directory: Path
    environment: str
    buffers: Mapping[str, str]
    encoding: str


@dataclass(frozen=True, slots=True)
class Around:
    """A question for what mends the problems of a file (absolute) between two places."""

    desk: Desk
    file: str
    span: Span


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding, or one reason why the gate could not decide. `file` is absolute; `header` is where the resource
    is declared; `page` is Markdown."""

    file: str
    span: Span
    level: Level
    message: str
    header: Span | None = None
    code: str = ""
    href: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """Every problem of a stack, and the places that it is made from (see `watched.places`)."""

    problems: tuple[Problem, ...]
    places: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Mend:
    """A change of a file (absolute) after which a problem is gone."""

    title: str
    problem: Problem
    file: str
    edits: tuple[tuple[Span, str], ...]
    preferred: bool


def answer(question: Desk | Around) -> Judged | tuple[Mend, ...]:
    """What an editor asks. It changes this process for good: the buffers, the working directory, the mask."""
    return _judged(question) if isinstance(question, Desk) else tuple(_mends(question))


def _judged(desk: Desk) -> Judged:
    settings = None
    try:
        settings = _settings(desk)
        ledger, _ = _ledger(desk, settings)
        found = tuple(_problems(desk, ledger))
    except TapError as failure:
        found = tuple(_of_failure(failure, desk))
    return Judged(found, watched.places(desk.directory, settings))


def _settings(desk: Desk) -> Settings:
    buffers.hold(desk.buffers)
    try:
        os.chdir(desk.directory)
    except OSError as failure:
        raise InputError(f"{desk.directory} can't be judged: {failure.strerror}.") from None
    known_secrets.of_stack(desk.directory, os.environ)
    settings = load(desk.directory, desk.environment)
    known_secrets.of_variables(desk.directory, settings.where.variables)
    known_secrets.of_files(desk.directory, [desk.directory / name for name in settings.where.var_files])
    return settings


def _ledger(desk: Desk, settings: Settings) -> tuple[Ledger, Stack | None]:
    return judge_directory_with_stack(desk.directory, settings, given_variables(settings, ()))


def _problems(desk: Desk, ledger: Ledger) -> Iterator[Problem]:
    places = Places(desk.encoding)
    raised = {one.message for one in ledger.findings if one.verdict is Verdict.ERROR}
    for error in ledger.errors:
        if error.message not in raised:
            yield _of_error(error, desk, places)
    policies = {policy.id: policy for policy in ledger.policies}
    for findings in _alike(ledger, places).values():
        yield _of_findings(findings, policies.get(findings[0].policy), desk, places)


def _alike(ledger: Ledger, places: Places) -> Mapping[Any, list[Finding]]:
    """Instances of one block have the same to say at the same place."""
    found: dict[Any, list[Finding]] = {}
    for one in ledger.findings:
        if one.verdict in _SHOWN:
            key = (one.policy, one.file, places.of(one), f"{one.message}{comparison(one)}")
            found.setdefault(key, []).append(one)
    return found


def _of_findings(findings: list[Finding], policy: Policy | None, desk: Desk, places: Places) -> Problem:
    finding = findings[0]
    who = "" if len(findings) == 1 else f"{', '.join(one.address for one in findings)}: "
    reference = next((one for one in policy.references if one.startswith("https://")), "") if policy else ""
    return Problem(
        _absolute(finding.file, desk),
        places.of(finding),
        _level(finding),
        f"{who}{finding.message}{comparison(finding)}",
        places.header(finding),
        finding.policy,
        reference,
        policy_markdown.short(policy) if policy else "",
    )


def _level(finding: Finding) -> Level:
    if finding.blocks:
        # Whatever its severity, it stops the work.
        return "error"
    if finding.enforcement is Enforcement.ADVISORY or finding.verdict is Verdict.UNKNOWN:
        return "information"
    return _LEVELS[finding.severity]


def _of_error(error: GateError, desk: Desk, places: Places) -> Problem:
    at = _AT.fullmatch(error.message)
    if at and at["file"] == error.file:
        return Problem(
            _absolute(at["file"], desk), places.line(at["file"], int(at["line"])), "error", at["message"]
        )
    # A waiver says in its sentence where it stands.
    said = re.search(rf"{re.escape(error.file)}:(\d+)", error.message) if error.file else None
    line = int(said[1]) if said else 1
    code = "" if error.kind is ErrorKind.PARSE else str(error.kind)
    file = error.file or _main_file(desk)
    return Problem(_absolute(file, desk), places.line(file, line), "error", error.message, code=code)


def _of_failure(failure: TapError, desk: Desk) -> Iterator[Problem]:
    """A sentence for each thing that is wrong in tap.toml, or one for what is wrong with the rest."""
    places = Places(desk.encoding)
    text = MASK.text(failure.message)
    for sentence in text.split("\n") if isinstance(failure, InputError) else [text]:
        at = _AT.fullmatch(sentence)
        file = os.path.relpath(at["file"]) if at else _main_file(desk)
        said = at["message"] if at else sentence
        yield Problem(_absolute(file, desk), places.line(file, int(at["line"]) if at else 1), "error", said)


def _main_file(desk: Desk) -> str:
    """Where to say what has no place of its own."""
    try:
        files = [file.name for file in configuration_files(desk.directory)]
    except InputError:
        files = []
    if not files:
        # What is not saved yet is no part of a configuration.
        held = (Path(real) for real in desk.buffers)
        unsaved = [one.name for one in held if one.parent == desk.directory.resolve()]
        files = [name for name in unsaved if name.endswith((".tf", ".tf.json"))]
        return next(iter(files), FILE_NAME)
    return FILE_NAME if (desk.directory / FILE_NAME).is_file() else files[0]


def _absolute(file: str | None, desk: Desk) -> str:
    return os.path.normpath(desk.directory / (file or _main_file(desk)))


def _newline(file: str, desk: Desk) -> str:
    """How the lines of a file end."""
    held = desk.buffers.get(os.path.realpath(file))
    return "\r\n" if "\r\n" in (held or Path(file).read_bytes().decode("utf-8", "replace")) else "\n"


def _mends(question: Around) -> Iterator[Mend]:
    desk = question.desk
    try:
        settings = _settings(desk)
        ledger, stack = _ledger(desk, settings)
        if stack is None:
            return
        source = read_source(desk.directory)
    except TapError:
        return
    places = Places(desk.encoding)
    policies = {policy.id: policy for policy in ledger.policies}
    asked = os.path.realpath(question.file)
    offered = 0
    for findings in list(_alike(ledger, places).values()):
        finding = findings[0]
        if os.path.realpath(_absolute(finding.file, desk)) != asked:
            continue
        problem = _of_findings(findings, policies.get(finding.policy), desk, places)
        if not problem.span.touches(question.span):
            continue
        for number, one in enumerate(
            mended(finding, ledger, stack, source, desk.buffers, lambda: _ledger(desk, settings)[0])
        ):
            follow = f" (then: {', '.join(one.follow)})" if one.follow else ""
            file = _absolute(one.fix.file, desk)
            newline = _newline(file, desk)
            edits = tuple(
                (places.span(one.fix.file, edit.start, edit.end), edit.text.replace("\n", newline))
                for edit in one.fix.edits
            )
            preferred = number == 0 and not one.follow
            yield Mend(f"{one.fix.title}{follow}", problem, file, edits, preferred)
            offered += 1
        buffers.hold(desk.buffers)
        if offered >= _MOST_FIXES:
            return
