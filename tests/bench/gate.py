"""`tap check` on plans of up to 100,000 resources: beside reading the same JSON, and beside other judges."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.bench import shapes
from tests.bench.measure import Command, Cost, Scope, Table, cost, ratio, seconds
from tests.bench.stacks import system
from tests.conftest import ROOT, TAP

SIZES = (100, 1_000, 5_000, 20_000, 100_000)
_READ = "import sys, orjson, pathlib; orjson.loads(pathlib.Path(sys.argv[1]).read_bytes())"
_NOTHING = "import sys, orjson, pathlib"
_CHECKOV = """
import sys, gc
gc.disable()
from checkov.runner_filter import RunnerFilter
from checkov.terraform.checks.resource.registry import resource_registry
from checkov.terraform.plan_runner import Runner
sys.path.insert(0, sys.argv[2])
report = Runner().run(files=[sys.argv[1]], external_checks_dir=[sys.argv[2]],
    runner_filter=RunnerFilter(framework=["terraform_plan"], checks=["CKV_TAP_*"]))
print(len(report.passed_checks), len(report.failed_checks))
"""
_REGO = """
import sys, pathlib, lakera_regorus as regorus
engine = regorus.Engine()
engine.add_policy("tap.rego", pathlib.Path(sys.argv[2]).read_text())
engine.set_input_json(pathlib.Path(sys.argv[1]).read_text())
print(len(engine.eval_query_as_json("data.tap.violations")))
"""
# The same questions as the pack's, asked as one writes Rego: a rule that looks up another resource scans all.
_POLICY = """
package tap
import rego.v1

resources := [r | some r in input.resource_changes; r.mode == "managed"]

violations contains [r.address, "rotation"] if {
  some r in resources
  r.type == "aws_kms_key"
  not r.change.after.enable_key_rotation
}
violations contains [r.address, "recovery"] if {
  some r in resources
  r.type == "aws_dynamodb_table"
  not r.change.after.point_in_time_recovery[0].enabled
}
violations contains [r.address, "retention"] if {
  some r in resources
  r.type == "aws_cloudwatch_log_group"
  r.change.after.retention_in_days != 14
}
violations contains [r.address, key] if {
  some r in resources
  some key in ["Environment", "Project", "ManagedBy"]
  r.change.after.tags_all
  not r.change.after.tags_all[key]
}
violations contains [r.address, "own log group"] if {
  some r in resources
  r.type == "aws_lambda_function"
  count([g | some g in resources; g.type == "aws_cloudwatch_log_group"
    g.change.after.name == concat("", ["/aws/lambda/", r.change.after.function_name])]) == 0
}
violations contains [r.address, "alarm reaches a topic"] if {
  some r in resources
  r.type == "aws_cloudwatch_metric_alarm"
  count([t | some t in resources; t.type == "aws_sns_topic"]) == 0
}
"""


_COMPLIANCE = """
Feature: what the pack asks too
  Scenario: keys rotate
    Given I have aws_kms_key defined
    Then it must contain enable_key_rotation
    And its value must be true
  Scenario: tables can be recovered
    Given I have aws_dynamodb_table defined
    Then it must contain point_in_time_recovery
    And it must contain enabled
    And its value must be true
  Scenario: logs are kept fourteen days
    Given I have aws_cloudwatch_log_group defined
    Then it must contain retention_in_days
    And its value must be 14
"""


def tables(scope: Scope) -> Iterator[Table]:
    """Growth, shapes, other judges."""
    plan = main_plan(scope.scratch)
    away = scope.scratch / "away"
    away.mkdir()
    whole = away / "whole.json"
    whole.write_bytes(orjson.dumps(plan))
    files: dict[int, Path] = {}
    for size in (100,) if scope.smoke else SIZES:
        files[size] = away / f"{size}.json"
        words = [sys.executable, "-m", "tests.bench.synthetic", whole, size, files[size]]
        cost(Command(words, ROOT))
    yield _growth(files, away)
    yield _shapes(plan, scope, away)
    yield _judges(files, scope, away)
    yield _planted(plan, scope, away)


def main_plan(scratch: Path) -> dict[str, Any]:
    """The real plan of the main stack."""
    with system("main", scratch) as stack:
        shown = stack.directory / "shown.json"
        cost(stack.terraform("init", "-input=false"), stack.plan())
        cost(stack.terraform("show", "-json", "bare.tfplan", out=shown))
        document: dict[str, Any] = orjson.loads(shown.read_bytes())
    return document


def check(path: Path, away: Path) -> Cost:
    """`tap check` of a file, whatever it finds."""
    return cost(Command([TAP, "check", path, "-q"], away, codes=(0, 3)))


def read(path: Path, away: Path) -> Cost:
    """Reading the same file; without the start of Python."""
    start = cost(Command([sys.executable, "-c", _NOTHING], away))
    whole = cost(Command([sys.executable, "-c", _READ, path], away))
    return Cost(whole.wall - start.wall, whole.cpu - start.cpu, whole.memory)


def _row(name: str, path: Path, away: Path) -> tuple[tuple[str, ...], Cost]:
    size = path.stat().st_size / 1e6
    plain, ours = read(path, away), check(path, away)
    return (
        name,
        f"{size:.1f} MB",
        seconds(plain.cpu),
        seconds(ours.cpu),
        seconds(ours.wall),
        ratio(ours.cpu, plain.cpu),
        f"{ours.memory:.0f} MB",
        ratio(ours.memory, size),
        ratio(plain.memory, size),
    ), ours


_COLUMNS = (
    "",
    "file",
    "orjson.loads, CPU",
    "tap check, CPU",
    "wall",
    "CPU ratio",
    "memory",
    "over the file",
    "orjson's over the file",
)


def _growth(files: dict[int, Path], away: Path) -> Table:
    table = Table("The gate: growth", _COLUMNS)
    points = []
    for size, path in files.items():
        row, ours = _row(f"{size:,} resources", path, away)
        table.rows.append(row)
        points.append((size, ours.cpu))
    if len(points) > 2:
        table.notes.append(f"Exponent of tap's CPU from 1,000 resources on: {exponent(points[1:]):.2f}.")
    return table


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """The slope of a straight line through the logarithms: 1 is linear, 2 quadratic."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def _shapes(plan: dict[str, Any], scope: Scope, away: Path) -> Table:
    table = Table("The gate: shapes", _COLUMNS)
    for name, document in shapes.of(plan, small=scope.smoke):
        path = away / "shape.json"
        path.write_bytes(orjson.dumps(document))
        table.rows.append(_row(name, path, away)[0])
    return table


