"""What a page of the documentation shows: files, commands, and what they say.

A fenced block with `title="PATH"` is a file, written where the reader then is; one of language `console` holds commands
(lines that begin with `$ `, continued after a backslash or as a here-document with `> `) and below each what it says. A
line that is only `...` or `…` stands for any number of lines. Other blocks are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_FENCE: Final = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
_TITLE: Final = re.compile(r'\btitle="([^"]+)"')
_LEFT_OUT: Final = frozenset(("...", "…"))


@dataclass(frozen=True, slots=True)
class File:
    """A file that the page shows."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that the page shows; `says` is what comes below it, from `start` to `end` of the page's text."""

    text: str
    says: str
    start: int
    end: int


def steps(page: str) -> Iterator[File | Command]:
    """The files and commands of a page, in its order."""
    for block in _FENCE.finditer(page):
        title = _TITLE.search(block[1])
        if title:
            yield File(title[1], block[2])
        elif block[1].strip() == "console":
            yield from _commands(block[2], block.start(2))


def _commands(block: str, offset: int) -> Iterator[Command]:
    lines = block.splitlines(keepends=True)
    assert lines, "a console block is empty"
    assert lines[0].startswith("$ "), f"a console block begins with what nobody typed: {lines[0]}"
    at = 0
    while at < len(lines):
        typed = [lines[at].removeprefix("$ ")]
        offset += len(lines[at])
        at += 1
        while at < len(lines) and (typed[-1].endswith("\\\n") or lines[at].startswith("> ")):
            typed.append(lines[at].removeprefix("> "))
            offset += len(lines[at])
            at += 1
        said = []
        while at < len(lines) and not lines[at].startswith("$ "):
            said.append(lines[at])
            at += 1
        says = "".join(said)
        yield Command("".join(typed).rstrip("\n"), says, offset, offset + len(says))
        offset += len(says)


def same(says: str, said: str) -> bool:
    """Whether the page says what was said, where the page leaves lines out whatever they are."""
    parts: list[list[str]] = [[]]
    for line in says.splitlines():
        if line.strip() in _LEFT_OUT:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    lines = [line.rstrip() for line in said.splitlines()]
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return lines == first
    if lines[: len(first)] != first or (last and lines[len(first) :][-len(last) :] != last):
        return False
    at, end = len(first), len(lines) - len(last)
    for part in parts[1:-1]:
        at = next((i + len(part) for i in range(at, end) if lines[i : i + len(part)] == part), end + 1)
    return at <= end


def rewritten(says: str, said: str) -> str:
    """What the page should say; it leaves out what it left out, if that was in one place."""
    lines = says.splitlines(keepends=True)
    gaps = [i for i, line in enumerate(lines) if line.strip() in _LEFT_OUT]
    if len(gaps) != 1:
        return said
    new = said.splitlines(keepends=True)
    after = len(lines) - gaps[0] - 1
    return "".join([*new[: gaps[0]], lines[gaps[0]], *(new[-after:] if after else [])])
