"""The outputs of a stack as they may be shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tapstack.masking import MASKED


def masked(
    outputs: Mapping[str, Mapping[str, Any]], reveal: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """`terraform output -json` with MASKED for every sensitive value whose name is not in `reveal`."""
    return {
        name: {
            **output,
            "value": MASKED if output.get("sensitive") and name not in reveal else output.get("value"),
        }
        for name, output in outputs.items()
    }
