"""A clean environment with a built wheel and the locked versions of what it needs, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from release.build import ROOT, Distributions, own_environment, run

UV = Path(sys.executable).with_name("uv")
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-terraform.lock")


def constraints(target: Path) -> Path:
    """Write the locked versions to `target` without hashes, which pip and uv would then demand of the wheel too."""
    pins = [
        line.removesuffix("\\").strip()
        for lock in LOCKS
        for line in lock.read_text("utf-8").splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    ]
    target.write_text("\n".join(pins) + "\n")
    return target


def install(made: Distributions, target: Path, extras: Sequence[str] = ()) -> Path:
    """Make the environment `target` with uv and install the wheel with `extras`; returns its directory of programs."""
    env = own_environment() | {"UV_NO_CONFIG": "1"}
    python = target / "bin" / "python"
    wanted = f"tapstack[{','.join(extras)}] @ {made.wheel.resolve().as_uri()}"
    run([UV, "venv", "--quiet", "--python", sys.executable, target], ROOT, env)
    pinned = constraints(target / "constraints.txt")
    options = ("--quiet", "--python", python, "--constraint", pinned)
    run([UV, "pip", "install", *options, wanted], ROOT, env)
    return python.parent
