"""Starts, finds and ends the embedded AWS: one server per stack, known by an identity it answers with."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from tapstack.errors import EnvironmentFailure, SandboxFailed
from tapstack.sandbox import record
from tapstack.sandbox.record import LOOPBACK, Sandbox

__all__ = ["Sandbox", "alive", "ensure", "find", "inventory", "start", "stop"]

# What a Python process needs of its caller; nothing of the caller's AWS, proxies or secrets.
_INHERITED: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
)

# Longer than a garbage collection of the server on a loaded machine; a refused connection is known at once.
_PATIENCE: Final = 2.0

_State = Literal["answers", "silent", "gone"]


def start(directory: Path, *, port: int = 0, timeout: float = 30.0) -> Sandbox:
    """Start a sandbox in `directory` (created, mode 0700) and return it when it answers.

    `port` 0 lets the operating system choose; the server binds and reports it, so nobody can take it in
    between. `timeout` is in seconds and includes waiting for another start or stop of the same directory.

    Raises SandboxFailed when one is running already, the port is taken or the server does not come up,
    EnvironmentFailure when the directory can't be made.
    """
    deadline = time.monotonic() + timeout
    with _locked(directory, deadline):
        running = _running(directory)
        if running is not None:
            raise SandboxFailed(
                f"a sandbox is running already: process {running.pid} at {running.url}",
                hint="use it, or end it first with `tap sandbox stop`",
            )
        return _launch(directory, port, deadline)


def find(directory: Path) -> Sandbox | None:
    """The sandbox of `directory` if it runs and answers with the recorded identity; cleans a stale record.

    Raises SandboxFailed when its process is there and does not answer.
    """
    if record.read(directory) is None:
        return None
    return _running(directory)


def ensure(directory: Path, *, timeout: float = 30.0) -> Sandbox:
    """The running sandbox of `directory`, started if need be; concurrent callers get the same one.

    Raises what `start` raises.
    """
    deadline = time.monotonic() + timeout
    with _locked(directory, deadline):
        return _running(directory) or _launch(directory, 0, deadline)


def stop(directory: Path, *, timeout: float = 10.0) -> Sandbox | None:
    """End the sandbox of `directory`: SIGTERM, `timeout` seconds of grace, SIGKILL.

    Returns the sandbox that was ended, None if there was none. A process is signalled only after it has
    proved to be ours, by its identity over HTTP or, when it hangs, on its command line.
    """
    if not directory.is_dir():
        return None
    with _locked(directory, time.monotonic() + timeout):
        sandbox = record.read(directory)
        if sandbox is None:
            return None
        ours = _state(sandbox) != "gone"
        if ours:
            _end(sandbox, timeout)
        record.remove(directory)
        return sandbox if ours else None


def alive(sandbox: Sandbox) -> bool:
    """Whether the very same sandbox is still there; a few milliseconds, for asking once a second."""
    return _state(sandbox) != "gone"


def inventory(sandbox: Sandbox) -> dict[str, dict[str, int]]:
    """What exists in the sandbox now, in all regions: service -> kind -> count; {} when nothing is left.

    Raises SandboxFailed when the sandbox is gone or can't tell.
    """
    try:
        status, body = _get(sandbox, "/_tap/inventory", timeout=30.0)
        if status == http.HTTPStatus.OK:
            found: dict[str, dict[str, int]] = json.loads(body)
            return found
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SandboxFailed(f"the sandbox at {sandbox.url} does not answer: {error}") from error
    raise SandboxFailed(f"the sandbox at {sandbox.url} could not list what exists; see {sandbox.log}")


@contextmanager
def _locked(directory: Path, deadline: float) -> Iterator[None]:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EnvironmentFailure(f"the sandbox's directory {directory} can't be used: {error}") from error
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SandboxFailed(
                        f"another tap has been starting or stopping the sandbox in {directory} for too long",
                        hint="wait for it to end, or end it",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _running(directory: Path) -> Sandbox | None:
    sandbox = record.read(directory)
    state = "gone" if sandbox is None else _state(sandbox)
    if sandbox is None or state == "gone":
        # A server that came up in the meantime has another identity: its record stays.
        if sandbox is not None:
            record.remove(directory, sandbox.id)
        return None
    if state == "silent":
        raise SandboxFailed(
            f"the sandbox's process {sandbox.pid} is there but does not answer at {sandbox.url}",
            hint="end it with `tap sandbox stop`",
        )
    return sandbox


def _launch(directory: Path, port: int, deadline: float) -> Sandbox:
    identity = secrets.token_hex(16)
    reading, writing = os.pipe()
    arguments = ["--directory", str(directory.resolve()), "--id", identity]
    arguments += ["--port", str(port), "--ready", str(writing)]
    log = os.open(record.log_file(directory), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        # -P: the working directory of the caller must not be importable by the server.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tapstack.sandbox.server", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_server_environment(os.environ),
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(writing)
        os.close(log)
    try:
        report = _report(reading, deadline)
        # The process started here only forks the server and ends: the server is never its starter's child.
        process.wait(max(1.0, deadline - time.monotonic()))
    except BaseException:
        _kill_group(process.pid)
        process.wait()
        raise
    finally:
        os.close(reading)
    if "error" in report:
        raise SandboxFailed(report["error"], hint=report.get("hint"))
    sandbox = record.read(directory)
    if sandbox is None or sandbox.id != identity or _state(sandbox) != "answers":
        _kill_group(process.pid)
        raise SandboxFailed(f"the sandbox started and was gone again; see {record.log_file(directory)}")
    return sandbox


def _report(reading: int, deadline: float) -> dict[str, str]:
    """What the server says of its start: {} for success, or `error` and perhaps `hint`."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise SandboxFailed("the sandbox did not come up in time; its server was ended")
        piece = os.read(reading, 65536)
        if not piece:
            return {
                "error": "the sandbox's server ended before it was ready; see server.log beside its record"
            }
        line += piece
    report: dict[str, str] = json.loads(line)
    return report


def _server_environment(caller: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in caller.items() if name in _INHERITED}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _get(sandbox: Sandbox, path: str, timeout: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, sandbox.port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(1 << 20)
    finally:
        connection.close()


def _state(sandbox: Sandbox) -> _State:
    try:
        _, body = _get(sandbox, "/_tap/identity", _PATIENCE)
    except TimeoutError:
        return "silent" if _named_on_command_line(sandbox) else "gone"
    except (OSError, http.client.HTTPException):
        return "gone"
    try:
        return "answers" if json.loads(body)["id"] == sandbox.id else "gone"
    except (ValueError, KeyError, TypeError):
        return "gone"


def _named_on_command_line(sandbox: Sandbox) -> bool:
    try:
        return sandbox.id.encode() in Path(f"/proc/{sandbox.pid}/cmdline").read_bytes()
    except OSError:
        return False


def _exists(sandbox: Sandbox) -> bool:
    # Where there is /proc, a process nobody has reaped yet (a container without an init) counts as ended.
    if Path("/proc/self").exists():
        return _named_on_command_line(sandbox)
    try:
        os.kill(sandbox.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(sandbox: Sandbox, timeout: float) -> None:
    for number, grace in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
        try:
            os.kill(sandbox.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            if not _exists(sandbox):
                return
            time.sleep(0.02)
    raise SandboxFailed(f"the sandbox's process {sandbox.pid} can't be ended")


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
