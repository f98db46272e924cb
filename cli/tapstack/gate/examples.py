"""A policy's examples: what the `.tf` files beside it expect, and whether the policy says so.

The files of the directory named like the policy are one configuration. Where several of them expect something of
the same address (a stack has one backend only), each is a configuration of its own.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tapstack.errors import GateFailed, TapError
from tapstack.gate.engine import judge
from tapstack.gate.ledger import ErrorKind, Finding, Ledger
from tapstack.gate.locate import locator
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Policy, Verdict
from tapstack.gate.registry import Registry
from tapstack.model.hcl import from_hcl
from tapstack.terraform.source import read_configuration

_EXPECTATION: Final = re.compile(r"# expect: (?P<address>\S.*) (?P<verdict>PASS|FAIL|UNKNOWN|NOT_APPLICABLE)")
_MEANT: Final = re.compile(r"\s*(?:#|//)\s*expect\w*\s*:", re.IGNORECASE)
# What a file is an example of: the one its name begins with, else the first that it expects.
_SHOWN: Final = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line `# expect: ADDRESS VERDICT`; `file` is relative to the working directory."""

    address: str
    verdict: Verdict
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Example:
    """One `.tf` file. `shows` is what it is an example of, None where it only supports the others."""

    path: Path
    text: str
    expectations: tuple[Expectation, ...]

    @property
    def shows(self) -> Verdict | None:
        """By its name (`fail_local.tf`); else FAIL before UNKNOWN, PASS and NOT_APPLICABLE, if it expects any."""
        expected = {one.verdict for one in self.expectations}
        named = (verdict for verdict in _SHOWN if self.path.stem.startswith(verdict.lower()))
        return next(named, None) or next((verdict for verdict in _SHOWN if verdict in expected), None)


@dataclass(frozen=True, slots=True)
class Examples:
    """All of a policy's files, by name, and the reasons why they prove too little."""

    directory: Path
    files: tuple[Example, ...]
    problems: tuple[str, ...]

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """Those of all files."""
        return tuple(one for file in self.files for one in file.expectations)

    def configurations(self) -> tuple[tuple[Example, ...], ...]:
        """The files, as they are judged together."""
        expecting = Counter(
            address for file in self.files for address in {e.address for e in file.expectations}
        )
        if any(number > 1 for number in expecting.values()):
            return tuple((file,) for file in self.files)
        return (self.files,) if self.files else ()


@dataclass(frozen=True, slots=True)
class Result:
    """One resource of an example. `expected` is None where no line names it, `actual` where nothing was said."""

    address: str
    expected: Verdict | None
    actual: Verdict | None
    message: str
    file: str
    line: int | None

    @property
    def ok(self) -> bool:
        """Whether the policy said what was expected."""
        return self.expected is self.actual


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one policy's examples; `problems` say what could not be tried."""

    policy: type[Policy]
    results: tuple[Result, ...]
    problems: tuple[str, ...]


def directory_of(policy: type[Policy]) -> Path:
    """Where a policy's examples are: beside its file, in a directory of its name."""
    return Path(inspect.getfile(policy)).with_suffix("")


def read(policy: type[Policy]) -> Examples:
    """The examples as they are written. Raises nothing for what is wrong with them: see `problems`."""
    directory = directory_of(policy)
    files: list[Example] = []
    problems: list[str] = []
    for path in sorted(directory.glob("*.tf")):
        try:
            files.append(_example(path, problems))
        except (OSError, UnicodeDecodeError) as failure:
            problems.append(f"{os.path.relpath(path)} can't be read: {failure}.")
    shown = {one.verdict for file in files for one in file.expectations}
    for verdict, verb in ((Verdict.PASS, "passes"), (Verdict.FAIL, "fails")):
        if verdict not in shown:
            problems.append(
                f"{policy.name} has no example that {verb}: write {os.path.relpath(directory)}/"
                f"{verdict.lower()}.tf with a line `# expect: ADDRESS {verdict}`."
            )
    return Examples(directory, tuple(files), tuple(problems))


