"""A role can be assumed by those it is for, and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Final

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, unknown
from tapstack.gate.statement import judge_allowing, name_of
from tapstack.gate.wildcard import is_given_by_aws, is_narrowed
from tapstack.model.policy_document import Statement
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown

_PATH: Final = "assume_role_policy"
_EXPECTED: Final = "services, this account, or others under a condition such as sts:ExternalId"
_ACCOUNT: Final = re.compile(r"(\d{12})|arn:[\w-]+:(?:iam|sts)::(\d{12}):.+")
_OWN: Final = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/.+")

# Conditions that tell one caller from another.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
_NARROWING: Final = frozenset(
    {
        "sts:externalid",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:multifactorauthpresent",
    }
)
# What an identity provider says of whom it vouches for: `token.actions.githubusercontent.com:sub`, `SAML:aud`.
# The audiences are those that everybody's pipelines have.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
# https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/aws-configuration
_CLAIM: Final = re.compile(r".+:(?:sub|aud|amr|oaud)", re.IGNORECASE)
_EVERYBODYS: Final = frozenset({"sts.amazonaws.com", "aws.workload.identity"})


class RoleTrustIsNarrow(Policy):
    """`assume_role_policy` names services or accounts, no `*`, and other accounts only under a condition."""

    id = "CKV_TAP_405"
    name = "role_trust_is_narrow"
    title = "Role trust policies name who may assume the role"
    severity = Severity.CRITICAL
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_iam_role",)
    rationale = (
        "A trust policy with `*` gives the role to every AWS account. One that names another account without a "
        "condition gives it to everyone there, and to whoever talks a service of theirs into it (the confused "
        "deputy). An account number in the code counts as another account's unless it is known to be this one: "
        "data.aws_caller_identity says so. Sharpens checkov's CKV_AWS_60 and CKV_AWS_61."
    )
    remediation = (
        "condition {\n"
        '  test     = "StringEquals"\n'
        '  variable = "sts:ExternalId"\n'
        "  values   = [var.external_id]\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Every principal of every Allow statement."""
        yield from judge_allowing(
            stack.document(resource, _PATH),
            _PATH,
            partial(_wrong, resource, stack),
            fine="The trust policy names who may assume the role.",
            expected=_EXPECTED,
        )


def _wrong(role: Resource, stack: Stack, statement: Statement) -> Iterable[Evidence]:
    name = name_of(statement)
    if statement.not_principals:
        yield failed(
            f"{name} lets everybody assume the role whom NotPrincipal does not name.",
            _PATH,
            actual={"NotPrincipal": {k: [str(v) for v in vs] for k, vs in statement.not_principals.items()}},
            expected=_EXPECTED,
        )
    for type_, principals in statement.principals.items():
        for principal in principals:
            if principal == "*" or type_ == "*":
                yield failed(
                    f"{name} lets everybody assume the role.", _PATH, actual=principal, expected=_EXPECTED
                )
            elif type_ == "Federated":
                yield from _federated(role, stack, statement, principal)
            elif isinstance(principal, Unknown):
                yield from _not_known(role, stack, statement, principal)
            elif type_ == "AWS":
                yield from _of_account(role, stack, statement, principal)


def _of_account(role: Resource, stack: Stack, statement: Statement, principal: str) -> Iterable[Evidence]:
    """What is wrong with an ARN, an account, or the id of a principal that is gone."""
    stranger = failed(
        f"{name_of(statement)} lets {principal}, of another account, assume the role without a condition.",
        _PATH,
        actual=principal,
        expected=_EXPECTED,
    )
    evidence = list(_unless_narrowed(role, stack, statement, stranger))
    account = _ACCOUNT.fullmatch(principal)
    # Whose account it is, is asked last: where only one block can be seen, it can't be told.
    if evidence and not (account and (account[1] or account[2]) in _own_accounts(role, stack)):
        yield from evidence


def _not_known(role: Resource, stack: Stack, statement: Statement, principal: Unknown) -> Iterable[Evidence]:
    """A principal of the stack is of this account; of any other unknown one nothing can be said."""
    if not is_given_by_aws(principal, role, stack):
        yield unknown(
            f"{name_of(statement)} lets somebody assume the role who is not known yet.",
            _PATH,
            actual=principal,
            expected=_EXPECTED,
        )


def _federated(
    role: Resource, stack: Stack, statement: Statement, principal: str | Unknown
) -> Iterable[Evidence]:
    claims = {
        key.lower()
        for keys in statement.conditions.values()
        for key, values in keys.items()
        if _CLAIM.fullmatch(key) and not _EVERYBODYS.issuperset(values)
    }
    yield from _unless_narrowed(
        role,
        stack,
        statement,
        failed(
            f"{name_of(statement)} lets everyone for whom {principal} vouches assume the role.",
            _PATH,
            actual=principal,
            expected="a condition on what the identity provider says, such as its :sub",
        ),
        claims,
    )


def _unless_narrowed(
    role: Resource, stack: Stack, statement: Statement, failure: Evidence, claims: Iterable[str] = ()
) -> Iterable[Evidence]:
    narrowed = is_narrowed(statement, _NARROWING.union(claims), role, stack)
    if narrowed is False:
        yield failure
    elif narrowed is None:
        yield unknown(
            f"{name_of(statement)} has a condition that may let strangers in: its value is not known yet.",
            _PATH,
            actual=failure.actual,
            expected=failure.expected,
        )


def _own_accounts(role: Resource, stack: Stack) -> frozenset[str]:
    """The role's account, as far as its ARN or its provider's data.aws_caller_identity says."""
    arn = role.get("arn")
    found = _OWN.fullmatch(arn) if isinstance(arn, str) else None
    return frozenset({found[1]}) if found else _callers(stack).get(role.provider_key, frozenset())


@lru_cache(maxsize=1)
def _callers(stack: Stack) -> Mapping[str | None, frozenset[str]]:
    """The account of each provider configuration; worked out once for a stack."""
    callers = [r for r in stack.resources.values() if r.mode == "data" and r.type == "aws_caller_identity"]
    known = [(caller.provider_key, caller.get("account_id")) for caller in callers]
    return {key: frozenset({account}) for key, account in known if isinstance(account, str)}
