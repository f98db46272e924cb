"""A process that has everything loaded, and forks a child for each question: nothing of one reaches the next.

What a policy changes, prints or breaks in its process, what the mask has learnt and what is cached ends with the child.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Final, NoReturn

from tapstack.errors import GateFailed

_LATE: Final = "It has not finished after {seconds:g} seconds, and was ended."
_DEAD: Final = "Its process ended without an answer: {how}."


class Unanswered(GateFailed):
    """A question without an answer: the child died, raised what is no answer, or took too long."""


class Zygote:
    """Fork it before any thread starts. Threads may ask at the same time; one is answered after the other."""

    def __init__(self, answer: Callable[[Any], Any], warm_up: Callable[[], object]) -> None:
        """`answer` runs in a child for each question; `warm_up` once, at once, in the process that is forked.

        Questions and answers are pickled.
        """
        ours, theirs = Pipe()
        self._lock = threading.Lock()
        self._process = os.fork()
        if not self._process:
            ours.close()
            _be_the_zygote(theirs, answer, warm_up)
        theirs.close()
        self._pipe = ours

    def ask(self, question: Any, *, seconds: float) -> Any:
        """The answer. Raises Unanswered, after `seconds` at the latest."""
        with self._lock:
            try:
                self._pipe.send((question, seconds))
                said, value = self._pipe.recv()
            except (EOFError, OSError):
                raise Unanswered("The process that judges is gone.") from None
        if said != "answer":
            raise Unanswered(value)
        return value

    def close(self) -> None:
        """End it, and the child that may be at work; who waits for an answer gets none."""
        if self._pipe.closed:
            return
        # Closing alone would wake neither who reads from it here nor there.
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as both, contextlib.suppress(OSError):
            both.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._pipe.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._process, 0)


def _be_the_zygote(pipe: Connection, answer: Callable[[Any], Any], warm_up: Callable[[], object]) -> NoReturn:
    try:
        # Ctrl-C is the parent's to answer; its end closes the pipe.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _keep_off_the_streams()
        warm_up()
        while True:
            question, seconds = pipe.recv()
            pipe.send(_answered(pipe, answer, question, seconds))
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _keep_off_the_streams() -> None:
    """stdin and stdout may carry a protocol: what a policy reads there is empty, what it prints goes to stderr."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(null, 1)
        os.dup2(null, 2)


def _answered(
    parent: Connection, answer: Callable[[Any], Any], question: Any, seconds: float
) -> tuple[str, Any]:
    reader, writer = Pipe(duplex=False)
    child = os.fork()
    if not child:
        reader.close()
        _be_the_child(writer, answer, question)
    writer.close()
    with reader:
        ready = wait([reader, parent], seconds)
        if reader not in ready:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if parent in ready:
                # Nobody waits for the answer any more.
                raise EOFError
            return "late", _LATE.format(seconds=seconds)
        try:
            found: tuple[str, Any] = reader.recv()
        except EOFError:
            found = ("dead", "")
    _, status = os.waitpid(child, 0)
    return ("dead", _DEAD.format(how=_ending(status))) if found[0] == "dead" else found


def _be_the_child(writer: Connection, answer: Callable[[Any], Any], question: Any) -> NoReturn:
    try:
        writer.send(("answer", answer(question)))
    except BaseException as failure:
        with contextlib.suppress(OSError):
            writer.send(("raised", f"Unexpected {type(failure).__name__}: {failure}"))
    finally:
        os._exit(0)


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"status {code}" if code >= 0 else f"signal {-code}"
