"""Problems, places and files as the Language Server Protocol has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls import uris

from tapstack.deployment.editing import Problem
from tapstack.deployment.places import Span
from tapstack.settings import FILE_NAME

_SOURCE: Final = "tap"
_CODE: Final = (".tf", ".tf.json", ".tfvars", ".tfvars.json")
_LEVELS: Final = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "information": types.DiagnosticSeverity.Information,
}


def diagnostic(problem: Problem) -> types.Diagnostic:
    """A problem as the protocol has it."""
    return types.Diagnostic(
        range=range_of(problem.span),
        message=problem.message,
        severity=_LEVELS[problem.level],
        source=_SOURCE,
        code=problem.code or None,
        code_description=types.CodeDescription(problem.href) if problem.href else None,
    )


def range_of(span: Span) -> types.Range:
    """A place as the protocol has it."""
    return types.Range(types.Position(*span.start), types.Position(*span.end))


def span_of(range_: types.Range) -> Span:
    """A place of the protocol\'s."""
    return Span(
        (range_.start.line, range_.start.character),
        (range_.end.line, range_.end.character),
    )


def path_of(uri: str) -> Path | None:
    """The file that a URI names, None where it names something else."""
    path = uris.to_fs_path(uri)
    return Path(os.path.normpath(path)) if path else None


def real_path(uri: str) -> str:
    """The real path of the file that a URI names, "" where it names something else."""
    path = path_of(uri)
    return os.path.realpath(path) if path else ""


def counts(path: Path) -> bool:
    """Whether a judgement is made from files of that name."""
    return path.name == FILE_NAME or path.name.endswith(_CODE)
