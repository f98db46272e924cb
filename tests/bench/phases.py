"""Where the time of `tap plan` and `tap check` goes, phase by phase, by clocks around the functions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from tests.bench.gate import main_plan
from tests.bench.measure import Command, Scope, Table, cost, seconds
from tests.bench.stacks import system
from tests.bench.synthetic import replicated

# (module, function or Class.method, what it is called here)
_PLAN = (
    ("tapstack.commands.planning", "prepare", "settings, packages, server, lock"),
    (
        "tapstack.deployment.prepare",
        "Prepared.ensure_initialised",
        "terraform init, or seeing that it is not needed",
    ),
    ("tapstack.deployment.plan", "_plan", "terraform plan"),
    ("tapstack.terraform.driver", "Driver.show", "terraform show -json"),
    ("tapstack.deployment.plan", "_judge", "the model and the policies"),
    ("tapstack.deployment.sealing", "seal", "the seal"),
    ("tapstack.commands.reporting", "deliver", "the report"),
)
_CHECK = (
    ("tapstack.commands.reading", "read_document", "reading JSON"),
    ("tapstack.deployment.judge", "from_plan", "the model"),
    ("tapstack.deployment.judge", "judge", "the policies"),
    ("tapstack.deployment.judge", "of_document", "what is secret in it"),
    ("tapstack.commands.reporting", "deliver", "the report"),
)
_CLOCKS = """
import functools, importlib, json, pathlib, sys, time
begun = time.monotonic()
out, wanted, argv = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
spent = {}
import tapstack.app
importlib.import_module(f"tapstack.commands.{argv[0]}")
for module, path, name in wanted:
    owner = importlib.import_module(module)
    *outer, last = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    def clocked(function, name):
        @functools.wraps(function)
        def run(*args, **kwargs):
            start = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] = spent.get(name, 0) + time.monotonic() - start
        return run
    setattr(owner, last, clocked(getattr(owner, last), name))
spent["start of Python, imports"] = time.monotonic() - begun
try:
    tapstack.app.main(argv)
finally:
    spent["all"] = time.monotonic() - begun
    out.write_text(json.dumps(spent))
"""


def tables(scope: Scope) -> Iterator[Table]:
    """The main stack's plan, and the largest check."""
    if not scope.smoke:
        with system("main", scope.scratch) as stack:
            yield _table(
                "Where the time of `tap plan` goes (main stack, warm)", ["plan", "-q"], _PLAN, stack.directory
            )
    size = 100 if scope.smoke else 20_000
    path = scope.scratch / "phases.json"
    path.write_bytes(orjson.dumps(replicated(main_plan(scope.scratch / "phases"), size)))
    title = f"Where the time of `tap check` goes ({size:,} resources)"
    yield _table(title, ["check", str(path), "-q"], _CHECK, scope.scratch)


def _table(title: str, argv: list[str], wanted: tuple[tuple[str, str, str], ...], cwd: Path) -> Table:
    spent = cwd / "spent.json"
    words = [sys.executable, "-c", _CLOCKS, spent, json.dumps(wanted), *argv]
    cost(Command(words, cwd, dict(os.environ), (0, 3)))
    seen = json.loads(spent.read_text())
    whole = seen.pop("all")
    table = Table(title, ("phase", "wall", "share"))
    rest = whole - sum(seen.values())
    for name, value in [*seen.items(), ("the rest", rest)]:
        table.rows.append((name, seconds(value), f"{value / whole:.0%}"))
    return table
