"""What tap mends in moto's EC2, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real


@pytest.fixture
def group(aws: Callable[..., Any]) -> Iterator[str]:
    """The id of a security group without rules."""
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made: str = ec2.create_security_group(GroupName="one", Description="one", VpcId=vpc)["GroupId"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=made, IpPermissions=everything)
    yield made
    ec2.delete_security_group(GroupId=made)
    ec2.delete_vpc(VpcId=vpc)


def rule(ec2: Any, group: str) -> dict[str, Any]:
    (found,) = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
        "SecurityGroupRules"
    ]
    described: dict[str, Any] = found
    return described


def https(**other_end: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **other_end}


@pytest.mark.parametrize("other_end", ["group", "prefix list", "address"])
def test_a_rule_has_its_description_and_the_one_it_is_changed_to(
    aws: Callable[..., Any], group: str, other_end: str
) -> None:
    ec2 = aws("ec2")
    lists = ec2.describe_prefix_lists()["PrefixLists"]
    created, modified = {
        "group": ("UserIdGroupPairs", {"ReferencedGroupId": group}),
        "prefix list": ("PrefixListIds", {"PrefixListId": lists[0]["PrefixListId"]}),
        "address": ("IpRanges", {"CidrIpv4": "10.0.0.0/24"}),
    }[other_end]
    names = {"ReferencedGroupId": "GroupId", "CidrIpv4": "CidrIp"}
    end = {names.get(name, name): value for name, value in modified.items()}
    permission = https(**{created: [{**end, "Description": "first"}]})
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permission])
    assert rule(ec2, group)["Description"] == "first"

    changed = {
        "SecurityGroupRuleId": rule(ec2, group)["SecurityGroupRuleId"],
        "SecurityGroupRule": https(**modified, Description="second"),
    }
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[changed])
    assert rule(ec2, group)["Description"] == "second"
    (egress,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    assert len(egress["IpRanges"]) == (other_end == "address")


def test_a_deleted_vpc_leaves_nothing(aws: Callable[..., Any]) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    assert len(ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"]) == 1
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"] == []


@pytest.mark.parametrize("type_", ["Gateway", "Interface"])
def test_a_deleted_endpoint_is_gone(aws: Callable[..., Any], type_: str) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.dynamodb", VpcEndpointType=type_
    )["VpcEndpoint"]["VpcEndpointId"]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []
    with pytest.raises(ClientError, match=r"InvalidVpcEndpointId\.NotFound"):
        ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.delete_vpc(VpcId=vpc)
