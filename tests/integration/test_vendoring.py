"""A handler's requirements, vendored from a lock with real pip."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from tapstack.errors import EnvironmentFailure
from tapstack.terraform.packaging import build
from tests.conftest import ROOT

pytestmark = pytest.mark.real


def locked(name: str) -> str:
    """A package's lines of our own lock file: a real version with its real hashes."""
    found = re.search(rf"^{name}==.*?(?=\n\S|\Z)", (ROOT / "requirements.lock").read_text(), re.M | re.S)
    assert found is not None
    return "\n".join(line for line in found.group().splitlines() if "# " not in line) + "\n"


def handler(tmp_path: Path, requirements: str) -> Path:
    folder = tmp_path / "handlers" / "writer"
    folder.mkdir(parents=True)
    (folder / "handler.py").write_text("import six\n")
    (folder / "requirements.txt").write_text(requirements)
    return tmp_path / "handlers"


def test_a_locked_requirement_is_in_the_package_and_two_builds_are_alike(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        root = tmp_path / name
        handlers = handler(root, locked("six"))
        (package,) = build(handlers, root / "packages", cache=root / "cache")
        digests.add(package.sha256)
    names = zipfile.ZipFile(package.path).namelist()
    assert "six.py" in names
    assert "handler.py" in names
    assert not any(name.endswith((".pyc", "RECORD")) for name in names)
    assert len(digests) == 1


def test_a_wrong_hash_is_pips_own_sentence(tmp_path: Path) -> None:
    handlers = handler(tmp_path, f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(EnvironmentFailure, match=r"pip could not vendor .*requirements\.txt") as caught:
        build(handlers, tmp_path / "packages", cache=tmp_path / "cache")
    assert "DO NOT MATCH THE HASHES" in caught.value.message
    assert not any((tmp_path / "cache").iterdir())
