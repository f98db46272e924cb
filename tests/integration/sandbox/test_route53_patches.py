"""What tap mends in moto's Route 53, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real


def test_a_zone_leaves_no_delegation_set_that_nobody_asked_for(aws: Callable[..., Any]) -> None:
    route53 = aws("route53")
    asked = route53.create_reusable_delegation_set(CallerReference="asked")["DelegationSet"]["Id"]
    plain = route53.create_hosted_zone(Name="a.example.com", CallerReference="a")
    assert len(plain["DelegationSet"]["NameServers"]) == 4
    delegated = route53.create_hosted_zone(Name="b.example.com", CallerReference="b", DelegationSetId=asked)
    held = route53.list_reusable_delegation_sets()["DelegationSets"]
    assert [one["Id"].removeprefix("/delegationset/") for one in held] == [
        asked.removeprefix("/delegationset/")
    ]
    for made in (plain, delegated):
        route53.delete_hosted_zone(Id=made["HostedZone"]["Id"])
    route53.delete_reusable_delegation_set(Id=asked)
