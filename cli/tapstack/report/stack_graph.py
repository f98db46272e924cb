"""A stack as a picture has it: blocks, what each needs, and the worst verdict about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tapstack.errors import InputError
from tapstack.gate.ledger import Decision, Finding, Ledger
from tapstack.gate.policy import Verdict
from tapstack.model.stack import Resource, Stack
from tapstack.report import stack_needs
from tapstack.suggestion import nearest

# Beyond these nobody finds anything in a picture, and GitHub draws no Mermaid of more than 500 arrows.
MOST_NODES: Final = 200
MOST_EDGES: Final = 500
_KEYS_SHOWN: Final = 3
_POLICIES_SHOWN: Final = 2
_WIDEST: Final = 80
_WIDEST_KEY: Final = 24


class Standing(StrEnum):
    """What the gate says about a block, best first; NOT_JUDGED where no policy is for it."""

    NOT_JUDGED = "not judged"
    PASS = "pass"  # noqa: S105 - a verdict
    WAIVED = "waived"
    UNKNOWN = "unknown"
    FAIL = "fail"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for NOT_JUDGED, 5 for ERROR."""
        return list(Standing).index(self)

    @property
    def sign(self) -> str:
        """One character that says the same without colour."""
        return "-✓~?✗!"[self.rank]


