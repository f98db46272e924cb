"""What an apply has done so far, on disk before it is done: one JSON line for each stage and each resource."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tapstack.masking import MASK


class Journal:
    """Appends to a file of mode 0600; every line has reached the disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            # Its last writer was killed in the middle of a line.
            os.write(self._descriptor, b"\n")

    def write(self, stage: str, **details: Any) -> None:
        """One line: the UTC time, the stage, and what belongs to it. Raises OSError where the disk takes no more."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "stage": stage, **details}
        try:
            os.write(self._descriptor, orjson.dumps(MASK.tree(line), option=orjson.OPT_APPEND_NEWLINE))
            os.fsync(self._descriptor)
        except OSError as failure:
            raise OSError(failure.errno, failure.strerror, str(self._path)) from failure

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """The lines of a journal; one that was cut off in the middle, or is none, is left out."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for line in data.split(b"\n"):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict):
            yield entry
