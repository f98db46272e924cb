"""Which known word was probably meant by one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# Of a word that short, anything is the beginning.
_SHORTEST: Final = 3
# Comparing takes the product of both lengths; nobody mistypes that much.
_LONGEST: Final = 200


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` is the beginning of, or else is most like; None where none is much like it.

    Small and capital letters count as the same.
    """
    # Loaded where something is wrong only.
    import difflib

    by_folded = {one.casefold(): one for one in known}
    folded = word[:_LONGEST].casefold()
    longer = [one for one in by_folded if one.startswith(folded)]
    if len(folded) >= _SHORTEST and len(longer) == 1:
        return by_folded[longer[0]]
    close = difflib.get_close_matches(folded, by_folded, n=1)
    return by_folded[close[0]] if close else None
