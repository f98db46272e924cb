"""Invokes moto's functions through the sandbox's own runner, with retries, dead letters and logs."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError

from tapstack.sandbox import functions
from tapstack.sandbox.concurrency import Throttled, slot
from tapstack.sandbox.destinations import Undeliverable, deliver
from tapstack.sandbox.environment import isolated
from tapstack.sandbox.functions import Invocation
from tapstack.sandbox.record import Sandbox

# AWS waits one minute and then two; nobody wants to wait that long for a rehearsal.
RETRY_SECONDS: Final = (1.0, 2.0)

# A throttled event waits in the function's queue: longer each time, on AWS from one second to five minutes.
_FIRST_THROTTLED_WAIT: Final = 0.2
_LONGEST_THROTTLED_WAIT: Final = 5.0
# How long it may wait there unless MaximumEventAgeInSeconds says otherwise.
_EVENT_AGE_SECONDS: Final = 6 * 3600.0

# The tail of the log that Invoke returns with LogType=Tail, in bytes.
_TAIL: Final = 4096


class TooManyRequests(LambdaClientError):  # type: ignore[misc]  # moto has no types
    """The answer of Invoke when the function's reserved concurrency is used up."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")
        reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        self.description = json.dumps({"Reason": reason, "Type": "User", "message": self.message})


class Invoker:
    """Runs functions on behalf of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def invoke(
        self, function: Any, body: str | bytes, request: Mapping[str, str], response: MutableMapping[str, Any]
    ) -> bytes:
        """Answer one Invoke; `request` and `response` are HTTP headers, the result is the payload.

        The signature and the headers are those that LambdaFunction.invoke of moto has.
        """
        event = _event(body)
        response["x-amz-executed-version"] = str(function.version)
        kind = _header(request, "x-amz-invocation-type") or "RequestResponse"
        if kind == "DryRun":
            return b""
        if kind == "Event":
            threading.Thread(target=self._asynchronously, args=(function, event), daemon=True).start()
            return b""
        try:
            with slot(function):
                done = self.run(function, event)
        except Throttled:
            raise TooManyRequests from None
        if done.function_error:
            response["x-amz-function-error"] = done.function_error
        response["x-amz-log-result"] = base64.b64encode(done.log.encode()[-_TAIL:]).decode()
        return done.payload

    def run(self, function: Any, event: object, request_id: str | None = None) -> Invocation:
        """Run moto's `function` once and write its log; the caller holds one of its concurrency slots."""
        done = functions.run(
            function.get_configuration(),
            function.code_bytes,
            event,
            environment=isolated({}, self._sandbox, region=function.region),
            request_id=request_id,
        )
        _write_log(function, done)
        return done

    def _asynchronously(self, function: Any, event: object) -> None:
        # All attempts of one event carry the same request id, as in AWS.
        request_id, deadline = str(uuid.uuid4()), time.monotonic() + _event_age(function)
        waits = [0.0, *RETRY_SECONDS[: _retries(function)]]
        done: Invocation | None = None
        for wait in waits:
            time.sleep(wait)
            attempt = self._when_not_throttled(function, event, request_id, deadline)
            if attempt is None:
                break
            if not attempt.function_error:
                return
            done = attempt
        if done is None:
            _bury(function, event, request_id, "429", "Rate Exceeded.")
        else:
            message = str(json.loads(done.payload).get("errorMessage", ""))
            _bury(function, event, request_id, "200", message)

    def _when_not_throttled(
        self, function: Any, event: object, request_id: str, deadline: float
    ) -> Invocation | None:
        """Run the function as soon as its concurrency allows; None when the event got too old meanwhile."""
        wait = _FIRST_THROTTLED_WAIT
        while time.monotonic() < deadline:
            try:
                with slot(function):
                    return self.run(function, event, request_id)
            except Throttled:
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_THROTTLED_WAIT)
        return None


def _retries(function: Any) -> int:
    """MaximumRetryAttempts of the function's event invoke configuration; AWS's default is two."""
    return int(_configured(function, "MaximumRetryAttempts", len(RETRY_SECONDS)))


def _event_age(function: Any) -> float:
    """MaximumEventAgeInSeconds of the function's event invoke configuration."""
    return _configured(function, "MaximumEventAgeInSeconds", _EVENT_AGE_SECONDS)


def _configured(function: Any, field: str, default: float) -> float:
    configured = [config.config.get(field) for config in function.event_invoke_config]
    return next((float(value) for value in reversed(configured) if value is not None), default)


def _event(body: str | bytes) -> object:
    try:
        return json.loads(body) if body else {}
    except ValueError as error:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _bury(function: Any, event: object, request_id: str, code: str, message: str) -> None:
    """Send an event whose attempts all failed to the function's queue or topic for dead letters.

    Attributes: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    target = (function.get_configuration().get("DeadLetterConfig") or {}).get("TargetArn") or ""
    attributes = {
        "RequestID": {"StringValue": request_id, "DataType": "String"},
        "ErrorCode": {"StringValue": code, "DataType": "Number"},
        "ErrorMessage": {
            "StringValue": message.encode()[:1024].decode(errors="ignore"),
            "DataType": "String",
        },
    }
    if not target:
        _say(f"an event of {function.function_name} is lost after its last attempt: no dead-letter queue")
        return
    try:
        deliver(target, json.dumps(event), attributes)
    except Undeliverable as error:
        _say(f"an event of {function.function_name} is lost after its last attempt: {error}")


def _write_log(function: Any, done: Invocation) -> None:
    group, logs = functions.log_group(function.get_configuration()), function.logs_backend
    moment = int(time.time() * 1000)
    logs.ensure_log_group(group)
    logs.create_log_stream(group, done.log_stream)
    events = [{"timestamp": moment, "message": line} for line in done.log.splitlines()]
    logs.put_log_events(group, done.log_stream, events)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
