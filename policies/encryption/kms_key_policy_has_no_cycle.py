"""Key policies name nothing of the stack that needs the key itself."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

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
from tapstack.model.references import local_address
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, is_unset

_POLICY: Final = "policy"
# The key can be created before this policy of it.
_APART: Final = "aws_kms_key_policy"
_DOCUMENT: Final = "aws_iam_policy_document"
_IDENTITIES: Final = frozenset({"aws_iam_role", "aws_iam_user"})
# What a reference of these kinds stands for is given from outside, or was followed already.
_FOLLOWED: Final = ("var.", "local.", "each.", "count.", "path.", "terraform.")
_BY_IAM: Final = (
    "let the account's root and service principals use the key, and give the role its permission in an IAM policy "
    "of its own"
)


class KmsKeyPolicyHasNoCycle(Policy):
    """Nothing that the key's policy refers to depends on the key, however far the way is."""

    id = "CKV_TAP_103"
    name = "kms_key_policy_has_no_cycle"
    title = "Key policies do not depend on what depends on the key"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = False
    resource_types = ("aws_kms_key", "aws_kms_replica_key", _APART)
    rationale = (
        "A key whose policy names a role, while the role's inline_policy, or a table or log group that its own "
        "document names, or a depends_on, leads back to the key, can't be created: each waits for the other. "
        "Terraform can only say `Cycle:` and list names, before there is a plan that anybody could look at."
    )
    remediation = (
        "statement {\n"
        '  actions   = ["kms:*"]\n'
        '  resources = ["*"]\n\n'
        "  principals {\n"
        '    type        = "AWS"\n'
        '    identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"]\n'
        "  }\n"
        "}\n\n"
        "# and on the role\n"
        'resource "aws_iam_role_policy" "key" {\n'
        "  role   = aws_iam_role.app.id\n"
        "  policy = data.aws_iam_policy_document.use_of_the_key.json\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
        "https://developer.hashicorp.com/terraform/internals/graph",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """The shortest way from the key back to it; without one, what the policy names."""
        policy = resource.get(_POLICY)
        if loop := _loop(resource, stack):
            way = " -> ".join(_step(one, after, stack) for one, after in pairwise(loop))
            said = f"Terraform can't put this in order: {way} -> {resource.address}. {_fix(loop)}"
            actual = [one.address for one in loop]
            first = _path(loop[0], loop[1], stack)
            attribute = _POLICY if first in ("", "depends_on") and policy is not MISSING else first or None
            yield failed(said, attribute, actual=actual, expected="no way back to the key")
        elif is_unset(policy):
            yield not_applicable("The key itself has no policy that could refer to anything.")
        elif lost := _not_followed(resource, policy, stack):
            said = f"What {lost} depends on is not in view: whether it needs the key can't be told."
            yield unknown(said, _POLICY, actual=policy, expected="no way back to the key")
        else:
            named = [] if resource.type == _APART else _named(resource, stack)
            yield passed(_said(named), _POLICY)


def _loop(start: Resource, stack: Stack) -> list[Resource]:
    """The shortest way from a resource back to itself, both ends included; [] where there is none."""
    came_from: dict[str, Resource] = {}
    level = [start]
    while level:
        following: list[Resource] = []
        for one in level:
            for address in sorted(stack.dependencies(one)):
                if address == start.address:
                    return _way(one, start, came_from)
                if address not in came_from and address in stack.resources:
                    came_from[address] = one
                    following.append(stack.resources[address])
        level = following
    return []


def _fix(loop: list[Resource]) -> str:
    between = loop[1:-1]
    if all(one.type == _DOCUMENT for one in between):
        return 'Write "*" as the resource: in a key\'s policy that is the key.'
    if any(one.type in _IDENTITIES for one in between):
        return f"Instead, {_BY_IAM}."
    return "Write the ARN of what the policy names from its name, instead of referring to it."


def _way(last: Resource, start: Resource, came_from: dict[str, Resource]) -> list[Resource]:
    way = [start, last]
    while way[-1] is not start:
        way.append(came_from[way[-1].address])
    return way[::-1]


def _step(one: Resource, after: Resource, stack: Stack) -> str:
    path = _path(one, after, stack)
    return f"{one.address} ({path})" if path else one.address


def _path(one: Resource, after: Resource, stack: Stack) -> str:
    """The attribute in which one resource refers to another, "" where there is none by itself."""
    uses = [use.path for use in stack.users(after, one.type) if use.resource is one]
    if _POLICY in uses:
        return _POLICY
    if uses:
        return uses[0]
    module = stack.root.below(one.module_path)
    block = module.resources.get(local_address(one)) if module else None
    return "depends_on" if block is not None and local_address(after) in block.depends_on else ""


def _not_followed(key: Resource, policy: object, stack: Stack) -> str:
    """A reference of the policy that leads to nothing of the stack, where some is there."""
    if not isinstance(policy, Unknown) or stack.resolve(key, policy) or stack.dependencies(key):
        return ""
    return next((one for one in policy.references if not one.startswith(_FOLLOWED)), "")


def _named(key: Resource, stack: Stack) -> list[str]:
    """Roles and users of the stack that the key's policy names, itself or in a policy document."""
    found: list[str] = []
    rest, seen = [key], {key.address}
    while rest:
        for address in sorted(stack.dependencies(rest.pop()) - seen):
            seen.add(address)
            one = stack.resources.get(address)
            if one is not None and one.mode == "managed" and one.type in _IDENTITIES:
                found.append(address)
            elif one is not None and one.mode == "data" and one.type == _DOCUMENT:
                rest.append(one)
    return found


def _said(named: list[str]) -> str:
    fine = "Nothing that the policy refers to depends on the key"
    if not named:
        return f"{fine}."
    return (
        f"{fine}; but the key now names {' and '.join(named)} of this stack: an inline_policy there, or a "
        f"depends_on, that leads to the key would close a circle. Rather {_BY_IAM}."
    )
