"""Which Terraform is still at work: one whose tap was killed goes on to its end and saves its state."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from tapstack.errors import EnvironmentFailure

_PROCESSES: Final = Path("/proc")
_PROVIDER: Final = "terraform-provider-"
_POLL_SECONDS: Final = 0.2


def wait(data_dir: Path, timeout: float, on_wait: Callable[[str], None]) -> None:
    """Return when no Terraform works with `data_dir` any more; wait up to `timeout` seconds for it.

    Ends the providers of a Terraform that was killed: they would stay for ever. Where the system has no /proc, there
    is nothing to see. Raises EnvironmentFailure naming the process when time is up.
    """
    deadline = time.monotonic() + timeout
    told = False
    while left := dict(_processes(data_dir)):
        at_work = {process: name for process, name in left.items() if not name.startswith(_PROVIDER)}
        if not at_work:
            _end(left)
        elif time.monotonic() >= deadline:
            process, name = next(iter(at_work.items()))
            raise EnvironmentFailure(
                f"{name} (process {process}) is still at work, although the tap that started it is gone. Terraform "
                "saves the state when it ends.",
                hint=f"wait for it: --lock-timeout SECONDS; or let it stop in peace: kill -INT {process}",
            )
        elif not told:
            names = ", ".join(f"{name} (process {process})" for process, name in at_work.items())
            on_wait(f"waiting up to {timeout:g} s for {names}, whose tap is gone")
            told = True
        time.sleep(_POLL_SECONDS)


def _processes(data_dir: Path) -> Iterator[tuple[int, str]]:
    """Id and name of each process that was given this data directory: Terraform, and what it started."""
    wanted = b"TF_DATA_DIR=" + os.fsencode(data_dir)
    for process in sorted(_PROCESSES.glob("[0-9]*")):
        # Somebody else's process, or one that ended meanwhile.
        with contextlib.suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0") and int(process.name) != os.getpid():
                command = os.fsdecode((process / "cmdline").read_bytes().partition(b"\0")[0])
                if command:
                    yield int(process.name), Path(command).name


def _end(processes: Iterable[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
