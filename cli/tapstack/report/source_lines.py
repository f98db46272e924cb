"""The line of code that a finding is about, and what is wanted there instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tapstack.gate.ledger import Finding
from tapstack.masking import MASK, MASKED
from tapstack.secret_names import is_secret_name
from tapstack.terraform.source import Position

# A file of a configuration is never that large.
_LARGEST: Final = 10_000_000
_ASSIGNED: Final = re.compile(r'\s*(?P<left>"?(?P<name>[\w-]+)"?\s*[=:]\s*)')
_HEREDOC: Final = re.compile(r"<<-?(\w+)\s*\Z")
_NUMBER: Final = re.compile(r"exactly (-?\d+(?:\.\d+)?)")


class SourceLines:
    """Reads each file once; one that is gone, or is no text, has no lines."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def line(self, finding: Finding) -> str | None:
        """The line as it stands in the code, masked, without the space around it; None if it can't be shown."""
        if finding.file is None or finding.line is None or finding.actual == MASKED:
            return None
        lines = self._lines(finding.file)
        if not 0 < finding.line <= len(lines):
            return None
        line = lines[finding.line - 1].strip()
        assigned = _ASSIGNED.match(line)
        if assigned and is_secret_name(assigned["name"]):
            return f"{assigned['left']}{MASKED}"
        return MASK.text(line)

    def block(self, place: Position, most: int, sensitive: Any = None) -> list[str]:
        """The lines of a block as they stand in the code, masked, at most so many.

        What is assigned to the name of a secret is left out, however many lines it takes; so is what a plan calls
        `sensitive` (`after_sensitive`).
        """
        lines = self._lines(place.file)[max(place.line - 1, 0) : min(place.end_line, place.line - 1 + most)]
        return list(_without_secrets(lines, frozenset(_marked(sensitive))))

    def _lines(self, file: str) -> list[str]:
        if file not in self._files:
            self._files[file] = _read(Path(file))
        return self._files[file]


def _marked(sensitive: Any) -> Iterator[str]:
    """The names whose values are marked, at any depth."""
    if isinstance(sensitive, dict):
        for name, below in sensitive.items():
            if below is True:
                yield name
            else:
                yield from _marked(below)
    elif isinstance(sensitive, list):
        for below in sensitive:
            yield from _marked(below)


def _without_secrets(lines: Iterable[str], marked: frozenset[str]) -> Iterator[str]:
    heredoc, open_ = "", 0
    for line in lines:
        if heredoc:
            heredoc = "" if line.strip() == heredoc else heredoc
            continue
        if open_ > 0:
            open_ += _opens(line)
            continue
        assigned = _ASSIGNED.match(line)
        if assigned and (assigned["name"] in marked or is_secret_name(assigned["name"])):
            begun = _HEREDOC.search(line)
            heredoc, open_ = begun[1] if begun else "", _opens(line[assigned.end() :])
            yield f"{line[: assigned.end()]}{MASKED}"
        else:
            yield MASK.text(line)


def _opens(text: str) -> int:
    return sum(text.count(one) for one in "([{") - sum(text.count(one) for one in ")]}")


def wanted(finding: Finding, line: str) -> str | None:
    """`name = 14` where the value that would pass is one, `name: at least 14` where words say it; None for neither.

    The name is written as in `line` where that assigns it.
    """
    if finding.expected is None or finding.attribute is None or isinstance(finding.expected, dict):
        return None
    value = _literal(finding.expected)
    assigned = _ASSIGNED.match(line)
    if assigned and assigned["name"] == finding.attribute.rpartition(".")[2]:
        return f"{assigned['left']}{value}" if value else f"{assigned['name']}: {_words(finding.expected)}"
    return f"{finding.attribute} = {value}" if value else f"{finding.attribute}: {_words(finding.expected)}"


def _read(path: Path) -> list[str]:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        # As Terraform counts: other line ends of Unicode end no line of HCL.
        return path.read_text("utf-8", "replace").split("\n")
    except OSError:
        return []


def _literal(expected: Any) -> str | None:
    if isinstance(expected, bool):
        return str(expected).lower()
    if isinstance(expected, (int, float)):
        return str(expected)
    exactly = _NUMBER.fullmatch(expected) if isinstance(expected, str) else None
    return exactly[1] if exactly else None


def _words(expected: Any) -> str:
    return ", ".join(map(str, expected)) if isinstance(expected, (list, tuple)) else str(expected)
