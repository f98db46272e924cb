"""Terraform's machine-readable output (`-json`), one line to one event, and its diagnostics.

Source: https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Snippet:
    """The lines of a configuration file that a diagnostic is about, and the columns to underline."""

    context: str
    code: str
    start_line: int
    highlight_start: int
    highlight_end: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning of Terraform; `line` is 1-based, 0 where there is no place in a file."""

    severity: str
    summary: str
    detail: str
    address: str
    filename: str
    line: int
    snippet: Snippet | None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of Terraform's output.

    `kind` is Terraform's `type`, or "raw" for a line that is not JSON. `address` and `action` are those of
    the resource concerned, "" where there is none; `elapsed` is in seconds.
    """

    kind: str
    message: str
    address: str = ""
    action: str = ""
    elapsed: int = 0
    diagnostic: Diagnostic | None = None
    data: Mapping[str, Any] | None = None


def parse(line: bytes) -> Event:
    """An event from one line of output; never raises."""
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        return Event("raw", line.decode("utf-8", "replace").rstrip())
    about = raw.get("hook") or raw.get("change") or {}
    resource = about.get("resource") or {}
    diagnostic = raw.get("diagnostic")
    return Event(
        kind=str(raw.get("type", "raw")),
        message=str(raw.get("@message", "")),
        address=str(resource.get("addr", "")),
        action=str(about.get("action", "")),
        elapsed=int(about.get("elapsed_seconds") or 0),
        diagnostic=_diagnostic(diagnostic) if isinstance(diagnostic, dict) else None,
        data=raw,
    )


def _diagnostic(raw: Mapping[str, Any]) -> Diagnostic:
    place = raw.get("range") or {}
    start = place.get("start") or {}
    return Diagnostic(
        severity=str(raw.get("severity", "error")),
        summary=str(raw.get("summary", "")),
        detail=str(raw.get("detail", "")),
        address=str(raw.get("address") or ""),
        filename=str(place.get("filename") or ""),
        line=int(start.get("line") or 0),
        snippet=_snippet(raw["snippet"]) if raw.get("snippet") else None,
    )


def _snippet(raw: Mapping[str, Any]) -> Snippet:
    values = raw.get("values") or []
    return Snippet(
        context=str(raw.get("context") or ""),
        code=str(raw.get("code") or ""),
        start_line=int(raw.get("start_line") or 0),
        highlight_start=int(raw.get("highlight_start_offset") or 0),
        highlight_end=int(raw.get("highlight_end_offset") or 0),
        values=tuple(f"{value.get('traversal')} {value.get('statement')}" for value in values),
    )


_WARNINGS_ABOUT_TAP = ("Deprecated flag: -state", "Incomplete lock file information for providers")


def is_noise(diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic tells its reader nothing.

    Terraform 1.15 warns that `-state` is deprecated in favour of a backend block, which tap must not write
    into somebody's configuration. Installing from a mirror, which is tap's choice, leads to a warning about
    checksums of other platforms. A failed init ends with an error that says only that there were errors.
    """
    if diagnostic.severity == "warning":
        return diagnostic.summary in _WARNINGS_ABOUT_TAP
    return diagnostic.summary.startswith("Terraform encountered problems during initialisation")


def without_place(diagnostic: Diagnostic, where: str) -> Diagnostic:
    """The diagnostic with `where` in place of a file, line and snippet that nobody but tap should see."""
    return replace(diagnostic, filename="", line=0, snippet=None, address=where)


def render(diagnostic: Diagnostic) -> str:
    """A diagnostic as Terraform prints it: summary, place, underlined snippet, detail. No colour."""
    lines = [f"{'Error' if diagnostic.severity == 'error' else 'Warning'}: {diagnostic.summary}"]
    if diagnostic.filename:
        context = (
            f", in {diagnostic.snippet.context}" if diagnostic.snippet and diagnostic.snippet.context else ""
        )
        lines.append(f"  {diagnostic.filename}:{diagnostic.line}{context}")
    elif diagnostic.address:
        lines.append(f"  with {diagnostic.address}")
    if diagnostic.snippet:
        lines += _code(diagnostic.snippet)
    if diagnostic.detail:
        lines += [f"  {line}".rstrip() for line in diagnostic.detail.splitlines()]
    return "\n".join(lines)


def _code(snippet: Snippet) -> list[str]:
    lines = []
    offset = 0
    for number, text in enumerate(snippet.code.split("\n"), snippet.start_line):
        lines.append(f"  {number:>4} | {text}")
        # Offsets count UTF-8 bytes of the whole snippet.
        raw = text.encode()
        start = max(snippet.highlight_start - offset, 0)
        end = min(snippet.highlight_end - offset, len(raw))
        if start < end:
            blank = len(raw[:start].decode("utf-8", "replace"))
            marked = len(raw[start:end].decode("utf-8", "replace"))
            lines.append(f"       | {' ' * blank}{'^' * marked}")
        offset += len(raw) + 1
    lines += [f"       | where {value}" for value in snippet.values]
    return lines