_STANDINGS: Final = {
    Verdict.NOT_APPLICABLE: Standing.NOT_JUDGED,
    Verdict.PASS: Standing.PASS,
    Verdict.WAIVED: Standing.WAIVED,
    Verdict.UNKNOWN: Standing.UNKNOWN,
    Verdict.FAIL: Standing.FAIL,
    Verdict.ERROR: Standing.ERROR,
}
_WITH_POLICIES: Final = {Standing.WAIVED, Standing.UNKNOWN, Standing.FAIL, Standing.ERROR}
_DECISIONS: Final[Mapping[Decision, str]] = {
    "open": "The gate is open.",
    "closed": "The gate is closed.",
    "error": "The gate could not decide, which counts as closed.",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One block: a resource, or all instances that its count, for_each or module's makes.

    `instances` are the addresses, `standings` what the gate says about each of them. `policies` are the names of
    those that say the worst of it, where somebody may want to know them.
    """

    address: str
    resource: Resource
    instances: tuple[str, ...]
    standings: tuple[Standing, ...]
    policies: tuple[str, ...] = ()

    @property
    def module(self) -> tuple[str, ...]:
        """The names of the calls that lead to it."""
        return self.resource.module_path

    @property
    def standing(self) -> Standing:
        """The worst of its instances'."""
        return max(self.standings, key=lambda one: one.rank)

    @property
    def is_data(self) -> bool:
        """Whether it is a data source, which is read and not managed."""
        return self.resource.mode == "data"

    @property
    def lines(self) -> tuple[tuple[str, ...], ...]:
        """What stands in its box, in printable parts: type; name, with the verdict if it is short; keys; verdict."""
        type_ = f"data.{self.resource.type}" if self.is_data else self.resource.type
        verdict = "" if self.is_data else f"{self.standing.sign} {self._share()}"
        name = self.resource.name
        found = [(type_,), (name,) if self.policies else (name, verdict), (self._keys(),)]
        if self.policies:
            more = len(self.policies) - _POLICIES_SHOWN
            policies = ", ".join(self.policies[:_POLICIES_SHOWN]) + (f" + {more}" if more > 0 else "")
            found.append((f"{verdict}: {policies}",))
        return tuple(
            line for line in (tuple(_short(part) for part in line if part) for line in found) if line
        )

    @property
    def description(self) -> str:
        """All of it in one printable line."""
        policies = f": {', '.join(self.policies)}" if self.policies else ""
        count = f", {len(self.instances)} instances" if len(self.instances) > 1 else ""
        verdict = "" if self.is_data else f", {self._share()}{policies}"
        return visible(f"{self.address}{count}{verdict}")

    def _keys(self) -> str:
        tails = [address.removeprefix(self.address) for address in self.instances]
        # An address that does not begin with the block's has the keys of a module.
        in_modules = any(tail == address for tail, address in zip(tails, self.instances, strict=True))
        if len(tails) > 1 and (len(tails) > _KEYS_SHOWN or in_modules):
            return f"{len(tails)} instances"
        return "" if in_modules else ", ".join(_short(tail, _WIDEST_KEY) for tail in tails)

    def _share(self) -> str:
        worst, all_ = self.standings.count(self.standing), len(self.standings)
        return str(self.standing) if worst == all_ else f"{worst} of {all_} {self.standing}"


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` needs `target`, both addresses of nodes; `by_name`: it only names it, and Terraform does not know."""

    source: str
    target: str
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class StackGraph:
    """What there is to draw, in the order of the addresses."""

    decision: Decision
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def caption(self) -> str:
        """How many resources have which verdict, and what the gate says about the whole stack."""
        standings = [standing for node in self.nodes if not node.is_data for standing in node.standings]
        counts = [(standings.count(one), one) for one in reversed(Standing) if one in standings]
        words = ", ".join(f"{number} {standing}" for number, standing in counts)
        resources = f"{len(standings)} {'resource' if len(standings) == 1 else 'resources'}"
        return f"{resources}{f': {words}' if words else ''}. {_DECISIONS[self.decision]}"

    @property
    def modules(self) -> tuple[tuple[str, ...], ...]:
        """The paths of the modules that nodes are in, and of those around them, outer ones first."""
        return tuple(sorted({n.module[:depth] for n in self.nodes for depth in range(1, len(n.module) + 1)}))


def build(stack: Stack, ledger: Ledger, *, data: bool = False, focus: str | None = None) -> StackGraph:
    """The picture of a stack; what is needed through something else that is needed is left out.

    Data sources are left out as well unless `data`: what is needed through one is needed. With `focus`, the address
    of a block or of an instance, only that block, all that it needs directly and all that needs it directly.
    Raises InputError where there is no such block, or the picture would be too large to be read.
    """
    blocks = stack_needs.blocks_of(stack)
    around = _block_named(focus, blocks) if focus else None
    data = data or (around is not None and blocks[around][0].mode == "data")
    shown = [address for address, (first, *_) in blocks.items() if data or first.mode == "managed"]
    if around is None:
        _fits(len(shown), MOST_NODES, "blocks", focus)
    needs = stack_needs.without_hidden(stack_needs.needs_of(stack, blocks), set(shown))
    named = stack_needs.named_in(stack, blocks, needs)
    if around is None:
        needs = stack_needs.reduced(needs)
    edges = [Edge(one, other) for one in needs for other in needs[one]]
    edges += [Edge(one, other, by_name=True) for one, other in named]
    if around is not None:
        edges = [edge for edge in edges if around in (edge.source, edge.target)]
        shown = sorted({around, *(end for edge in edges for end in (edge.source, edge.target))})
        _fits(len(shown), MOST_NODES, "blocks", focus)
    _fits(len(edges), MOST_EDGES, "arrows", focus)
    nodes = _judged({address: blocks[address] for address in sorted(shown)}, ledger)
    edges.sort(key=lambda edge: (edge.source, edge.target))
    return StackGraph(ledger.decision, nodes, tuple(edges))


# Blocks


def _block_named(address: str, blocks: Mapping[str, list[Resource]]) -> str:
    if address in blocks:
        return address
    found = next((b for b, all_ in blocks.items() if any(one.address == address for one in all_)), None)
    if found is None:
        near = nearest(address, blocks)
        raise InputError(
            f"--focus {visible(address)}: there is no such resource in the stack.",
            hint=f"did you mean {visible(near)}?"
            if near
            else "`terraform state list` and `tap plan` name them",
        )
    return found


def _fits(number: int, most: int, what: str, focus: str | None) -> None:
    if number > most:
        hint = "--focus ADDRESS draws one resource with what it needs and what needs it"
        raise InputError(
            f"The picture would have {number:,} {what}; more than {most} can't be read.",
            hint=hint if focus is None else "give --focus one of those around it",
        )


# Verdicts


def _judged(blocks: Mapping[str, list[Resource]], ledger: Ledger) -> tuple[Node, ...]:
    """Nodes with the worst that the ledger says about their instances."""
    by_address: dict[str, list[Finding]] = {}
    for finding in (*ledger.findings, *ledger.others):
        by_address.setdefault(finding.address, []).append(finding)
    return tuple(_node(block, all_, by_address) for block, all_ in blocks.items())


def _node(block: str, all_: list[Resource], by_address: Mapping[str, list[Finding]]) -> Node:
    instances = tuple(sorted(one.address for one in all_))
    findings = [by_address.get(address, []) for address in instances]
    standings = tuple(
        max((_STANDINGS[one.verdict] for one in said), key=lambda one: one.rank, default=Standing.NOT_JUDGED)
        for said in findings
    )
    worst = max(standings, key=lambda one: one.rank)
    names = {one.name for said in findings for one in said if _STANDINGS[one.verdict] is worst}
    policies = tuple(sorted(names)) if worst in _WITH_POLICIES else ()
    return Node(block, all_[0], instances, standings, policies)


# Text


def _short(text: str, most: int = _WIDEST) -> str:
    text = visible(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def visible(text: str) -> str:
    """`text` on one line: line breaks, and marks that turn the direction of writing, as their codes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
