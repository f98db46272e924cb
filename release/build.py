"""Builds wheel and sdist of the commit that is checked out, the same bytes from the same commit: `make dist`.

Times are the commit's, modes those of umask 022, owners nobody's; what is not committed stays out. Other Python or
setuptools versions may write other bytes, so build with the locked ones.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Programs of requirements-release.lock, which have an environment of their own: checkov pins older parts of theirs.
TOOLS = ROOT / ".venv" / "release" / "bin"

# They name another repository, another version, or other modules than the locked ones.
_FOREIGN = ("GIT_", "SETUPTOOLS_SCM_", "VCS_VERSIONING_", "PYTHON")


class NotReleasable(Exception):
    """Something that keeps a commit from being released, in one sentence."""


@dataclass(frozen=True, slots=True)
class Distributions:
    """The two files of a build."""

    sdist: Path
    wheel: Path

    @property
    def version(self) -> str:
        """The version in the wheel's name."""
        return self.wheel.name.split("-")[1]


def run(arguments: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program printed; raises NotReleasable with the last of what it said if it failed."""
    try:
        done = subprocess.run(arguments, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as failure:
        raise NotReleasable(f"{arguments[0]} is not installed.") from failure
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise NotReleasable(f"{Path(arguments[0]).name} {arguments[1]} failed: {''.join(said)}")
    return done.stdout


def git(repository: Path, *arguments: str) -> str:
    """What git says of a repository, whatever GIT_DIR and the like name."""
    return run(["git", *arguments], repository, own_environment()).strip()


def own_environment() -> dict[str, str]:
    """The environment without what would lead git, setuptools-scm or Python elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


def build(repository: Path, out: Path) -> Distributions:
    """Build the commit that is checked out in `repository` into the directory `out`.

    Raises NotReleasable where there is no commit or the build fails.
    """
    epoch = int(git(repository, "log", "-1", "--format=%ct"))
    env = own_environment() | {"SOURCE_DATE_EPOCH": str(epoch)}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tap-dist-") as scratch, _umask(0o022):
        source, built = Path(scratch, "source"), Path(scratch, "built")
        git(repository, "clone", "--quiet", "--config", "core.autocrlf=false", str(repository), str(source))
        # The name of the branch would get into the sdist.
        git(source, "checkout", "--quiet", "--detach")
        run([sys.executable, "-m", "build", "--no-isolation", "--outdir", built, source], source, env)
        (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
        made = Distributions(out / sdist.name, out / wheel.name)
        made.sdist.write_bytes(_level(sdist.read_bytes(), epoch))
        made.wheel.write_bytes(wheel.read_bytes())
    return made


def _level(sdist: bytes, epoch: int) -> bytes:
    """The same archive with its members sorted, and without the time, owner and umask of who made it."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", 9, packed, mtime=epoch) as zipped,
        tarfile.open(fileobj=io.BytesIO(sdist)) as source,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda one: one.name):
            content = source.extractfile(member) if member.isfile() else None
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            target.addfile(member, content)
    return packed.getvalue()


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def main() -> int:
    """Build into dist/, and say what was made."""
    try:
        if git(ROOT, "status", "--porcelain"):
            print("Not everything here is committed; the commit is what gets built.", file=sys.stderr)
        made = build(ROOT, ROOT / "dist")
    except NotReleasable as failure:
        print(f"Error: {failure}", file=sys.stderr)
        return 1
    print(made.sdist.relative_to(ROOT), made.wheel.relative_to(ROOT), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
