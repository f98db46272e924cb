"""What moto's Lambda lacks."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from moto.awslambda.models import LambdaFunction

from tapstack.sandbox.invocations import Invoker
from tapstack.sandbox.record import Sandbox

# Fields of CreateFunction and UpdateFunctionConfiguration that moto forgets, all or on update.
_FORGOTTEN: Final = ("DeadLetterConfig", "LoggingConfig")
_NEVER_UPDATED: Final = {
    "TracingConfig": "tracing_config",
    "KMSKeyArn": "kms_key_arn",
}


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


def lambda_reserved_concurrency(_sandbox: Sandbox) -> None:
    """GetFunction leaves a reserved concurrency of zero out.

    A function that is switched off by reserved_concurrent_executions = 0 drifts for ever. Delete when GetFunction of
    moto returns Concurrency for zero too.
    """
    get_code = LambdaFunction.get_code

    def code_with_concurrency(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = get_code(self)
        if self.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": self.reserved_concurrency}
        return answer

    LambdaFunction.get_code = code_with_concurrency


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
