"""Does what AWS does a moment after it has answered: in the order it was asked for, in a thread of its own."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

# Long enough that whoever does not wait for a replica sees that it is not there yet, as on AWS.
LAG_SECONDS: Final = 0.2


class Lagging:
    """Work of one kind, each piece done LAG_SECONDS after it was asked for and after all earlier ones."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[tuple[float, Callable[[], None]]] = SimpleQueue()
        self._started = False
        self._starting = threading.Lock()

    def do(self, work: Callable[[], None]) -> None:
        """Have `work` done soon; what it raises is said in the server's log, and the next piece is done."""
        with self._starting:
            if not self._started:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
                self._started = True
        self._work.put((time.monotonic() + LAG_SECONDS, work))

    def _run(self) -> None:
        while True:
            due, work = self._work.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                work()
            except Exception as error:  # a thread of its own: there is nobody else to tell
                said = "".join(traceback.format_exception(error))
                print(f"fault: {self._name}: {error!r}\n{said}", file=sys.stderr, flush=True)
