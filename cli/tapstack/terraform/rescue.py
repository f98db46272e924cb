"""Keeps the state that Terraform could write nowhere and therefore printed.

Terraform does that when both the backend and `errored.tfstate` fail, on a full disk say. What it printed is
then the only record of what exists.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tapstack.errors import EnvironmentFailure

# In memory, so that it has room when every disk is full; it lasts until the machine restarts.
_LAST_RESORT = Path("/dev/shm")  # noqa: S108  # the file in it is of mode 0600 and of a new name
_MESSAGE = b"Emergency state dump"
# What Terraform calls the state that its backend does not take, in the working directory.
ERRORED = "errored.tfstate"


def state_in(line: bytes) -> bytes | None:
    """The state in a line of Terraform's JSON output, byte for byte; None where the line is another event."""
    if _MESSAGE not in line:
        return None
    text = line.decode("utf-8", "replace")
    start = text.find('"state":{')
    if start < 0:
        return None
    start += len('"state":')
    # Numbers of a state have no limit of size: it is cut out, not parsed and written again.
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return None
    return text[start:end].encode()


def keep(state: bytes, near: Path) -> Path | None:
    """Write the state, for this user alone, where there is room: `near`, else elsewhere; None if nowhere."""
    name = f"errored-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.tfstate"
    for directory in places(near):
        path = directory / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            continue
        return path
    return None


def require_none(directory: Path, option: str = "") -> None:
    """Raise EnvironmentFailure where Terraform has left a state: it would overwrite it by the next one.

    `option` is how a command names the environment: " --env prod".
    """
    left = directory / ERRORED
    if left.exists():
        raise EnvironmentFailure(
            f"{left} is the state of an apply that could not be saved; another apply could overwrite it.",
            hint=f"`tap recover{option}` brings it to where it belongs",
        )


def places(near: Path) -> Iterable[Path]:
    """Where a state is kept that has no other place, best first."""
    yield near
    with contextlib.suppress(FileNotFoundError):  # where no temporary directory can be written
        yield Path(tempfile.gettempdir())
    yield from (Path.home(), _LAST_RESORT)
