"""What the tests of the command line share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import STACKS, Tap


@pytest.fixture
def group(tmp_path: Path) -> Tap:
    """One log group; kept for 30 days, it closes the gate."""
    shutil.copytree(STACKS / "group", tmp_path / "group")
    outside = ("GITHUB_", "CI", "NO_COLOR", "COLUMNS", "PYTHONUNBUFFERED")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    return Tap(tmp_path / "group", environ | {"COLUMNS": "80"})
