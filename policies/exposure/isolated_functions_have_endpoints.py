"""A function without a way to the internet reaches the services that its role is allowed to use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final

from tapstack.gate.identity_policies import policies_of
from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.model.policy_document import Document
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, is_unset

_SUBNETS: Final = "vpc_config.0.subnet_ids"
_TABLES: Final = ("aws_route_table", "aws_default_route_table")

# The endpoint services of an IAM service prefix, where they are not called like it, without "com.amazonaws.REGION.":
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
# Any one of several is enough: which of them an action goes to is not in its name.
_ENDPOINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "aoss": ("aoss", "aoss-data"),
    "appconfig": ("appconfigdata", "appconfig"),
    "aps": ("aps-workspaces", "aps"),
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent-runtime", "bedrock-agent"),
    "cloudwatch": ("monitoring",),
    "ecr": ("ecr.api",),
    "firehose": ("kinesis-firehose",),
    "iot": ("iot.data", "iot.credentials"),
    "kinesis": ("kinesis-streams",),
    "sagemaker": ("sagemaker.runtime", "sagemaker.api"),
    "ses": ("email", "email-smtp"),
    "states": ("states", "sync-states"),
    "timestream": ("timestream.query", "timestream.ingest"),
}
# Those that are called like the prefix.
_LIKE_THE_PREFIX: Final = """
    airflow apigateway appsync athena autoscaling backup batch cassandra cloudformation cloudtrail codebuild
    codecommit codedeploy codepipeline cognito-identity cognito-idp comprehend config databrew dms
    dynamodb ebs ec2 ecs elasticache elasticbeanstalk elasticfilesystem elasticloadbalancing
    elasticmapreduce emr-serverless events execute-api forecast fsx glue guardduty iam imagebuilder
    inspector2 kendra kms lakeformation lambda license-manager logs macie2 mediaconnect mq organizations
    personalize pipes polly qldb rds rds-data redshift redshift-data rekognition resource-groups s3
    s3-outposts scheduler secretsmanager securityhub servicediscovery servicequotas sns sqs ssm
    storagegateway sts synthetics textract transcribe transfer translate verifiedpermissions xray
"""
_SAME: Final = frozenset(_LIKE_THE_PREFIX.split())
# Clusters that a function connects to inside the VPC itself.
_IN_THE_VPC: Final = frozenset({"dax", "kafka-cluster", "neptune-db", "rds-db"})
# What Lambda, and not the function, does with the role, from its own network: it makes the network interfaces,
# writes the logs and runs the X-Ray daemon. And what is no call to a service: passing a role, mounting a file
# system, connecting to a cache.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
# https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
_ACTIONS_OF_LAMBDA: Final = """
    ec2:assignprivateipaddresses ec2:createnetworkinterface ec2:deletenetworkinterface
    ec2:describenetworkinterfaces ec2:describesecuritygroups ec2:describesubnets ec2:describevpcs
    ec2:getsecuritygroupsforvpc ec2:unassignprivateipaddresses elasticache:connect
    elasticfilesystem:clientmount elasticfilesystem:clientrootaccess elasticfilesystem:clientwrite
    iam:passrole logs:createloggroup
    logs:createlogstream logs:putlogevents xray:getsamplingrules xray:getsamplingstatisticsummaries
    xray:getsamplingtargets xray:puttelemetryrecords xray:puttracesegments
