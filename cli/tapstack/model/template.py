"""What templates of Terraform's JSON syntax refer to."""

from __future__ import annotations

import re
from typing import Final

from tapstack.model import syntax

_LOOKS_LIKE: Final = re.compile(
    r"\b(?:(?:var|local|module|data|each|count|self|path|terraform)|[A-Za-z]\w*_\w*)(?:\.[A-Za-z_][\w-]*)+(?!\s*\()"
)


def references(template: str) -> tuple[str, ...]:
    """What a template refers to ("var.x", "aws_kms_key.main.arn"), each once, in order."""
    if "${" not in template and "%{" not in template:
        return ()
    try:
        found = syntax.references(syntax.template(template))
    except syntax.SyntaxProblem:
        # What can't be parsed is searched for what looks like a reference: rather one too many.
        found = iter(_LOOKS_LIKE.findall(template))
    return tuple(dict.fromkeys(found))
