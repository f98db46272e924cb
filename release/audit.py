"""Asks pip-audit whether a locked package has a known vulnerability, and never takes silence for a no."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from release.build import ROOT, TOOLS, NotReleasable, own_environment

LOCKS = ("requirements.lock", "requirements-terraform.lock", "requirements-release.lock")


def audit(tools: Path = TOOLS) -> str:
    """One sentence of what was looked at.

    Raises NotReleasable on a known vulnerability, and if a package could not be looked up.
    """
    locks = [part for lock in LOCKS for part in ("--requirement", str(ROOT / lock))]
    options = [
        "--strict",
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner",
        "off",
        "--format",
        "json",
    ]
    done = subprocess.run(
        [tools / "pip-audit", *options, *locks],
        cwd=ROOT,
        env=own_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError as failure:
        said = "".join(done.stderr.strip().splitlines()[-1:])
        raise NotReleasable(
            f"pip-audit could not look, and nothing is known; without a network say OFFLINE=1: {said}"
        ) from failure
    return judge(report)


def judge(report: dict[str, Any]) -> str:
    """What the JSON of pip-audit comes to; raises as `audit` does."""
    packages = report["dependencies"]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped or not packages:
        raise NotReleasable(f"pip-audit did not look at {', '.join(skipped) or 'any package'}.")
    found = [
        f"{one['name']} {one['version']}: {flaw['id']} (mended in {', '.join(flaw['fix_versions']) or 'no version'})"
        for one in packages
        for flaw in one["vulns"]
    ]
    if found:
        raise NotReleasable(f"{len(found)} known vulnerabilities: {'; '.join(found)}")
    return f"{len(packages)} locked packages looked up, none with a known vulnerability"
