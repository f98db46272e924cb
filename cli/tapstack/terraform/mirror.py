"""Finds unpacked provider mirrors on this machine, so that `init` works without a network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tapstack.errors import InputError

_REGISTRY = "registry.terraform.io"
_PREFIXES = (Path("/opt"), Path("/usr/local/share"), Path("/usr/share"))
_IMPLIED = (Path("/usr/local/share/terraform/plugins"), Path("/usr/share/terraform/plugins"))


def find(environ: Mapping[str, str]) -> Path | None:
    """The first directory that holds `registry.terraform.io/<namespace>/<type>/<version>/<os_arch>/`.

    Looked for in TAP_PROVIDER_MIRROR, Terraform's implied mirror directories, and one level below the
    system's add-on prefixes. Raises InputError where TAP_PROVIDER_MIRROR names something else.
    """
    if wanted := environ.get("TAP_PROVIDER_MIRROR"):
        mirror = Path(wanted)
        if not _is_mirror(mirror):
            raise InputError(
                f"TAP_PROVIDER_MIRROR is {wanted}, which holds no {_REGISTRY}/<namespace>/<type>/<version>/<os_arch>.",
                hint="point it at a directory made by `terraform providers mirror` and unpacked, or unset it",
            )
        return mirror.resolve()
    return next((mirror for mirror in _candidates(environ) if _is_mirror(mirror)), None)


def providers(mirror: Path) -> list[str]:
    """What a mirror holds, as "namespace/type version" lines, sorted."""
    found = (mirror / _REGISTRY).glob("*/*/*/*/")
    return sorted({f"{path.parts[-4]}/{path.parts[-3]} {path.parts[-2]}" for path in found})


def cli_configuration(mirror: Path) -> str:
    """A Terraform CLI configuration that takes from `mirror` what it holds, and the rest from the registry.

    Each method has to be limited: Terraform asks every method that may have a provider for its versions, and
    fails if one of them does not answer.
    """
    held = sorted({"/".join(path.parts[-2:]) for path in (mirror / _REGISTRY).glob("*/*/")})
    names = ", ".join(json.dumps(f"{_REGISTRY}/{name}") for name in held)
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n    include = [{names}]\n  }}\n"
        f"  direct {{\n    exclude = [{names}]\n  }}\n"
        "}\n"
    )


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether tap should bring a mirror: not where the user has a working CLI configuration of their own."""
    config = environ.get("TF_CLI_CONFIG_FILE")
    return not (config and Path(config).is_file()) or bool(environ.get("TAP_PROVIDER_MIRROR"))


def _candidates(environ: Mapping[str, str]) -> Iterable[Path]:
    home = Path(environ.get("HOME") or Path.home())
    yield home / ".terraform.d" / "plugins"
    yield Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "terraform" / "plugins"
    yield from _IMPLIED
    for prefix in _PREFIXES:
        try:
            with os.scandir(prefix) as entries:
                yield from sorted(Path(entry.path) for entry in entries if entry.is_dir())
        except OSError:
            continue


def _is_mirror(directory: Path) -> bool:
    try:
        return any(path.is_dir() for path in (directory / _REGISTRY).glob("*/*/*/*"))
    except OSError:
        return False
