"""Security groups let nobody in from the whole internet, and out to it only where the stack says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, Final, Literal

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
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, is_unset

_Direction = Literal["ingress", "egress"]
_GROUPS: Final = ("aws_security_group", "aws_default_security_group")
_RULES: Final[Mapping[str, _Direction]] = {
    "aws_vpc_security_group_ingress_rule": "ingress",
    "aws_vpc_security_group_egress_rule": "egress",
}
_LISTS: Final = ("cidr_blocks", "ipv6_cidr_blocks")
_SINGLE: Final = ("cidr_ipv4", "cidr_ipv6")
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html: -1 is every protocol and port.
_ALL_PROTOCOLS: Final = ("-1", "all")
_DOES: Final = {"ingress": "lets in", "egress": "lets out to"}


class SecurityGroupNotOpen(Policy):
    """No rule names `0.0.0.0/0` or `::/0`: of ingress none at all, of egress with `egress = "deny"`."""

    id = "CKV_TAP_802"
    name = "security_group_not_open"
    title = "Security groups are not open to the whole internet"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = (*_GROUPS, "aws_security_group_rule", *_RULES)
    rationale = (
        "A port that everybody reaches is tried by everybody within minutes; a workload that reaches everything "
        "can carry everything out. Sharpens checkov's CKV_AWS_24, 25, 260, 277 and 382, which know some ports "
        'or one kind of rule; this policy reads every port, protocol and spelling of "everywhere", two halves '
        "of it included. Prefix lists are not looked into."
    )
    remediation = (
        'resource "aws_vpc_security_group_ingress_rule" "https" {\n'
        "  security_group_id            = aws_security_group.service.id\n"
        "  referenced_security_group_id = aws_security_group.load_balancer.id\n"
        '  ip_protocol                  = "tcp"\n'
        "  from_port                    = 443\n"
        "  to_port                      = 443\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-18",
    )

    class Parameters(Policy.Parameters):
        """Whether rules may let traffic out to everywhere."""

        egress: Literal["allow", "deny"] = "allow"

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """One piece of evidence for each rule that is open or not known; one where every rule is narrow."""
        if resource.type in _GROUPS:
            yield from self._group(resource)
        elif resource.type in _RULES:
            yield self._rule(_Rule(resource, "", _RULES[resource.type], _SINGLE))
        else:
            yield self._typed_rule(resource)

    def _group(self, resource: Resource) -> Iterator[Evidence]:
        directions: tuple[_Direction, ...] = (
            ("ingress", "egress") if self.parameters.egress == "deny" else ("ingress",)
        )
        evidence = [one for direction in directions for one in self._inline(resource, direction)]
        settled = [one for one in evidence if one.verdict == "PASS"]
        yield from (
            evidence
            if len(settled) < len(evidence)
            else settled[:1]
            or [passed(f"The group has no open rule of its own ({' and '.join(directions)}).", directions[0])]
        )

    def _inline(self, resource: Resource, direction: _Direction) -> Iterator[Evidence]:
        rules = resource.get(direction)
        if isinstance(rules, Unknown) and not rules.computed:
            yield unknown(
                f"The {direction} rules are not known yet.", direction, actual=rules, expected=_NARROW
            )
        elif isinstance(rules, list):
            for number, rule in enumerate(rules):
                if isinstance(rule, Unknown):
                    yield unknown(
                        f"One of the {direction} rules is not known yet.",
                        direction,
                        actual=rule,
                        expected=_NARROW,
                    )
                else:
                    yield self._rule(_Rule(resource, f"{direction}.{number}.", direction, _LISTS))

    def _typed_rule(self, resource: Resource) -> Evidence:
        direction = resource.get("type")
        if direction in ("ingress", "egress"):
            return self._rule(_Rule(resource, "", direction, _LISTS))
        # As long as the direction isn't known, a rule that would pass as ingress passes.
        evidence = self._rule(_Rule(resource, "", "ingress", _LISTS))
        if evidence.verdict == "PASS":
            return evidence
        return unknown(
            "Whether this rule lets traffic in or out is not known yet.",
            "type",
            actual=direction if isinstance(direction, Unknown) else None,
            expected=_NARROW,
        )

    def _rule(self, rule: _Rule) -> Evidence:
        if rule.direction == "egress" and self.parameters.egress == "allow":
            return not_applicable('Traffic may go out to everywhere: egress is "allow".')
        return rule.judge()


_NARROW: Final = "neither 0.0.0.0/0 nor ::/0"


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule: a resource, or the block at `prefix` of one; `attributes` hold its addresses."""

    resource: Resource
    prefix: str
    direction: _Direction
    attributes: tuple[str, str]

    def judge(self) -> Evidence:
        """FAIL for everywhere, UNKNOWN for an address that isn't known, else PASS."""
        open_ended: Evidence | None = None
        for attribute in self.attributes:
            path = f"{self.prefix}{attribute}"
            value = self.resource.get(path)
            addresses = value if isinstance(value, list) else [] if is_unset(value) else [value]
            if everywhere := _everywhere(addresses):
                return failed(
                    f"The rule {_DOES[self.direction]} {everywhere}, the whole internet, on {self._ports()}.",
                    path,
                    actual=value,
                    expected=_NARROW,
                )
            if any(isinstance(one, Unknown) for one in addresses):
                said = f"Whom the rule {_DOES[self.direction]} is not known yet."
                open_ended = unknown(said, path, actual=value, expected=_NARROW)
        return open_ended or passed(
            f"The rule {_DOES[self.direction]} no address range as wide as the internet.",
            f"{self.prefix}{self.attributes[0]}",
        )

    def _ports(self) -> str:
        protocol, *ports = (
            self.resource.get(f"{self.prefix}{name}")
            for name in (
                "ip_protocol" if self.attributes is _SINGLE else "protocol",
                "from_port",
                "to_port",
            )
        )
        if str(protocol) in _ALL_PROTOCOLS:
            return "every port"
        known = [str(port) for port in ports if isinstance(port, (int, str))]
        span = "-".join(dict.fromkeys(known)) or "some port"
        return f"{protocol} {span}" if isinstance(protocol, str) else span


def _everywhere(addresses: Iterable[Any]) -> str | None:
    """The range of every address, if the ranges together are that; "0.0.0.0/1" and "128.0.0.0/1" are."""
    fours: list[IPv4Network] = []
    sixes: list[IPv6Network] = []
    for address in addresses:
        try:
            network = ip_network(address, strict=False) if isinstance(address, str) else None
        except ValueError:
            # AWS refuses what is no range.
            continue
        if isinstance(network, IPv4Network):
            fours.append(network)
        elif isinstance(network, IPv6Network):
            sixes.append(network)
    ranges: tuple[IPv4Network | IPv6Network, ...] = (*collapse_addresses(fours), *collapse_addresses(sixes))
    return next((str(network) for network in ranges if network.prefixlen == 0), None)
