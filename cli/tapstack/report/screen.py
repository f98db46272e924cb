"""Where tap's words go: results to stdout, everything else to stderr, and a closed pipe harms nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

import click


class Screen:
    """A person's terminal, a pipe, or a CI log.

    `quiet` keeps results and errors only. Once a reader has gone away (`tap plan | head`), further output is
    dropped and the command goes on: an apply must not die of its reader.
    """

    def __init__(
        self, *, quiet: bool = False, environ: Mapping[str, str] = os.environ, out: TextIO | None = None
    ) -> None:
        self.out = out or sys.stdout
        self.err = sys.stderr
        self.quiet = quiet
        self.terminal = self.err.isatty() and environ.get("TERM") != "dumb"
        self.width = min(max(shutil.get_terminal_size((100, 24)).columns, 40), 160)
        self._no_colour = bool(environ.get("NO_COLOR"))

    def colour(self, stream: TextIO | None = None) -> bool:
        """Whether a stream (by default stdout) may carry colour."""
        return not self._no_colour and (stream or self.out).isatty()

    def result(self, text: str) -> None:
        """What the command was asked for."""
        self._write(self.out, text)

    def note(self, text: str) -> None:
        """What a person may want to know meanwhile."""
        if not self.quiet:
            self._write(self.err, text)

    def error(self, message: str, hint: str | None = None) -> None:
        """What went wrong, and what to do about it."""
        self._write(self.err, self.style("Error: ", "red", self.err) + message)
        if hint:
            self._write(self.err, f"  -> {hint}")

    def style(self, text: str, colour: str, stream: TextIO | None = None) -> str:
        """`text`, coloured where the stream may be."""
        return click.style(text, fg=colour, bold=True) if self.colour(stream) else text

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            print(
                text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8"),
                file=stream,
            )
            stream.flush()
        except BrokenPipeError:
            drop(stream)
        except ValueError:
            # The stream was closed under us (`>&-`).
            return


def drop(stream: TextIO) -> None:
    """Send what is still written to `stream`, by anyone in this process, to nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
