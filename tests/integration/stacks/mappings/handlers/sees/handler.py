"""Prints what it gets."""

from __future__ import annotations

import json
from typing import Any


def handle(event: dict[str, Any], _context: Any) -> None:
    """Print the event on one line."""
    print("SAW " + json.dumps(event))
