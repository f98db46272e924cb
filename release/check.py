"""Whether the checked-out commit can be released: `make release-check`."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from release import audit, changelog, sbom
from release.build import ROOT, TOOLS, Distributions, NotReleasable, build, git, own_environment, run

_TAG = re.compile(r"v(\d+\.\d+\.\d+)")


def tagged(repository: Path, made: Distributions) -> str:
    """The version is that of the commit's tag; raises NotReleasable if not, or if there is none."""
    tags = git(repository, "tag", "--points-at", "HEAD").split()
    versions = [found[1] for tag in tags if (found := _TAG.fullmatch(tag))]
    if not versions:
        raise NotReleasable("the commit has no tag vX.Y.Z; a release is tagged: git tag --sign vX.Y.Z")
    if versions != [made.version]:
        raise NotReleasable(f"the tag says {', '.join(versions)}, the wheel {made.version}")
    return f"the tag and the wheel say {made.version}"


def clean(repository: Path) -> str:
    """Nothing lies about that is not in the commit."""
    if changed := git(repository, "status", "--porcelain"):
        raise NotReleasable(
            f"not committed: {', '.join(line.split(maxsplit=1)[1] for line in changed.splitlines()[:5])}"
        )
    return "everything is committed"


def logged(text: str, version: str) -> str:
    """The changelog is one, and has a section for the version."""
    if wrong := changelog.complaints(text):
        raise NotReleasable(f"CHANGELOG.md: {wrong[0]}")
    if version not in [section.name for section in changelog.parse(text).sections]:
        raise NotReleasable(f"CHANGELOG.md has no section [{version}]")
    return f"CHANGELOG.md has a section for {version}"


def reproducible(repository: Path, made: Distributions) -> str:
    """A second build in another place is the same, byte for byte."""
    with tempfile.TemporaryDirectory(prefix="tap-again-") as scratch:
        again = build(repository, Path(scratch))
        for one, other in ((made.sdist, again.sdist), (made.wheel, again.wheel)):
            if one.read_bytes() != other.read_bytes():
                raise NotReleasable(f"{one.name} is not the same when it is built again")
    return "a second build gives the same bytes"


def described(made: Distributions) -> str:
    """Metadata and long description are as PyPI wants them."""
    run([TOOLS / "twine", "check", "--strict", made.sdist, made.wheel], ROOT, own_environment())
    return "the metadata is whole and the long description renders"


def main() -> int:
    """Build, look at everything, and say of each whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--offline", action="store_true", help="leave out what needs the network: vulnerabilities"
    )
    offline = parser.parse_args().offline
    try:
        made = build(ROOT, ROOT / "dist")
    except NotReleasable as failure:
        print(f"Error: {failure}", file=sys.stderr)
        return 1
    checks: dict[str, Callable[[], str]] = {
        "commit": lambda: clean(ROOT),
        "version": lambda: tagged(ROOT, made),
        "changelog": lambda: logged((ROOT / "CHANGELOG.md").read_text("utf-8"), made.version),
        "build": lambda: reproducible(ROOT, made),
        "metadata": lambda: described(made),
        "materials": lambda: f"{sbom.write(made).relative_to(ROOT)} is CycloneDX 1.6",
    }
    if not offline:
        checks["vulnerabilities"] = audit.audit
    failed = [name for name, check in checks.items() if not holds(name, check)]
    if offline:
        print("not done  vulnerabilities: nobody looked (OFFLINE=1)")
        print("not done  installation: nothing was downloaded for pip and pipx (OFFLINE=1)")
    return 1 if failed else 0


def holds(name: str, check: Callable[[], str]) -> bool:
    """Print what came of a check, and say whether it holds."""
    try:
        print(f"ok        {name}: {check()}", flush=True)
    except NotReleasable as failure:
        print(f"FAILED    {name}: {failure}", flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
