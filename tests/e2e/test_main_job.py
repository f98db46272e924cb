"""The main job from the command line: with the terraform binary, and the README's with Terraform as a library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tapstack.terraform import binary
from tests.conftest import ROOT, Tap
from tests.e2e.walk import Walk, newcomer

pytestmark = pytest.mark.real


def without_terraform(path: str) -> str:
    """PATH without the directories that hold a terraform or tofu."""
    return os.pathsep.join(
        directory
        for directory in path.split(os.pathsep)
        if not any((Path(directory) / name).exists() for name in ("terraform", "tofu"))
    )


def said_of(tap: Tap, path: str) -> dict[tuple[str, str], str]:
    """Every verdict that `tap check` has a reason for, by policy and address."""
    ledger = json.loads(tap("check", path, "--json", "--all").out)
    assert ledger["errors"] == []
    return {(finding["policy"], finding["address"]): finding["verdict"] for finding in ledger["findings"]}


def test_the_readme_where_there_is_no_terraform(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "TAP_TERRAFORM"}
    environ["PATH"] = without_terraform(environ["PATH"])
    assert binary.find(environ).kind == "library"
    with newcomer(tmp_path, environ) as shell:
        shell.run("cd tap")
        print(Walk(ROOT / "README.md", shell).go({}))


def test_plan_apply_use_destroy(stack: Callable[[str], Tap]) -> None:
    tap = stack("main")
    assert binary.find(tap.env).kind == "terraform"

    plan = json.loads(tap.succeeds("plan", "--json").out)
    assert (plan["schema"], plan["decision"], plan["exit_code"]) == ("tap.plan/1", "open", 0)
    assert set(plan["counts"]) == {"create"}
    applied = tap.succeeds("apply", plan["id"])
    assert f"Applied {plan['id']}: {plan['counts']['create']} created." in applied.out

    # What was applied once is not applied again.
    again = tap("apply", plan["id"])
    assert (again.code, "has been applied already" in again.err) == (64, True)

    outputs = tap.directory / "outputs.json"
    outputs.write_text(tap.succeeds("output", "--json").out)
    assert tap.succeeds("output", "table_name").out == "acme-dev-table\n"
    exports = json.loads(tap.succeeds("sandbox", "env", "--json").out)
    smoke = subprocess.run(
        [sys.executable, "smoke.py", str(outputs)],
        cwd=tap.directory,
        env={k: v for k, v in (tap.env | exports).items() if v},
        capture_output=True,
        text=True,
        check=False,
    )
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr

    second = json.loads(tap.succeeds("plan", "--detailed-exitcode", "--json").out)
    assert (second["changes"], second["outputs_changed"]) == ([], 0)
    # The provider fills in a role's inline policies when it reads it, not when it makes it.
    refreshed = json.loads(tap.succeeds("plan", "--refresh-only", "--json").out)
    tap.succeeds("apply", refreshed["id"])
    plan_says = said_of(tap, f".tap/plans/{second['id']}/tfplan")
    assert said_of(tap, ".tap/sandbox/terraform.tfstate") == plan_says
    assert len(plan_says) > 20
    tap.succeeds("destroy", "--auto-approve")
    assert "It holds nothing." in tap.succeeds("sandbox", "status", "--expect-empty").out
    assert "Stopped the embedded AWS" in tap.succeeds("sandbox", "stop").out
