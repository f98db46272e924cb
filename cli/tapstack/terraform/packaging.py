"""Builds Lambda packages whose bytes depend on nothing but their content: same input, same zip, everywhere."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tapstack.errors import EnvironmentFailure, InputError
from tapstack.terraform import process
from tapstack.terraform.file_names import require_utf8

# Zip times have no zone and start in 1980; any fixed time will do.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = {"__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "node_modules"}
_REQUIREMENTS = "requirements.txt"
_PLATFORMS = {
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_28_x86_64"),
    "arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"),
}


@dataclass(frozen=True, slots=True)
class Package:
    """One function's package; `changed` says whether its bytes differ from those of the last build."""

    name: str
    path: Path
    sha256: str
    changed: bool


def build(
    handlers: Path, packages: Path, *, cache: Path, python_version: str = "3.13", architecture: str = "x86_64"
) -> list[Package]:
    """Package each entry of `handlers` into `packages/<name>.zip`.

    An entry is a folder, whose content becomes the root of the zip, or a single `.py` file. A folder's
    `requirements.txt`, which must pin every package by hash, is vendored for Lambda's platform into `cache`.
    No such directory means no functions: an empty list. Raises InputError for a handler that Python can't
    parse or requirements without hashes, EnvironmentFailure where files can't be read or written.
    """
    if not handlers.is_dir():
        return []
    try:
        packages.mkdir(parents=True, exist_ok=True)
        return [
            _package(entry, packages / f"{entry.stem}.zip", cache, python_version, architecture)
            for entry in sorted(handlers.iterdir())
            if _is_handler(entry)
        ]
    except OSError as failure:
        raise EnvironmentFailure(
            f"Packaging {handlers} failed: {failure.filename or packages}: {failure.strerror}.",
            hint="is the disk full, or the directory read-only?",
        ) from failure


def _is_handler(entry: Path) -> bool:
    if entry.name.startswith((".", "_")):
        return False
    return entry.is_dir() or entry.suffix == ".py"


def _package(entry: Path, target: Path, cache: Path, python_version: str, architecture: str) -> Package:
    files = dict(_sources(entry))
    if _REQUIREMENTS in files:
        vendored = _vendor(entry / _REQUIREMENTS, cache, python_version, architecture)
        files = dict(_walk(vendored)) | files
    descriptor, aside = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    os.close(descriptor)
    try:
        _write(Path(aside), files)
        digest = hashlib.sha256(Path(aside).read_bytes()).hexdigest()
        changed = not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != digest
        if changed:
            Path(aside).replace(target)
        return Package(entry.stem, target, digest, changed)
    finally:
        Path(aside).unlink(missing_ok=True)


def _sources(entry: Path) -> Iterator[tuple[str, Path]]:
    files = [(entry.name, entry)] if entry.is_file() else list(_walk(entry))
    if not files:
        raise InputError(f"{entry} holds no file; a function's folder holds its code.")
    for name, path in files:
        if path.suffix == ".py":
            _parse(path)
        yield name, path


def _parse(path: Path) -> None:
    try:
        ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as failure:
        raise InputError(
            f"{path}:{failure.lineno}: {failure.msg}; the function could not be imported."
            + (f"\n  {failure.lineno} | {failure.text.rstrip()}" if failure.text else "")
        ) from None
    except ValueError as failure:
        raise InputError(f"{path} is not Python source: {failure}.") from None


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Relative POSIX name and path of every file that belongs into a package."""
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in files:
            path = Path(directory, name)
            require_utf8(path)
            if not name.endswith((".pyc", ".pyo", ".swp", "~")) and name != ".DS_Store":
                yield path.relative_to(root).as_posix(), path


def _write(target: Path, files: dict[str, Path]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            executable = files[name].stat().st_mode & stat.S_IXUSR
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, wherever it is built
            info.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            # Stored, not deflated: compressors differ between zlib versions, and Lambda limits the unpacked size.
            info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, files[name].read_bytes())


def _vendor(requirements: Path, cache: Path, python_version: str, architecture: str) -> Path:
    text = requirements.read_text("utf-8")
    _demand_hashes(requirements, text)
    key = hashlib.sha256(f"{text}\0{python_version}\0{architecture}".encode()).hexdigest()
    target = cache / key
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=cache))
    try:
        platforms = [word for name in _PLATFORMS[architecture] for word in ("--platform", name)]
        argv = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile",
        ]
        argv += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]
        argv += [
            *platforms,
            "--python-version",
            python_version,
            "--target",
            str(aside),
            "-r",
            str(requirements),
        ]
        done = process.run(argv, cwd=requirements.parent, env=os.environ, timeout=600)
        if done.returncode != 0:
            raise EnvironmentFailure(f"pip could not vendor {requirements}:\n{done.stderr.strip()}")
        # Scripts carry this machine's interpreter path in their first line, and Lambda never runs them.
        shutil.rmtree(aside / "bin", ignore_errors=True)
        for record in aside.glob("*.dist-info/RECORD"):
            record.unlink()
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def _demand_hashes(requirements: Path, text: str) -> None:
    logical = re.sub(r"\\\n", " ", text)
    for line in logical.splitlines():
        wanted = line.split(" #")[0].strip()
        if wanted and not wanted.startswith(("#", "-")) and "--hash=" not in wanted:
            raise InputError(
                f"{requirements}: {wanted.split()[0]} is not pinned by a hash; "
                "a package must have the same bytes everywhere.",
                hint="write the file with: pip-compile --generate-hashes",
            )
