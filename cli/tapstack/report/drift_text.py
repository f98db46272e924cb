"""Drift for a person: what changed outside Terraform, what that breaks, and what to do, on one screen."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tapstack.gate.drift import Drift, DriftedResource
from tapstack.gate.ledger import Finding
from tapstack.gate.policy import Enforcement, Severity, Verdict
from tapstack.model.differences import MASKED
from tapstack.model.drift import AttributeChange
from tapstack.report.plan_text import Style

# Beyond this many, the rest is counted only: one screen holds about fifty lines.
_LINES: Final = 40
_CHANGES: Final = 4
_ERRORS: Final = 8
_LONGEST: Final = 70
_COLUMN: Final = 10
_COLOURS: Final = {
    Severity.CRITICAL: "magenta",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
_ACTIONS: Final = {"delete": "deleted", "update": "changed", "none": "broken by a change elsewhere"}


def render(drift: Drift, *, width: int, style: Style, where: str, options: str = "") -> str:
    """Lines of at most `width` columns, but for addresses, paths and values, which are not broken.

    `style(text, colour)` may colour, `where` names the AWS that was asked, `options` are those that commands
    about this environment need (" --env prod").
    """
    return "\n".join(_Page(width, style).lines(drift, where, options))


class _Page:
    def __init__(self, width: int, style: Style) -> None:
        self.width = max(width, 40)
        self.style = style

    def lines(self, drift: Drift, where: str, options: str) -> Iterator[str]:
        for error in drift.errors[:_ERRORS]:
            place = "" if error.file is None or error.file in error.message else f" ({error.file})"
            yield from self._wrapped(f"Error: {_visible(error.message)}{place}", "", "  ")
        if len(drift.errors) > _ERRORS:
            yield f"... and {len(drift.errors) - _ERRORS} more errors; --json lists all"
        if drift.errors:
            yield ""
        yield from self._resources(drift.resources)
        if drift.resources:
            yield ""
        yield from self._wrapped(_summary(drift, where), "", "  ")
        if drift.errors:
            yield self.style(
                "The gate could not decide what the drift breaks, which counts as closed.", "red"
            )
        if drift.drifted:
            yield from self._wrapped(
                f"To undo it: `tap plan{options}`, then `tap apply{options}`, puts back what the code says. To keep "
                "it: change the code until that plan is empty.",
                "",
                "  ",
            )

    def _resources(self, resources: Sequence[DriftedResource]) -> Iterator[str]:
        said = 0
        for number, one in enumerate(resources):
            lines = list(self._resource(one))
            if number and said + len(lines) > _LINES:
                yield f"... and {_many(len(resources) - number, 'more resource', 'more resources')}; --json lists all"
                return
            yield from lines
            said += len(lines)

    def _resource(self, one: DriftedResource) -> Iterator[str]:
        label = f"{one.broken[0].severity if one.broken else '-':<{_COLUMN}}"
        if one.broken:
            label = self.style(label, _COLOURS[one.broken[0].severity])
        place = f"  {one.file}:{one.line}" if one.file else ""
        yield f"{label}{_visible(f'{one.address}{place}')}  {_ACTIONS[one.action]}"
        for finding in one.findings:
            yield from self._wrapped(_visible(_broken(finding)), " " * _COLUMN, " " * (_COLUMN + 2))
        for change in one.changes[:_CHANGES]:
            yield " " * (_COLUMN + 2) + _visible(_change(change))
        if len(one.changes) > _CHANGES:
            yield " " * (_COLUMN + 2) + f"... and {len(one.changes) - _CHANGES} more; --json lists all"

    def _wrapped(self, text: str, first: str, rest: str) -> list[str]:
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _broken(finding: Finding) -> str:
    expected = f" (expected {_word(finding.expected)})" if finding.expected is not None else ""
    if finding.verdict is Verdict.WAIVED:
        effect = ", waived"
    else:
        effect = ", advisory" if finding.enforcement is Enforcement.ADVISORY else ""
    return f"{finding.name} ({finding.policy}{effect}): {finding.message}{expected}"


def _change(change: AttributeChange) -> str:
    before, after = (MASKED, MASKED) if change.sensitive else (_word(change.before), _word(change.after))
    output = "  (an output changes with it)" if change.feeds_output else ""
    return f"{change.path}: {before} -> {after}{output}"


def _word(value: Any) -> str:
    if value is None:
        return "unset"
    text = value if isinstance(value, str) and value.strip() else json.dumps(_told(value), ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _told(value: Any) -> Any:
    """A block without the members that say nothing."""
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items() if item not in (None, "", [], {})}
    return [_told(item) for item in value] if isinstance(value, list) else value


def _summary(drift: Drift, where: str) -> str:
    if not drift.compared and not drift.resources:
        return "No drift: there was no resource to compare."
    if not drift.drifted:
        earlier = f" {_earlier(drift)}" if drift.earlier else ""
        compared = _many(drift.compared, "resource was", "resources were")
        return f"No drift: {compared} compared with {where}, and nothing has changed.{earlier}"
    deleted = sum(one.action == "delete" for one in drift.drifted)
    breaking = sum(bool(one.broken) for one in drift.resources)
    sentences = [
        f"Drift: {len(drift.drifted)} of {_many(drift.compared, 'resource', 'resources')} compared with {where}"
        + (f", {deleted} of them deleted" if deleted else "")
        + "."
    ]
    if not drift.errors:
        breaks = _many(breaking, "breaks a policy", "break policies")
        sentences.append(f"{breaks}." if breaking else "It breaks no policy.")
    if drift.earlier:
        sentences.append(_earlier(drift))
    return " ".join(sentences)


def _earlier(drift: Drift) -> str:
    return f"Not counted: {_many(drift.earlier, 'finding that was', 'findings that were')} there before."


def _visible(text: str) -> str:
    """Text from AWS or a configuration can't move the cursor or colour the screen."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
