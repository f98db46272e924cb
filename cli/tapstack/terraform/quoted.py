"""Blanks what is quoted, so that hcl2's grammar, which knows little of templates, can read what is around it.

The syntax is https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# What begins something in code, or, of the last kinds, what hcl2's grammar does not know: namespaces of functions,
# names that are not ASCII, the exponent of a whole number, and a second `!`.
_CODE: Final = re.compile(
    r"""(?P<comment>\#[^\n]*|//[^\n]*)|(?P<long>/\*)|(?P<quote>")|<<-?(?P<heredoc>[^\W\d][\w.-]*)\r?\n"""
    r"""|(?P<brace>[{}])|(?P<name>(?<=\w)::(?=\w)|[^\x00-\x7f]+)|(?P<exponent>(?<=\d)[eE][+-]?(?=\d))"""
    r"""|(?P<not>(?<=!)!)"""
)
_FILLERS: Final = {"name": "_", "exponent": "0", "not": " "}
_TEMPLATE: Final = r"\$\$\{|%%\{|(?P<code>[$%]\{)"
_QUOTED: Final = re.compile(rf'{_TEMPLATE}|\\.|(?P<end>["\n])')
_NOT_NEWLINE: Final = re.compile(r"[^\n]")


class NotClosed(Exception):
    """A quoted string, heredoc, comment or `${` has no end; `at` is the offset at which it begins."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


def blanked(text: str) -> str:
    """A text of the same length and lines, in which every quoted template and heredoc is one plain string.

    Names are plain ASCII in it. Raises NotClosed, and RecursionError for what is nested too deeply.
    """
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    while match := _CODE.search(text, at):
        start, at = match.start(), _end(text, match)
        yield text[match.pos : start]
        if match["quote"] or match["heredoc"]:
            yield f'"{_NOT_NEWLINE.sub("x", text[start + 1 : at - 1])}"'
        else:
            filler = next((one for kind, one in _FILLERS.items() if match[kind]), "")
            yield filler * (at - start) or text[start:at]
    yield text[at:]


def _end(text: str, match: re.Match[str]) -> int:
    """Where what begins with a match of `_CODE` ends."""
    if match["quote"]:
        return _quoted_end(text, match.start())
    if match["heredoc"]:
        return _heredoc_end(text, match)
    if match["long"]:
        end = text.find("*/", match.end())
        if end < 0:
            raise NotClosed("comment", match.start())
        return end + 2
    return match.end()


def _quoted_end(text: str, start: int) -> int:
    at = start + 1
    while match := _QUOTED.search(text, at):
        if match["end"] == '"':
            return match.end()
        if match["end"]:
            break
        at = _code_end(text, match) if match["code"] else match.end()
    raise NotClosed("quoted string", start)


def _heredoc_end(text: str, opening: re.Match[str]) -> int:
    inside = re.compile(
        rf"{_TEMPLATE}|^[ \t]*(?P<end>{re.escape(opening['heredoc'])})[ \t]*\r?$", re.MULTILINE
    )
    at = opening.end()
    while match := inside.search(text, at):
        if match["end"]:
            return match.end("end")
        at = _code_end(text, match) if match["code"] else match.end()
    raise NotClosed("heredoc", opening.start())


def _code_end(text: str, opening: re.Match[str]) -> int:
    depth, at = 1, opening.end()
    while match := _CODE.search(text, at):
        at = _end(text, match)
        depth += {"{": 1, "}": -1}.get(match["brace"], 0)
        if not depth:
            return at
    raise NotClosed(opening[0], opening.start())
