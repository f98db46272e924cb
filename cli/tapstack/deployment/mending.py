"""Tries what could end a finding, and keeps what does."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tapstack import buffers
from tapstack.errors import TapError
from tapstack.gate.engine import BACKEND, BACKEND_ADDRESS
from tapstack.gate.ledger import Finding, Ledger
from tapstack.gate.policy import Verdict
from tapstack.gate.quick_fix import Code, Fix, fixes
from tapstack.model.stack import Resource, Stack
from tapstack.terraform.edit import applied
from tapstack.terraform.outline import outline
from tapstack.terraform.source import Configuration, text_of

_OPEN = (Verdict.FAIL, Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Mended:
    """A fix after which its finding is gone; `follow` names the policies that have something new to say then."""

    fix: Fix
    follow: tuple[str, ...]


def mended(
    finding: Finding,
    ledger: Ledger,
    stack: Stack,
    source: Configuration,
    held: Mapping[str, str],
    judge: Callable[[], Ledger],
) -> Iterator[Mended]:
    """The fixes that end a finding of `ledger`, those without consequences first.

    `held` are the buffers that `ledger` was judged with, `judge` judges the same again. The buffers of this process
    are others afterwards.
    """
    found = [
        Mended(fix, follow)
        for fix in _proposed(finding, ledger, stack, source)
        if (follow := _follow(finding, ledger, _judged(fix, held, judge))) is not None
    ]
    yield from sorted(found, key=lambda one: len(one.follow))


def _proposed(finding: Finding, ledger: Ledger, stack: Stack, source: Configuration) -> Iterable[Fix]:
    resource = _resource(finding, stack)
    policy = next((one for one in ledger.policies if one.id == finding.policy), None)
    module = source.module(resource.module_path) if resource else None
    if resource is None or policy is None or module is None or finding.verdict not in _OPEN:
        return ()
    files = {block.position.file for block in module.blocks}
    texts = {file: text_of(Path(file)) for file in files if file.endswith(".tf")}
    code = Code(module, texts, {file: outline(text, file) for file, text in texts.items()})
    return fixes(finding, policy.remediation, resource, code)


def _resource(finding: Finding, stack: Stack) -> Resource | None:
    if finding.address == BACKEND_ADDRESS:
        return Resource(BACKEND_ADDRESS, BACKEND, "backend")
    return stack.resources.get(finding.address)


def _judged(fix: Fix, held: Mapping[str, str], judge: Callable[[], Ledger]) -> Ledger | None:
    path = Path(fix.file)
    buffers.hold(held)
    text = applied(text_of(path), fix.edits)
    buffers.hold({**held, os.path.realpath(path): text})
    try:
        return judge()
    except TapError:
        return None


def _follow(finding: Finding, before: Ledger, after: Ledger | None) -> tuple[str, ...] | None:
    """The policies with something new to say; None where the finding is not over, or the gate can't decide now."""
    if after is None or {one.message for one in after.errors} - {one.message for one in before.errors}:
        return None
    old, new = Counter(map(_key, _open(before))), Counter(map(_key, _open(after)))
    appeared = new - old
    over = {one for one in old - new if one[:2] == (finding.policy, finding.address)}
    if not over or any(one[:2] == (finding.policy, finding.address) for one in appeared):
        return None
    names = {one.policy: one.name for one in after.findings}
    return tuple(sorted({names[policy] for policy, *_ in appeared}))


def _open(ledger: Ledger) -> list[Finding]:
    return [one for one in ledger.findings if one.verdict in _OPEN]


def _key(finding: Finding) -> tuple[str, str, str, str]:
    return finding.policy, finding.address, finding.attribute or "", finding.message
