"""The tftest fixture: tftest's interface, without its faults.

tftest 1.8.8 reads stdout to its end before it looks at stderr (300 KB of it block both sides for ever), takes
exit codes other than 1 and 11 for success, deletes the state without destroying, and puts variables on the
command line. One subclass mends all four.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tftest

from tapstack.deployment.prepare import Prepared, prepare
from tapstack.sandbox import daemon
from tapstack.settings import load
from tapstack.terraform import process
from tapstack.terraform.events import Event
from tests.conftest import ROOT


class Silent:
    """An observer for tests that look at results, not at words."""

    def phase(self, what: str) -> None: ...

    def event(self, event: Event) -> None: ...

    def signal(self, count: int) -> None: ...

    def waiting(self) -> None: ...


class StackTest(tftest.TerraformTest):  # type: ignore[misc]  # tftest has no types
    """A stack in a directory of its own, on an embedded AWS of its own, prepared as tap prepares it."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        settings = prepared.settings
        super().__init__(str(settings.directory), env=dict(prepared.driver.env))
        # tftest adds to the caller's environment; only tap's own, closed one may be used.
        self.env = dict(prepared.driver.env)
        self.variables = settings.environment_work / "test.tfvars.json"
        self.variables.touch(mode=0o600)
        self.variables.write_text(json.dumps(settings.where.variables))

    def execute_command(self, cmd: str, *cmd_args: str) -> Any:
        """Drains both streams, and takes nothing but 0 (and 2 of -detailed-exitcode) for success."""
        argv = [*self.prepared.driver.binary.prefix, cmd, *cmd_args]
        done = process.run(argv, cwd=Path(self.tfdir), env=self.env, timeout=600)
        out = done.stdout.decode()
        if done.returncode != 0 and not (done.returncode == 2 and "-detailed-exitcode" in cmd_args):
            raise tftest.TerraformTestError(cmd, argv, out, done.stderr)
        return tftest.TerraformCommandOutput(done.returncode, out, done.stderr)

    def planned(self) -> Any:
        """The plan, parsed."""
        return self.plan(output=True, tf_var_file=str(self.variables))

    def applied(self) -> str:
        """Apply; the text that Terraform prints."""
        return str(self.apply(tf_var_file=str(self.variables)))

    def destroyed(self) -> str:
        """Destroy; the text that Terraform prints."""
        return str(self.destroy(tf_var_file=str(self.variables)))

    def changes(self) -> int:
        """0 where a plan is empty, 2 where it is not."""
        arguments = ["-input=false", "-no-color", "-detailed-exitcode", f"-var-file={self.variables}"]
        return int(self.execute_command("plan", *arguments).retcode)


@pytest.fixture(scope="module")
def deployable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], StackTest]]:
    """Makes a StackTest of a stack's directory; destroys and stops at the end, whatever happened."""
    made: list[StackTest] = []

    def make(source: Path) -> StackTest:
        directory = tmp_path_factory.mktemp(source.name) / source.name
        shutil.copytree(source, directory, ignore=shutil.ignore_patterns(".tap", ".terraform*", "*.tfstate*"))
        test = StackTest(prepare(load(directory, "sandbox"), Silent(), environ=os.environ))
        made.append(test)
        test.setup(cleanup_on_exit=False)
        return test

    yield make
    for test in made:
        try:
            test.destroyed()
        finally:
            daemon.stop(test.prepared.settings.environment_work)


@pytest.fixture(scope="module")
def main_stack(deployable: Callable[[Path], StackTest]) -> StackTest:
    """The product's main stack."""
    return deployable(ROOT / "terraform")
