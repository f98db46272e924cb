"""Identities are allowed what they do, not whole services."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tapstack.gate import identity_policies
from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    unknown,
)
from tapstack.gate.statement import judge_allowing, name_of
from tapstack.gate.wildcard import is_every_action
from tapstack.model.policy_document import Statement
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_EXPECTED = "actions, listed one by one"


class IamNoWildcardActions(Policy):
    """No Allow statement of an identity policy has `*`, `service:*` or `NotAction`."""

    id = "CKV_TAP_401"
    name = "iam_no_wildcard_actions"
    title = "IAM policies list their actions"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = identity_policies.TYPES
    rationale = (
        "A wildcard allows what nobody asked for, today and with every action that AWS adds to the service; "
        "`NotAction` in an Allow does the same from the other side. Key policies are not judged: their root "
        "statement needs `kms:*`. Sharpens checkov's CKV_AWS_63 and CKV_AWS_289, which see neither `service:*` "
        "nor documents whose values are not known yet."
    )
    remediation = 'actions = ["dynamodb:GetItem", "dynamodb:PutItem"]'
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Every Allow statement of every policy that the resource holds itself."""
        documents = list(identity_policies.documents_of(resource, stack))
        if not documents:
            yield not_applicable("The role has no inline policy of its own.")
        for path, document in documents:
            yield from judge_allowing(
                document,
                path,
                partial(_wrong, path),
                fine="The policy lists its actions.",
                expected=_EXPECTED,
            )


def _wrong(path: str, statement: Statement) -> Iterable[Evidence]:
    if statement.not_actions:
        excepted = [str(action) for action in statement.not_actions]
        yield failed(
            f"{name_of(statement)} allows every action except {', '.join(excepted)}.",
            path,
            actual={"NotAction": excepted},
            expected=_EXPECTED,
        )
    for action in statement.actions:
        if isinstance(action, Unknown):
            yield unknown(
                f"{name_of(statement)} allows an action that is not known yet.",
                path,
                actual=action,
                expected=_EXPECTED,
            )
        elif is_every_action(action):
            service = action.partition(":")[0] if ":" in action else "AWS"
            yield failed(
                f"{name_of(statement)} allows every action of {service}.",
                path,
                actual=action,
                expected=_EXPECTED,
            )
