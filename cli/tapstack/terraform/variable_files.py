"""Variables on their way to Terraform: in files that only this user can read, and that are soon gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class VariableText:
    """Variables as the text of a .tfvars (`syntax` "hcl") or .tfvars.json ("json") file, never on disk for long."""

    text: bytes
    syntax: Literal["hcl", "json"]


def variable_files(private: Path, variables: Sequence[Path | VariableText]) -> list[str]:
    """The variables as files in order; texts are written where only this user can read them."""
    files = []
    for number, source in enumerate(variables):
        if isinstance(source, VariableText):
            path = private / f"{number}{'.tfvars' if source.syntax == 'hcl' else '.tfvars.json'}"
            path.touch(mode=0o600)
            path.write_bytes(source.text)
            source = path
        files.append(str(source))
    return files
