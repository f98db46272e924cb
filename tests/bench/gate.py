"""`tap check` on plans of 100 to 20,000 resources: beside reading the same JSON, checkov with the same pack, and Rego.

Peers that are too slow for the largest plan are measured on a smaller one, which the table says.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import orjson

from tests.bench.synthetic import replicated
from tests.conftest import ROOT, TAP

SIZES = (100, 1_000, 5_000, 20_000)
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


@dataclass(frozen=True, slots=True)
class Cost:
    """One run: wall and CPU seconds, and the most memory in MB."""

    wall: float
    cpu: float
    memory: float


def cost(command: Sequence[str], cwd: Path, codes: tuple[int, ...] = (0,)) -> Cost:
    """Run a command to its end; an exit code that is not one of `codes` ends the benchmark."""
    started = monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        sys.exit(f"{' '.join(map(str, command))[:200]} ended with {process.returncode}")
    return Cost(monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main_plan(scratch: Path) -> dict[str, object]:
    """The real plan of the main stack."""
    directory = scratch / "terraform"
    shutil.copytree(ROOT / "terraform", directory, ignore=shutil.ignore_patterns(".tap", ".terraform*"))
    try:
        said = subprocess.run(
            [TAP, "plan", "--json", "-q"], cwd=directory, capture_output=True, check=True
        ).stdout
        env = os.environ | {"TF_DATA_DIR": ".tap/sandbox/terraform"}
        env.pop("TF_CLI_CONFIG_FILE", None)
        plan = f".tap/plans/{json.loads(said)['id']}/tfplan"
        shown = subprocess.run(
            ["terraform", "show", "-json", plan], cwd=directory, env=env, capture_output=True, check=True
        )
    finally:
        subprocess.run([TAP, "sandbox", "stop"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    document: dict[str, object] = orjson.loads(shown.stdout)
    return document


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """The slope of a straight line through the logarithms: 1 is linear, 2 quadratic."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def main() -> None:
    """Print a row per size and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        plan = main_plan(scratch)
        away = scratch / "away"
        away.mkdir()
        files = {}
        for size in SIZES:
            files[size] = scratch / f"{size}.json"
            files[size].write_bytes(orjson.dumps(replicated(plan, size)))
        start = cost([sys.executable, "-c", _NOTHING], away).cpu
        print(
            f"{'resources':>9} {'MB':>6} {'orjson CPU':>11} {'tap CPU':>9} {'tap wall':>9} {'tap MB':>7} {'ratio':>6}"
        )
        growth = []
        for size, path in files.items():
            read = cost([sys.executable, "-c", _READ, str(path)], away).cpu - start
            ours = cost([str(TAP), "check", str(path), "-q"], away, (0, 3))
            growth.append((size, ours.cpu))
            print(
                f"{size:>9} {path.stat().st_size / 1e6:>6.1f} {read:>10.3f}s {ours.cpu:>8.2f}s {ours.wall:>8.2f}s "
                f"{ours.memory:>7.0f} {ours.cpu / read:>6.1f}"
            )
        print(f"exponent of tap's CPU from 1,000 resources on: {exponent(growth[1:]):.2f}")
        rego = scratch / "tap.rego"
        rego.write_text(_POLICY)
        for size in (1_000, 5_000):
            ours = cost([str(TAP), "check", str(files[size]), "-q"], away, (0, 3))
            for peer, command in (
                (
                    "checkov, same pack",
                    [sys.executable, "-c", _CHECKOV, str(files[size]), str(ROOT / "policies")],
                ),
                ("Rego, six questions", [sys.executable, "-c", _REGO, str(files[size]), str(rego)]),
            ):
                theirs = cost(command, away)
                print(
                    f"{size:>9} {peer:<20} CPU {theirs.cpu:>7.2f}s  {theirs.memory:>6.0f} MB  "
                    f"{theirs.cpu / ours.cpu:>6.1f} times tap's CPU"
                )


if __name__ == "__main__":
    main()