def _judges(files: dict[int, Path], scope: Scope, away: Path) -> Table:
    table = Table(
        "The gate: other judges",
        ("resources", "judge", "CPU", "memory", "times tap's CPU"),
        notes=[
            "checkov judges the same pack; Rego (regorus) and terraform-compliance a few questions that they can "
            "express; trivy and checkov's own pack what they bring. Each is a whole process.",
        ],
    )
    (away / "tap.rego").write_text(_POLICY)
    (away / "features").mkdir(exist_ok=True)
    (away / "features" / "tap.feature").write_text(_COMPLIANCE)
    for size in [size for size in files if size in (100, 1_000, 5_000)][-2:]:
        ours = check(files[size], away)
        table.rows.append(
            (f"{size:,}", "tap, 38 policies", seconds(ours.cpu), f"{ours.memory:.0f} MB", "1.00")
        )
        for name, command in _peers(files[size], scope, away):
            if size > 1_000 and name.startswith("terraform-compliance"):
                continue
            theirs = cost(command)
            table.rows.append(
                (
                    f"{size:,}",
                    name,
                    seconds(theirs.cpu),
                    f"{theirs.memory:.0f} MB",
                    ratio(theirs.cpu, ours.cpu),
                )
            )
    return table


def _peers(path: Path, scope: Scope, away: Path) -> Iterator[tuple[str, Command]]:
    checkov = [sys.executable, "-c", _CHECKOV, path, ROOT / "policies"]
    yield "checkov, the same pack", Command(checkov, away)
    own = [TAP.with_name("checkov"), "-f", path, "--quiet", "--compact", "--skip-download", "-o", "json"]
    yield "checkov, its own pack", Command(own, away, codes=(0, 1))
    if python := scope.peer("python"):
        yield "regorus, six questions", Command([python, "-c", _REGO, path, away / "tap.rego"], away)
    if compliance := scope.peer("terraform-compliance"):
        words = [compliance, "-f", away / "features", "-p", path, "--no-ansi"]
        yield "terraform-compliance, three scenarios", Command(words, away, codes=(0, 1))
    if trivy := scope.peer("trivy"):
        env = os.environ | {"TRIVY_CACHE_DIR": str(away / "trivy")}
        words = [trivy, "config", "--skip-check-update", "--skip-version-check", "-q", "-f", "json", path]
        yield "trivy, its own pack", Command(words, away, env)


def _planted(plan: dict[str, Any], scope: Scope, away: Path) -> Table:
    """Who finds what was broken on purpose; a finding counts if the answer to the broken plan differs."""
    table = Table(
        "The gate: planted faults",
        ("fault", "tap", *(name for name, _ in _peers(away / "x.json", scope, away))),
        notes=[
            'Each fault is made in the real plan of the main stack, in its JSON. "found": the judge\'s answer is '
            "another than to the whole plan. Rego and terraform-compliance ask only what was written for them. trivy "
            "makes HCL of the plan again, fails to parse that of this stack (`Error parsing file`, on stderr), and "
            "ends with 0: its time above is that of looking at nothing."
        ],
    )
    answers = _answers(plan, scope, away)
    for fault, broken in itertools.islice(shapes.faults(plan), 1 if scope.smoke else None):
        found = (one != whole for one, whole in zip(_answers(broken, scope, away), answers, strict=True))
        table.rows.append((fault, *("found" if one else "-" for one in found)))
    return table


def _answers(plan: dict[str, Any], scope: Scope, away: Path) -> list[tuple[int, int]]:
    """What tap and each of the others say of a plan."""
    path = away / "one.json"
    path.write_bytes(orjson.dumps(plan))
    ours = Command([TAP, "check", path, "-q"], away)
    return [_answer(command) for command in (ours, *(theirs for _, theirs in _peers(path, scope, away)))]


def _answer(command: Command) -> tuple[int, int]:
    """Exit code and how many findings are told, for judges that end with 0 whatever they find."""
    done = subprocess.run(
        [str(word) for word in command.argv],
        cwd=command.cwd,
        env=command.env,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.count(b'"Status": "FAIL"') + done.stdout.count(
        b'"check_result"'
    ) + _said(done.stdout)


def _said(out: bytes) -> int:
    """The number of violations or failures that the two scripts print."""
    words = out.split()
    return int(words[-1]) if words and words[-1].isdigit() else 0
