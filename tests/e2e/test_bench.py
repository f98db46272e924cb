"""The benchmarks still run; how fast they say anything is, is nobody's test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_every_section_runs_and_replaces_its_own_part_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(
        "# Old\n<!-- section: gate -->\nolder figures\n\n<!-- section: rehearse -->\nkept\n\n<!-- end -->\n\n## Why\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--smoke", "--write", page],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Against what people run today",
        "## Against Terraform alone",
        "## The gate: growth",
        "## The gate: shapes",
        "## The gate: other judges",
        "## The gate: planted faults",
        "## HCL",
        "## Start-up",
        "## Apply",
        "## Progress",
        "## Where the time of `tap check` goes (100 resources)",
        "## Why",
    ]
    assert "older figures" not in text
    # The life of a stack is too long for this mode: what an earlier run has written stays.
    assert "kept" in text
    assert "| a key does not rotate | found | found " in text


def test_a_section_that_is_none_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "gates"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "unknown: gates; expected of: pipeline, alone, gate" in done.stderr
