"""Changes to a text of HCL that leave it as `terraform fmt` would have it, if it was before."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tapstack.terraform.outline import Section, Written

_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` in the place of what is between two offsets."""

    start: int
    end: int
    text: str


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    """The text after edits that do not overlap; what is added at one place stands in the order of the edits."""
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda one: one.start):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join((*pieces, text[at:]))


def put(written: Written, value: str) -> Edit:
    """Another value for an attribute."""
    return Edit(written.value_start, written.value_end, value)


def cut(text: str, section: Section, written: Written) -> tuple[Edit, ...]:
    """An attribute taken out, with its line."""
    chain = [one for one in _chain(text, section, written) if one != written]
    out = Edit(_line_start(text, written.start), _line_end(text, written.value_end) + 1, "")
    return (out, *_aligned(text, chain, max((len(one.name) for one in chain), default=0)))


def add_attributes(text: str, section: Section, given: Mapping[str, str]) -> tuple[Edit, ...]:
    """New attributes, values by name, after the last one."""
    width = max(map(len, given))
    if _is_on_one_line(text, section):
        return (_opened(text, section, _lines(text, section, given, width)),)
    if not section.attributes:
        blank = "\n" if section.blocks else ""
        at = _line_end(text, section.opening)
        return (Edit(at, at, f"\n{_lines(text, section, given, width)}{blank}"),)
    last = max(section.attributes, key=lambda one: one.start)
    at = _line_end(text, last.value_end)
    if _is_long(text, last):
        return (Edit(at, at, f"\n\n{_lines(text, section, given, width)}"),)
    chain = _chain(text, section, last)
    width = max(width, *(len(one.name) for one in chain))
    added = Edit(at, at, f"\n{_lines(text, section, given, width)}")
    return (*_aligned(text, chain, width), added)


def add_block(text: str, section: Section, block: str) -> Edit:
    """A new block as the last thing in a section, after a blank line."""
    lines = textwrap.indent(textwrap.dedent(block).strip("\n"), _indent(text, section) + _INDENT)
    if _is_on_one_line(text, section):
        return _opened(text, section, lines)
    # Before the brace's own line; what stands above it may be a comment.
    at = _line_start(text, section.closing)
    blank = "" if not text[section.opening : at].strip() else "\n"
    return Edit(at, at, f"{blank}{lines}\n")


def add_section(text: str, after: Section, block: str) -> Edit:
    """A new top-level block after another one."""
    at = _line_end(text, after.closing)
    return Edit(at, at, "\n\n" + textwrap.dedent(block).strip("\n"))


def one_line(block: str) -> str:
    """What is between a block's braces, on one line."""
    return "; ".join(line.strip() for line in block.strip().splitlines()[1:-1] if line.strip())


def _opened(text: str, section: Section, lines: str) -> Edit:
    """`{}` and `{ a = 1 }` with a line for each thing in them."""
    indent = _indent(text, section)
    inside = text[section.opening : section.closing].strip()
    before = f"\n{indent}{_INDENT}{inside}" if inside else ""
    blank = "\n" if inside and lines.rstrip().endswith("}") else ""
    return Edit(section.opening, section.closing, f"{before}{blank}\n{lines}\n{indent}")


def _lines(text: str, section: Section, given: Mapping[str, str], width: int) -> str:
    indent = _indent(text, section) + _INDENT
    return "\n".join(f"{indent}{name:<{width}} = {value}" for name, value in given.items())


def _chain(text: str, section: Section, written: Written) -> list[Written]:
    """The attributes on the lines around one, whose signs of equality stand below each other."""
    ordered = sorted(section.attributes, key=lambda one: one.start)
    first = last = ordered.index(written)
    while first > 0 and _follows(text, ordered[first - 1], ordered[first]):
        first -= 1
    while last + 1 < len(ordered) and _follows(text, ordered[last], ordered[last + 1]):
        last += 1
    return ordered[first : last + 1]


def _follows(text: str, one: Written, other: Written) -> bool:
    between = text[_line_end(text, one.value_end) : other.start]
    return not _is_long(text, one) and not between.strip() and between.count("\n") == 1


def _is_long(text: str, written: Written) -> bool:
    return "\n" in text[written.start : written.value_end]


def _aligned(text: str, chain: list[Written], width: int) -> Iterator[Edit]:
    for one in chain:
        name = one.start + len(one.name)
        sign, space = text.index("=", name), " " * (width - len(one.name) + 1)
        if text[name:sign] != space:
            yield Edit(name, sign, space)


def _is_on_one_line(text: str, section: Section) -> bool:
    return "\n" not in text[section.opening : section.closing]


def _indent(text: str, section: Section) -> str:
    line = text[_line_start(text, section.start) : section.start]
    return line[: len(line) - len(line.lstrip())]


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
