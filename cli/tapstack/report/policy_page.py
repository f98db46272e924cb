"""A policy's page, and the table of policies, on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tapstack.gate.examples import Examples
from tapstack.gate.policy import Policy, Verdict
from tapstack.report.policy_facts import HEADINGS, InForce, area_of, parameters, text_of, word

# A title gets a line of its own where less than this is left for it.
_TITLE: Final = 30
_TYPE: Final = 24
_HEAD: Final = ("id", "name", "severity", "enforcement", "types")

Style = Callable[[str, str], str]


def render(policy: type[Policy], examples: Examples, in_force: InForce, *, width: int, style: Style) -> str:
    """One page; code and addresses are not broken to `width`. `style(text, colour)` may colour."""
    return "\n".join(_page(policy, examples, in_force, width, style))


def table(policies: Sequence[type[Policy]], in_force: InForce, *, width: int | None, style: Style) -> str:
    """A line per policy, with what tap.toml changes below it. A `width` of None breaks nothing."""
    rows = [_row(policy, in_force) for policy in policies]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    indent = " " * (widths[0] + 2)
    left = None if width is None else width - sum(widths) - 2 * len(widths)
    # A narrow terminal has the titles on lines of their own.
    below = left is not None and left < _TITLE
    lines = [_line(_HEAD, widths, "" if below else "decides")]
    off = touched = 0
    for policy, row in zip(policies, rows, strict=True):
        lines.append(_line(row, widths, "" if below else _cut(policy.title, left)))
        lines += _wrapped(policy.title, width, indent) if below else []
        given = [one for one in parameters(policy, in_force) if one.is_changed]
        lines += [style(f"{indent}{one.name} = {word(one.value)}  ({one.source})", "yellow") for one in given]
        off += in_force.is_disabled(policy)
        touched += bool(given)
    lines += ["", f"Policies: {len(policies)}; disabled: {off}; with parameters from tap.toml: {touched}."]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int], title: str) -> str:
    cells = "  ".join(f"{cell:<{size}}" for cell, size in zip(row, widths, strict=True))
    return f"{cells}  {title}".rstrip()


def _row(policy: type[Policy], in_force: InForce) -> tuple[str, ...]:
    held = {one.name: one.value for one in parameters(policy, in_force)}
    enforcement = "disabled" if in_force.is_disabled(policy) else str(held["enforcement"])
    return policy.id, policy.name, str(held["severity"]), enforcement, _short(policy.resource_types)


def _short(types: tuple[str, ...]) -> str:
    if "*" in types:
        return "all"
    more = f" +{len(types) - 1}" if len(types) > 1 else ""
    return f"{_cut(types[0].removeprefix('aws_'), _TYPE - len(more))}{more}"


def _page(
    policy: type[Policy], examples: Examples, in_force: InForce, width: int, style: Style
) -> Iterator[str]:
    yield f"{style(policy.name, 'cyan')}  {policy.id}  {area_of(policy)}"
    yield from _wrapped(policy.title, width)
    waivable = "can be waived" if policy.waivable else "can't be waived"
    off = "; disabled by the settings" if in_force.is_disabled(policy) else ""
    held = {one.name: one.value for one in parameters(policy, in_force)}
    yield f"{held['severity']}, {held['enforcement']}, {waivable}{off}"
    types = "every resource" if "*" in policy.resource_types else ", ".join(policy.resource_types)
    yield from _wrapped(f"Asked about {types}", width)
    if text := text_of(policy):
        yield from ("", *text.splitlines())
    yield from ("", style(f"Parameters [policies.{policy.name}]", "cyan"))
    yield from _parameters(policy, in_force)
    yield from ("", style("Why", "cyan"), *_wrapped(policy.rationale, width, "  "))
    yield from ("", style("How to fix", "cyan"), *textwrap.indent(policy.remediation, "  ").splitlines())
    yield from ("", style("References", "cyan"), *(f"  {reference}" for reference in policy.references))
    for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE, None):
        for file in examples.files:
            if file.shows is verdict:
                yield from ("", style(f"{HEADINGS[verdict]} ({file.path.name})", "cyan"))
                yield from textwrap.indent(file.text.strip("\n"), "  ").splitlines()


def _parameters(policy: type[Policy], in_force: InForce) -> Iterator[str]:
    if text := text_of(policy.Parameters):
        yield from textwrap.indent(text, "  ").splitlines()
    rows = parameters(policy, in_force)
    widest = max(len(one.name) for one in rows)
    for one in rows:
        yield f"  {one.name:<{widest}} = {word(one.value)}  ({one.source})"
        default = f"; default {word(one.default)}" if one.is_changed else ""
        yield f"  {'':<{widest}}   {one.type}{default}"


def _wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width or len(text) + len(indent) + 1,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else f"{text[: width - 3]}..."