"""
_OF_LAMBDA: Final = frozenset(_ACTIONS_OF_LAMBDA.split())
# The services, beside those above, that AWS's managed policies for functions allow:
# https://docs.aws.amazon.com/lambda/latest/dg/permissions-managed-policies.html
_MANAGED: Final[Mapping[str, tuple[str, ...]]] = {
    "AWSLambdaBasicExecutionRole": (),
    "AWSLambdaVPCAccessExecutionRole": (),
    "AWSLambdaENIManagementAccess": (),
    "AWSXRayDaemonWriteAccess": (),
    "AWSLambdaDynamoDBExecutionRole": ("dynamodb",),
    "AWSLambdaKinesisExecutionRole": ("kinesis",),
    "AWSLambdaSQSQueueExecutionRole": ("sqs",),
}
_SERVICE_NAME: Final = re.compile(
    r"(?:cn\.)?com\.amazonaws\.(?:[a-z]{2}(?:-[a-z]+)+-\d+\.)?(?P<service>[a-z].*?)(?:-fips)?"
)
# Ways that lead somewhere this stack can't see.
_ELSEWHERE: Final = (
    "transit_gateway_id",
    "core_network_arn",
    "network_interface_id",
    "vpc_peering_connection_id",
    "vpc_endpoint_id",
    "local_gateway_id",
    "carrier_gateway_id",
)


class IsolatedFunctionsHaveEndpoints(Policy):
    """Each service that the role's policies allow has an endpoint in the VPC of the function's subnets."""

    id = "CKV_TAP_803"
    name = "isolated_functions_have_endpoints"
    title = "Functions without a way to the internet have endpoints for the services they use"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_function",)
    rationale = (
        "A function in private subnets without a NAT gateway reaches a service only through an endpoint of its "
        "VPC; where one is missing, nothing says so at apply: every call hangs until the function's timeout. An "
        "internet gateway is no way out for a function, which has no public address."
    )
    remediation = (
        'resource "aws_vpc_endpoint" "dynamodb" {\n'
        "  vpc_id            = aws_vpc.main.id\n"
        '  service_name      = "com.amazonaws.${var.region}.dynamodb"\n'
        '  vpc_endpoint_type = "Gateway"\n'
        "  route_table_ids   = [aws_route_table.private.id]\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html",
        "https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html",
        "https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Where the function's subnets lead, then each service that its role may use from there."""
        if _is_outside(resource):
            yield not_applicable("The function is in no VPC.")
            return
        subnets = [_subnet(one, stack, resource) for one in stack.targets(resource, _SUBNETS, "aws_subnet")]
        closed = [subnet for subnet in subnets if subnet.way is not _Way.OUT]
        if not subnets:
            yield unknown(
                "The function's subnets are not known yet.", _SUBNETS, actual=resource.get(_SUBNETS)
            )
        elif not closed:
            yield not_applicable("Every subnet of the function has a route to the internet.")
        else:
            yield from _judge(resource, closed, stack)


def _judge(function: Resource, subnets: list[_Subnet], stack: Stack) -> Iterator[Evidence]:
    services, unclear = _services(function, stack)
    lacking = False
    for service in services:
        found = [one for subnet in subnets if (one := _missing(service, subnet, stack)) is not None]
        if found:
            lacking = True
            yield next((one for one in found if one.verdict == "FAIL"), found[0])
    yield from unclear[:1]
    if services and not (lacking or unclear):
        named = ", ".join(sorted(services))
        yield passed(
            f"The VPC has endpoints for what the role may use: {named}.", "vpc_config", sorted(services)
        )
    elif not (lacking or unclear):
        yield passed("The role allows nothing that the function needs an endpoint for.", "vpc_config")


class _Way(StrEnum):
    """Where the default route of a subnet leads a function."""

    OUT = "out"
    NONE = "none"
    GATEWAY = "internet gateway"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class _Subnet:
    """One subnet of a function.

    `vpc` is a key of _endpoints; `tables` are the addresses that stand for its route table: for a main route
    table also its VPC's. `why` says what keeps a function in, or what is unclear.
    """

    name: str
    way: _Way
    vpc: str | None = None
    tables: frozenset[str] = frozenset()
    why: str = ""


def _is_outside(function: Resource) -> bool:
    config, subnets = function.get("vpc_config"), function.get(_SUBNETS)
    return is_unset(config) or is_unset(subnets) or [] in (config, subnets)


# Subnets and route tables


