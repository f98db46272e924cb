"""What moto's Route 53 lacks."""

from __future__ import annotations

from typing import Any

from moto.route53.models import Route53Backend

from tapstack.sandbox.record import Sandbox


def route53_delegation_set(_sandbox: Sandbox) -> None:
    """CreateHostedZone leaves a reusable delegation set without an id behind, which nobody asked for.

    Something is left after a destroy. Delete when ListReusableDelegationSets of moto has none after a zone was made.
    """
    create = Route53Backend.create_hosted_zone

    def create_hosted_zone(self: Any, *args: Any, **named: Any) -> Any:
        zone = create(self, *args, **named)
        for key in [key for key, held in list(self.delegation_sets.items()) if not held.id]:
            self.delegation_sets.pop(key, None)
        return zone

    Route53Backend.create_hosted_zone = create_hosted_zone
