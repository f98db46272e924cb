"""What the script of the HTML report reads: every text once and rows as numbers, so that a large ledger is small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tapstack.errors import TapError
from tapstack.gate.engine import BACKEND
from tapstack.gate.ledger import Finding, Ledger
from tapstack.gate.policy import Severity, Verdict
from tapstack.model.stack import Resource, Stack
from tapstack.report import stack_needs
from tapstack.report.comparison import comparison
from tapstack.report.html_text import shown
from tapstack.report.plan_text import in_order
from tapstack.report.report import Report
from tapstack.report.source_lines import SourceLines, wanted
from tapstack.report.stack_graph import Standing
from tapstack.terraform.source import Configuration, position, read_configuration

VERDICTS: Final = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.UNKNOWN,
    Verdict.WAIVED,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)
# Needs that follow from others are left out of a picture of at most so many blocks; a larger one shows groups.
MOST_DRAWN: Final = 250
# Lines of one block, and characters of all: the rest is in the repository.
_MOST_LINES: Final = 60
_MOST_SOURCE: Final = 3_000_000
_REFERS, _FOLLOWS, _BY_NAME = 0, 1, 2


def tables(report: Report) -> dict[str, Any]:
    """JSON without a secret or a mark that turns the direction of writing.

    `strings` are what the numbers in `findings`, `quiet`, `blocks` and `edges` mean; `quiet` has a row for each policy
    (policy, distances between resources, verdicts, messages). What a policy was not asked is nowhere: it does not
    apply, to any of the first `asked_of` resources by any of the first `asked` policies.
    """
    return _Tables(report).document()


@dataclass(slots=True)
class _Texts:
    """Texts by number; 0 is ""."""

    all: list[str] = field(default_factory=lambda: [""])
    _numbers: dict[str, int] = field(default_factory=lambda: {"": 0})

    def number(self, text: str | None) -> int:
        found = self._numbers.get(text or "")
        if found is None:
            found = self._numbers[text or ""] = len(self.all)
            self.all.append(shown(text or ""))
        return found


class _Tables:
    def __init__(self, report: Report) -> None:
        ledger = report.ledger
        self.report = report
        self.texts = _Texts()
        self.source = SourceLines()
        self.policies = _policies(ledger)
        self.numbers = {id_: number for number, id_ in enumerate(self.policies)}
        first = [] if report.model is None else sorted(_asked_of(report.model, ledger), key=in_order)
        others = {one.address for one in (*ledger.findings, *ledger.others)}.difference(first)
        self.asked_of = len(first)
        self.addresses = [*first, *sorted(others, key=in_order)]
        self.resources = {address: number for number, address in enumerate(self.addresses)}

    def document(self) -> dict[str, Any]:
        ledger = self.report.ledger
        empty: dict[str, Any] = {"blocks": [], "edges": [], "sources": []}
        graph = empty if self.report.model is None else self._graph(self.report.model)
        return {
            "verdicts": list(VERDICTS),
            "severities": list(Severity),
            "standings": list(Standing),
            "asked": len(ledger.policies),
            "asked_of": self.asked_of,
            "policies": [
                [shown(text) for text in facts] + [severity] for *facts, severity in self.policies.values()
            ],
            "resources": [shown(address) for address in self.addresses],
            "standing": self._standings(),
            "findings": [self._row(finding) for finding in ledger.findings],
            "quiet": self._quiet(ledger),
            **graph,
            "strings": self.texts.all,
        }

    def _row(self, finding: Finding) -> list[int]:
        """Resource, policy, verdict, severity, message with what was found, place, line of code, wanted, waiver."""
        text = self.texts.number
        line = self.source.line(finding)
        place = f"{self.report.place(finding.file)}:{finding.line}" if finding.file else ""
        return [
            self.resources[finding.address],
            self.numbers[finding.policy],
            VERDICTS.index(finding.verdict),
            finding.severity.rank,
            text(finding.message + comparison(finding, line)),
            text(place),
            text(line),
            text(wanted(finding, line) if line else None),
            text(waiver(finding)),
            int(finding.blocks),
        ]

    def _quiet(self, ledger: Ledger) -> list[list[Any]]:
        by_policy: dict[str, list[tuple[int, int, int]]] = {}
        for one in ledger.others:
            row = self.resources[one.address], VERDICTS.index(one.verdict), self.texts.number(one.message)
            by_policy.setdefault(one.policy, []).append(row)
        found = []
        for policy, rows in by_policy.items():
            rows.sort()
            resources = [row[0] for row in rows]
            steps = [one - before for before, one in zip([0, *resources], resources, strict=False)]
            verdicts = "".join(str(row[1]) for row in rows)
            found.append([self.numbers[policy], steps, verdicts, [row[2] for row in rows]])
        return found

    def _standings(self) -> str:
        """A digit for each resource: the worst that is said of it."""
        worst = [0] * len(self.addresses)
        told = [verdict for verdict in Verdict if verdict is not Verdict.NOT_APPLICABLE]
        ranks: dict[Verdict, int] = {verdict: Standing(verdict.lower()).rank for verdict in told}
        for one in (*self.report.ledger.findings, *self.report.ledger.others):
            number = self.resources[one.address]
            worst[number] = max(worst[number], ranks.get(one.verdict, 0))
        return "".join(map(str, worst))

    # The graph

    def _graph(self, stack: Stack) -> dict[str, Any]:
        blocks = stack_needs.blocks_of(stack)
        managed = sorted((name for name, (one, *_) in blocks.items() if one.mode == "managed"), key=in_order)
        numbers = {name: number for number, name in enumerate(managed)}
        sources = _Sources(self.source, _configuration(self.report.stack), self.report)
        rows = []
        for name in managed:
            one = blocks[name][0]
            instances = sorted(self.resources[each.address] for each in blocks[name])
            texts = map(self.texts.number, (name, one.type, one.name, ".".join(one.module_path)))
            rows.append([*texts, sources.number(one), instances])
        return {"blocks": rows, "edges": self._edges(stack, blocks, numbers), "sources": sources.all}

    def _edges(
        self, stack: Stack, blocks: Mapping[str, list[Resource]], numbers: Mapping[str, int]
    ) -> list[list[int]]:
        """Who needs or names whom, how, and in which attribute where one is known."""
        needs = stack_needs.without_hidden(stack_needs.needs_of(stack, blocks), set(numbers))
        fewest = stack_needs.reduced(needs) if len(numbers) <= MOST_DRAWN else needs
        named = stack_needs.named_in(stack, blocks, needs)
        paths = _attributes(stack, blocks, numbers)
        edges = [
            (one, other, _REFERS if other in fewest[one] else _FOLLOWS)
            for one in needs
            for other in needs[one]
        ]
        edges += [(one, other, _BY_NAME) for one, other in named]
        edges.sort(key=lambda edge: (numbers[edge[0]], numbers[edge[1]]))
        return [
            [
                numbers[one],
                numbers[other],
                kind,
                self.texts.number(", ".join(sorted(paths.get((one, other), ())))),
            ]
            for one, other, kind in edges
        ]


class _Sources:
    """The code of blocks, each once although many modules may have it."""

    def __init__(self, lines: SourceLines, code: Configuration | None, report: Report) -> None:
        self._lines = lines
        self._code = code
        self._report = report
        self._numbers: dict[tuple[str, int], int] = {}
        self._left = _MOST_SOURCE
        self.all: list[list[Any]] = []

    def number(self, one: Resource) -> int:
        """Where the block is in `all`, as (file, first line, lines, last line); -1 where it can't be shown."""
        if self._code is None:
            return -1
        place = position(self._code, one.module_path, one.type, one.name, mode=one.mode)
        if place is None:
            return -1
        key = place.file, place.line
        if key not in self._numbers:
            lines = [shown(line) for line in self._lines.block(place, _MOST_LINES, one.sensitive)]
            self._left -= sum(map(len, lines))
            self._numbers[key] = len(self.all)
            self.all.append(
                [
                    shown(self._report.place(place.file)),
                    place.line,
                    lines if self._left > 0 else [],
                    place.end_line,
                ]
            )
        return self._numbers[key]


