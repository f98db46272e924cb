"""Keeps what policies print out of the results: stdout is for those, and may be a document that a program reads."""

from __future__ import annotations

import contextlib
import io
import sys


def on_stderr() -> contextlib.AbstractContextManager[object]:
    """While it lasts, what is printed goes to stderr."""
    return contextlib.redirect_stdout(sys.stderr or io.StringIO())
