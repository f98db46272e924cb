"""`tap rehearse` beside the same steps by bare terraform commands, on the main stack: wall and CPU time, as ratios.

The steps are init, plan, show, apply, plan, show and destroy, each side on a fresh embedded AWS; tap packages, judges,
and runs the smoke test as well.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.plan import bare, measured
from tests.conftest import ROOT, TAP


def _ours(directory: Path) -> tuple[float, float]:
    return measured([[str(TAP), "rehearse", "-q"]], directory, dict(os.environ))


def _theirs(directory: Path) -> tuple[float, float]:
    shutil.rmtree(directory / ".tap", ignore_errors=True)
    for left in directory.glob(".terraform*"):
        left.unlink() if left.is_file() else shutil.rmtree(left)
    # Packages, provider configuration and server are there when the clock starts; tap's own clock includes them.
    subprocess.run([TAP, "plan", "-q"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    (planned, show), env = bare(directory)
    shutil.rmtree(directory / ".tap/sandbox/terraform")
    state, variables = planned[4], planned[5:]
    init = ["terraform", "init", "-input=false"]
    apply = ["terraform", "apply", "-input=false", state, "bare.tfplan"]
    destroy = ["terraform", "destroy", "-input=false", "-auto-approve", state, *variables]
    try:
        return measured([init, planned, show, apply, planned, show, destroy], directory, env)
    finally:
        subprocess.run([TAP, "sandbox", "stop"], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def main(rounds: int) -> None:
    """Print medians and ratios."""
    rows: dict[str, list[tuple[float, float]]] = {"tap rehearse": [], "terraform, the same steps": []}
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch, "terraform")
        shutil.copytree(ROOT / "terraform", directory, ignore=shutil.ignore_patterns(".tap", ".terraform*"))
        for _ in range(rounds):
            rows["tap rehearse"].append(_ours(directory))
            rows["terraform, the same steps"].append(_theirs(directory))
    medians = {n: [statistics.median(c) for c in zip(*r, strict=True)] for n, r in rows.items()}
    print(f"{rounds} rounds, medians")
    for name, (wall, cpu) in medians.items():
        print(f"  {name:<28} wall {wall:6.2f} s   CPU {cpu:6.2f} s")
    ours, theirs = medians.values()
    print(
        f"  ratio                        wall {ours[0] / theirs[0]:6.2f}     CPU {ours[1] / theirs[1]:6.2f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