def _subnet(found: Resource | Unknown | str, stack: Stack, function: Resource) -> _Subnet:
    if not isinstance(found, Resource):
        name = found if isinstance(found, str) else "a subnet of the function"
        return _Subnet(name, _Way.UNCLEAR, why=f"the routes of {name} are not part of this stack")
    vpc = stack.target(found, "vpc_id", "aws_vpc")
    key = vpc.address if isinstance(vpc, Resource) else vpc if isinstance(vpc, str) else None
    tables = _tables(found, vpc, stack)
    if not tables:
        why = f"the route table of {found.address} can't be told from this stack"
        return _Subnet(found.address, _Way.UNCLEAR, key, why=why)
    ways = [_way(route, function, stack) for table in tables for route in _routes(table, stack)]
    # A route of a table that isn't known may be one of these tables'.
    strays = _unplaced(stack, "aws_route", "route_table_id", *_TABLES, "aws_vpc")
    ways += [_Way.UNCLEAR for one in strays if _way((one, ""), function, stack) is not _Way.NONE]
    names = frozenset(table.address for table in tables)
    if _Way.OUT in ways:
        return _Subnet(found.address, _Way.OUT, key, names)
    if _Way.UNCLEAR in ways:
        why = f"where the default route of {found.address} leads can't be told from this stack"
        return _Subnet(found.address, _Way.UNCLEAR, key, names, why)
    if _Way.GATEWAY in ways:
        why = "its internet gateway is of no use to a function, which has no public address"
        return _Subnet(found.address, _Way.GATEWAY, key, names, why)
    return _Subnet(found.address, _Way.NONE, key, names, "it has no way to the internet")


def _tables(subnet: Resource, vpc: object, stack: Stack) -> list[Resource]:
    """The route table of a subnet; [] where it isn't known.

    For a main route table, what adopts it and the VPC that it belongs to: routes may name it through either.
    """
    for use in stack.users(subnet, "aws_route_table_association"):
        if use.path == "subnet_id":
            table = stack.target(use.resource, "route_table_id", *_TABLES)
            return [table] if isinstance(table, Resource) else []
    if not isinstance(vpc, Resource) or vpc.mode != "managed" or subnet.mode != "managed":
        return []
    if _unplaced(stack, "aws_route_table_association", "subnet_id", "aws_subnet"):
        return []
    for use in stack.users(vpc, "aws_main_route_table_association"):
        if use.path == "vpc_id":
            table = stack.target(use.resource, "route_table_id", *_TABLES)
            return [table] if isinstance(table, Resource) else []
    if _unplaced(stack, "aws_main_route_table_association", "vpc_id", "aws_vpc"):
        return []
    return [*(use.resource for use in stack.users(vpc, "aws_default_route_table")), vpc]


def _unplaced(stack: Stack, type_: str, path: str, *types: str) -> list[Resource]:
    """Resources of `type_` of which it isn't known what they belong to: that at `path`, of `types`."""
    owners = ((one, stack.target(one, path, *types)) for one in stack.of_types((type_,)))
    return [one for one, owner in owners if isinstance(owner, Unknown) and not owner.computed]


