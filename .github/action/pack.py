"""Packs a sealed plan into one file for the artefact store, encrypted if there is a key."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import encryption
import github


def main() -> None:
    """Outputs the artefact's `name` and `file`; refuses to show a plan to everybody."""
    happened = github.event()
    key = os.environ["ARTIFACT_KEY"]
    if not key and not happened["repository"]["private"]:
        github.refuse(
            "The plan holds secrets, and everybody can download the artefacts of a public repository: "
            "give the action an artifact-key, or plan in a private repository."
        )
    plan_id = os.environ["PLAN_ID"]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(Path(os.environ["TAP_CHDIR"], ".tap", "plans", plan_id), plan_id)
    data = packed.getvalue()
    file = Path(os.environ["RUNNER_TEMP"], "tap", "sealed-plan")
    file.touch(mode=0o600)
    file.write_bytes(encryption.encrypt(data, key) if key else data)
    head = happened.get("pull_request", {}).get("head", {}).get("sha") or os.environ["GITHUB_SHA"]
    github.output("name", github.artifact(head))
    github.output("file", str(file))


main()
