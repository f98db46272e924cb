"""Nobody gets an AWS managed policy that allows nearly everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from tapstack.gate.address import matches
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
from tapstack.model.values import MISSING, Unknown, is_unset

# Where each type names the policies that it attaches.
_ATTRIBUTES = {
    "aws_iam_role_policy_attachment": "policy_arn",
    "aws_iam_user_policy_attachment": "policy_arn",
    "aws_iam_group_policy_attachment": "policy_arn",
    "aws_iam_policy_attachment": "policy_arn",
    "aws_iam_role_policy_attachments_exclusive": "policy_arns",
    "aws_iam_user_policy_attachments_exclusive": "policy_arns",
    "aws_iam_group_policy_attachments_exclusive": "policy_arns",
    "aws_ssoadmin_managed_policy_attachment": "managed_policy_arn",
    "aws_iam_role": "managed_policy_arns",
}
_OF_AWS = ":iam::aws:policy/"


class IamNoAdministrator(Policy):
    """No attached policy has a name that `policies` lists."""

    id = "CKV_TAP_403"
    name = "iam_no_administrator"
    title = "No identity has an administrator's or a full-access policy"
    severity = Severity.CRITICAL
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = tuple(_ATTRIBUTES)
    rationale = (
        "Whoever gets hold of one function with AdministratorAccess has the account. AWS's *FullAccess policies "
        "are made for people who explore, not for workloads. Sharpens checkov's CKV_AWS_274 by a list of your own, "
        "`managed_policy_arns`, and values that are not known yet."
    )
    remediation = "policy_arn = aws_iam_policy.reads_orders.arn"
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html",
        "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
    )

    class Parameters(Policy.Parameters):
        """Names, or ARNs, of policies that must not be attached; `*` and `?` are wildcards."""

        policies: tuple[Annotated[str, Field(min_length=1)], ...] = (
            "AdministratorAccess",
            "PowerUserAccess",
            "*FullAccess",
            "IAMFullAccess",
        )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Each attached policy, by the name in its ARN."""
        attribute = _ATTRIBUTES[resource.type]
        value = resource.get(attribute)
        if is_unset(value) or value == []:
            yield not_applicable("No managed policy is attached here.")
        else:
            for policy in _attached(resource, attribute, value, stack):
                yield self._judge(policy, attribute)

    def _judge(self, policy: object, attribute: str) -> Evidence:
        names = ", ".join(self.parameters.policies)
        expected = f"none of {names}"
        if isinstance(policy, Resource):
            if policy.mode == "managed":
                # What it allows is judged where it is written.
                return passed(f"{policy.address} is a policy of this stack.", attribute, policy.address)
            policy = _looked_up(policy)
        if not isinstance(policy, str):
            actual = policy if isinstance(policy, Unknown) else None
            return unknown(
                "The attached policy is not known yet.", attribute, actual=actual, expected=expected
            )
        name = policy.rpartition("/")[2]
        if any(matches(pattern, name) or matches(pattern, policy) for pattern in self.parameters.policies):
            return failed(
                f"The policy {name} allows far more than any one workload needs.",
                attribute,
                actual=policy,
                expected=expected,
            )
        return passed(f"The policy {name} is not among {names}.", attribute, policy)


def _attached(resource: Resource, attribute: str, value: Any, stack: Stack) -> Iterable[object]:
    """What is attached; AWS managed policies are told by their ARNs, others may be resources of the stack."""
    several = attribute.endswith("s")
    known = value if several and isinstance(value, list) else [value]
    if all(isinstance(policy, str) and _OF_AWS in policy for policy in known):
        return known
    if several:
        return stack.targets(resource, attribute, "aws_iam_policy")
    return (stack.target(resource, attribute, "aws_iam_policy"),)


def _looked_up(policy: Resource) -> str | Unknown:
    """The ARN or name by which a data source looks a policy up."""
    values = (policy.get("arn"), policy.get("name"))
    found = next((value for value in values if isinstance(value, str)), MISSING)
    return Unknown() if found is MISSING else found
