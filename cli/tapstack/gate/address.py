"""Patterns of resource addresses, as settings write them."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, address: str) -> bool:
    """Whether an address is the pattern, in which `*` stands for any text and `?` for one character.

    Brackets are literal: they belong to addresses (`aws_lambda_function.fn["reader"]`).
    """
    return _compiled(pattern).fullmatch(address) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
