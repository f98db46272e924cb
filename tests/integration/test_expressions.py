"""Terraform itself about the expressions whose values the unit tests take for its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

RECORDED = Path(__file__).parent.parent / "unit" / "expressions.json"
# The names that the expressions use; see tests/unit/test_model_expression.py.
NAMES = """
variable "obj" {
  default = { a = 1, b = ["x", "y"] }
}
variable "s" {
  default = "héllo"
}
variable "l" {
  type    = list(string)
  default = ["b", "a"]
}
variable "n" {
  default = 3
}
variable "e" {
  default = ""
}
locals {
  t = toset(["b", "a", "b"])
  m = { z = 1, y = "2" }
}
"""


def test_terraform_gives_every_expression_its_recorded_value(tmp_path: Path) -> None:
    recorded: dict[str, str] = json.loads(RECORDED.read_text())
    (tmp_path / "main.tf").write_text(NAMES)
    asked = ", ".join(f'try(jsonencode({code}), "ERROR")' for code in recorded)
    done = subprocess.run(
        ["terraform", "console", "-no-color"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"},
        input=f"jsonencode([{asked}])\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The console prints a string as a literal of its language.
    printed = done.stdout.strip().replace("$${", "${").replace("%%{", "%{")
    said = json.loads(json.loads(printed))
    assert dict(zip(recorded, said, strict=True)) == recorded
