"""Wheel and sdist: the same bytes from the same commit, and a tap that works where there is no checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from release import environment, sbom
from release.build import TOOLS, Distributions, build, git, own_environment, run
from tests.conftest import ROOT
from tests.e2e.test_new import MADE, files

pytestmark = [pytest.mark.real, pytest.mark.slow]

# Written while a distribution is made, and tracked by nobody.
VERSION_FILE = "cli/tapstack/_version.py"
# What is not in the wheel, of the directories that are packages there: the main stack is, its examples are not.
LEFT_OUT = ("terraform/examples/", "terraform/README.md")

NOBODY = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")

# Every program that a Python process starts, one a line; a shell is named by its own path.
AUDIT = """
import os, sys

def started(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        name = "a shell" if event == "os.system" else os.fsdecode(arguments[0] or arguments[1][0])
        with open(os.environ["STARTED"], "a") as log:
            print(os.path.basename(name), file=log)

sys.addaudithook(started)
"""


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which everything is committed that is here."""
    if not (ROOT / ".git").exists():
        pytest.skip("distributions are made of a commit, and this is not a git repository")
    clone = tmp_path_factory.mktemp("commit") / "clone"
    git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
    changed = git(ROOT, "diff", "--name-only", "-z", "HEAD")
    new = git(ROOT, "ls-files", "--others", "--exclude-standard", "-z")
    for name in filter(None, (changed + "\0" + new).split("\0")):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, clone / name)
        else:
            (clone / name).unlink(missing_ok=True)
    git(clone, "add", "--all")
    git(clone, *NOBODY, "commit", "--quiet", "--allow-empty", "--message", "as it is here")
    return clone


