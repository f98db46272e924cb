"""`tap plan` beside Terraform alone: `plan -out` and `show -json`; and where tap's share of the time goes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import Scope, Table, beside, cost, taking_turns
from tests.bench.stacks import Measured, synthetic, system


def tables(scope: Scope) -> Iterator[Table]:
    """A row per stack, warm."""
    table = Table(
        "Against Terraform alone",
        ("stack", "tap plan", "plan + show", "ratio of wall time", "of CPU time"),
        notes=["Instead: `terraform plan -out=FILE; terraform show -json FILE`. Both warm, the same state."],
    )
    if not scope.smoke:
        with system("main", scope.scratch) as stack:
            _measure(table, "main", stack, 2 * scope.rounds + 1)
    size = 20 if scope.smoke else 1_000
    with synthetic(size, scope.scratch) as stack:
        _measure(table, f"{size:,} terraform_data", stack, 2 * scope.rounds + 1)
    yield table


def _measure(table: Table, name: str, stack: Measured, rounds: int) -> None:
    show = stack.terraform("show", "-json", "bare.tfplan")
    cost(stack.terraform("init", "-input=false"))
    sides = {"tap": [stack.tap("plan")], "terraform": [stack.plan(), show]}
    taking_turns(sides, 1)
    costs = taking_turns(sides, rounds)
    ours, theirs = costs["tap"], costs["terraform"]
    table.rows.append((name, *beside(ours, theirs)))
