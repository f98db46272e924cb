"""Since which release of Terraform and of OpenTofu there is what tap needs of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

Numbers = tuple[int, ...]

TERRAFORM: Final = "terraform"
TOFU: Final = "tofu"
LIBRARY: Final = "library"
"""Terraform as a shared library: its releases are Terraform's."""
NAMES: Final = {TERRAFORM: "Terraform", TOFU: "OpenTofu", LIBRARY: "Terraform"}


@dataclass(frozen=True, slots=True)
class Since:
    """The first release of each that has something, and why it matters; None where tap does not rely on it."""

    terraform: Numbers
    tofu: Numbers | None
    why: str

    def of(self, kind: str) -> Numbers | None:
        """The first release of this kind of binary."""
        return self.tofu if kind == TOFU else self.terraform

    def holds(self, kind: str, version: str) -> bool:
        """Whether this release has it; a pre-release counts as the release."""
        first = self.of(kind)
        return first is not None and numbers(version) >= first

    def said(self, kind: str) -> str:
        """The first release, as a sentence has it: "1.10"."""
        return ".".join(map(str, self.of(kind) or ()))


# Every comparison of versions in tap is a line of this table.
ANYTHING: Final = Since((1, 6), (1, 6), "state locks and JSON views as tap reads them, import blocks")
INIT_JSON: Final = Since((1, 9), None, "`init` reports each error by itself; without it, as one text")
LOCK_FILES: Final = Since((1, 10), (1, 10), "`use_lockfile` of the S3 backend; without it, `dynamodb_table`")


def numbers(version: str) -> Numbers:
    """1.12.0-beta1 as (1, 12, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
