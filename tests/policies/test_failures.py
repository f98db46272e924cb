"""The failures that the five systems were born from: found where they are, and not in their mended twins."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tapstack.deployment.judge import judge_directory
from tapstack.gate.ledger import Ledger
from tapstack.settings import load

FAILURES = Path(__file__).parent / "failures"
_FOUND_BY = re.compile(r"^# found by (?P<policy>\S+): (?P<address>\S+)$", re.MULTILINE)


def judged(failure: Path, stem: str, directory: Path, policy: str) -> Ledger:
    shutil.copy(failure / f"{stem}.tf", directory / "main.tf")
    if (failure / "tap.toml").exists():
        shutil.copy(failure / "tap.toml", directory)
    return judge_directory(directory, load(directory, "sandbox"), {}, (policy,))


@pytest.mark.parametrize("failure", sorted(FAILURES.iterdir()), ids=lambda path: path.name)
def test_it_is_found_and_its_mended_twin_is_not(failure: Path, tmp_path: Path) -> None:
    expected = _FOUND_BY.findall((failure / "broken.tf").read_text())
    (policy,) = {policy for policy, _ in expected}
    broken = judged(failure, "broken", tmp_path, policy)
    assert broken.errors == ()
    assert {f.address for f in broken.findings if f.verdict == "FAIL"} == {address for _, address in expected}
    assert all(finding.line and finding.message for finding in broken.findings)
    mended = judged(failure, "mended", tmp_path, policy)
    assert (mended.errors, mended.findings) == ((), ())
