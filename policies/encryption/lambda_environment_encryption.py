"""Environment variables of Lambda functions are encrypted with a key of the customer's."""

from __future__ import annotations

from collections.abc import Iterable

from tapstack.gate.key_manager import key_manager
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

_KEY = "kms_key_arn"
_VARIABLES = "environment.0.variables"
_A_KEY = "the ARN of a KMS key"


class LambdaEnvironmentEncryption(Policy):
    """A function with environment variables has a `kms_key_arn`."""

    id = "CKV_TAP_107"
    name = "lambda_environment_encryption"
    title = "Environment variables of Lambda functions are encrypted with a KMS key"
    severity = Severity.MEDIUM
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_function",)
    rationale = (
        "With AWS's default key everyone who may read a function's configuration reads its environment in the "
        "clear; with a key of one's own they need kms:Decrypt on it as well. "
        "Sharpens checkov's CKV_AWS_173 with values that are not known yet."
    )
    remediation = "kms_key_arn = aws_kms_key.main.arn"
    references = ("https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether there is anything to encrypt, then whether there is a key."""
        variables = resource.get(_VARIABLES)
        if is_unset(variables) or variables == {}:
            yield not_applicable("The function has no environment variables.")
            return
        manager, key = key_manager(resource, stack, _KEY), resource.get(_KEY)
        if isinstance(manager, Unknown):
            said = "Whether the environment is encrypted with a key is not known yet."
            yield unknown(said, _KEY, actual=key, expected=_A_KEY)
        elif manager is not MISSING:
            yield passed("The environment is encrypted with a key.", _KEY, key)
        elif isinstance(variables, Unknown):
            said = "Whether the function, which has no key, has environment variables is not known yet."
            yield unknown(said, _VARIABLES, actual=variables, expected=_A_KEY)
        else:
            yield failed("The function has environment variables, but no key.", _KEY, expected=_A_KEY)
