"""What the embedded AWS can show of a stack, on a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tapstack.sandbox.coverage import Covered, Standing

# A reason gets lines of its own where less than this is left for it.
_REASON: Final = 30
_COLOURS: Final = {Standing.UNSUPPORTED: "red", Standing.UNKNOWN: "red", Standing.APPROXIMATE: "yellow"}

Style = Callable[[str, str], str]


def render(covered: Sequence[Covered], *, moto: str, width: int, style: Style) -> str:
    """A heading for each standing, a line for each type, and the sum."""
    return "\n".join(_lines(covered, moto, width, style))


def _lines(covered: Sequence[Covered], moto: str, width: int, style: Style) -> Iterator[str]:
    widest = max((len(one.type) for one in covered), default=0)
    digits = max((len(str(one.count)) for one in covered), default=0)
    for standing in Standing:
        of_it = [one for one in covered if one.standing is standing]
        if of_it:
            yield f"{style(standing, _COLOURS.get(standing, 'green'))}: {standing.meaning}"
            for one in of_it:
                yield from _line(one, widest, digits, width)
            yield ""
    counted = Counter(one.standing for one in covered)
    each = ", ".join(f"{counted[standing]} {standing}" for standing in Standing if counted[standing])
    resources = sum(one.count for one in covered)
    sentence = f"{len(covered)} types, {resources} resources, on {moto}: {each or 'none'}."
    yield from textwrap.wrap(sentence, width)


def _line(one: Covered, widest: int, digits: int, width: int) -> list[str]:
    head = f"  {one.type:<{widest}}  {one.count:>{digits}}"
    column = len(head) + 2
    if width - column >= _REASON or not one.reason:
        return textwrap.wrap(
            f"{head}  {one.reason}" if one.reason else head,
            width,
            subsequent_indent=" " * column,
            drop_whitespace=True,
            break_on_hyphens=False,
        )
    below = textwrap.wrap(
        one.reason, width, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return [head, *below]
