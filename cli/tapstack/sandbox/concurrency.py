"""Counts the invocations of each function that are under way, and refuses one above the reserved number."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends

_under_way: Counter[tuple[str, str, str]] = Counter()
_counting = threading.Lock()


class Throttled(Exception):
    """All of the concurrency that is reserved for the function is in use."""


@contextmanager
def slot(function: Any) -> Iterator[None]:
    """Count one invocation of moto's `function` (any version of it) for as long as the context lasts.

    Raises Throttled at once when the function's reserved concurrency is used up; nobody waits here.
    """
    key = (function.account_id, function.region, function.function_name)
    limit = reserved(function)
    with _counting:
        if limit is not None and _under_way[key] >= limit:
            raise Throttled(function.function_name)
        _under_way[key] += 1
    try:
        yield
    finally:
        with _counting:
            _under_way[key] -= 1


def reserved(function: Any) -> int | None:
    """The concurrency reserved for all versions of the function together; None without a limit."""
    # moto copies the number into each version when that is published; the limit in force is $LATEST's.
    try:
        latest = lambda_backends[function.account_id][function.region].get_function(function.function_name)
    except LambdaClientError:
        return None  # Deleted while an event waited for it.
    limit = latest.reserved_concurrency
    return None if limit is None else int(limit)
