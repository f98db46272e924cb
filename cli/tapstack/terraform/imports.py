"""Import blocks that are in force while Terraform plans a recovery, without a line in anybody's configuration.

They may not stand in an override file (https://developer.hashicorp.com/terraform/language/files/override), only in a
file of the directory itself. It is there as a link, while Terraform runs.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tapstack.terraform import override
from tapstack.terraform.source import IMPORTS_NAME


def text(ids: Mapping[str, str]) -> str:
    """An import block for each address and id."""
    return "".join(f"import {{\n  to = {address}\n  id = {quoted(id_)}\n}}\n" for address, id_ in ids.items())


def quoted(value: str) -> str:
    """A text as an expression of HCL that is this text."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


@contextlib.contextmanager
def linked(directory: Path, target: Path | None) -> Iterator[None]:
    """Have the file `target` in `directory` while the block runs; without one, see that none is there.

    Raises EnvironmentFailure while another tap has its own there: these imports would become part of this plan.
    """
    with override.linked(directory, target, IMPORTS_NAME):
        yield
