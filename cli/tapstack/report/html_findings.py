"""The findings of the HTML report as plain HTML, which needs no script: by policy, what blocks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from tapstack.gate.ledger import Finding
from tapstack.gate.policy import Policy, Verdict
from tapstack.report.comparison import comparison
from tapstack.report.html_tables import waiver
from tapstack.report.html_text import badge, code, escaped
from tapstack.report.ledger_text import many
from tapstack.report.report import Report
from tapstack.report.source_lines import SourceLines, wanted

# The table holds all of them; a page of more is no page.
MOST: Final = 500


def render(report: Report) -> Iterator[str]:
    """An article for each policy."""
    findings = [one for one in report.ledger.findings if one.verdict is not Verdict.ERROR]
    findings.sort(key=lambda one: (bool(one.waiver), not one.blocks, -one.severity.rank, one.policy))
    if not findings:
        yield "<p>There are none.</p>"
    policies, source = report.policies(), SourceLines()
    for _, group in groupby(findings[:MOST], key=lambda one: (bool(one.waiver), one.blocks, one.policy)):
        yield from _policy(report, list(group), policies, source)
    if len(findings) > MOST:
        rest = many(len(findings) - MOST, "finding is", "findings are")
        yield f'<p class="left-out">{rest} not in this list; the ledger below and the JSON report have all.</p>'


def _policy(
    report: Report, findings: list[Finding], policies: Mapping[str, Policy], source: SourceLines
) -> Iterator[str]:
    first = findings[0]
    policy = policies.get(first.policy)
    standing = "blocks" if first.blocks else "waived" if first.waiver else "does not block"
    yield '<article class="policy">'
    yield (
        f'<h3><span class="severity {first.severity.lower()}">{first.severity.lower()}</span> '
        f"{escaped(first.name)} <small>{code(first.policy)} {first.enforcement}, {standing}</small></h3>"
    )
    if policy is not None:
        yield f"<p>{escaped(policy.title)}</p>"
    yield "<ul>"
    for finding in findings:
        yield from _finding(report, finding, source)
    yield "</ul>"
    if policy is not None and not first.waiver:
        yield f"<details><summary>How to mend it</summary>{_remedy(policy)}</details>"
    yield "</article>"


def _finding(report: Report, finding: Finding, source: SourceLines) -> Iterator[str]:
    line = source.line(finding)
    place = f" {code(f'{report.place(finding.file)}:{finding.line}')}" if finding.file else ""
    yield f'<li>{badge(finding.verdict)} <code class="resource">{escaped(finding.address)}</code>{place}'
    yield f"<br>{escaped(finding.message + comparison(finding, line))}"
    if line is not None:
        yield f'<dl class="lines"><div><dt>line {finding.line}</dt><dd>{code(line)}</dd></div>'
        if better := wanted(finding, line):
            yield f"<div><dt>wanted</dt><dd>{code(better)}</dd></div>"
        yield "</dl>"
    if finding.waiver:
        yield f"<br>{escaped(waiver(finding))}"
    yield "</li>"


def _remedy(policy: Policy) -> str:
    code_ = "\n".join(escaped(line) for line in policy.remediation.splitlines())
    links = "".join(
        f'<li><a href="{escaped(link)}" rel="noreferrer">{escaped(link)}</a></li>'
        for link in policy.references
        if link.startswith("https://")
    )
    rationale = " ".join(policy.rationale.split())
    return f"<p>{escaped(rationale)}</p><pre><code>{code_}</code></pre>{f'<ul>{links}</ul>' if links else ''}"
