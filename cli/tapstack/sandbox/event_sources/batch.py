"""Reads which items of a batch a function reported as not processed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from tapstack.sandbox.functions import Invocation

# The payload of a synchronous invocation, in bytes.
PAYLOAD_BYTES: Final = 6 * 1024 * 1024


def failed(done: Invocation, identifiers: Sequence[str], *, reports: bool) -> frozenset[str]:
    """The identifiers of the items to be tried again: none, all or some.

    `reports` says whether the mapping has ReportBatchItemFailures. A response that is malformed or names an
    item that was not in the batch counts as the failure of all:
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    everything = frozenset(identifiers)
    if done.function_error:
        return everything
    if not reports:
        return frozenset()
    response = json.loads(done.payload)
    if response is None:
        return frozenset()
    if not isinstance(response, dict):
        return everything
    failures = response.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        return everything
    named = frozenset(_identifier(item) for item in failures)
    return named if named <= everything else everything


def _identifier(item: object) -> str:
    name = item.get("itemIdentifier") if isinstance(item, dict) else None
    return name if isinstance(name, str) else ""
