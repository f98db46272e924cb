"""`tap check --watch`: judges a directory again whenever what it is made from has changed."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
import watchfiles

from tapstack.commands.options import Common
from tapstack.deployment import watched
from tapstack.deployment.warm import warm_up
from tapstack.deployment.zygote import Unanswered, Zygote
from tapstack.errors import ExitCode, TapError
from tapstack.gate.ledger import Input, undecided
from tapstack.masking import MASK
from tapstack.report import ledger_json
from tapstack.report.screen import Screen, drop

# Milliseconds: how often changes are looked for, how long an editor that writes several files is waited for, and how
# long nothing may be heard until the files themselves are looked at, as on file systems that tell of no changes.
_STEP: Final = 20
_DEBOUNCE: Final = 200
_SILENCE: Final = 500
# A judgement takes that long where a policy hangs.
_SECONDS: Final = 300.0
_CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"
_NAMED: Final = 3

Judge = Callable[[Common], int]


@dataclass(frozen=True, slots=True)
class _Terminal:
    """What the parent's streams are, for a child that writes for them."""

    width: int
    out: bool
    err: bool
    encoding: str


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What one judgement said, and what it was made from."""

    code: int
    out: str
    err: str
    places: tuple[Path, ...]


class _Captured(io.StringIO):
    """A stream that is as much of a terminal as the one it is for."""

    def __init__(self, *, terminal: bool, encoding: str) -> None:
        super().__init__()
        self._terminal = terminal
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a StringIO has none
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


def watch(common: Common, directory: Path, judge: Judge) -> int:
    """Show what `judge` says of a directory, now and after each change, until somebody interrupts.

    `judge` writes to the screen of the `Common` that it is given. Never shown is what was judged before a change.
    """

    def answer(terminal: _Terminal) -> _Judgement:
        return _judged(common, directory, judge, terminal)

    zygote = Zygote(answer, warm_up)
    page = _Page(common)
    try:
        for changed, judgement in _judgements(zygote, page, directory):
            page.show(changed, judgement)
    except KeyboardInterrupt:
        page.end()
    except BrokenPipeError:
        # Whoever reads has seen enough.
        drop(common.screen.out)
    finally:
        zygote.close()
    return int(ExitCode.INTERRUPTED)


def _judgements(zygote: Zygote, page: _Page, directory: Path) -> Iterator[tuple[tuple[str, ...], _Judgement]]:
    """What was changed, and what is said now."""
    changed: tuple[str, ...] = ()
    places = watched.places(directory, None)
    while True:
        here = watched.present(places)
        with _listening(here) as signs:
            while watched.present(places) == here:
                before = watched.stamp(places)
                page.judging(changed)
                judgement = _asked(zygote, page, directory, places)
                if judgement.places != places:
                    # There is more to listen to, or less.
                    places = judgement.places
                    break
                if watched.stamp(places) == before:
                    yield changed, judgement
                changed = _changed(signs, before, places, here) or changed


@contextlib.contextmanager
def _listening(directories: Iterable[Path]) -> Iterator[Iterator[object]]:
    """Something comes at each change in the directories, and at least twice a second."""
    signs = watchfiles.watch(
        *directories,
        watch_filter=None,
        debounce=_DEBOUNCE,
        step=_STEP,
        rust_timeout=_SILENCE,
        yield_on_timeout=True,
        recursive=False,
        ignore_permission_denied=True,
    )
    try:
        yield signs
    finally:
        signs.close()


def _changed(
    signs: Iterator[object], before: watched.Stamp, places: tuple[Path, ...], here: object
) -> tuple[str, ...]:
    """Wait for a change of what was judged; the names of the files that are not as `before`."""
    while True:
        now = watched.stamp(places)
        if now != before:
            return tuple(sorted({os.path.relpath(one) for one, _ in now.items() ^ before.items()}))
        if watched.present(places) != here:
            return ()
        next(signs)


def _asked(zygote: Zygote, page: _Page, directory: Path, places: tuple[Path, ...]) -> _Judgement:
    try:
        judgement: _Judgement = zygote.ask(page.terminal(), seconds=_SECONDS)
    except Unanswered as failure:
        return page.unanswered(failure, directory, places)
    return judgement


def _judged(common: Common, directory: Path, judge: Judge, terminal: _Terminal) -> _Judgement:
    """In a child: as a `tap check` of its own."""
    out, err = (_Captured(terminal=one, encoding=terminal.encoding) for one in (terminal.out, terminal.err))
    screen = Screen(quiet=common.screen.quiet, out=out)
    screen.err, screen.width = err, terminal.width
    common = replace(common, screen=screen)
    settings = None
    try:
        settings = common.settings
        code = judge(common)
    except TapError as failure:
        code = _failed(failure, common, directory)
    places = watched.places(directory, settings)
    return _Judgement(code, MASK.output(out.getvalue()), MASK.output(err.getvalue()), places)


def _failed(failure: TapError, common: Common, directory: Path) -> int:
    """A judgement that never began is one that closes the gate."""
    common.screen.error(failure.message, failure.hint)
    if common.as_json:
        ledger = undecided(failure, Input("hcl", os.path.relpath(directory)))
        common.screen.document(ledger_json.render(ledger))
    return int(failure.exit_code)


class _Page:
    """Where judgements are shown: a terminal has the newest alone, anything else one after the other."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._screen = common.screen
        self._out = common.screen.out
        self._clears = self._out.isatty() and common.screen.terminal and not common.as_json

    def terminal(self) -> _Terminal:
        """What there is to write on now; a window may have another width than before."""
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        width = Screen().width
        return _Terminal(width, self._out.isatty(), self._screen.err.isatty(), encoding)

    def judging(self, changed: tuple[str, ...]) -> None:
        """What was said before holds no longer."""
        if self._clears:
            self._write(f"{_CLEAR}{_sentence(changed)}: judging\n")

    def show(self, changed: tuple[str, ...], judgement: _Judgement) -> None:
        """What holds now."""
        if self._common.as_json:
            self._write(_one_line(judgement.out))
            self._screen.err.write(judgement.err)
        else:
            head = _CLEAR if self._clears else f"== {_now()} {_sentence(changed)}\n"
            foot = f"\n{_now()} Watching; Ctrl-C ends.\n" if self._clears else "\n"
            self._write(f"{head}{judgement.err}{judgement.out}{foot}")

    def end(self) -> None:
        """The line that Ctrl-C has been echoed on is over."""
        if self._clears:
            self._write("\n")

    def unanswered(self, failure: Unanswered, directory: Path, places: tuple[Path, ...]) -> _Judgement:
        """No judgement: the gate is closed."""
        out, err = (_Captured(terminal=False, encoding="utf-8") for _ in range(2))
        screen = Screen(out=out)
        screen.err = err
        code = _failed(failure, replace(self._common, screen=screen), directory)
        return _Judgement(code, out.getvalue(), err.getvalue(), places)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _one_line(document: str) -> str:
    return orjson.dumps(orjson.loads(document), option=orjson.OPT_APPEND_NEWLINE).decode()


def _sentence(changed: tuple[str, ...]) -> str:
    if not changed:
        return "watching"
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return f"{', '.join(changed[:_NAMED])}{more} changed"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
