"""Writes a report's file aside and renames it: a reader, or a full disk, never leaves half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from tapstack.errors import EnvironmentFailure
from tapstack.masking import MASK


def write(path: Path, data: bytes) -> None:
    """Replace a file, with the mode that the umask says; what was there before stays if that fails.

    What is no file (a pipe, a terminal, /dev/null) is written to as it is. Raises EnvironmentFailure.
    """
    _carefully(path, lambda: _write(path, _masked(data)))


def append(path: Path, data: bytes) -> None:
    """Add to a file that others write to as well; what could not be added whole is taken back.

    Raises EnvironmentFailure.
    """
    _carefully(path, lambda: _append(path, _masked(data)))


def _masked(data: bytes) -> bytes:
    try:
        return MASK.output(data.decode()).encode()
    except UnicodeDecodeError:
        # A picture.
        return data


def _carefully(path: Path, action: Callable[[], None]) -> None:
    try:
        action()
    except BrokenPipeError:
        # Whoever reads the pipe has seen enough.
        return
    except OSError as failure:
        raise EnvironmentFailure(
            f"The report {path} can't be written: {failure.strerror}.", hint="the judgement itself stands"
        ) from None


def _write(path: Path, data: bytes) -> None:
    if _is_a_device(path):
        with path.open("wb") as stream:
            stream.write(data)
        return
    # A symbolic link stays one.
    target = path.resolve()
    aside = target.with_name(f".tap-{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            # Some file systems find out only now that they are full.
            os.fsync(stream.fileno())
        aside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


def _is_a_device(path: Path) -> bool:
    # /dev/fd/3 may be a file, which somebody holds open and which a rename would take away.
    return (
        path.is_relative_to("/dev") or path.is_relative_to("/proc") or (path.exists() and not path.is_file())
    )


def _append(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as stream:
        before, rest = stream.tell(), memoryview(data)
        try:
            while rest:
                rest = rest[stream.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                stream.truncate(before)
            raise
