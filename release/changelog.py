"""Reads CHANGELOG.md and says what of Keep a Changelog it breaks.

Source: https://keepachangelog.com/en/1.1.0/.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Final

UNRELEASED: Final = "Unreleased"
GROUPS: Final = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")

_SECTION = re.compile(r"## \[(?P<name>[^]]*)\](?: - (?P<day>\S+))?(?P<yanked> \[YANKED\])?")
_LINK = re.compile(r"\[(?P<name>[^]]+)\]: (?P<target>\S+)")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(slots=True)
class Section:
    """One version: `day` as written, `groups` in the order of the file, each with how many entries it has."""

    name: str
    day: str | None
    line: int
    groups: list[str] = field(default_factory=list)
    entries: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Changelog:
    """The sections in the order of the file, the targets of links by name, and lines that are neither."""

    sections: list[Section] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)


def parse(text: str) -> Changelog:
    """The parts of a changelog; whether they are right says `complaints`."""
    log = Changelog()
    for number, line in enumerate(text.splitlines(), 1):
        section = log.sections[-1] if log.sections else None
        if line.startswith("## "):
            _section(log, line, number)
        elif link := _LINK.fullmatch(line):
            log.links[link["name"]] = link["target"]
        elif section and line.startswith("### "):
            section.groups.append(line.removeprefix("### "))
        elif section and line.startswith("- "):
            section.entries[section.groups[-1] if section.groups else ""] += 1
        elif section and line.strip() and not line.startswith("  "):
            log.strange.append(f"line {number}: neither a heading, an entry (- ...) nor a link")
    return log


def _section(log: Changelog, line: str, number: int) -> None:
    if found := _SECTION.fullmatch(line):
        log.sections.append(Section(found["name"], found["day"], number))
    else:
        log.strange.append(f"line {number}: expected ## [VERSION] - YYYY-MM-DD or ## [{UNRELEASED}]")


def complaints(text: str) -> list[str]:
    """What is wrong, one sentence each, in no order that matters; empty if nothing is."""
    log = parse(text)
    return [*log.strange, *_headings(log), *_order(log), *_groups(log), *_links(log)]


def _headings(log: Changelog) -> Iterator[str]:
    if not log.sections or log.sections[0].name != UNRELEASED:
        yield f"the first section is not [{UNRELEASED}]"
    for name, times in Counter(section.name for section in log.sections).items():
        if times > 1:
            yield f"[{name}] is there {times} times"
    for section in log.sections:
        if section.name == UNRELEASED:
            if section.day:
                yield f"[{UNRELEASED}] has a date"
        elif not _VERSION.fullmatch(section.name):
            yield f"line {section.line}: {section.name!r} is not a version X.Y.Z"
        elif _day(section) is None:
            yield f"[{section.name}] has no date YYYY-MM-DD"


def _order(log: Changelog) -> Iterator[str]:
    released = [section for section in log.sections if _VERSION.fullmatch(section.name)]
    for newer, older in pairwise(released):
        if _number(newer) < _number(older):
            yield f"[{newer.name}] stands above [{older.name}], which is newer"
        new, old = _day(newer), _day(older)
        if new and old and new < old:
            yield f"[{newer.name}] is dated before [{older.name}]"


def _groups(log: Changelog) -> Iterator[str]:
    for section in log.sections:
        for group in section.groups:
            if group not in GROUPS:
                yield f"[{section.name}] has a group {group!r}; there are {', '.join(GROUPS)}"
            elif not section.entries[group]:
                yield f"[{section.name}] says nothing under {group}"
        for group, times in Counter(section.groups).items():
            if times > 1:
                yield f"[{section.name}] has {group} {times} times"
        if section.entries[""]:
            yield f"[{section.name}] has entries outside a group"
        if section.name != UNRELEASED and not section.groups:
            yield f"[{section.name}] is empty"


def _links(log: Changelog) -> Iterator[str]:
    names = [section.name for section in log.sections]
    for name in names:
        if name not in log.links:
            yield f"[{name}] has no link at the end"
        elif name != UNRELEASED and not log.links[name].endswith(f"v{name}"):
            yield f"the link of [{name}] does not end with its tag v{name}"
    for name in log.links:
        if name not in names:
            yield f"there is a link for [{name}], and no section"


def _number(section: Section) -> tuple[int, ...]:
    return tuple(int(part) for part in section.name.split("."))


def _day(section: Section) -> date | None:
    try:
        return date.fromisoformat(section.day) if section.day and len(section.day) == 10 else None
    except ValueError:
        return None
