"""Identity-based policies: the documents that say what a role, user or group may do.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tapstack.model.policy_document import Document
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, is_unset

TYPES: Final = (
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
    "aws_iam_role",
)
# What attaches policies to a role: the attribute that names the role, and the one that names the policies.
_ATTACHMENTS: Final = {
    "aws_iam_role_policy_attachment": ("role", "policy_arn"),
    "aws_iam_policy_attachment": ("roles", "policy_arn"),
    "aws_iam_role_policy_attachments_exclusive": ("role_name", "policy_arns"),
}


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """One policy of a role.

    `owner` and `path` are where its text stands, or where it is attached. `content` is the document, the ARN
    of a policy whose text is not in the stack, or Unknown.
    """

    owner: Resource
    path: str
    content: Document | Unknown | str


def documents_of(resource: Resource, stack: Stack) -> Iterator[tuple[str, Document | Unknown]]:
    """Each policy that a resource of TYPES holds itself, with its path; a role's are its `inline_policy` blocks."""
    if resource.type != "aws_iam_role":
        document = stack.document(resource, "policy")
        yield "policy", Unknown() if document is MISSING else document
        return
    blocks = resource.get("inline_policy")
    if isinstance(blocks, Unknown) and not blocks.computed:
        yield "inline_policy", blocks
    for number, _ in enumerate(blocks if isinstance(blocks, list) else ()):
        path = f"inline_policy.{number}.policy"
        # A block without a policy removes the inline policies that the role has.
        if (document := stack.document(resource, path)) is not MISSING:
            yield path, document


def policies_of(role: Resource, stack: Stack) -> Iterator[RolePolicy]:
    """Every policy that the stack gives to a role (managed or data), inline or attached, each once.

    What goes to a role that isn't known yet may go to any: it is among them, with Unknown as its content.
    """
    if role.mode == "managed":
        for path, document in documents_of(role, stack):
            yield RolePolicy(role, path, document)
        yield from _attached(role, "managed_policy_arns", stack)
    for use in stack.users(role, "aws_iam_role_policy"):
        if use.path == "role":
            for path, document in documents_of(use.resource, stack):
                yield RolePolicy(use.resource, path, document)
    for use in stack.users(role, *_ATTACHMENTS):
        by, policies = _ATTACHMENTS[use.resource.type]
        if use.path == by:
            yield from _attached(use.resource, policies, stack)
    yield from _of_unknown_roles(stack)


# One stack at a time is judged: without this every role would go through every attachment.
@lru_cache(maxsize=1)
def _of_unknown_roles(stack: Stack) -> tuple[RolePolicy, ...]:
    naming = {"aws_iam_role_policy": "role", **{type_: by for type_, (by, _) in _ATTACHMENTS.items()}}
    return tuple(
        RolePolicy(resource, path, role)
        for type_, path in naming.items()
        for resource in stack.of_types((type_,))
        for role in stack.targets(resource, path, "aws_iam_role")
        if isinstance(role, Unknown) and not role.computed
    )


def _attached(owner: Resource, path: str, stack: Stack) -> Iterator[RolePolicy]:
    if is_unset(owner.get(path)):
        return
    if path == "policy_arn":
        found: tuple[object, ...] = (stack.target(owner, path, "aws_iam_policy"),)
    else:
        found = stack.targets(owner, path, "aws_iam_policy")
    for policy in found:
        if isinstance(policy, Resource):
            yield _of_resource(policy, stack)
        else:
            yield RolePolicy(owner, path, policy if isinstance(policy, (str, Unknown)) else Unknown())


def _of_resource(policy: Resource, stack: Stack) -> RolePolicy:
    """A policy of the stack, or one that a data source looked up, of which perhaps only the ARN is known."""
    document = stack.document(policy, "policy")
    if not isinstance(document, Document) and isinstance(arn := policy.get("arn"), str):
        return RolePolicy(policy, "arn", arn)
    return RolePolicy(policy, "policy", Unknown() if document is MISSING else document)
