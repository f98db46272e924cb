"""Where in its file something stands, as editors count: lines and characters from 0."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapstack import buffers
from tapstack.errors import TapError
from tapstack.gate.engine import BACKEND_ADDRESS
from tapstack.gate.ledger import Finding
from tapstack.terraform.outline import Section, Written, find, outline
from tapstack.terraform.source import text_of

_UNITS: Final = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """From one place to another, which is not in it any more."""

    start: Point
    end: Point

    def touches(self, other: Span) -> bool:
        """Whether they share a place, be it at their ends."""
        return self.start <= other.end and other.start <= self.end


class Places:
    """Reads each file once. Files are relative to the working directory; a file that can't be read has one empty
    line."""

    def __init__(self, encoding: str) -> None:
        """`encoding` is the unit of characters: utf-8, utf-16 or utf-32."""
        self._codec, self._size = _UNITS[encoding]
        self._files: dict[str, _File] = {}

    def of(self, finding: Finding) -> Span:
        """The attribute that a finding is about, or the header of the innermost block that is there."""
        file = self._file(finding.file or "")
        block = self._block(finding)
        if block is None:
            return self.line(finding.file or "", finding.line or 1)
        start = block
        if finding.address == BACKEND_ADDRESS:
            start = next(iter(block.inner("backend")), block)
        found = find(start, (finding.attribute or "").split("."))
        if isinstance(found, Section):
            return self.span(finding.file or "", found.start, found.header_end)
        if "\n" not in file.text[found.start : found.value_end] or file.row(found.start) + 1 == finding.line:
            return self._first_line(finding.file or "", found)
        # A member of an object that is written out.
        return self.line(finding.file or "", finding.line or 1)

    def header(self, finding: Finding) -> Span | None:
        """The first words of the block that a finding's resource is."""
        block = self._block(finding)
        return self.span(finding.file or "", block.start, block.header_end) if block else None

    def line(self, name: str, number: int) -> Span:
        """What is on a line, counted from 1, without the space around it."""
        file = self._file(name)
        row = min(max(number, 1), len(file.starts)) - 1
        text = file.line(row)
        start = len(text) - len(text.lstrip())
        return Span((row, self._units(text[:start])), (row, self._units(text.rstrip())))

    def span(self, name: str, start: int, end: int) -> Span:
        """The place of two offsets."""
        return Span(self._point(name, start), self._point(name, end))

    def _first_line(self, name: str, written: Written) -> Span:
        text = self._file(name).text
        end = text.find("\n", written.start, written.value_end)
        return self.span(name, written.start, written.value_end if end < 0 else end)

    def _block(self, finding: Finding) -> Section | None:
        if finding.file is None or finding.line is None:
            return None
        file = self._file(finding.file)
        if file.outline is None:
            return None
        at = file.starts[min(finding.line, len(file.starts)) - 1]
        end = file.starts[finding.line] if finding.line < len(file.starts) else len(file.text)
        return next((one for one in file.outline.blocks if one.start < end and at <= one.closing), None)

    def _point(self, name: str, offset: int) -> Point:
        file = self._file(name)
        row = file.row(offset)
        return row, self._units(file.text[file.starts[row] : offset])

    def _units(self, text: str) -> int:
        return len(text.encode(self._codec, "surrogatepass")) // self._size

    def _file(self, name: str) -> _File:
        if name not in self._files:
            self._files[name] = _File(name)
        return self._files[name]


class _File:
    """A text with the offsets of its lines; only HCL that parses has an outline."""

    def __init__(self, name: str) -> None:
        self.outline: Section | None = None
        try:
            self.text = buffers.read_text(Path(name), errors="replace")
            if name.endswith(".tf"):
                self.text = text_of(Path(name))
                self.outline = outline(self.text, name)
        except (OSError, TapError, RecursionError):
            self.text = getattr(self, "text", "")
        self.starts = [0, *(at + 1 for at, char in enumerate(self.text) if char == "\n")]

    def row(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def line(self, row: int) -> str:
        end = self.starts[row + 1] - 1 if row + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[row] : end]
