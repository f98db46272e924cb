"""Start-up: what every command costs before it does anything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from tests.bench.measure import Command, Scope, Table, ratio, seconds, taking_turns
from tests.conftest import ROOT, TAP


def tables(scope: Scope) -> Iterator[Table]:
    """A row per command."""
    env = os.environ | {"XDG_CACHE_HOME": str(scope.scratch / "startup")}
    commands = {
        'python -c "import click"': Command([sys.executable, "-c", "import click"], ROOT),
        "tap --version": Command([TAP, "--version"], ROOT),
        "tap --help": Command([TAP, "--help"], ROOT),
        "tap check (the main stack's HCL)": Command([TAP, "check", ROOT / "terraform", "-q"], ROOT, env),
    }
    costs = taking_turns(
        {name: [command] for name, command in commands.items()},
        1 if scope.smoke else 21,
    )
    least = costs['python -c "import click"'].wall
    table = Table("Start-up", ("command", "wall", "CPU", "ratio to the first"))
    for name, one in costs.items():
        table.rows.append((f"`{name}`", seconds(one.wall), seconds(one.cpu), ratio(one.wall, least)))
    yield table
