"""Text for the HTML report: masked, then made visible, then escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Final

from tapstack.masking import MASK
from tapstack.report.stack_graph import Standing
from tapstack.report.visible import visible

_VERDICTS: Final[Mapping[str, Standing]] = {
    **{standing.upper(): standing for standing in Standing},
    "NOT_APPLICABLE": Standing.NOT_JUDGED,
}


def shown(text: str) -> str:
    """`text` masked and on one line; what can't be printed, or turns the direction of writing, as its code."""
    return visible(MASK.text(text)).encode("utf-8", "replace").decode()


def escaped(text: object) -> str:
    """The same between tags, and in an attribute in quotation marks."""
    return html.escape(shown(str(text)))


def code(text: str) -> str:
    """A name out of a configuration: it can't turn the text around it."""
    return f"<code>{escaped(text)}</code>"


def badge(verdict: str) -> str:
    """A verdict in a colour, by a sign and by its word."""
    standing = _VERDICTS[verdict]
    word = verdict.replace("_", " ").lower()
    return (
        f'<span class="badge {standing.replace(" ", "_")}">'
        f'<span aria-hidden="true">{standing.sign}</span> {word}</span>'
    )
