"""Names of files, which seals and reports repeat."""

from __future__ import annotations

import os
from pathlib import Path

from tapstack.errors import InputError


def require_utf8(path: Path) -> None:
    """Raises InputError for a name that is not UTF-8, which no JSON could hold."""
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path.parent} holds a file whose name is not UTF-8, {repr(os.fsencode(path.name))[1:]}: no report or "
            "seal could name it.",
            hint="rename it",
        ) from error