def _configuration(directory: str) -> Configuration | None:
    try:
        return read_configuration(Path(directory))
    except (TapError, RecursionError, OSError):
        # The findings have their places all the same.
        return None


def _attributes(
    stack: Stack, blocks: Mapping[str, list[Resource]], numbers: Mapping[str, int]
) -> dict[tuple[str, str], set[str]]:
    """In which attribute one block names another."""
    of = {one.address: block for block in numbers for one in blocks[block]}
    found: dict[tuple[str, str], set[str]] = {}
    for block in numbers:
        for resource in blocks[block]:
            for use in stack.users(resource):
                user = of.get(use.resource.address)
                if user is not None and user != block and use.path:
                    found.setdefault((user, block), set()).add(use.path)
    return found


def _policies(ledger: Ledger) -> dict[str, tuple[str, str, str, str, int]]:
    """Id, name, title, enforcement and severity of those that were asked, then of checkov's own checks."""
    found = {
        one.id: (one.id, one.name, one.title, str(one.effective_enforcement), one.effective_severity.rank)
        for one in ledger.policies
    }
    for finding in (*ledger.findings, *ledger.others):
        named = (finding.policy, finding.name, "", str(finding.enforcement), finding.severity.rank)
        found.setdefault(finding.policy, named)
    return found


def _asked_of(stack: Stack, ledger: Ledger) -> Iterator[str]:
    """The addresses that the ledger counts."""
    yield from (one.address for one in stack.of_types(("*",)))
    if any(BACKEND in policy.resource_types for policy in ledger.policies):
        yield "terraform.backend"


def waiver(finding: Finding) -> str:
    """Who accepted a finding, until when and why; "" where nobody did."""
    if not finding.waiver:
        return ""
    owner = f" by {finding.waiver['owner']}" if finding.waiver["owner"] else ""
    until = (
        f" until {finding.waiver['until']}" if finding.waiver["until"] else f" in {finding.waiver['place']}"
    )
    ticket = f" ({finding.waiver['ticket']})" if finding.waiver.get("ticket") else ""
    return f"waived{owner}{until}: {finding.waiver['reason']}{ticket}"
