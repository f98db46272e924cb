"""Shows what Terraform is doing: a live line on a terminal, dated lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from tapstack.report.screen import Screen
from tapstack.terraform import events
from tapstack.terraform.events import Event

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_STARTS = {"apply_start", "refresh_start", "ephemeral_op_start"}
_ENDS = {
    "apply_complete",
    "refresh_complete",
    "apply_errored",
    "ephemeral_op_complete",
    "ephemeral_op_errored",
}
_SHOWN_IN_FLIGHT = 5
# Terraform's own reminders come every ten seconds and resource; one a half minute is enough for a log.
_REMIND_SECONDS = 30
# No single call of AWS takes as long: the provider waits for something to come up, or tries again.
_STALLED_SECONDS = 60

_PAST = {
    "create": "created",
    "delete": "destroyed",
    "update": "updated",
    "read": "read",
    "remove": "forgotten",
}
_PRESENT = {"create": "creating", "delete": "destroying", "update": "updating", "read": "reading"}


class Work:
    """What is done and what is in flight, from Terraform's events; `total` is 0 while it is not known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.done = 0
        self.total = 0
        self.in_flight: dict[str, tuple[str, float]] = {}
        self._moved = clock()

    def begin(self, total: int) -> None:
        """A new step with `total` changes to make, 0 where nobody can know."""
        self.done = 0
        self.total = total
        self.in_flight.clear()
        self._moved = self._clock()

    def take(self, event: Event) -> None:
        """Count one event."""
        if event.kind != "apply_progress":
            self._moved = self._clock()
        if event.kind in _STARTS:
            action = (
                "refreshing" if event.kind == "refresh_start" else _PRESENT.get(event.action, event.action)
            )
            self.in_flight[event.address] = (action, self._clock())
        elif event.kind in _ENDS:
            self.in_flight.pop(event.address, None)
            # The total counts changes; reading a data source is none.
            if event.kind == "refresh_complete" or (
                event.kind == "apply_complete" and not (self.total and event.action == "read")
            ):
                self.done += 1

    def quiet(self) -> int:
        """For how many seconds nothing has begun or ended."""
        return int(self._clock() - self._moved)

    def stalled(self) -> str:
        """What may be the matter where nothing has begun or ended for long; "" where all is well."""
        if self.quiet() < _STALLED_SECONDS:
            return ""
        return f"nothing ended for {self.quiet()} s: AWS is slow, or throttles or fails and the provider tries again"

    def flying(self) -> list[tuple[str, str, int]]:
        """(address, what is done to it, seconds), the longest first."""
        now = self._clock()
        rows = [(address, action, int(now - since)) for address, (action, since) in self.in_flight.items()]
        return sorted(rows, key=lambda row: -row[2])


class Progress(Protocol):
    """What a deployment tells while it works; see deployment.prepare.Observer."""

    def phase(self, what: str) -> None:
        """A new step has begun."""

    def event(self, event: Event) -> None:
        """Terraform said something."""

    def signal(self, count: int) -> None:
        """A stop signal arrived while Terraform runs."""

    def waiting(self) -> None:
        """Terraform is at work; called about once a second."""

    def expect(self, total: int) -> None:
        """The next step makes this many changes."""

    def clear(self) -> None:
        """Whoever called is about to say how the step ended."""

    def close(self) -> None:
        """Nothing more will come."""


def make(screen: Screen) -> Progress:
    """The display that fits where the words go."""
    if screen.terminal and not screen.quiet:
        return LiveProgress(screen)
    return PlainProgress(screen)


