"""Puts the sealed plan of an artefact where `tap apply` looks for it, and prints its id."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path

import encryption
import github

SEAL_BROKEN = 5
PLAN_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}")


def main() -> None:
    """Whether it is the plan that was judged is for `tap apply` to say."""
    data = Path(os.environ["SEALED_PLAN"], "sealed-plan").read_bytes()
    key = os.environ["ARTIFACT_KEY"]
    plans = Path(os.environ["TAP_CHDIR"], ".tap", "plans")
    try:
        with tarfile.open(fileobj=io.BytesIO(encryption.decrypt(data, key) if key else data)) as archive:
            ids = {Path(name).parts[0] for name in archive.getnames()}
            os.umask(0o077)
            plans.mkdir(parents=True, exist_ok=True)
            # Files and directories below `plans`, and nothing else.
            archive.extractall(plans, filter="data")
    except encryption.Refused:
        github.refuse(
            "The artefact was not encrypted with this artifact-key, or it was changed.", SEAL_BROKEN
        )
    except tarfile.TarError:
        github.refuse("The artefact is no sealed plan; is an artifact-key missing?", SEAL_BROKEN)
    if len(ids) != 1 or not PLAN_ID.fullmatch(plan_id := ids.pop()):
        github.refuse("The artefact holds something else than one sealed plan.", SEAL_BROKEN)
    print(plan_id)


main()
