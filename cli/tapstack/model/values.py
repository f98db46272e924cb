"""Values that Terraform knows, does not know yet, or was never given."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

_NUMBER: Final = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]+)?")


class Missing(Enum):
    """The type of MISSING: not set, or set to null, which Terraform treats alike."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value known only after apply (or, in HCL, one that only Terraform can work out).

    `references` are what the expression that sets it refers to ("aws_kms_key.main.arn", "var.x"), as written.
    `computed` (Terraform's word) means that the configuration does not set it: the provider will.
    """

    references: tuple[str, ...] = ()
    computed: bool = False

    def __str__(self) -> str:
        if self.computed:
            return "chosen by the provider"
        return (
            f"known after apply, from {', '.join(self.references)}"
            if self.references
            else "known after apply"
        )


def is_unset(value: Any) -> bool:
    """Whether the configuration leaves it to the provider."""
    return value is MISSING or (isinstance(value, Unknown) and value.computed)


def as_bool(value: Any) -> Any:
    """A bool where Terraform would convert one ("true", "false"), else the value itself.

    https://developer.hashicorp.com/terraform/language/expressions/types#type-conversion
    """
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def as_number(value: Any) -> Any:
    """A number where Terraform would convert one ("14"), else the value itself."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value) is None:
        return value
    number = float(value)
    return int(number) if number.is_integer() else number


def with_unknowns(
    value: Any, unknown: Any, path: tuple[str, ...], leaf: Callable[[tuple[str, ...]], Unknown]
) -> Any:
    """`value` with Unknown where the `after_unknown` tree beside it says true; copied only where it does.

    `path` is where `value` is; `leaf` makes the Unknown for a path.
    """
    if unknown is True:
        return leaf(path)
    if not holds_unknown(unknown):
        return value
    if isinstance(unknown, dict):
        merged = dict(value) if isinstance(value, dict) else {}
        for key, below in unknown.items():
            if holds_unknown(below):
                merged[key] = with_unknowns(merged.get(key), below, (*path, key), leaf)
        return merged
    items = list(value) if isinstance(value, list) else []
    items += [None] * (len(unknown) - len(items))
    for index, below in enumerate(unknown):
        if holds_unknown(below):
            items[index] = with_unknowns(items[index], below, (*path, str(index)), leaf)
    return items


def holds_unknown(unknown: Any) -> bool:
    """Whether an `after_unknown` tree says true anywhere."""
    if isinstance(unknown, (dict, list)):
        for below in unknown.values() if isinstance(unknown, dict) else unknown:
            # Most are false, or empty.
            if below and holds_unknown(below):
                return True
        return False
    return unknown is True
