"""`tap rehearse` beside the same steps by bare terraform commands, on the main stack."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import Scope, Table, beside, taking_turns
from tests.bench.stacks import system


def tables(scope: Scope) -> Iterator[Table]:
    """One row: a stack's whole life."""
    if scope.smoke:
        return
    table = Table(
        "Rehearsal",
        ("stack", "tap rehearse", "terraform", "ratio of wall time", "of CPU time"),
        notes=[
            "Instead: init, plan, show, apply, plan, show and destroy on an embedded AWS that runs. tap starts its "
            "own, packages, judges, and runs the smoke test as well."
        ],
    )
    with system("main", scope.scratch) as stack:
        show = stack.terraform("show", "-json", "bare.tfplan")
        steps = (
            stack.terraform("init", "-input=false"),
            stack.plan(),
            show,
            stack.terraform("apply", "-input=false", "bare.tfplan"),
            stack.plan(),
            show,
            stack.destroy(),
        )
        costs = taking_turns({"tap": [stack.tap("rehearse")], "terraform": steps}, scope.rounds)
    ours, theirs = costs["tap"], costs["terraform"]
    table.rows.append(("main", *beside(ours, theirs)))
    yield table
