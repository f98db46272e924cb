"""Whether a pattern in a statement's Resource element is about one resource, whose ARN may not be known yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tapstack.gate.permission import Test, Tri, Value, matches
from tapstack.model.stack import Reference, Resource, Stack
from tapstack.model.values import Unknown

_IDENTIFYING: Final = ("arn", "name", "id")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about.

    `arn` is its ARN, if known; else `service` and `part`, the last part of its ARN ("table/orders/stream/*" with
    any label in place of the `*`; None if not known), say what a pattern must match. `resource` is the resource
    that has the ARN, None where the stack has none.
    """

    service: str
    arn: str | None = None
    part: str | None = None
    resource: Resource | None = None

    def named_in(self, owner: Resource, stack: Stack) -> Test:
        """Decides about a value that stands in a policy of `owner`'s."""

        def named(pattern: Value) -> Tri:
            if isinstance(pattern, Unknown):
                return self._is_among(stack.resolve(owner, pattern))
            return matches(pattern, self.arn) if self.arn else self._resembles(pattern)

        return named

    def _is_among(self, references: tuple[Reference, ...]) -> Tri:
        """Whether a value made of these is about it; what else the value is made of is known after apply."""
        identifying = [one.resource for one in references if _identifies(one)]
        if self.resource is not None and any(one.address == self.resource.address for one in identifying):
            return True
        # A value with the ARN or name of another resource of the stack is about that one.
        return False if any(one.mode == "managed" for one in identifying) else None

    def _resembles(self, pattern: str) -> Tri:
        """Region and account aside, which the stack's own resources have in common."""
        parts = pattern.split(":", 5)
        if len(parts) < 6:
            return matches(pattern, f"arn:aws:{self.service}:us-east-1:000000000000:{self.part or ''}")
        service = matches(parts[2], self.service)
        if service is not True or self.part is None:
            return service and None
        return matches(parts[5], self.part)


def _identifies(reference: Reference) -> bool:
    return not reference.attribute or reference.attribute.rpartition("_")[2] in _IDENTIFYING
