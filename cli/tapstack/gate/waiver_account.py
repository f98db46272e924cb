"""Asks for every finding whether somebody answers for it, and at the end which waivers nobody needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tapstack.gate.address import matches
from tapstack.gate.policy import Policy
from tapstack.gate.skips import Skip, SkipComments
from tapstack.gate.waivers import Waiver, Waivers
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.terraform.source import Position


@dataclass(slots=True)
class WaiverAccount:
    """The waivers of one judgement: those of the settings, and where allowed the skip comments of the code."""

    stack: Stack
    waivers: Waivers
    locate: Callable[[Resource, str | None], Position | None]
    _skips: SkipComments = field(default_factory=SkipComments)
    _used: set[Skip] = field(default_factory=set)

    def covering(self, policy: Policy, resource: Resource) -> Waiver | None:
        """Who answers for a finding: a waiver of the settings, or a comment in the resource's own block."""
        if (waiver := self.waivers.covering(policy.id, resource.address)) is not None:
            return waiver
        block = self.locate(resource, None) if self.waivers.rules.inline else None
        for skip in self._skips.within(block) if block else ():
            if {policy.id, policy.name} & set(skip.checks):
                self._used.add(skip)
                written = _written(skip, policy, resource)
                if policy.waivable and skip.reason:
                    return written
                self.waivers.refuse(
                    written,
                    f"lacks a reason: #checkov:skip={policy.id}:reason was expected"
                    if policy.waivable
                    else "is not possible: this policy may not be waived",
                )
        return None

    def close(self, policies: Iterable[Policy]) -> None:
        """Refuse the waivers that nothing needed: they would hide what comes next.

        A plan of a part of the stack can't tell. In a state the resource has to exist, no more: a value that the
        plan did not know may have turned out well.
        """
        if not self.stack.complete:
            return
        asked = {policy.id: policy for policy in policies}
        for id_, waiver in self.waivers.unused():
            if id_ in asked and (reason := self._unneeded(waiver, asked[id_])):
                self.waivers.refuse(waiver, reason)
        if self.waivers.rules.inline and self.stack.kind is not Kind.STATE:
            self._close_skips(
                {word: policy for policy in asked.values() for word in (policy.id, policy.name)}
            )

    def _unneeded(self, waiver: Waiver, policy: Policy) -> str | None:
        resources = self.stack.of_types(policy.resource_types)
        there = [resource for resource in resources if matches(waiver.address, resource.address)]
        if there:
            said = f"{there[0].address} passes" if len(there) == 1 else f"all {len(there)} resources pass"
            return None if self.stack.kind is Kind.STATE else f"is no longer needed: {said}; remove it"
        # HCL alone can't always tell the instances of a block; the plan will.
        block = waiver.address.partition("[")[0]
        if self.stack.kind is Kind.HCL and any(matches(block, resource.address) for resource in resources):
            return None
        return "matches nothing: the policy was asked about no such resource"

    def _close_skips(self, asked: Mapping[str, Policy]) -> None:
        blocks = {self.locate(resource, None): resource for resource in self.stack.of_types(("*",))}
        for block, resource in blocks.items():
            for skip in self._skips.within(block) if block else ():
                named = {asked[check] for check in skip.checks if check in asked}
                for policy in named if skip not in self._used else ():
                    written = _written(skip, policy, resource)
                    self.waivers.refuse(written, "is not needed: the policy finds nothing there; remove it")


def _written(skip: Skip, policy: Policy, resource: Resource) -> Waiver:
    """A skip comment as a waiver."""
    return Waiver(policy.id, resource.address, reason=skip.reason, place=f"{skip.file}:{skip.line}")
