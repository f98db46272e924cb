"""Which of Terraform's workspaces a stack is in, and what that means for its state on the embedded AWS.

https://developer.hashicorp.com/terraform/language/state/workspaces
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapstack.errors import InputError

DEFAULT: Final = "default"
STATE_FILE: Final = "terraform.tfstate"
# What Terraform takes for a name: https://pkg.go.dev/net/url#PathEscape must leave it as it is.
_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[\w.~$&+=:@-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace by its name; `source` says who selected it, "" where nobody did."""

    name: str = DEFAULT
    source: str = ""

    def state(self, work: Path) -> Path:
        """Where its state is kept below tap's directory of the environment, laid out as Terraform does."""
        return work / STATE_FILE if self.name == DEFAULT else _others(work) / self.name / STATE_FILE


def selected(directory: Path, environ: Mapping[str, str]) -> Workspace:
    """TF_WORKSPACE, else what `terraform workspace select` has left in `directory`.

    Terraform itself would look for the latter in its data directory, which is tap's own here. Raises InputError
    for a name that Terraform would not take.
    """
    if name := environ.get("TF_WORKSPACE", ""):
        return _checked(name, "TF_WORKSPACE")
    record = Path(directory, environ.get("TF_DATA_DIR") or ".terraform", "environment")
    try:
        name = record.read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return Workspace()
    return _checked(name, "terraform workspace select") if name else Workspace()


def states(work: Path) -> list[Path]:
    """The states of all workspaces that there are."""
    return [
        path for path in (work / STATE_FILE, *sorted(_others(work).glob(f"*/{STATE_FILE}"))) if path.is_file()
    ]


def _checked(name: str, source: str) -> Workspace:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} can't be the name of a workspace ({source}).",
            hint="letters, digits, and any of . ~ $ & + = : @ _ - are allowed",
        )
    return Workspace(name, source)


def _others(work: Path) -> Path:
    return work / f"{STATE_FILE}.d"
