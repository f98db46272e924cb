"""Key policies let in the services that what is encrypted with the key depends on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import Field

from tapstack.gate.key_use import LOGS, Need, needs
from tapstack.gate.permission import Answer, allows
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
from tapstack.model.values import MISSING, Missing, Unknown, is_unset

_POLICY: Final = "policy"
_TO_USE: Final = {"kms:Decrypt": ("kms:Decrypt",)}

_Principal = Annotated[str, Field(pattern=r"^[a-z0-9.{}-]+$")]


class KmsKeyPolicyServesItsUsers(Policy):
    """Each service that a user of the key needs is allowed, with the actions that it takes."""

    id = "CKV_TAP_102"
    name = "kms_key_policy_serves_its_users"
    title = "Key policies let the services in that the key's users need"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_kms_key", "aws_kms_replica_key")
    rationale = (
        "AWS checks a service's own access to the key late: a log group is refused during apply, an alarm is "
        "not delivered and nobody learns why. The policy that AWS gives to a key without one serves the "
        "account's users, and no service of these."
    )
    remediation = (
        "statement {\n"
        '  actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]\n'
        '  resources = ["*"]\n\n'
        "  principals {\n"
        '    type        = "Service"\n'
        '    identifiers = ["logs.${data.aws_region.current.name}.amazonaws.com"]\n'
        "  }\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    )

    class Parameters(Policy.Parameters):
        """Services that every key must let in, "dynamodb" or in full; `{region}` stands for the key's region."""

        required_service_principals: tuple[_Principal, ...] = ()

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """One piece of evidence for each thing that a service lacks; one for all where none lacks anything."""
        wanted = [*self._required(resource, stack), *needs(resource, stack)]
        if not wanted:
            yield not_applicable("Nothing of the stack uses this key in a way that its policy must serve.")
            return
        policy = _policy(resource, stack)
        lacks: dict[_Lack, list[str]] = {}
        for need in wanted:
            if lack := _lack(need, policy):
                lacks.setdefault(lack, []).append(need.why)
        services = ", ".join(dict.fromkeys(need.service for need in wanted))
        evidence = [_said(lack, why, policy) for lack, why in lacks.items()]
        yield from evidence or [passed(f"{policy.name} lets in every service it must: {services}.", _POLICY)]

    def _required(self, key: Resource, stack: Stack) -> Iterable[Need]:
        region = stack.region(key)
        for name in self.parameters.required_service_principals:
            service = name if "." in name else f"{name}.amazonaws.com"
            if isinstance(region, str):
                service = service.replace("{region}", region)
            yield Need(service, (service,), _TO_USE, "required_service_principals asks for it")


@dataclass(frozen=True, slots=True)
class _KeyPolicy:
    """A key's policy: MISSING where it is AWS's own. `name` begins a sentence; `key` is the key's ARN, if known."""

    document: Document | Unknown | Missing
    name: str
    key: str | None


@dataclass(frozen=True, slots=True)
class _Lack:
    """Permissions of a service that are missing, or (not `certain`) may be, and what stands in the way."""

    service: str
    permissions: tuple[str, ...]
    certain: bool
    reason: str = ""


def _policy(key: Resource, stack: Stack) -> _KeyPolicy:
    attached = [use.resource for use in stack.users(key, "aws_kms_key_policy") if use.path == "key_id"]
    holder = attached[0] if attached else key
    arn = key.get("arn")
    if is_unset(text := holder.get(_POLICY)) or text == "":
        return _KeyPolicy(MISSING, "AWS's default policy, which the key has,", None)
    name = f"{holder.address}, the key's policy," if attached else "The key's policy"
    return _KeyPolicy(stack.document(holder, _POLICY), name, arn if isinstance(arn, str) else None)


def _lack(need: Need, policy: _KeyPolicy) -> _Lack | None:
    document = policy.document
    if not isinstance(document, Document):
        return _Lack(need.service, tuple(need.permissions), certain=document is MISSING)
    answers = {
        name: _answer(need, actions, document, policy.key) for name, actions in need.permissions.items()
    }
    missing = {name: answer for name, answer in answers.items() if answer.verdict == "no"}
    if missing:
        reason = next(filter(None, (_reason(answer) for answer in missing.values())), "")
        return _Lack(need.service, tuple(missing), True, reason or _other_region(need, document))
    unsure = tuple(name for name, answer in answers.items() if answer.verdict == "unknown")
    return _Lack(need.service, unsure, certain=False) if unsure else None


def _answer(need: Need, actions: Iterable[str], document: Document, key: str | None) -> Answer:
    """The worst answer for any of the actions, each the best for any name of the service."""
    answers = [_best(need, action, document, key) for action in actions]
    return max(answers, key=lambda one: (_rank(one), one.statement is not None))


def _best(need: Need, action: str, document: Document, key: str | None) -> Answer:
    answers: list[Answer] = []
    for name in need.principals:
        answer = allows(
            document, action=action, principal=("Service", name), resource=key, context=need.context
        )
        if answer.verdict == "yes" and need.doubt is not None:
            doubted = allows(
                document, action=action, principal=("Service", name), resource=key, context=need.doubt
            )
            if doubted.verdict != "yes":
                answer = replace(answer, verdict="unknown")
        if answer.verdict == "yes":
            return answer
        answers.append(answer)
    return min(answers, key=lambda one: (_rank(one), one.statement is None))


def _rank(answer: Answer) -> int:
    return ("yes", "unknown", "no").index(answer.verdict)


def _reason(answer: Answer) -> str:
    if answer.statement is None:
        return ""
    name = f"statement {answer.statement.sid}" if answer.statement.sid else "a statement"
    if answer.condition:
        return f"the condition {answer.condition} of {name} leaves it out"
    return f"{name} denies it"


def _other_region(need: Need, document: Document) -> str:
    """That the policy names CloudWatch Logs, but of another region."""
    if LOGS.fullmatch(need.service) is None:
        return ""
    services = {one for statement in document.statements for one in statement.principals.get("Service", ())}
    others = sorted(one for one in services if isinstance(one, str) and LOGS.fullmatch(one))
    return f"{', '.join(others)} is another region's" if others and need.service not in others else ""


def _said(lack: _Lack, why: list[str], policy: _KeyPolicy) -> Evidence:
    permissions = ", ".join(lack.permissions)
    expected = f"{lack.service} may {permissions}"
    because = "; ".join(dict.fromkeys(why))
    if not lack.certain:
        said = (
            f"{policy.name} may not let {lack.service} do {permissions}, which is not known yet: {because}."
        )
        actual = policy.document if isinstance(policy.document, Unknown) else None
        return unknown(said, _POLICY, actual=actual, expected=expected)
    reason = f" ({lack.reason})" if lack.reason else ""
    said = f"{policy.name} does not let {lack.service} do {permissions}{reason}: {because}."
    return failed(said, _POLICY, actual=lack.reason or None, expected=expected)
