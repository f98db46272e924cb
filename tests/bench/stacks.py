"""The stacks that are measured, each in a directory of its own with an embedded AWS that runs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tapstack.settings import load
from tests.bench.measure import Command
from tests.conftest import ROOT, TAP

SYSTEMS = {
    "main": ROOT / "terraform",
    **{path.name: path for path in sorted((ROOT / "terraform" / "examples").iterdir()) if path.is_dir()},
}
_LEFT_OUT = shutil.ignore_patterns(".tap", ".terraform*", "examples")


@dataclass(frozen=True, slots=True)
class Measured:
    """A stack that tap has planned once: packages, server and provider configuration are there."""

    directory: Path
    bare: dict[str, str]
    """The environment in which Terraform alone does the same."""
    variables: tuple[str, ...]

    @property
    def packages(self) -> Path:
        """Where tap builds what functions are made of."""
        return self.directory / ".tap/packages"

    def tap(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Command:
        """A command of tap."""
        env = os.environ | {"XDG_CACHE_HOME": str(self.directory / ".cache")}
        return Command([TAP, *arguments, "-q"], self.directory, env, codes)

    def terraform(self, *arguments: str, out: Path | None = None) -> Command:
        """A command of Terraform alone."""
        return Command(["terraform", *arguments], self.directory, self.bare, out=out)

    def plan(self) -> Command:
        """`terraform plan -out` with the variables that tap.toml gives."""
        return self.terraform("plan", "-input=false", "-out=bare.tfplan", *self._given)

    def destroy(self) -> Command:
        """`terraform destroy` of what Terraform alone has made."""
        return self.terraform("destroy", "-input=false", "-auto-approve", *self._given)

    @property
    def _given(self) -> list[str]:
        return [f"-var={one}" for one in self.variables]

    def forget(self) -> None:
        """Both sides begin as in a fresh checkout; the embedded AWS goes on."""
        for name in (".terraform", ".terraform.lock.hcl", ".tap/packages", ".tap/plans", ".tap/sandbox/terraform",
                     ".tap/sandbox/init.json", ".tap/terraform-version.json", ".cache"):  # fmt: skip
            path = self.directory / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextlib.contextmanager
def system(name: str, scratch: Path) -> Iterator[Measured]:
    """One of SYSTEMS."""
    directory = scratch / name
    shutil.copytree(SYSTEMS[name], directory, ignore=_LEFT_OUT)
    with _running(directory) as measured:
        yield measured


@contextlib.contextmanager
def synthetic(resources: int, scratch: Path) -> Iterator[Measured]:
    """A stack without a cloud: `terraform_data` resources."""
    directory = scratch / f"synthetic-{resources}"
    directory.mkdir()
    blocks = (f'resource "terraform_data" "r{n}" {{\n  input = "value {n}"\n}}\n' for n in range(resources))
    (directory / "main.tf").write_text("\n".join(blocks))
    with _running(directory) as measured:
        yield measured


@contextlib.contextmanager
def _running(directory: Path) -> Iterator[Measured]:
    try:
        subprocess.run([TAP, "plan", "-q"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        yield Measured(directory, _bare(directory), _variables(directory))
    finally:
        subprocess.run([TAP, "sandbox", "stop"], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def _bare(directory: Path) -> dict[str, str]:
    said = subprocess.run([TAP, "sandbox", "env", "--json"], cwd=directory, capture_output=True, check=True)
    env = dict(os.environ)
    for name, value in json.loads(said.stdout).items():
        env.pop(name, None)
        if value:
            env[name] = value
    env.pop("TF_CLI_CONFIG_FILE", None)
    mirror = directory / ".tap/sandbox/terraform.rc"
    if mirror.exists():
        env["TF_CLI_CONFIG_FILE"] = str(shutil.copy(mirror, directory / "bare.rc"))
    return env


def _variables(directory: Path) -> tuple[str, ...]:
    given = load(directory, "sandbox").where.variables
    return tuple(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items()
    )
