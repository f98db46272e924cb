"""What was found, and what was expected, in words."""

from __future__ import annotations

import json
from typing import Any, Final

from tapstack.gate.ledger import Finding

_LONGEST: Final = 80


def comparison(finding: Finding, line: str | None = None) -> str:
    """` (attribute: found 30, expected exactly 14)`, as far as there is something to compare, else "".

    With the `line` of code beside the wanted one, only what those don't say: the value that an expression has.
    """
    parts = []
    if finding.actual is not None and (line is None or word(finding.actual) not in line):
        parts.append(f"found {word(finding.actual)}")
    if finding.expected is not None and line is None:
        parts.append(f"expected {word(finding.expected)}")
    if not parts:
        return ""
    return f" ({finding.attribute}: {', '.join(parts)})" if finding.attribute else f" ({', '.join(parts)})"


def word(value: Any) -> str:
    """A value as JSON would have it, a text without quotation marks; what is long is cut."""
    text = value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
