"""The formats of a report: each a module with `render(report) -> bytes`, and the mask behind all of them."""

from __future__ import annotations

import importlib
from typing import Final

from tapstack.masking import MASK
from tapstack.report.report import Report

# Imported when asked for: a report needs one or two of them.
_MODULES: Final = {
    "text": "report_text",
    "json": "report_json",
    "junit": "report_junit",
    "sarif": "report_sarif",
    "github": "report_github",
    "gitlab": "report_gitlab",
    "markdown": "report_markdown",
    "html": "report_html",
}
NAMES: Final = tuple(_MODULES)


def render(name: str, report: Report) -> bytes:
    """A report in one of NAMES: UTF-8 with a final newline, without secrets. The same report gives the same bytes.

    A format that cuts, wraps or escapes texts masks them before, because the mask could not know them afterwards.
    """
    module = importlib.import_module(f"tapstack.report.{_MODULES[name]}")
    return _masked(module.render(report))


def summary(report: Report) -> bytes:
    """What goes with the format github into the summary of a workflow's step."""
    from tapstack.report import report_github

    return _masked(report_github.summary(report))


def _masked(data: bytes) -> bytes:
    return MASK.output(data.decode("utf-8", "replace")).encode("utf-8", "replace")
