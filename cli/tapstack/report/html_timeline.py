"""The timeline of an apply as plain HTML: a row and a bar for each resource, in the order in which it began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from tapstack.report import plan_text
from tapstack.report.html_text import code, escaped
from tapstack.report.ledger_text import many
from tapstack.report.report import Step, Timeline

# The longest are what somebody looks for.
MOST: Final = 500
_WIDTH: Final = 1000
_THINNEST: Final = 3
_HEAD: Final = (
    '<thead><tr><th scope="col">Resource</th><th scope="col">Action</th><th scope="col">Began</th>'
    '<th scope="col">Took</th><th scope="col">Outcome</th><th scope="col" class="wide">When</th></tr></thead>'
)


def render(timeline: Timeline) -> Iterator[str]:
    """A sentence, and a table."""
    counts = Counter(step.outcome for step in timeline.steps)
    words = ", ".join(f"{counts[one]} {one}" for one in ("done", "failed", "in flight") if counts[one])
    yield (
        f"<p>{escaped(timeline.operation.capitalize())} of {code(timeline.id)}, begun {escaped(timeline.began[:19])}Z: "
        f"{timeline.result} after {timeline.seconds:.1f} s; "
        f"{many(len(timeline.steps), 'step', 'steps')}{f' ({words})' if words else ''}.</p>"
    )
    longest = sorted(timeline.steps, key=lambda step: -_took(step, timeline))[:MOST]
    kept = {id(step) for step in longest}
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="Timeline"><table class="timeline">{_HEAD}<tbody>'
    yield from (_row(step, timeline) for step in timeline.steps if id(step) in kept)
    yield "</tbody></table></div>"
    if rest := len(timeline.steps) - len(longest):
        yield f'<p class="left-out">{many(rest, "shorter step is", "shorter steps are")} not in this list.</p>'


def _row(step: Step, timeline: Timeline) -> str:
    whole = timeline.seconds or 1
    left = min(round(_WIDTH * step.began / whole), _WIDTH - _THINNEST)
    width = min(max(round(_WIDTH * _took(step, timeline) / whole), _THINNEST), _WIDTH - left)
    took = f"{step.ended - step.began:.1f} s" if step.ended is not None else ""
    kind = step.outcome.replace(" ", "-")
    return (
        f'<tr><th scope="row">{code(step.address)}</th><td>{escaped(plan_text.verb(step.action))}</td>'
        f'<td class="number">{step.began:.1f} s</td><td class="number">{took}</td><td>{step.outcome}</td>'
        f'<td><svg class="bar" viewBox="0 0 {_WIDTH} 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" x="{left}" y="0" width="{width}" height="10"></rect></svg></td></tr>'
    )


def _took(step: Step, timeline: Timeline) -> float:
    return (timeline.seconds if step.ended is None else step.ended) - step.began
