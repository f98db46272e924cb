"""`tap plan` beside `terraform plan -out` and `terraform show -json` on the main stack: wall and CPU time, as ratios.

The two take turns in one run, against one embedded AWS, with the same state, variables and provider.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT, TAP


def measured(commands: Sequence[Sequence[str]], cwd: Path, env: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of commands one after another, their children included."""
    wall, cpu = time.monotonic(), 0.0
    for command in commands:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command} ended with {process.returncode}")
        cpu += used.ru_utime + used.ru_stime
    return time.monotonic() - wall, cpu


def bare(directory: Path) -> tuple[list[list[str]], dict[str, str]]:
    """What a user would run instead, and the environment for it."""
    said = subprocess.run(
        [TAP, "sandbox", "env", "--json"], cwd=directory, capture_output=True, check=True
    ).stdout
    env = dict(os.environ)
    for name, value in json.loads(said).items():
        env.pop(name, None)
        if value:
            env[name] = value
    env |= {"TF_DATA_DIR": ".tap/sandbox/terraform", "TF_CLI_CONFIG_FILE": ".tap/sandbox/terraform.rc"}
    if not Path(directory, ".tap/sandbox/terraform.rc").exists():
        del env["TF_CLI_CONFIG_FILE"]
    variables = ["-var=company=acme", "-var=environment=dev"]
    state = "-state=.tap/sandbox/terraform.tfstate"
    plan = ["terraform", "plan", "-input=false", "-out=bare.tfplan", state, *variables]
    return [plan, ["terraform", "show", "-json", "bare.tfplan"]], env


def main(rounds: int) -> None:
    """Print a table of medians and ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch, "terraform")
        shutil.copytree(ROOT / "terraform", directory, ignore=shutil.ignore_patterns(".tap", ".terraform*"))
        subprocess.run([TAP, "plan", "-q"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        instead, env = bare(directory)
        times: dict[str, list[tuple[float, float]]] = {
            "tap plan": [],
            "terraform plan + show": [],
            "tap --help": [],
        }
        try:
            for _ in range(rounds):
                times["tap plan"].append(measured([[str(TAP), "plan", "-q"]], directory, dict(os.environ)))
                times["terraform plan + show"].append(measured(instead, directory, env))
                times["tap --help"].append(measured([[str(TAP), "--help"]], directory, dict(os.environ)))
        finally:
            subprocess.run([TAP, "sandbox", "stop"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    print(f"{rounds} rounds, medians")
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in times.items()
    }
    for name, (wall, cpu) in medians.items():
        print(f"  {name:<24} wall {wall:6.2f} s   CPU {cpu:6.2f} s")
    ours, theirs = medians["tap plan"], medians["terraform plan + show"]
    print(f"  ratio                    wall {ours[0] / theirs[0]:6.2f}     CPU {ours[1] / theirs[1]:6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
