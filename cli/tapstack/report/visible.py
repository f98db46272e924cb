"""Makes text from a configuration, or from AWS, harmless to look at."""

from __future__ import annotations


def visible(text: str) -> str:
    """The text on one line, with what moves the cursor or colours the screen written as Python would: `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
