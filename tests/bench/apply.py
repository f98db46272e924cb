"""`tap apply` beside `terraform apply` of the same plan; and what showing its progress costs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.bench.measure import Command, Cost, Scope, Table, beside, cost, median, seconds
from tests.bench.stacks import Measured, synthetic, system
from tests.conftest import ROOT

_EVENTS = 10_000
# As long as Terraform takes for as many: its apply of 1,000 `terraform_data` tells a hundred a second.
_SECONDS = 95
# The displays of `tap apply`, for a log and for a terminal, fed with events like Terraform's; and none at all.
_DISPLAY = """
import json, sys, time
from tapstack.report.progress import LiveProgress, PlainProgress
from tapstack.report.screen import Screen
from tapstack.terraform.events import parse
class NoProgress:
    def expect(self, total): pass
    phase = event = expect
    def close(self): pass
kinds = {"none": lambda screen: NoProgress(), "log": PlainProgress, "terminal": LiveProgress}
kind, number, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
display = kinds[kind](Screen())
hook = {"resource": {"addr": "", "resource_type": "terraform_data"}, "action": "create", "elapsed_seconds": 0}
lines = []
for n in range(number // 2):
    hook["resource"]["addr"] = f"terraform_data.r{n}"
    for name in ("apply_start", "apply_complete"):
        lines.append(json.dumps({"@level": "info", "@message": "m", "type": name, "hook": hook}).encode())
begun = time.process_time()
display.expect(number // 2)
display.phase("applying")
for line in lines:
    display.event(parse(line))
    time.sleep(seconds / number)
display.close()
print(time.process_time() - begun)
"""


def tables(scope: Scope) -> Iterator[Table]:
    """A row per stack: create everything, destroy it in between."""
    table = Table(
        "Apply",
        ("stack", "tap apply", "terraform apply", "ratio of wall time", "of CPU time"),
        notes=[
            "Both apply a plan that is there; tap verifies its seal and judges the state afterwards as well."
        ],
    )
    size = 20 if scope.smoke else 1_000
    with synthetic(size, scope.scratch) as stack:
        _measure(table, f"{size:,} terraform_data", stack, scope.rounds)
    if not scope.smoke:
        with system("main", scope.scratch) as stack:
            _measure(table, "main", stack, 1)
    yield table
    yield _display(scope)


def _measure(table: Table, name: str, stack: Measured, rounds: int) -> None:
    cost(stack.terraform("init", "-input=false"))
    sides = {
        "tap": (stack.tap("plan"), stack.tap("apply"), stack.tap("destroy", "--auto-approve")),
        "terraform": (
            stack.plan(),
            stack.terraform("apply", "-input=false", "bare.tfplan"),
            stack.destroy(),
        ),
    }
    seen: dict[str, list[Cost]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, (plan, apply, destroy) in sides.items():
            cost(plan)
            seen[side].append(cost(apply))
            cost(destroy)
    ours, theirs = (median(costs) for costs in seen.values())
    table.rows.append((name, *beside(ours, theirs)))


def _display(scope: Scope) -> Table:
    """The CPU time of the display over the time that its events took."""
    events, within = (40, 0.1) if scope.smoke else (_EVENTS, _SECONDS)
    table = Table(
        "Progress",
        ("display", "events", "over", "CPU", "of one core"),
        notes=["Without what the same process takes to wait for the events and to parse them."],
    )
    out = scope.scratch / "display"
    spent: dict[str, tuple[float, float]] = {}
    for kind in ("none", "log", "terminal"):
        whole = cost(Command([sys.executable, "-c", _DISPLAY, kind, events, within], ROOT, out=out))
        spent[kind] = whole.wall, float(out.read_text().split()[-1])
    for kind in ("log", "terminal"):
        wall, used = spent[kind][0], spent[kind][1] - spent["none"][1]
        table.rows.append((kind, f"{events:,}", seconds(wall), seconds(used), f"{used / wall:.1%}"))
    return table