def run(policy: type[Policy]) -> Outcome:
    """Ask a policy, with its default parameters, about its examples as HCL."""
    examples = read(policy)
    problems = list(examples.problems)
    results: list[Result] = []
    for files in examples.configurations():
        try:
            ledger = judge_together(policy, files)
        except TapError as failure:
            problems.append(failure.message)
            continue
        results += _compared(files, ledger)
        # What a policy raised is the verdict ERROR of an example.
        problems += [e.message for e in ledger.errors if e.kind is not ErrorKind.POLICY_RAISED]
    return Outcome(policy, tuple(results), tuple(problems))


def judge_together(policy: type[Policy], files: tuple[Example, ...]) -> Ledger:
    """The ledger of one configuration of a policy's examples (see `Examples.configurations`).

    Raises TapError for HCL that can't be read.
    """
    directory = files[0].path.parent
    if len(files) == len(list(directory.glob("*.tf"))):
        return _judged(policy, directory)
    with tempfile.TemporaryDirectory() as scratch:
        alone = Path(scratch, directory.name)
        shutil.copytree(directory, alone, ignore=lambda folder, names: _others(Path(folder), names, files))
        names = (os.path.relpath(alone), os.path.relpath(directory))
        try:
            ledger = _judged(policy, alone)
        except TapError as failure:
            raise GateFailed(failure.message.replace(*names)) from None
        findings = (replace(one, file=one.file and one.file.replace(*names)) for one in ledger.findings)
        return replace(ledger, findings=tuple(findings))


def verdicts(ledger: Ledger) -> dict[str, Finding]:
    """The worst finding by address: those come before what passed."""
    found: dict[str, Finding] = {}
    for finding in (*ledger.findings, *ledger.others):
        found.setdefault(finding.address, finding)
    return found


def _example(path: Path, problems: list[str]) -> Example:
    text = path.read_text("utf-8")
    shown = os.path.relpath(path)
    expectations: dict[str, Expectation] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _EXPECTATION.fullmatch(line.rstrip())
        if match is None:
            if _MEANT.match(line):
                verdicts_ = ", ".join(_SHOWN)
                problems.append(
                    f"{shown}:{number}: {line.strip()!r} expects nothing; write `# expect: ADDRESS VERDICT` "
                    f"with one of {verdicts_}."
                )
        elif match["address"] in expectations:
            problems.append(f"{shown}:{number}: {match['address']} is expected to be two things.")
        else:
            one = Expectation(match["address"], Verdict(match["verdict"]), shown, number)
            expectations[one.address] = one
    return Example(path, text, tuple(expectations.values()))


def _others(folder: Path, names: list[str], files: tuple[Example, ...]) -> list[str]:
    """The `.tf` files beside those that are judged; directories, which may be modules, are not among them."""
    kept = {file.path for file in files}
    beside = folder == files[0].path.parent
    return [name for name in names if beside and name.endswith(".tf") and folder / name not in kept]


def _judged(policy: type[Policy], directory: Path) -> Ledger:
    configuration = read_configuration(directory)
    return judge(from_hcl(configuration, {}), Registry((policy,)), GateSettings(), locator(configuration))


def _compared(files: tuple[Example, ...], ledger: Ledger) -> Iterator[Result]:
    said = verdicts(ledger)
    for expectation in (one for file in files for one in file.expectations):
        finding = said.pop(expectation.address, None)
        yield Result(
            expectation.address,
            expectation.verdict,
            finding.verdict if finding else None,
            finding.message
            if finding
            else "The policy was not asked: no such resource, or not of its types.",
            expectation.file,
            expectation.line,
        )
    for address, finding in said.items():
        where = finding.file or os.path.relpath(files[0].path.parent)
        yield Result(address, None, finding.verdict, finding.message, where, finding.line)
