"""What an editor holds and has not saved, in the place of what the file on disk says."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

_TEXTS: dict[str, str] = {}


def hold(texts: Mapping[str, str]) -> None:
    """From now on, in this process, these texts stand for their files. Keys are real paths (`os.path.realpath`)."""
    _TEXTS.clear()
    _TEXTS.update(texts)


def read_text(path: Path, *, errors: str = "strict") -> str:
    """The text of a UTF-8 file, or of its buffer, with each line's end as a newline. Raises what `open` raises."""
    held = _TEXTS.get(os.path.realpath(path)) if _TEXTS else None
    if held is None:
        return path.read_text("utf-8", errors)
    return io.StringIO(held, newline=None).read()
