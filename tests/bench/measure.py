"""Runs commands to their end and says what they cost; sides of a comparison take turns in one session."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and CPU seconds, children included, and the most memory of one process in MB."""

    wall: float
    cpu: float
    memory: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


@dataclass(frozen=True, slots=True)
class Command:
    """What to start where; an exit code that is not one of `codes` ends the benchmark. `out` gets what it prints."""

    argv: Sequence[object]
    cwd: Path
    env: Mapping[str, str] | None = None
    codes: tuple[int, ...] = (0,)
    out: Path | None = None


def cost(*commands: Command) -> Cost:
    """What commands cost one after another."""
    total = Cost(0, 0, 0)
    for command in commands:
        with Path(command.out or os.devnull).open("wb") as out:
            started = time.monotonic()
            process = subprocess.Popen(
                [str(word) for word in command.argv],
                cwd=command.cwd,
                env=command.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in command.codes:
            sys.exit(f"{' '.join(map(str, command.argv))[:300]}: exit code {process.returncode}")
        total += Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
    return total


def taking_turns(
    sides: Mapping[str, Sequence[Command]], rounds: int, before: Callable[[], object] = lambda: None
) -> dict[str, Cost]:
    """The median of each figure of each side, commands one after another; `before` is done ahead of each side."""
    seen: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, commands in sides.items():
            before()
            seen[name].append(cost(*commands))
    return {name: median(costs) for name, costs in seen.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(statistics.median(column) for column in zip(*map(_figures, costs), strict=True)))


def _figures(one: Cost) -> tuple[float, float, float]:
    return one.wall, one.cpu, one.memory


@dataclass(slots=True)
class Table:
    """A table of a section's page; `notes` stand below it."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is measured: `smoke` asks only whether everything still runs. `peers` is a virtual environment."""

    scratch: Path
    rounds: int
    smoke: bool
    peers: Path | None

    def peer(self, name: str) -> Path | None:
        """The program of that name among the peers; None where they are not installed."""
        program = self.peers / "bin" / name if self.peers else None
        return program if program and program.exists() else None


def seconds(value: float) -> str:
    """As the tables show it."""
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def ratio(ours: float, theirs: float) -> str:
    """Ours over theirs: below 1 is faster."""
    return f"{ours / theirs:.2f}"


def beside(ours: Cost, theirs: Cost) -> tuple[str, str, str, str]:
    """Four cells of a row: both wall times, their ratio, and that of the CPU times."""
    return (
        seconds(ours.wall),
        seconds(theirs.wall),
        ratio(ours.wall, theirs.wall),
        ratio(ours.cpu, theirs.cpu),
    )
