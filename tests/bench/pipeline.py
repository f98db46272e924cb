"""`tap plan` beside the commands that people put one after another: init, validate, plan, show, checkov."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from tests.bench.measure import Command, Scope, Table, beside, taking_turns
from tests.bench.stacks import SYSTEMS, Measured, synthetic, system
from tests.conftest import TAP

INSTEAD = "terraform init, validate, plan -out, show -json; checkov -f plan.json --skip-download"


def tables(scope: Scope) -> Iterator[Table]:
    """One row per stack, without and with what an earlier run has left."""
    names = [] if scope.smoke else list(SYSTEMS)
    size = 20 if scope.smoke else 1_000
    table = Table(
        "Against what people run today",
        ("stack", "", "tap plan", "instead", "ratio of wall time", "of CPU time"),
        notes=[
            f"Instead: `{INSTEAD}`. Cold: no .terraform, no lock file, no cache; the provider is on disk, the "
            "embedded AWS runs, and the Lambda packages are there for both, which tap looks through.",
        ],
    )
    for name in names:
        with system(name, scope.scratch) as stack:
            _measure(table, name, stack, scope.rounds)
    with synthetic(size, scope.scratch) as stack:
        _measure(table, f"{size:,} terraform_data", stack, scope.rounds)
    yield table


def _measure(table: Table, name: str, stack: Measured, rounds: int) -> None:
    kept = stack.directory / "kept-packages"
    if stack.packages.exists():
        shutil.copytree(stack.packages, kept)
    sides = _sides(stack)

    def before() -> None:
        stack.forget()
        if kept.exists():
            # The others' Terraform finds packages where tap builds them.
            shutil.copytree(kept, stack.packages)

    for state in ("cold", "warm"):
        if state == "cold":
            costs = taking_turns(sides, rounds, before)
        else:
            taking_turns(sides, 1)
            costs = taking_turns(sides, rounds)
        ours, theirs = costs["tap"], costs["instead"]
        table.rows.append((name, state, *beside(ours, theirs)))


def _sides(stack: Measured) -> dict[str, Sequence[Command]]:
    shown = stack.directory / "bare.json"
    checkov = [TAP.with_name("checkov"), "-f", shown, "--quiet", "--compact", "--skip-download"]
    instead = (
        stack.terraform("init", "-input=false"),
        stack.terraform("validate"),
        stack.plan(),
        stack.terraform("show", "-json", "bare.tfplan", out=shown),
        Command(checkov, stack.directory, stack.bare, (0, 1)),
    )
    return {"tap": [stack.tap("plan")], "instead": instead}
