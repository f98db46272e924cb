"""Runs one child process to its end, streams its lines, and never leaves it behind.

The child writes to anonymous files instead of pipes. It can therefore never block on a reader, and when tap
itself is killed it does not die of a broken pipe: Terraform finishes and saves its state. The files are in
memory where the system has such, and have no name: nothing a child prints (plans, secrets) stays on the disk,
and a full disk does not swallow the state that Terraform prints when it can't write it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from tapstack.errors import EnvironmentFailure

# A child's own group, so that Ctrl-C at the terminal reaches tap alone: Terraform takes a second SIGINT as
# "stop at once and lose what is in flight", and a shell sends one to the whole foreground group.
_NEW_SESSION = True
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 1.0
_STDERR_KEPT = 256 * 1024
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LineHandler = Callable[[bytes], None]
Watch = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended.

    `stdout` is empty where lines went to a handler; `stderr` holds the last 256 KiB. `signals` counts the
    stop signals tap received meanwhile; `timed_out` and `stopped` (the watch's sentence) say why tap itself
    ended the child, if it did. `seconds` is wall time.
    """

    returncode: int
    stdout: bytes
    stderr: str
    signals: int
    timed_out: bool
    stopped: str | None
    seconds: float


@dataclass(slots=True)
class _Run:
    child: subprocess.Popen[bytes]
    grace: float
    on_signal: Callable[[int], None] | None
    received: int = 0
    sent: int = 0
    escalate_at: float | None = None
    timed_out: bool = False
    stopped: str | None = None

    def interrupt(self) -> None:
        """First and second time SIGINT, as Terraform expects; then the whole group is killed."""
        self.sent += 1
        self.escalate_at = time.monotonic() + self.grace
        with contextlib.suppress(ProcessLookupError):
            if self.sent < 3:
                self.child.send_signal(signal.SIGINT)
            else:
                os.killpg(self.child.pid, signal.SIGKILL)

    def obey(self, received: int) -> None:
        """Forward each stop signal that arrived since the last look."""
        while self.received < received:
            self.received += 1
            if self.on_signal:
                self.on_signal(self.received)
            self.interrupt()


@dataclass(slots=True)
class _Lines:
    """Hands complete lines of a growing file to a handler; a handler that fails is not called again."""

    file: IO[bytes]
    handler: LineHandler
    position: int = 0
    rest: bytes = b""
    failure: BaseException | None = field(default=None)

    def drain(self, *, last: bool = False) -> None:
        # pread, because the child shares the file's position and would be moved by a seek.
        while chunk := os.pread(self.file.fileno(), 1 << 16, self.position):
            self.position += len(chunk)
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            for line in lines:
                self._hand_over(line)
        if last and self.rest:
            self._hand_over(self.rest)

    def _hand_over(self, line: bytes) -> None:
        if self.failure is not None:
            return
        try:
            self.handler(line)
        except Exception as failure:  # the child must end in peace first; the failure is raised after it
            self.failure = failure


def _anonymous_file(content: bytes = b"") -> IO[bytes]:
    file = _empty_file()
    file.write(content)
    file.seek(0)
    return file


def _empty_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("tap", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()


@contextlib.contextmanager
def _stop_signals() -> Iterator[Callable[[], int]]:
    """Counts stop signals instead of dying of them. Only the main thread may change handlers."""
    count = 0

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = {number: signal.signal(number, note) for number in _STOP_SIGNALS}
    try:
        yield lambda: count
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    on_line: LineHandler | None = None,
    on_signal: Callable[[int], None] | None = None,
    watch: Watch | None = None,
    timeout: float | None = None,
    grace: float = 60.0,
) -> Finished:
    """Run `argv` with nothing but `stdin` to read; return when it, and everything it started, has ended.

    `on_line` gets each line of stdout without its newline, in this thread. `on_signal` is told the number of
    a received stop signal (1, 2, 3): the first two are forwarded as SIGINT, the third kills. `watch` is asked
    about once a second; a sentence from it ends the child the same way. `timeout` and `grace` are seconds;
    after a timeout each further step waits for `grace`.

    Raises EnvironmentFailure where the program can't be started, and whatever `on_line` raised, but only
    after the child has ended.
    """
    started = time.monotonic()
    with (
        _anonymous_file(stdin) as given,
        _anonymous_file() as out,
        _anonymous_file() as err,
        _stop_signals() as received,
    ):
        try:
            child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=_NEW_SESSION,
            )
        except OSError as failure:
            raise EnvironmentFailure(f"{argv[0]} can't be started: {failure.strerror}.") from failure
        run_ = _Run(child, grace, on_signal)
        lines = _Lines(out, on_line) if on_line else None
        try:
            _wait(run_, lines, received, watch, None if timeout is None else started + timeout)
        finally:
            _end_group(child)
        if lines:
            lines.drain(last=True)
            if lines.failure is not None:
                raise lines.failure
        run_.received = max(run_.received, received())
        size = os.fstat(err.fileno()).st_size
        tail = os.pread(err.fileno(), _STDERR_KEPT, max(0, size - _STDERR_KEPT))
        return Finished(
            returncode=child.returncode,
            stdout=b"" if lines else os.pread(out.fileno(), os.fstat(out.fileno()).st_size, 0),
            stderr=tail.decode("utf-8", "replace"),
            signals=run_.received,
            timed_out=run_.timed_out,
            stopped=run_.stopped,
            seconds=time.monotonic() - started,
        )


def _wait(
    run_: _Run, lines: _Lines | None, received: Callable[[], int], watch: Watch | None, deadline: float | None
) -> None:
    next_watch = time.monotonic() + _WATCH_SECONDS
    while not _ended(run_.child):
        if lines:
            lines.drain()
        run_.obey(received())
        now = time.monotonic()
        if deadline is not None and now > deadline and not run_.timed_out:
            run_.timed_out = True
            run_.interrupt()
        if watch and now > next_watch and run_.stopped is None:
            next_watch = now + _WATCH_SECONDS
            run_.stopped = watch()
            if run_.stopped is not None:
                # What the child waits for will never come; there is no point in the long grace.
                run_.grace = min(run_.grace, 10.0)
                run_.interrupt()
        if run_.escalate_at is not None and now > run_.escalate_at and (run_.timed_out or run_.stopped):
            run_.interrupt()


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Wait for a moment, but no longer than the child lives: each plan would take longer by what is waited on top."""
    if child.poll() is not None:
        return True
    try:
        handle = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # macOS, or a kernel before 5.3
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_POLL_SECONDS)
    else:
        try:
            end = select.poll()
            end.register(handle, select.POLLIN)
            end.poll(_POLL_SECONDS * 1000)
        finally:
            os.close(handle)
    return child.poll() is not None


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the child's group: providers outlive a Terraform that was killed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
