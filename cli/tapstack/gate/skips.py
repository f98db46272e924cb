"""Checkov's skip comments in the code: `#checkov:skip=ID[,ID]:reason`, inside the block they speak of.

https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tapstack import buffers
from tapstack.terraform.source import Position

# The words and the form are those of checkov/common/comment/enum.py.
_SKIP: Final = re.compile(
    r"(?:checkov:skip=|bridgecrew:skip=|cortex:skip=) *([A-Za-z_\d-]+(?:,[A-Za-z_\d-]+)*)(?::(.*))?"
)


@dataclass(frozen=True, slots=True)
class Skip:
    """One comment: the checks it names, its reason ("" without one), and its place."""

    checks: tuple[str, ...]
    reason: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class SkipComments:
    """Reads each file of a configuration once."""

    _files: dict[str, list[str]] = field(default_factory=dict)

    def within(self, block: Position) -> Iterator[Skip]:
        """The comments between the first and the last line of a block; `block.file` is relative to the working
        directory."""
        if block.file not in self._files:
            self._files[block.file] = buffers.read_text(Path(block.file)).splitlines()
        lines = self._files[block.file]
        for number in range(block.line, block.end_line - 1):
            # A search of "skip=" first: most lines have none.
            if "skip=" in lines[number] and (match := _SKIP.search(lines[number])):
                reason = (match[2] or "").strip()
                yield Skip(tuple(match[1].split(",")), reason, block.file, number + 1)