def _routes(table: Resource, stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Each route of a table: the resource and the path below which its arguments are."""
    if table.type in _TABLES:
        blocks = table.get("route")
        if isinstance(blocks, Unknown) and not blocks.computed:
            yield table, "route"
        for number, _ in enumerate(blocks if isinstance(blocks, list) else ()):
            yield table, f"route.{number}."
    for use in stack.users(table, "aws_route"):
        if use.path == "route_table_id":
            yield use.resource, ""


def _way(route: tuple[Resource, str], function: Resource, stack: Stack) -> _Way:
    """Where one route leads; NONE as well for what is no default route."""
    resource, prefix = route
    if prefix == "route":
        return _Way.UNCLEAR
    allowed = as_bool(function.get("vpc_config.0.ipv6_allowed_for_dual_stack"))
    six = not is_unset(allowed) and allowed is not False
    four_names = ("cidr_block",) if prefix else ("destination_cidr_block",)
    six_names = ("ipv6_cidr_block",) if prefix else ("destination_ipv6_cidr_block",)
    by_four = _is_default(resource, prefix, four_names)
    by_six = six and _is_default(resource, prefix, six_names)
    if by_four is False and by_six is False:
        return _Way.NONE
    way = _through(resource, prefix, by_six is not False, stack)
    settled = by_four is True or (by_six is True and allowed is True)
    if not settled or (by_six is not False and isinstance(allowed, Unknown)):
        return way if way is _Way.NONE else _Way.UNCLEAR
    return way


def _is_default(resource: Resource, prefix: str, names: Iterable[str]) -> bool | None:
    """Whether a destination is everywhere; None where it isn't known."""
    for name in names:
        value = resource.get(f"{prefix}{name}")
        if isinstance(value, Unknown) and not value.computed:
            return None
        if isinstance(value, str) and value:
            try:
                return ip_network(value, strict=False).prefixlen == 0
            except ValueError:
                return False
    return False


def _through(resource: Resource, prefix: str, six: bool, stack: Stack) -> _Way:
    def is_set(name: str) -> bool:
        value = resource.get(f"{prefix}{name}")
        return not is_unset(value) and value != ""

    if is_set("nat_gateway_id") or (six and is_set("egress_only_gateway_id")):
        return _Way.OUT
    if is_set("gateway_id"):
        gateway = stack.target(resource, f"{prefix}gateway_id", "aws_internet_gateway", "aws_vpn_gateway")
        is_internet = isinstance(gateway, Resource) and gateway.type == "aws_internet_gateway"
        if is_internet or (isinstance(gateway, str) and gateway.startswith("igw-")):
            return _Way.OUT if six else _Way.GATEWAY
        return _Way.NONE if gateway == "local" else _Way.UNCLEAR
    return _Way.UNCLEAR if any(is_set(name) for name in _ELSEWHERE) else _Way.NONE


# What the role may use


def _services(function: Resource, stack: Stack) -> tuple[dict[str, str], list[Evidence]]:
    """Service prefixes, each with the policy that allows it, and what is not known of the rest."""
    role = stack.target(function, "role", "aws_iam_role")
    if not isinstance(role, Resource):
        actual = role if isinstance(role, (str, Unknown)) else None
        return {}, [unknown("What the function's role allows is not known here.", "role", actual=actual)]
    services: dict[str, str] = {}
    unclear: list[Evidence] = []
    for policy in policies_of(role, stack):
        for prefix in _allowed(policy.content):
            if prefix is None:
                said = f"Not every service that {policy.owner.address} allows can be told."
                unclear.append(unknown(said, "role", actual=policy.owner.address))
            else:
                services.setdefault(prefix, policy.owner.address)
    return services, unclear


def _allowed(content: Document | Unknown | str) -> Iterator[str | None]:
    """The service prefixes of what a policy allows; None for what can't be told."""
    if isinstance(content, str):
        yield from _MANAGED.get(content.rpartition("/")[2], (None,)) if ":aws:policy/" in content else (None,)
        return
    if isinstance(content, Unknown):
        yield None
        return
    if not content.complete:
        yield None
    for statement in content.statements:
        if statement.effect != "Allow":
            continue
        if statement.not_actions:
            yield None
        for action in statement.actions:
            if isinstance(action, Unknown):
                yield None
            elif action.lower() not in _OF_LAMBDA:
                prefix = action.partition(":")[0].lower()
                yield None if "*" in prefix or "?" in prefix else prefix


# Endpoints


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An endpoint: its service ("kms"), and the route tables of a gateway's; None is what isn't known."""

    resource: Resource
    service: str | None
    is_gateway: bool | None
    tables: frozenset[str]
    is_complete: bool
    has_private_dns: bool | None


# One stack at a time is judged: without this every function would go through every endpoint.
@lru_cache(maxsize=1)
def _endpoints(stack: Stack) -> Mapping[str | None, list[_Endpoint]]:
    """Endpoints by their VPC: its address or, where it isn't in the stack, its id; None where it isn't known."""
    found: dict[str | None, list[_Endpoint]] = {}
    for resource in stack.of_types(("aws_vpc_endpoint",)):
        vpc = stack.target(resource, "vpc_id", "aws_vpc")
        key = vpc.address if isinstance(vpc, Resource) else vpc if isinstance(vpc, str) else None
        found.setdefault(key, []).append(_endpoint(resource, stack))
    return found


def _endpoint(resource: Resource, stack: Stack) -> _Endpoint:
    tables = [
        *stack.targets(resource, "route_table_ids", *_TABLES, "aws_vpc"),
        *(
            stack.target(use.resource, "route_table_id", *_TABLES, "aws_vpc")
            for use in stack.users(resource, "aws_vpc_endpoint_route_table_association")
        ),
    ]
    association = "aws_vpc_endpoint_route_table_association"
    strays = _unplaced(stack, association, "vpc_endpoint_id", "aws_vpc_endpoint")
    type_, dns = resource.get("vpc_endpoint_type"), as_bool(resource.get("private_dns_enabled"))
    return _Endpoint(
        resource,
        _service_of(resource, stack),
        # https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/vpc_endpoint: the default.
        True if is_unset(type_) else None if isinstance(type_, Unknown) else type_ == "Gateway",
        frozenset(table.address for table in tables if isinstance(table, Resource)),
        not any(isinstance(table, Unknown) for table in tables) and not strays,
        dns if isinstance(dns, bool) else False if is_unset(dns) else None,
    )


def _service_of(resource: Resource, stack: Stack) -> str | None:
    name: Any = stack.target(resource, "service_name", "aws_vpc_endpoint_service")
    if isinstance(name, Resource):
        service = name.get("service")
        if isinstance(service, str) and service:
            return service
        name = name.get("service_name")
    if not isinstance(name, str):
        return None
    match = _SERVICE_NAME.fullmatch(name)
    return match["service"] if match else name


def _missing(service: str, subnet: _Subnet, stack: Stack) -> Evidence | None:
    """What keeps a subnet from a service; None where it reaches it."""
    if service in _IN_THE_VPC:
        return None
    wanted = _ENDPOINTS.get(service, (service,))
    index = _endpoints(stack)
    here = [*index.get(subnet.vpc, ())] if subnet.vpc is not None else []
    perhaps = [*index.get(None, ()), *(one for one in here if one.service is None)]
    matching = [one for one in here if one.service in wanted]
    problems = [problem for one in matching if (problem := _problem(one, subnet)) is not None]
    if len(problems) < len(matching):
        return None
    expected = f"an endpoint for {' or '.join(wanted)}"
    attribute = f"vpc_config.{service}"
    settled = all(is_settled for _, is_settled in problems)
    if service not in _ENDPOINTS and service not in _SAME and not matching:
        said = f"Whether {service}, which the role may use, has an endpoint that {subnet.name} reaches is not known."
        return unknown(said, attribute, expected=expected)
    lacking = problems[0][0] if problems else f"its VPC has no endpoint for {wanted[0]}"
    unclear = subnet.way is _Way.UNCLEAR
    if unclear or perhaps or not settled:
        why = subnet.why if unclear else "not every endpoint of the stack is known yet"
        said = f"{subnet.name} may not reach {service}, which the role may use: {lacking}, and {why}."
        return unknown(said, attribute, actual=subnet.name, expected=expected)
    said = f"{subnet.name} does not reach {service}, which the role may use: {subnet.why}, and {lacking}."
    return failed(said, attribute, actual=subnet.name, expected=expected)


def _problem(endpoint: _Endpoint, subnet: _Subnet) -> tuple[str, bool] | None:
    """Why a subnet does not get to a service through its endpoint, and whether that is settled."""
    address = endpoint.resource.address
    if endpoint.is_gateway is None:
        ways = [_problem(replace(endpoint, is_gateway=kind), subnet) for kind in (True, False)]
        problem = next((one for one in ways if one is not None), None)
        return problem and (problem[0], all(one is not None and one[1] for one in ways))
    if endpoint.is_gateway:
        if endpoint.tables & subnet.tables:
            return None
        return f"{address} is not in its route table", endpoint.is_complete and bool(subnet.tables)
    if endpoint.has_private_dns:
        return None
    return f"{address} has no private DNS, so that the service's name leads outside", (
        endpoint.has_private_dns is not None
    )
