"""What moto's EC2 lacks."""

from __future__ import annotations

from inspect import signature
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.models.vpcs import VPCBackend

from tapstack.sandbox.record import Sandbox


def ec2_security_group_rule_description(_sandbox: Sandbox) -> None:
    """A rule whose other end is a group or a prefix list has no description.

    Such a rule drifts after its creation. After a change, moto keeps the description as if it were that of an
    address. Delete when DescribeSecurityGroupRules of moto returns it after both.
    """
    create, modify = SecurityGroupRule.__init__, SecurityGroupBackend.modify_security_group_rules
    of_address = SecurityGroupRule.description
    parameters = signature(create)

    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807 - takes the place of the class's own
        create(self, *args, **named)
        given = parameters.bind(self, *args, **named).arguments
        other_end = given.get("source_group") or given.get("prefix_list_id") or {}
        self.described = other_end.get("Description")

    def modify_security_group_rules(self: Any, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
        modify(self, group_id, rules)
        group = self.get_security_group_by_name_or_id(group_id)
        for rule in map(group.get_rule, rules):
            if not rule.ip_range.keys() & {"CidrIp", "CidrIpv6"}:
                rule.described = rule.ip_range.pop("Description", None)

    SecurityGroupRule.__init__ = __init__
    SecurityGroupRule.description = property(lambda self: of_address.fget(self) or self.described)
    SecurityGroupBackend.modify_security_group_rules = modify_security_group_rules


def ec2_deleted_vpc(_sandbox: Sandbox) -> None:
    """DeleteVpc leaves the VPC's default network ACL behind.

    A network is never wholly gone. Delete when DescribeNetworkAcls of moto has none of a deleted VPC.
    """
    delete = VPCBackend.delete_vpc

    def delete_vpc(self: Any, vpc_id: str) -> Any:
        deleted = delete(self, vpc_id)
        for acl in self.describe_network_acls(filters={"vpc-id": [vpc_id]}):
            del self.network_acls[acl.id]
        return deleted

    VPCBackend.delete_vpc = delete_vpc


def ec2_deleted_vpc_endpoint(_sandbox: Sandbox) -> None:
    """A deleted VPC endpoint is described as "deleted" for ever.

    A network is never wholly gone. Delete when DescribeVpcEndpoints of moto forgets what was deleted, as AWS
    does within minutes.
    """
    delete = VPCBackend.delete_vpc_endpoints

    def delete_vpc_endpoints(self: Any, vpce_ids: list[str] | None = None) -> None:
        delete(self, vpce_ids)
        for endpoint in vpce_ids or []:
            self.vpc_end_points.pop(endpoint, None)

    VPCBackend.delete_vpc_endpoints = delete_vpc_endpoints
