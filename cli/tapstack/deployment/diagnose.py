"""What the main job needs of this machine, each thing looked at and each lack with the command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tapstack.deployment.prepare import require_configuration
from tapstack.errors import TapError
from tapstack.sandbox import daemon
from tapstack.settings import Settings
from tapstack.terraform import binary, mirror, process

_PACKAGES = ("click", "pydantic", "orjson", "rich", "python-terraform", "bc-python-hcl2", "checkov")
_REGISTRY = ("registry.terraform.io", 443)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at. `ok` is False where the main job would not run; `mend` says what to do then."""

    what: str
    ok: bool
    found: str
    mend: str | None = None


def diagnose(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Diagnosis]:
    """Everything the main job needs, in the order in which it would fail."""
    yield Diagnosis(
        "python",
        sys.version_info >= (3, 11),
        f"{sys.version.split()[0]} at {sys.executable}",
        "use Python 3.11 or newer",
    )
    yield from _packages()
    yield _hcl2()
    if settings.is_sandbox:
        yield _embedded_aws(settings)
    yield _attempt("terraform", lambda: _terraform(environ))
    yield _attempt("providers", lambda: _providers(environ))
    yield _attempt("configuration", lambda: _configuration(settings))
    yield _writable(settings)
    yield _git(environ)


def _attempt(what: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    try:
        return look()
    except TapError as failure:
        return Diagnosis(what, False, failure.message, failure.hint)


def _packages() -> Iterator[Diagnosis]:
    missing = []
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Diagnosis(
            "packages", False, f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"
        )
    else:
        yield Diagnosis("packages", True, ", ".join(versions))


def _hcl2() -> Diagnosis:
    """python-hcl2 installs over bc-python-hcl2's import package, and `pip check` stays silent about it."""
    mend = "pip uninstall -y python-hcl2 && pip install --force-reinstall --no-deps bc-python-hcl2"
    try:
        importlib.metadata.version("python-hcl2")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        return Diagnosis(
            "hcl2", False, "python-hcl2 is installed over bc-python-hcl2 and breaks checkov", mend
        )
    import hcl2

    if not hasattr(hcl2, "START_LINE"):
        return Diagnosis("hcl2", False, f"{hcl2.__file__} is not bc-python-hcl2's (no block positions)", mend)
    return Diagnosis("hcl2", True, f"bc-python-hcl2 at {Path(hcl2.__file__).parent}")


def _embedded_aws(settings: Settings) -> Diagnosis:
    if importlib.util.find_spec("moto") is None:
        return Diagnosis("embedded AWS", False, "moto is not installed", "pip install 'tapstack[sandbox]'")
    version = importlib.metadata.version("moto")
    running = daemon.find(settings.environment_work) if settings.environment_work.is_dir() else None
    return Diagnosis(
        "embedded AWS",
        True,
        f"moto {version}, "
        + (f"running at {running.url}" if running else "not running (started when needed)"),
    )


def _terraform(environ: Mapping[str, str]) -> Diagnosis:
    found = binary.find(environ)
    return Diagnosis("terraform", True, f"{found.kind} {found.version} at {found.path} (from {found.source})")


def _providers(environ: Mapping[str, str]) -> Diagnosis:
    if not mirror.wanted(environ):
        return Diagnosis("providers", True, f"as {environ['TF_CLI_CONFIG_FILE']} says (TF_CLI_CONFIG_FILE)")
    directory = mirror.find(environ)
    if directory is not None:
        return Diagnosis("providers", True, f"mirror {directory}: {', '.join(mirror.providers(directory))}")
    if _reachable():
        return Diagnosis("providers", True, f"no mirror; {_REGISTRY[0]} answers")
    return Diagnosis(
        "providers",
        False,
        f"no mirror, and {_REGISTRY[0]} does not answer",
        "connect to the network, or unpack a mirror (`terraform providers mirror DIR`) and set TAP_PROVIDER_MIRROR=DIR",
    )


def _reachable() -> bool:
    try:
        socket.create_connection(_REGISTRY, timeout=3).close()
    except OSError:
        return False
    return True


def _configuration(settings: Settings) -> Diagnosis:
    require_configuration(settings.directory)
    return Diagnosis(
        "configuration", True, f"{settings.directory}, {settings.path or 'no tap.toml (defaults)'}"
    )


def _writable(settings: Settings) -> Diagnosis:
    directory = settings.work if settings.work.is_dir() else settings.directory
    free = shutil.disk_usage(directory).free if directory.is_dir() else 0
    if not os.access(directory, os.W_OK):
        return Diagnosis("disk", False, f"{directory} can't be written", f"chmod u+w {directory}")
    if free < 100 * 1024 * 1024:
        return Diagnosis("disk", False, f"{free // 1024**2} MiB free in {directory}", "free at least 100 MiB")
    return Diagnosis("disk", True, f"{free // 1024**2} MiB free in {directory}")


def _git(environ: Mapping[str, str]) -> Diagnosis:
    path = shutil.which("git", path=environ.get("PATH"))
    if path is None:
        # Only what a plan says about its origin needs git.
        return Diagnosis("git", True, "not installed; plans will not name a commit")
    done = process.run([path, "--version"], cwd=Path("/"), env=environ, timeout=30)
    version = re.search(rb"\d+\.\d+(\.\d+)?", done.stdout)
    return Diagnosis("git", True, f"{version.group().decode() if version else 'unknown version'} at {path}")
