"""Holds back what Terraform complains of until the mask knows the secrets that it may quote.

Nothing is shown later than it was: Terraform prints its errors and warnings when a plan or an apply is over. Reading
the plan and the state takes seconds, and happens only where there is something to show.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tapstack.errors import TapError
from tapstack.terraform.driver import Driver
from tapstack.terraform.events import Event


@contextlib.contextmanager
def withheld(driver: Driver, plan: Path | None = None) -> Iterator[None]:
    """Show the diagnostics of the block at its end, after the state was read; and `plan`, if it is what is applied.

    Without `plan`, a block that succeeds has read what there is to know itself.
    """
    held: list[Event] = []
    show = driver.on_event

    def take(event: Event) -> None:
        if event.diagnostic is None:
            show(event)
        else:
            held.append(event)

    driver.on_event = take
    try:
        yield
        if held and plan:
            _read(driver, plan)
    except TapError:
        # Its message may quote what Terraform wrote to stderr.
        _read(driver, plan)
        raise
    finally:
        driver.on_event = show
        for event in held:
            show(event)


def _read(driver: Driver, plan: Path | None) -> None:
    """The driver tells the mask what it reads. Where nothing can be read, the mask keeps what it knows."""
    if plan is not None:
        with contextlib.suppress(TapError):
            driver.show(plan)
    if driver.state is None or driver.state.is_file():
        with contextlib.suppress(TapError):
            driver.show()
