"""A shell at a terminal, into which a test types."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.conftest import TAP

_TO_THE_BEGINNING, _TO_THE_END = "\x01", "\x05"
_NOTHING_BUT_TEXT = re.compile(r"\x1b(?:\[[0-9;?>=]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78])|[\r\x0f]")
_PATIENCE = 60

START: Mapping[str, Sequence[str]] = {
    "bash": ("--norc", "--noprofile", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("-i",),
}


class Terminal:
    """One shell with nobody's configuration, in `directory`; its home is `home`."""

    def __init__(self, shell: str, directory: Path, home: Path) -> None:
        program = shutil.which(shell)
        assert program is not None
        environ = {
            "PATH": f"{TAP.parent}:/usr/bin:/bin",
            "HOME": str(home),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "TMPDIR": str(home),
        }
        self._end, far_end = pty.openpty()
        self._process = subprocess.Popen(
            [program, *START[shell]],
            cwd=directory,
            env=environ,
            stdin=far_end,
            stdout=far_end,
            stderr=far_end,
            start_new_session=True,
            preexec_fn=_take_the_terminal,
        )
        os.close(far_end)
        self._raw = b""

    @property
    def said(self) -> str:
        """Everything that was on the screen so far."""
        return _NOTHING_BUT_TEXT.sub("", self._raw.decode("utf-8", "replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._end)

    def run(self, line: str) -> None:
        """Have the shell carry out a line, and wait for its end."""
        number = len(self._raw)
        self._type(f"{line}; printf 'd%s' one:{number}.\n")
        self._until(f"done:{number}.")

    def completed(self, line: str) -> list[str]:
        """The words of `line` after TAB, as a program would get them."""
        before, last = len(self.said), f":{len(self._raw)}"
        # What is typed ahead waits until the completion has come.
        self._type(f"{line}\t{_TO_THE_END} {last}{_TO_THE_BEGINNING}printf 'w:%s\\n' \n")
        self._until(f"w:{last}\n")
        return re.findall(r"^w:(.*)$", self.said[before:], re.MULTILINE)[:-1]

    def _type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def _until(self, text: str) -> None:
        until = time.monotonic() + _PATIENCE
        while text not in self.said:
            ready, _, _ = select.select([self._end], [], [], max(until - time.monotonic(), 0))
            assert ready, f"the shell did not say {text!r}, only: {self.said[-2000:]!r}"
            self._raw += os.read(self._end, 65536)


def _take_the_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextlib.contextmanager
def opened(shell: str, directory: Path, home: Path) -> Iterator[Terminal]:
    """A shell in which the completion is installed as `tap completion --help` says."""
    home.mkdir(exist_ok=True)
    with Terminal(shell, directory, home) as terminal:
        if shell == "bash":
            terminal.run('eval "$(tap completion bash)"')
        elif shell == "zsh":
            terminal.run("autoload -Uz compinit && compinit -u -D && bindkey -e")
            terminal.run('eval "$(tap completion zsh)"')
        else:
            terminal.run("mkdir -p ~/.config/fish/completions")
            terminal.run("tap completion fish > ~/.config/fish/completions/tap.fish")
        yield terminal
