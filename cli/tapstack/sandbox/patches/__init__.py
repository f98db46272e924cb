"""What moto lacks for the stacks tap deploys: one small function for each gap, applied at the start.

Every gap was seen in moto 5.2.5, and has a test in tests/integration/sandbox that fails without its patch.
When a newer moto closes a gap, its test still passes after deleting the function and its line in PATCHES.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any, Final

from moto.awslambda.models import LambdaFunction
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

from tapstack.errors import SandboxFailed
from tapstack.sandbox.invocations import Invoker
from tapstack.sandbox.record import Sandbox

Patch = Callable[[Sandbox], None]

_ROTATION_DAYS: Final = 365
# Fields of CreateFunction and UpdateFunctionConfiguration that moto forgets, all or on update.
_FORGOTTEN: Final = ("DeadLetterConfig", "LoggingConfig")
_NEVER_UPDATED: Final = {
    "TracingConfig": "tracing_config",
    "KMSKeyArn": "kms_key_arn",
}


def kms_rotation_period(_sandbox: Sandbox) -> None:
    """EnableKeyRotation ignores RotationPeriodInDays and GetKeyRotationStatus never returns it.

    A key with rotation_period_in_days drifts from 0 for ever. Delete when GetKeyRotationStatus of moto
    returns RotationPeriodInDays.
    """
    enable, status = KmsResponse.enable_key_rotation, KmsResponse.get_key_rotation_status
    resolve = KmsBackend.get_key_id

    def key(self: Any) -> Any:
        return self.kms_backend.keys[resolve(self._get_param("KeyId"))]

    def enable_key_rotation(self: Any) -> Any:
        answer = enable(self)
        kept = getattr(key(self), "rotation_days", _ROTATION_DAYS)
        key(self).rotation_days = self._get_param("RotationPeriodInDays") or kept
        return answer

    def get_key_rotation_status(self: Any) -> str:
        answer = json.loads(status(self))
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = getattr(key(self), "rotation_days", _ROTATION_DAYS)
        return json.dumps(answer)

    KmsResponse.enable_key_rotation = enable_key_rotation
    KmsResponse.get_key_rotation_status = get_key_rotation_status


def lambda_configuration(_sandbox: Sandbox) -> None:
    """DeadLetterConfig and LoggingConfig are not stored; TracingConfig and KMSKeyArn are never updated.

    Permanent drift of dead_letter_config and logging_config, and of the other two after a change. Delete
    when GetFunctionConfiguration of moto returns all four after create and after update.
    """
    create, describe = LambdaFunction.__init__, LambdaFunction.get_configuration
    update = LambdaFunction.update_configuration

    for attribute in _NEVER_UPDATED.values():
        if attribute not in create.__code__.co_names:
            raise AttributeError(f"LambdaFunction has no {attribute}")

    def remember(self: Any, fields: dict[str, Any]) -> None:
        kept = {name: fields[name] for name in _FORGOTTEN if name in fields}
        self.forgotten = {**getattr(self, "forgotten", {}), **kept}

    def __init__(  # noqa: N807 - takes the place of the class's own
        self: Any, account_id: str, spec: dict[str, Any], *args: Any, **named: Any
    ) -> None:
        create(self, account_id, spec, *args, **named)
        remember(self, spec)

    def get_configuration(self: Any, *args: Any, **named: Any) -> dict[str, Any]:
        answer: dict[str, Any] = describe(self, *args, **named)
        forgotten = getattr(self, "forgotten", {})
        dead_letters = forgotten.get("DeadLetterConfig") or {}
        if dead_letters.get("TargetArn"):
            answer["DeadLetterConfig"] = dead_letters
        defaults = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
        answer["LoggingConfig"] = {**defaults, **(forgotten.get("LoggingConfig") or {})}
        return answer

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        remember(self, config_updates)
        for field, attribute in _NEVER_UPDATED.items():
            if field in config_updates:
                setattr(self, attribute, config_updates[field])
        answer: dict[str, Any] = update(self, config_updates)
        return answer

    LambdaFunction.__init__ = __init__
    LambdaFunction.get_configuration = get_configuration
    LambdaFunction.update_configuration = update_configuration


def lambda_code_location(sandbox: Sandbox) -> None:
    """Code.Location of GetFunction is the address of a bucket that exists nowhere.

    Nobody can download the deployed zip, and trying leaves the machine. Delete when moto's own address
    can be fetched from the server.
    """
    get_code = LambdaFunction.get_code

    def code_with_location(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = get_code(self)
        if "Location" in answer.get("Code", {}):
            path = f"{self.account_id}/{self.region}/{self.function_name}/{self.version}"
            answer["Code"]["Location"] = f"{sandbox.url}/_tap/functions/{path}"
        return answer

    LambdaFunction.get_code = code_with_location


def lambda_invocation(sandbox: Sandbox) -> None:
    """Functions run in Docker only, and every invocation type is synchronous.

    Without Docker an invocation fails; with it, an asynchronous one blocks, is not retried and knows no
    dead-letter queue. Delete when moto runs Python functions in a process.
    """
    replaced, invoker = LambdaFunction.invoke, Invoker(sandbox)

    @wraps(replaced)
    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        return invoker.invoke(self, body, request_headers, response_headers)

    LambdaFunction.invoke = invoke


PATCHES: Final[tuple[tuple[str, Patch], ...]] = (
    ("KMS rotation period", kms_rotation_period),
    ("Lambda configuration", lambda_configuration),
    ("Lambda code location", lambda_code_location),
    ("Lambda invocation", lambda_invocation),
)


def apply(sandbox: Sandbox) -> None:
    """Apply all patches; raises SandboxFailed naming the one that does not fit the installed moto."""
    for name, patch in PATCHES:
        try:
            patch(sandbox)
        except AttributeError as error:
            raise SandboxFailed(
                f"the sandbox's patch {name!r} does not fit moto {version('moto')}: {error}",
                hint="install the moto version of tap's lock file, or adapt the patch",
            ) from error
