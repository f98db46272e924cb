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
from moto.sqs.models import sqs_backends

from tapstack.sandbox import functions
from tapstack.sandbox.environment import isolated
from tapstack.sandbox.functions import Invocation
from tapstack.sandbox.record import Sandbox

# AWS waits one minute and then two; nobody wants to wait that long for a rehearsal.
RETRY_SECONDS: Final = (1.0, 2.0)

# The tail of the log that Invoke returns with LogType=Tail, in bytes.
_TAIL: Final = 4096


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
        done = self._run(function, event, str(uuid.uuid4()))
        if done.function_error:
            response["x-amz-function-error"] = done.function_error
        response["x-amz-log-result"] = base64.b64encode(done.log.encode()[-_TAIL:]).decode()
        return done.payload

    def _run(self, function: Any, event: object, request_id: str) -> Invocation:
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
        request_id = str(uuid.uuid4())
        done = self._run(function, event, request_id)
        for wait in RETRY_SECONDS[: _retries(function)]:
            if not done.function_error:
                return
            time.sleep(wait)
            done = self._run(function, event, request_id)
        if done.function_error:
            _bury(function, event, done)


def _retries(function: Any) -> int:
    """MaximumRetryAttempts of the function's event invoke configuration; AWS's default is two."""
    configured = [config.config.get("MaximumRetryAttempts") for config in function.event_invoke_config]
    return next((int(count) for count in reversed(configured) if count is not None), len(RETRY_SECONDS))


def _event(body: str | bytes) -> object:
    try:
        return json.loads(body) if body else {}
    except ValueError as error:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _bury(function: Any, event: object, done: Invocation) -> None:
    """Send an event whose attempts all failed to the function's queue for dead letters.

    Attributes: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    target = (function.get_configuration().get("DeadLetterConfig") or {}).get("TargetArn") or ""
    service, region, account, name = (*target.split(":"), "", "", "", "", "", "")[2:6]
    if service != "sqs":
        outcome = f"its dead-letter target {target} is no queue" if target else "it has no dead-letter queue"
        _say(f"an event of {function.function_name} is lost after its last attempt: {outcome}")
        return
    message = str(json.loads(done.payload).get("errorMessage", ""))
    attributes = {
        "RequestID": {"StringValue": done.request_id, "DataType": "String"},
        "ErrorCode": {"StringValue": "200", "DataType": "Number"},
        "ErrorMessage": {
            "StringValue": message.encode()[:1024].decode(errors="ignore"),
            "DataType": "String",
        },
    }
    try:
        sqs_backends[account][region].send_message(name, json.dumps(event), message_attributes=attributes)
    except Exception as error:  # a thread of its own: there is nobody else to tell
        _say(f"an event of {function.function_name} is lost: {target} does not take it: {error!r}")


def _write_log(function: Any, done: Invocation) -> None:
    group, logs = functions.log_group(function.get_configuration()), function.logs_backend
    moment = int(time.time() * 1000)
    logs.ensure_log_group(group)
    logs.create_log_stream(group, done.log_stream)
    events = [{"timestamp": moment, "message": line} for line in done.log.splitlines()]
    logs.put_log_events(group, done.log_stream, events)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
