"""The page of measurements: sections between markers, each with when, on what and how it was made."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.measure import Scope, Table

_HEAD = """# Benchmarks

Written by `make bench`, never by hand. Every ratio is ours over theirs (below 1, tap is faster), of runs that took
turns in one session; every time is the median of whole processes with their children. What to think of the figures
is in [why they are what they are](#what-limits-it).
"""


def section(name: str, tables: Iterable[Table], scope: Scope) -> str:
    """The Markdown of one section."""
    load = os.getloadavg()[0]
    begun = datetime.now(UTC)
    made = list(tables)
    lines = [_dated(name, scope, begun, load), ""] if made else []
    for table in made:
        lines += [
            f"## {table.title}",
            "",
            *_grid(table),
            "",
            *(line for note in table.notes for line in (note, "")),
        ]
    return "\n".join(lines)


def _dated(name: str, scope: Scope, begun: datetime, load: float) -> str:
    return (
        f"*{begun:%Y-%m-%d %H:%M} UTC, {scope.rounds} rounds; {_machine()}, load {load:.1f} before; {_versions()}. "
        f"Again: `make bench SECTIONS={name}`.*"
    )


def _grid(table: Table) -> list[str]:
    widths = [max(len(row[n]) for row in [table.columns, *table.rows]) for n in range(len(table.columns))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [
        line(table.columns),
        "|" + "|".join("-" * (width + 2) for width in widths) + "|",
        *map(line, table.rows),
    ]


def write(page: Path, name: str, text: str, order: Sequence[str]) -> None:
    """Replace one section of the page; what stands after the last one stays."""
    old = page.read_text() if page.exists() else _HEAD
    parts = {n: _found(old, n) for n in order}
    parts[name] = text
    tail = old.rpartition("<!-- end -->")[2] if "<!-- end -->" in old else "\n"
    body = "".join(f"<!-- section: {n} -->\n{parts[n].strip()}\n\n" for n in order if parts[n].strip())
    page.write_text(f"{_HEAD}\n{body}<!-- end -->{tail}")


def _found(old: str, name: str) -> str:
    found = re.search(rf"<!-- section: {name} -->\n(.*?)(?=<!-- (?:section: |end))", old, re.DOTALL)
    return found[1] if found else ""


def _machine() -> str:
    try:
        models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        models = []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores ({models[0] if models else platform.machine()}), {memory:.0f} GiB"


def _versions() -> str:
    said = subprocess.run(
        ["terraform", "version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    return (
        f"Python {platform.python_version()}, {said}, checkov {version('checkov')}, tap {version('tapstack')}"
    )
