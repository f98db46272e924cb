"""What is in an installation of tap, as a CycloneDX document.

The same commit, locks, Python and platform give the same bytes.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release.build import ROOT, TOOLS, Distributions, NotReleasable, git, own_environment, run
from release.environment import install

# Everything that a user can ask for; `dev` is for those who work on tap.
EXTRAS = ("sandbox", "lsp", "terraform")


def write(made: Distributions) -> Path:
    """Write the bill beside the wheel; raises NotReleasable if it can't be made or breaks CycloneDX's schema."""
    document = about_tap(json.loads(_environment(made)))
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    require_valid(text)
    target = made.wheel.parent / f"tapstack-{made.version}.cdx.json"
    target.write_text(text, "utf-8")
    return target


def _environment(made: Distributions) -> str:
    env = own_environment() | {"SOURCE_DATE_EPOCH": git(ROOT, "log", "-1", "--format=%ct")}
    with tempfile.TemporaryDirectory(prefix="tap-sbom-") as scratch:
        python = install(made, Path(scratch, "environment"), EXTRAS) / "python"
        options = ("--spec-version", "1.6", "--output-reproducible")
        return run([TOOLS / "cyclonedx-py", "environment", *options, python], ROOT, env)


def about_tap(document: dict[str, Any]) -> dict[str, Any]:
    """The bill of an environment as the bill of tap: tap is what is described, and not one of its parts."""
    (tap,) = [one for one in document["components"] if one["name"] == "tapstack"]
    parts = [one for one in document["components"] if one is not tap]
    # Where the wheel lay when it was installed.
    tap.pop("externalReferences", None)
    metadata = document["metadata"] | {"component": tap | {"type": "application"}}
    return document | {"components": parts, "metadata": metadata}


def require_valid(text: str) -> None:
    """Raise NotReleasable unless this is CycloneDX 1.6 in JSON, by the published schema."""
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise NotReleasable(f"The bill of materials breaks CycloneDX's schema: {str(error).splitlines()[0]}")
