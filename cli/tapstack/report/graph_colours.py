"""What the pictures of a stack have in common: colours for each verdict, by day and by night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tapstack.report.stack_graph import Standing

DIRECTION: Final = (
    "An arrow leads to what a resource needs; needs that follow from others are left out. "
    "A dashed arrow leads to what it knows by name only."
)


@dataclass(frozen=True, slots=True)
class Colours:
    """Fill, border and text of a box as #rrggbb: at least 7:1 between text and fill."""

    fill: str
    border: str
    text: str


LIGHT: Final = {
    Standing.NOT_JUDGED: Colours("#f6f8fa", "#6e7781", "#1f2328"),
    Standing.PASS: Colours("#dafbe1", "#1a7f37", "#1f2328"),
    Standing.WAIVED: Colours("#ddf4ff", "#0969da", "#1f2328"),
    Standing.UNKNOWN: Colours("#fff8c5", "#9a6700", "#1f2328"),
    Standing.FAIL: Colours("#ffdcd7", "#cf222e", "#1f2328"),
    Standing.ERROR: Colours("#fbdfff", "#8250df", "#1f2328"),
}
DARK: Final = {
    Standing.NOT_JUDGED: Colours("#21262d", "#8b949e", "#f0f6fc"),
    Standing.PASS: Colours("#0f3d20", "#3fb950", "#f0f6fc"),
    Standing.WAIVED: Colours("#0c2d55", "#58a6ff", "#f0f6fc"),
    Standing.UNKNOWN: Colours("#453200", "#d29922", "#f0f6fc"),
    Standing.FAIL: Colours("#5c1318", "#ff7b72", "#f0f6fc"),
    Standing.ERROR: Colours("#3c1e70", "#d2a8ff", "#f0f6fc"),
}


def css_class(standing: Standing) -> str:
    """The name under which a picture's styles have a verdict."""
    return standing.replace(" ", "_")
