"""What a start of tap loads: every module on the way of the quickest commands is named here, and asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tapstack.app import _COMMANDS
from tests.conftest import ROOT

pytestmark = pytest.mark.real

# All of tap's, and the packages that are not Python's own.
FIRST = {
    "tapstack",
    "tapstack._version",
    "tapstack.app",
    "tapstack.commands",
    "tapstack.commands.group",
    "tapstack.errors",
    "tapstack.masking",
    "tapstack.report",
    "tapstack.report.screen",
    "tapstack.secret_names",
    "tapstack.sensitive",
    "tapstack.suggestion",
}
FIRST_PACKAGES = {"click", "orjson"}

# What a command loads before it is asked to do anything: TAB behind its name waits for that.
COMMAND_PACKAGES = FIRST_PACKAGES | {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "python_terraform",
    "typing_extensions",
    "typing_inspection",
}
# The editable installation's own, and Python's.
NOT_COUNTED = ("__editable__", "_distutils_hack", "_sysconfigdata")

PROBE = """
import sys
before = set(sys.modules)
from tapstack.app import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps([code, loaded]), file=sys.__stderr__)
"""


def loaded(
    *arguments: str, directory: Path = ROOT, env: dict[str, str] | None = None
) -> tuple[set[str], set[str]]:
    """tap's own modules, and the packages that are neither tap nor Python, which a run has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"} | (env or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stdout + done.stderr
    own = {name for name in modules if name.partition(".")[0].startswith("tapstack")}
    others = {name.partition(".")[0] for name in set(modules) - own} - sys.stdlib_module_names
    return own, {name for name in others if not name.startswith(NOT_COUNTED)}


def tab(line: str) -> dict[str, str]:
    """What bash says of TAB at the end of a line."""
    return {"_TAP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_the_first_words_load_nothing_else(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments) == (FIRST, FIRST_PACKAGES)


def test_the_name_of_a_command_is_completed_from_a_table() -> None:
    assert loaded(env=tab("tap pol")) == (FIRST | {"tapstack.commands.completion"}, FIRST_PACKAGES)


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_options_are_completed_without_what_the_command_needs_to_work(name: str) -> None:
    _, others = loaded(env=tab(f"tap {name} --"))
    assert others <= COMMAND_PACKAGES


@pytest.mark.parametrize(
    "line",
    ["tap apply ", "tap plan --target aws_", "tap waive aws_kms_key.main log_", "tap policies show CKV_"],
)
def test_values_are_completed_by_a_look_at_files(line: str) -> None:
    own, others = loaded(env=tab(line), directory=ROOT / "terraform")
    assert others <= COMMAND_PACKAGES
    # Policies are found by their files, and none is run for its name.
    assert not {name for name in own if name.startswith("tapstack_policies")}