class PlainProgress:
    """Dated lines, one a step and one a finished resource."""

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._work = Work(clock)
        self._next_total = 0
        self._reminded: dict[str, int] = {}
        self._what = ""
        self._since = self._spoken = clock()

    def expect(self, total: int) -> None:
        """The next step makes this many changes."""
        self._next_total = total

    def phase(self, what: str) -> None:
        """A new step has begun."""
        self._work.begin(self._next_total)
        self._next_total = 0
        self._what, self._since = what, self._clock()
        self._line(what)

    def event(self, event: Event) -> None:
        """One line for a finished change, a long wait, or a diagnostic."""
        self._work.take(event)
        if event.diagnostic is not None:
            self._screen._write(self._screen.err, events.render(event.diagnostic))
        elif event.kind == "apply_complete" and event.action != "read":
            count = f" ({self._work.done}/{self._work.total})" if self._work.total else ""
            self._line(
                f"{_PAST.get(event.action, event.action)} {event.address} after {event.elapsed} s{count}"
            )
        elif event.kind == "apply_progress" and event.elapsed // _REMIND_SECONDS > self._reminded.get(
            event.address, 0
        ):
            self._reminded[event.address] = event.elapsed // _REMIND_SECONDS
            doing = _PRESENT.get(event.action, event.action)
            stalled = self._work.stalled()
            self._line(f"still {doing} {event.address}, {event.elapsed} s{stalled and f' ({stalled})'}")

    def signal(self, count: int) -> None:
        """Say what the signal led to."""
        self._line(_SIGNALS[min(count, 3)])

    def waiting(self) -> None:
        """Break a long silence: a plan says nothing while the provider tries again."""
        if self._clock() - self._spoken < _REMIND_SECONDS:
            return
        flying = self._work.flying()
        for_what = f", {flying[0][1]} {flying[0][0]}" if flying else ""
        more = f" and {len(flying) - 1} more" if len(flying) > 1 else ""
        stalled = self._work.stalled()
        seconds = int(self._clock() - self._since)
        self._line(f"still {self._what}{for_what}{more}, {seconds} s{stalled and f' ({stalled})'}")

    def clear(self) -> None:
        """Nothing to put away."""

    def close(self) -> None:
        """Nothing to put away."""

    def _line(self, text: str) -> None:
        self._spoken = self._clock()
        self._screen.note(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")


class LiveProgress:
    """A few lines at the bottom of a terminal that change while Terraform works; diagnostics stay above them."""

    def __init__(self, screen: Screen) -> None:
        from rich.console import Console
        from rich.live import Live

        self._screen = screen
        self._console = Console(
            file=screen.err, width=screen.width, highlight=False, no_color=not screen.colour(screen.err)
        )
        self._work = Work()
        self._what = ""
        self._since = time.monotonic()
        self._next_total = 0
        self._live = Live(self, console=self._console, refresh_per_second=8, transient=True)

    def expect(self, total: int) -> None:
        """The next step makes this many changes."""
        self._next_total = total

    def phase(self, what: str) -> None:
        """A new step has begun; the one before it is left behind as a line."""
        self._finish()
        if not self._live.is_started:
            self._live.start()
        self._work.begin(self._next_total)
        self._next_total = 0
        self._what, self._since = what, time.monotonic()

    def event(self, event: Event) -> None:
        """Take the event; print a diagnostic above the live lines."""
        self._work.take(event)
        if event.diagnostic is not None:
            self._console.print(events.render(event.diagnostic), markup=False, soft_wrap=True)

    def signal(self, count: int) -> None:
        """Say what the signal led to."""
        self._console.print(_SIGNALS[min(count, 3)], markup=False)

    def waiting(self) -> None:
        """The live lines change by themselves."""

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._finish()
        self.clear()

    def clear(self) -> None:
        """Take the live lines away, without a word about the step."""
        self._what = ""
        self._live.stop()

    def _finish(self) -> None:
        if self._what:
            seconds = time.monotonic() - self._since
            count = f", {self._work.done} resources" if self._work.done else ""
            self._console.print(f"{self._what}: {seconds:.1f} s{count}", style="dim", markup=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        if not self._what:
            return
        seconds = int(time.monotonic() - self._since)
        count = f"{self._work.done}/{self._work.total} done, " if self._work.total else ""
        flying = self._work.flying()
        yield Text(
            f"{self._what}: {count}{len(flying)} in flight, {seconds} s", no_wrap=True, overflow="ellipsis"
        )
        for address, action, elapsed in flying[:_SHOWN_IN_FLIGHT]:
            yield Text(f"  {action} {address} {elapsed} s", style="dim", no_wrap=True, overflow="ellipsis")
        if len(flying) > _SHOWN_IN_FLIGHT:
            yield Text(f"  and {len(flying) - _SHOWN_IN_FLIGHT} more", style="dim")
        if stalled := self._work.stalled():
            yield Text(f"  {stalled}", style="dim", no_wrap=True, overflow="ellipsis")


_SIGNALS = {
    1: "Interrupt: Terraform was asked to stop and is cleaning up; please wait. (Twice more kills it.)",
    2: "Second interrupt: Terraform was told to stop at once; what is in flight may be missing from the state.",
    3: "Third interrupt: Terraform is killed; look at the state before anything else.",
}
