"""Where tap's words go: results to stdout, everything else to stderr, and a closed pipe harms nothing."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click

from tapstack.masking import MASK


class Screen:
    """A person's terminal, a pipe, or a CI log.

    `quiet` keeps results and errors only. Once a reader has gone away (`tap plan | head`), further output is
    dropped and the command goes on: an apply must not die of its reader.
    """

    def __init__(
        self, *, quiet: bool = False, environ: Mapping[str, str] = os.environ, out: TextIO | None = None
    ) -> None:
        # None where it was closed before Python started (`>&-`): what is said there is said to nobody.
        self.out = out or sys.stdout or io.StringIO()
        self.err = sys.stderr or io.StringIO()
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

    def document(self, data: bytes) -> None:
        """A report as it is in a file: masked already, and UTF-8 whatever the locale says."""
        stream = self.out._stream if isinstance(self.out, MaskedStream) else self.out
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            self._write(stream, data.decode().removesuffix("\n"))
            return
        try:
            stream.flush()
            buffer.write(data)
            buffer.flush()
        except BrokenPipeError:
            drop(stream)
        except ValueError:
            return

    def revealed(self, text: str) -> None:
        """What the user has asked to see by name: the one way past the mask. Nothing else may be in `text`."""
        stream = self.out
        self.out = stream._stream if isinstance(stream, MaskedStream) else stream
        try:
            self.result(text)
        finally:
            self.out = stream

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
            print(text, file=stream)
            stream.flush()
        except BrokenPipeError:
            drop(stream)
        except ValueError:
            # The stream was closed under us (`>&-`).
            return


class MaskedStream:
    """A stream of this process through which no secret gets out, whoever writes to it: tap, a library, a policy.

    What its encoding can't say becomes a question mark, after the mask has seen it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, masked; all of it is seen at once, so that a secret must not come in pieces."""
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(MASK.output(text).encode(encoding, "replace").decode(encoding))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError("bytes would not be masked")
        return getattr(self._stream, name)


def mask_streams() -> None:
    """Put the mask before stdout and stderr; one that was closed before Python started is None and stays so."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, MaskedStream):
            setattr(sys, name, MaskedStream(stream))


def drop(stream: TextIO) -> None:
    """Send what is still written to `stream`, by anyone in this process, to nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
