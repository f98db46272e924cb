"""One tap at a time per environment: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tapstack.errors import EnvironmentFailure


@contextlib.contextmanager
def held(
    path: Path, operation: str, *, timeout: float, on_wait: Callable[[str], None] = lambda _sentence: None
) -> Iterator[None]:
    """Hold the lock at `path` while the block runs; wait up to `timeout` seconds for it.

    `on_wait` is told once, in a sentence, whom it waits for. Raises EnvironmentFailure naming the holder when
    time is up.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, timeout, on_wait)
        with contextlib.suppress(OSError):  # on a full disk the lock holds all the same, without a name
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, orjson.dumps(_holder(operation)), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout: float, on_wait: Callable[[str], None]) -> None:
    deadline = time.monotonic() + timeout
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise EnvironmentFailure(
                    f"{_describe(path)} holds this environment; nothing was done.",
                    hint="wait for it, or give --lock-timeout SECONDS to wait here",
                ) from None
            if not told:
                on_wait(f"waiting up to {timeout:g} s for {_describe(path)}")
                told = True
            time.sleep(0.1)
        else:
            return


def _holder(operation: str) -> dict[str, object]:
    return {
        "operation": operation,
        "pid": os.getpid(),
        "who": f"{user()}@{socket.gethostname()}",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def user() -> str:
    """The name of the user that this process belongs to, as the machine tells it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _describe(path: Path) -> str:
    try:
        holder = orjson.loads(path.read_bytes())
        return (
            f"tap {holder['operation']} (process {holder['pid']}, {holder['who']}, since {holder['since']})"
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return "another tap"
