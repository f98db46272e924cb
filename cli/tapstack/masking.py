"""One mask for everything that leaves the process: each secret that tap has met becomes "(sensitive)".

What is not masked, because a report full of holes helps nobody: texts of fewer than 4 characters, numbers of fewer
than 6 digits, lines of fewer than 8 characters out of a longer secret, and words that stand for no value or for any
(`true`, `none`, `password`). A secret of fewer than 8 characters is masked where it stands as a word of its own.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import orjson

MASKED: Final = "(sensitive)"

_SHORTEST: Final = 4
_SHORTEST_NUMBER: Final = 6
_SHORTEST_LINE: Final = 8
_STANDS_ALONE: Final = 8
_NO_SECRETS: Final = frozenset(
    {"true", "false", "null", "none", "pass", "password", "secret", "token", "test", "example"}
)
# Looking for each in turn (0.1 us, and 0.2 ms a MB) is faster for a few; looking at every place takes 90 ms a MB,
# however many there are.
_FEW: Final = 400
_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*')
# tap's own keys; what a configuration may call its keys is masked like any other text.
_OWN_KEY: Final = re.compile(r"[a-z_]+")
_FOR_HTML: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

_Span = tuple[int, int]


class Mask:
    """The secrets that are known so far. Threads may learn and mask at the same time."""

    def __init__(self, values: Iterable[object] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: set[object] = set()
        self._forms: set[str] = set()
        # The lengths, longest first, of the forms that begin with these four characters.
        self._lengths: dict[str, tuple[int, ...]] = {}
        self.learn(values)

    def learn(self, values: Iterable[object]) -> None:
        """Mask these from now on: texts and numbers; anything else is not looked at."""
        for value in values:
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                self._learn(value)

    def _learn(self, value: str | float) -> None:
        if value in self._secrets:
            return
        with self._lock:
            self._secrets.add(value)
            for form in _forms(value):
                if form not in self._forms:
                    start = form[:_SHORTEST]
                    lengths = {*self._lengths.get(start, ()), len(form)}
                    self._lengths[start] = tuple(sorted(lengths, reverse=True))
                    self._forms.add(form)

    def text(self, text: str) -> str:
        """`text` with MASKED for every secret, as it is or as JSON, Go, Python or XML would quote it."""
        spans = self._spans(text)
        if not spans:
            return text
        spans.sort()
        merged = [spans[0]]
        for start, end in spans[1:]:
            # What overlaps goes as a whole: the rest of one would be a part of the other.
            if start < merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        kept = [0, *(place for span in merged for place in span), len(text)]
        return MASKED.join(text[start:end] for start, end in list(pairwise(kept))[::2])

    def output(self, text: str) -> str:
        """Likewise; JSON stays JSON with the same keys."""
        if not self._spans(text, anywhere=True):
            return text
        if text.lstrip()[:1] in ("{", "["):
            try:
                orjson.loads(text)
            except orjson.JSONDecodeError:
                return self.text(text)
            return _TOKEN.sub(self._token, text)
        return self.text(text)

    def tree(self, value: Any) -> Any:
        """A value of JSON with every text in it masked, and every number that is a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._key(key): self.tree(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return MASKED if self._spans(str(value)) else value
        return value

    def _key(self, key: Any) -> Any:
        return self.text(key) if isinstance(key, str) and not _OWN_KEY.fullmatch(key) else key

    def _token(self, token: re.Match[str]) -> str:
        written = token[0]
        if not self._spans(written, anywhere=True):
            return written
        if token[1] is None:
            return f'"{MASKED}"'
        said: str = orjson.loads(token[1])
        masked = self._key(said) if token[2] else self.text(said)
        return written if masked == said else orjson.dumps(masked).decode() + (token[2] or "")

    def _spans(self, text: str, *, anywhere: bool = False) -> list[_Span]:
        if not self._forms:
            return []
        few = len(self._forms) < min(_FEW, len(text))
        found = _each(text, tuple(self._forms)) if few else self._every_place(text)
        return [span for span in found if anywhere or _counts(text, *span)]

    def _every_place(self, text: str) -> Iterator[_Span]:
        known = self._lengths
        for at in [at for at in range(len(text) - _SHORTEST + 1) if text[at : at + _SHORTEST] in known]:
            for length in known[text[at : at + _SHORTEST]]:
                if at + length <= len(text) and text[at : at + length] in self._forms:
                    yield at, at + length


def _each(text: str, forms: Sequence[str]) -> Iterator[_Span]:
    for form in forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + 1)


def _counts(text: str, start: int, end: int) -> bool:
    """Whether it is a secret rather than a part of another word."""
    if end - start >= _STANDS_ALONE:
        return True
    # The n of a written \n is no letter.
    before = "" if text[max(0, start - 2) : start - 1] == "\\" else text[max(0, start - 1) : start]
    return not any(char.isalnum() or char == "_" for char in before + text[end : end + 1])


def _forms(value: str | float) -> Iterator[str]:
    """How a secret may be written."""
    text = str(value)
    lines = (line.strip() for line in text.splitlines()) if len(text.splitlines()) > 1 else ()
    for one in {text, text.strip(), *(line for line in lines if len(line) >= _SHORTEST_LINE)}:
        if _is_maskable(one):
            yield from {
                one,
                repr(one)[1:-1],
                html.escape(one),
                html.escape(one, quote=False),
                *(twice for form in _as_json(one) for twice in (form, *_as_json(form))),
            }


def _as_json(text: str) -> set[str]:
    """In Python's, in orjson's and in Go's JSON, without the quotation marks."""
    unicode, ascii_ = json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]
    return {unicode, ascii_, unicode.translate(_FOR_HTML)}


def _is_maskable(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    if digits.isdigit():
        return len(digits) >= _SHORTEST_NUMBER
    return len(text) >= _SHORTEST and text not in MASKED and text.lower() not in _NO_SECRETS


MASK: Final = Mask()
"""The mask of this process."""
