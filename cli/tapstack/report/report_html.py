"""A report as one HTML file that needs no other: summary, findings, graph, ledger and timeline.

Summary, findings and timeline are plain HTML; graph and ledger are drawn by the page's own script out of JSON. The
page's policy (https://www.w3.org/TR/CSP3/) lets nothing run and nothing be fetched but the script and the styles
whose digests it names. A browser takes what came from a configuration for text: the script never writes HTML.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from typing import Final

import orjson

from tapstack import __version__
from tapstack.gate.policy import Severity
from tapstack.report import html_findings, html_tables, html_timeline, plan_text
from tapstack.report.html_tables import waiver
from tapstack.report.html_text import badge, code, escaped
from tapstack.report.ledger_json import encodable
from tapstack.report.ledger_text import in_counts, many
from tapstack.report.report import Plan, Report

_DECISIONS: Final = {
    "open": "The gate is open",
    "closed": "The gate is closed",
    "error": "The gate could not decide, which counts as closed",
}
# Nothing in JSON ends the element that it stands in, or a line of JavaScript.
_IN_HTML: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_MOST_LISTED: Final = 200
_GRAPH: Final = """\
<p class="hint" id="graph-keys">An arrow leads to what a resource needs; a dashed one to what it knows by name only.
Drag to move, Ctrl and the wheel to zoom. With the keyboard: arrows go from box to box, Enter opens one, Escape closes
it; + and - zoom, 0 fits all, Shift with an arrow moves the picture.</p>
<noscript><p>The graph is drawn by this page's script, which does not run here.</p></noscript>
<div id="graph-place"></div>"""
_LEDGER: Final = """\
<noscript><p>The table is filled by this page's script, which does not run here.</p></noscript>
<div id="ledger-place"></div>"""


def render(report: Report) -> bytes:
    """One page, under 20 MB for a plan of 20,000 resources with 50,000 findings."""
    style, script = _asset("report.css"), _asset("report.js")
    return "\n".join([*_head(report, style, script), *_body(report, script), ""]).encode("utf-8", "replace")


def _asset(name: str) -> str:
    return resources.files("tapstack.report").joinpath("html_files", name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _head(report: Report, style: str, script: str) -> Iterator[str]:
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">'
    yield f"<title>{_decision(report)}: {escaped(report.place(report.stack))}</title>"
    yield f"<style>{style}</style>\n</head>"


def _decision(report: Report) -> str:
    if report.ledger.decision == "open" and report.refusals:
        return "Refused by a guard"
    return _DECISIONS[report.ledger.decision]


def _body(report: Report, script: str) -> Iterator[str]:
    parts = {"summary": "Summary", "findings": "Findings", "graph": "Graph", "ledger": "Ledger"}
    if report.timeline:
        parts["timeline"] = "Timeline"
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in parts.items())
    kind = "open" if not report.exit_code else "closed"
    where = f"{code(report.place(report.stack))}, environment {code(report.environment)}"
    yield '<body>\n<a class="skip" href="#findings">Skip to the findings</a>\n<header>'
    yield f'<p class="product">tap</p><h1 class="{kind}">{_decision(report)}</h1><p>{where}</p>'
    yield f'<nav aria-label="Parts of this report"><ul>{links}</ul></nav>\n</header>\n<main>'
    yield from _section("summary", "Summary", _summary(report))
    yield from _section("findings", "Findings", html_findings.render(report))
    yield from _section("graph", "Graph", iter((_GRAPH,)))
    yield from _section("ledger", "Ledger", iter((_LEDGER,)))
    if report.timeline:
        yield from _section("timeline", "Timeline", html_timeline.render(report.timeline))
    yield f"</main>\n<footer><p>tap {escaped(__version__)}</p></footer>"
    tables = orjson.dumps(encodable(html_tables.tables(report))).decode().translate(_IN_HTML)
    yield f'<script type="application/json" id="tables">{tables}</script>'
    yield f"<script>{script}</script>\n</body>\n</html>"


def _section(name: str, title: str, content: Iterator[str]) -> Iterator[str]:
    yield f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{title}</h2>'
    yield from content
    yield "</section>"


# Summary


def _summary(report: Report) -> Iterator[str]:
    ledger = report.ledger
    if report.plan is None or report.plan.operation == "apply":
        yield '<ul class="counts">'
        for verdict in html_tables.VERDICTS:
            number = ledger.counts.get(verdict.lower(), 0)
            yield f"<li{_quiet(number)}><strong>{number:,}</strong> {badge(verdict)}</li>"
        yield f"</ul>\n<p>{escaped(in_counts(ledger))}{_blocking(report)}</p>"
    yield from _list("Errors", [error.message for error in ledger.errors], "alarm")
    yield from _list("Refused by guards", [str(one) for one in report.refusals], "alarm")
    if report.plan:
        yield from _plan(report.plan)
    yield from _list(
        "Waivers that end soon",
        [f"{one.policy} of {one.address}: {waiver(one)}" for one in ledger.expiring],
    )
    if ledger.disabled:
        yield f"<p>Disabled by the settings: {escaped(', '.join(ledger.disabled))}.</p>"
    judged = f"Judged: a {'configuration' if ledger.input.kind == 'hcl' else ledger.input.kind}"
    digest = f", sha256 {code(ledger.input.sha256)}" if ledger.input.sha256 else ""
    yield f'<p class="hint">{judged} {code(ledger.input.path)}{digest}.</p>'


def _quiet(number: int) -> str:
    return "" if number else ' class="zero"'


def _blocking(report: Report) -> str:
    severities = Counter(finding.severity for finding in report.ledger.findings if finding.blocks)
    words = ", ".join(f"{severities[one]} {one.lower()}" for one in reversed(Severity) if severities[one])
    return f" {many(severities.total(), 'finding blocks', 'findings block')}: {words}." if words else ""


def _plan(plan: Plan) -> Iterator[str]:
    counts: dict[str, int] = {}
    for change in plan.changes:
        counts[change.action] = counts.get(change.action, 0) + 1
    outputs = (
        f", {many(plan.outputs_changed, 'output changes', 'outputs change')}" if plan.outputs_changed else ""
    )
    signed = ", signed" if plan.signed else ""
    sealed = f" Sealed as {code(plan.id)}{signed}." if plan.id else ""
    yield f"<p>Plan to {plan.operation}: {plan_text.summary(counts)}{outputs}.{sealed}</p>"
    if override := plan.override:
        yield f'<p class="alarm">Overridden by {escaped(override.by)}: {escaped(override.reason)}</p>'
    order = plan_text.order()
    changes = sorted(
        plan.changes, key=lambda one: (order.get(one.action, 0), plan_text.in_order(one.address))
    )
    items = [f"{plan_text.verb(change.action)} {change.address}" for change in changes]
    if items:
        yield f"<details><summary>{many(len(items), 'change', 'changes')}</summary>"
        yield from _list("", items)
        yield "</details>"


def _list(title: str, items: list[str], kind: str = "plain") -> Iterator[str]:
    if not items:
        return
    if title:
        yield f"<h3>{title}</h3>"
    yield f'<ul class="{kind}">'
    yield from (f"<li>{escaped(item)}</li>" for item in items[:_MOST_LISTED])
    yield "</ul>"
    if rest := len(items) - _MOST_LISTED:
        yield f'<p class="left-out">and {rest:,} more</p>' if rest > 0 else ""
