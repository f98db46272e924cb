"""Lets one change of a stream or a queue happen at a time, and readers see whole changes only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def changing() -> Iterator[None]:
    """Hold the lock; a thread that holds it already may take it again."""
    with _lock:
        yield
