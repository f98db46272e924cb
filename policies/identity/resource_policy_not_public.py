"""Keys, topics, queues, buckets and functions are open to nobody in particular."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

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
from tapstack.gate.statement import judge_allowing, name_of
from tapstack.gate.wildcard import is_every_resource, is_given_by_aws, is_narrowed
from tapstack.model.policy_document import Statement
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, is_unset

_PATH: Final = "policy"
_EXPECTED: Final = "named principals, or a condition such as aws:SourceArn or aws:PrincipalOrgID"
_PERMISSION: Final = "aws_lambda_permission"

# Conditions that keep strangers out of a statement for everybody. AWS:SourceOwner is what AWS's own default
# topic policies have.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
_NARROWING: Final = frozenset(
    {
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceowner",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:userid",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
# The arguments that narrow a function's permission.
# https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
_PERMISSION_NARROWING: Final = ("source_arn", "source_account", "principal_org_id")


class ResourcePolicyNotPublic(Policy):
    """No Allow statement of a resource policy has the principal `*` without a narrowing condition."""

    id = "CKV_TAP_406"
    name = "resource_policy_not_public"
    title = "Resource policies let nobody in whom they do not name"
    severity = Severity.CRITICAL
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = (
        "aws_kms_key",
        "aws_kms_external_key",
        "aws_kms_replica_key",
        "aws_kms_key_policy",
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sqs_queue",
        "aws_sqs_queue_policy",
        "aws_s3_bucket",
        "aws_s3_bucket_policy",
        _PERMISSION,
    )
    rationale = (
        "The principal `*` in an Allow is everybody with an AWS account, and for buckets everybody at all. A "
        "condition on where the request comes from narrows it; one that also holds for strangers (a negated "
        "operator, IfExists, kms:ViaService alone) does not. Deny statements for everybody are fine. Sharpens "
        "checkov's CKV_AWS_33, CKV_AWS_70, CKV_AWS_168 and CKV_AWS_169."
    )
    remediation = (
        "condition {\n"
        '  test     = "ArnEquals"\n'
        '  variable = "aws:SourceArn"\n'
        "  values   = [aws_cloudwatch_event_rule.orders.arn]\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous",
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Every Allow statement of the policy; of a function's permission, its principal."""
        if resource.type == _PERMISSION:
            yield _permission(resource)
        elif (document := stack.document(resource, _PATH)) is MISSING:
            yield not_applicable("No policy is written here.")
        else:
            yield from judge_allowing(
                document,
                _PATH,
                partial(_wrong, resource, stack),
                fine="The policy lets in only whom it names, or whom a condition lets through.",
                expected=_EXPECTED,
            )


def _wrong(resource: Resource, stack: Stack, statement: Statement) -> Iterable[Evidence]:
    everybody = _everybody(statement)
    named = [one for values in statement.principals.values() for one in values]
    unsure = [one for one in named if isinstance(one, Unknown) and not is_given_by_aws(one, resource, stack)]
    if not everybody and not unsure:
        return
    narrowed = is_narrowed(statement, _NARROWING, resource, stack)
    name, actual = name_of(statement), everybody or unsure[0]
    if narrowed:
        return
    if narrowed is None:
        message = f"{name} has a condition that may let strangers in: its value is not known yet."
        yield unknown(message, _PATH, actual=actual, expected=_EXPECTED)
    elif everybody:
        message = f"{name} lets everybody in: {_actions(statement)}."
        yield failed(message, _PATH, actual=actual, expected=_EXPECTED)
    else:
        message = f"{name} lets somebody in who is not known yet."
        yield unknown(message, _PATH, actual=actual, expected=_EXPECTED)


def _everybody(statement: Statement) -> Any:
    """The part of a statement that names everybody, or None."""
    if statement.not_principals:
        return {"NotPrincipal": {k: [str(v) for v in vs] for k, vs in statement.not_principals.items()}}
    for type_, values in statement.principals.items():
        if type_ == "*" or "*" in values:
            return "*" if type_ == "*" else {type_: "*"}
    return None


def _actions(statement: Statement) -> str:
    if statement.not_actions:
        return f"every action except {', '.join(str(action) for action in statement.not_actions)}"
    return ", ".join(str(action) for action in statement.actions)


def _permission(permission: Resource) -> Evidence:
    attribute = "principal"
    principal = permission.get(attribute)
    if isinstance(principal, Unknown):
        return unknown("Who may invoke the function is not known yet.", attribute, actual=principal)
    if principal != "*":
        return passed(f"Only {principal} may invoke the function.", attribute, principal)
    narrowing = {name: permission.get(name) for name in _PERMISSION_NARROWING}
    by = [
        name
        for name, value in narrowing.items()
        if not is_unset(value) and not (isinstance(value, str) and is_every_resource(value))
    ]
    if by:
        return passed(
            f"Everybody may invoke the function, but only as {by[0]} says.", by[0], narrowing[by[0]]
        )
    return failed(
        "Everybody may invoke the function.",
        attribute,
        actual=principal,
        expected=f"a named principal, or one of {', '.join(_PERMISSION_NARROWING)}",
    )
