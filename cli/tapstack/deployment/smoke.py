"""Runs the stack's smoke test against a sandbox, from which it cannot get out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tapstack.deployment.outputs import masked
from tapstack.deployment.prepare import Observer
from tapstack.errors import InputError, Interrupted
from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.environment import isolated
from tapstack.settings import Settings
from tapstack.terraform import process


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """How it ended: `how` in words, `said` all it printed, standard output first."""

    passed: bool
    how: str
    said: str


def script(settings: Settings) -> Path | None:
    """The smoke test that `[stack] smoke` names, if it names one. Raises InputError where there is no such file."""
    name = settings.stack.smoke
    if name is None:
        return None
    path = settings.directory / name
    if not path.is_file():
        raise InputError(
            f"{settings.path}:{settings.lines['stack.smoke']}: smoke is {name!r}, and there is no such file in "
            f"{settings.directory}.",
            hint="a smoke test is a Python script; take the key away if there is none",
        )
    return path


def run(
    path: Path,
    settings: Settings,
    sandbox: Sandbox,
    outputs: Mapping[str, Mapping[str, Any]],
    observer: Observer,
    environ: Mapping[str, str],
) -> SmokeResult:
    """Run the script on tap's own Python, with what `tap output --json` prints on its standard input.

    Its environment is that of Terraform in the sandbox: no real credentials, and no way out. Exit status 0 is
    success. Raises Interrupted after a stop signal.
    """
    limit = settings.stack.timeout_minutes * 60
    done = process.run(
        [sys.executable, str(path)],
        cwd=settings.directory,
        env=isolated(environ, sandbox, region=settings.region or "us-east-1"),
        stdin=orjson.dumps(masked(outputs), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS),
        on_signal=observer.signal,
        timeout=limit,
    )
    if done.signals:
        raise Interrupted(f"Interrupted: {path.name} was stopped.")
    if done.timed_out:
        how = f"was stopped after {limit:g} s, the limit for one command"
    elif done.returncode < 0:
        how = f"was killed by signal {-done.returncode}"
    else:
        how = f"ended with exit status {done.returncode}"
    return SmokeResult(
        passed=done.returncode == 0 and not done.timed_out,
        how=how,
        said=(done.stdout.decode("utf-8", "replace") + done.stderr).strip(),
    )