@pytest.fixture(scope="module")
def made(commit: Path, tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    return build(commit, tmp_path_factory.mktemp("dist"))


def tracked(commit: Path) -> set[str]:
    return set(git(commit, "ls-files", "-z").strip("\0").split("\0"))


def test_another_place_time_and_umask_give_the_same_bytes(
    commit: Path, made: Distributions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "another place"
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    before = os.umask(0o077)
    try:
        git(tmp_path, "clone", "--quiet", str(commit), str(other))
        git(other, "checkout", "--quiet", "-b", "elsewhere")
        again = build(other, tmp_path / "dist")
    finally:
        os.umask(before)
    assert again.sdist.name == made.sdist.name
    assert again.sdist.read_bytes() == made.sdist.read_bytes()
    assert again.wheel.read_bytes() == made.wheel.read_bytes()


def test_the_sdist_is_the_commit(commit: Path, made: Distributions) -> None:
    with tarfile.open(made.sdist) as archive:
        members = archive.getmembers()
    inside = {member.name.partition("/")[2] for member in members if member.isfile()}
    told = {name for name in inside if name.startswith("tapstack.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert inside - told == tracked(commit) | {VERSION_FILE}
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}
    assert {oct(member.mode) for member in members} == {"0o644", "0o755"}
    assert {member.mtime for member in members} == {int(git(commit, "log", "-1", "--format=%ct"))}


def test_the_wheel_has_every_file_of_its_packages(commit: Path, made: Distributions) -> None:
    packages = {
        "cli/tapstack/": "tapstack/",
        "policies/": "tapstack_policies/",
        "terraform/": "tapstack_template/",
    }
    expected = {
        target + name.removeprefix(source)
        for name in tracked(commit) | {VERSION_FILE}
        for source, target in packages.items()
        if name.startswith(source) and not name.startswith(LEFT_OUT)
    }
    with zipfile.ZipFile(made.wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(f"tapstack-{made.version}.dist-info/METADATA").decode()
    assert inside == expected
    assert f"\nVersion: {made.version}\n" in metadata


def version(tree: Path) -> str:
    return run([sys.executable, "-m", "setuptools_scm"], tree, own_environment()).strip()


def test_the_version_is_the_tag_and_without_one_there_is_a_version_too(commit: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--no-tags", commit.as_uri(), "tree")
    tree = tmp_path / "tree"
    assert re.fullmatch(r"0\.0\.1\.dev1\+g[0-9a-f]{9}", version(tree))
    git(tree, "tag", "v9.8.7")
    assert version(tree) == "9.8.7"
    git(tree, "archive", "--prefix=archive/", f"--output={tmp_path}/archive.tar", "HEAD")
    with tarfile.open(tmp_path / "archive.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    assert version(tmp_path / "archive") == "9.8.7"
    git(tree, *NOBODY, "commit", "--quiet", "--allow-empty", "--message", "next")
    assert re.fullmatch(r"9\.8\.8\.dev1\+g[0-9a-f]{9}", version(tree))
    shutil.rmtree(tree / ".git")
    assert version(tree) == "0.0.0"


@dataclass
class Installed:
    """tap from a wheel, with nothing else on PATH than Terraform, and no home."""

    programs: Path
    directory: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(self.programs), str(self.directory / "bin")]),
            "HOME": str(self.directory),
            "PYTHONPATH": str(self.directory / "audit"),
            "STARTED": str(self.directory / "started"),
            "LC_ALL": "C.UTF-8",
        }

    def __call__(self, *arguments: str, code: int = 0) -> str:
        tap = str(self.programs / "tap")
        done = subprocess.run(
            [tap, *arguments],
            cwd=self.directory,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (
            f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def started(self) -> set[str]:
        """The names of all programs that tap has started."""
        log = self.directory / "started"
        return set(log.read_text().split()) if log.exists() else set()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A directory with a stack, Terraform, and an ear for what gets started."""
    ignored = shutil.ignore_patterns(".tap", ".terraform*", "*.tfstate*", "examples")
    shutil.copytree(ROOT / "terraform", tmp_path / "stack", ignore=ignored)
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "sitecustomize.py").write_text(AUDIT)
    (tmp_path / "bin").mkdir()
    for name in ("terraform", "tofu"):
        if binary := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(binary)
    return tmp_path


def works(tap: Installed, made: Distributions) -> None:
    """What a newcomer tries first."""
    assert tap("--version") == f"tap, version {made.version}\n"
    assert "CKV_TAP_101  kms_key_rotation" in tap("policies", "list")
    assert "The gate is open." in tap("check", "stack")
    (tap.directory / "stack" / "open.tf").write_text(
        'resource "aws_sqs_queue" "open" {\n  name = "a-b-c"\n}\n'
    )
    assert "The gate is closed" in tap("check", "stack", code=3)
    (tap.directory / "stack" / "open.tf").unlink()
    tap("new", "shop")
    assert files(tap.directory / "shop") == MADE
    assert "The gate is open." in tap("check", "shop")


def test_uv_installs_a_tap_that_plans_without_a_shell(made: Distributions, elsewhere: Path) -> None:
    extras = ("sandbox",) if any((elsewhere / "bin").iterdir()) else ("sandbox", "terraform")
    tap = Installed(environment.install(made, elsewhere / "environment", extras), elsewhere)
    works(tap, made)
    assert not tap.started()
    try:
        assert "The gate is open." in tap("plan", "-C", "stack")
    finally:
        tap("sandbox", "stop", "-C", "stack")
    started = tap.started()
    assert started
    assert not started & {"a shell", "sh", "bash", "dash", "zsh", "env"}, started


def test_uv_tool_installs_a_tap_for_one_user(made: Distributions, elsewhere: Path) -> None:
    pinned = environment.constraints(elsewhere / "constraints.txt")
    env = own_environment() | {
        "UV_NO_CONFIG": "1",
        "UV_TOOL_DIR": str(elsewhere / "tools"),
        "UV_TOOL_BIN_DIR": str(elsewhere / "programs"),
    }
    options = ("--quiet", "--python", sys.executable, "--constraints", pinned)
    run([environment.UV, "tool", "install", *options, made.wheel], elsewhere, env)
    works(Installed(elsewhere / "programs", elsewhere), made)


@pytest.mark.release
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_pip_installs_a_tap_that_works(made: Distributions, elsewhere: Path, kind: str) -> None:
    target = elsewhere / "environment"
    run([sys.executable, "-m", "venv", target], elsewhere, own_environment())
    pinned = environment.constraints(elsewhere / "constraints.txt")
    pip = (target / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", pinned)
    run([*pip, getattr(made, kind)], elsewhere, own_environment())
    works(Installed(target / "bin", elsewhere), made)


@pytest.mark.release
def test_pipx_installs_a_tap_for_one_user(made: Distributions, elsewhere: Path) -> None:
    pinned = environment.constraints(elsewhere / "constraints.txt")
    env = own_environment() | {
        "PIPX_HOME": str(elsewhere / "pipx"),
        "PIPX_BIN_DIR": str(elsewhere / "programs"),
    }
    arguments = ("--python", sys.executable, "--pip-args", f"--constraint {pinned}")
    run([TOOLS / "pipx", "install", *arguments, made.wheel], elsewhere, env)
    works(Installed(elsewhere / "programs", elsewhere), made)


@pytest.mark.release
def test_the_bill_of_materials_is_the_same_twice(made: Distributions) -> None:
    first = sbom.write(made).read_bytes()
    assert b'"checkov"' in first
    assert sbom.write(made).read_bytes() == first


@pytest.mark.release
def test_the_fast_tests_run_from_the_sdist(made: Distributions, tmp_path: Path) -> None:
    programs = environment.install(made, tmp_path / "environment", ("dev",))
    with tarfile.open(made.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("tapstack-*")
    editable = (
        "--quiet",
        "--python",
        programs / "python",
        "--no-deps",
        "--no-build-isolation",
        "--editable",
        source,
    )
    run([environment.UV, "pip", "install", *editable], source, own_environment())
    fast = ("-q", "-m", "not real and not slow and not release", "tests/unit", "tests/policies", "tests/cli")
    tested = subprocess.run(
        [programs / "python", "-m", "pytest", "-p", "no:cacheprovider", *fast],
        cwd=source,
        env=own_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout
