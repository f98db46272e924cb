"""The Lambda proxy integration of a REST API: the event a function gets, and what its answer means.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends

from tapstack.sandbox.rest_api_routes import Route

# Of the event as Lambda gets it, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_EVENT_BYTES: Final = 6 * 1024 * 1024 + 100
_FUNCTION: Final = re.compile(r"/functions/(arn:[^/]+)/invocations$")
_ANSWER_FIELDS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
# API Gateway keeps these of a request's headers to itself.
_NOT_PASSED_ON: Final = frozenset({"connection", "content-length", "host"})


class IntegrationFailed(Exception):
    """The function gave no usable answer; `status`, `message` are for the caller, `reason` is for the log."""

    def __init__(self, status: int, reason: str, message: str = "Internal server error") -> None:
        super().__init__(reason)
        self.status = status
        self.message = message
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a stage; `raw_path` is as sent, after the stage, `headers` as sent and in their order."""

    method: str
    raw_path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    protocol: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str | None:
        """The last value of a header, by its name in lower case."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[-1] if values else None

    def parameters(self) -> list[tuple[str, str]]:
        """The query's parameters, decoded, in their order."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Response:
    """What the caller gets."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def respond(
    api: Any, stage: Any, route: Route, request: Request, path_parameters: dict[str, str], key: Any
) -> Response:
    """Invoke the route's function and turn its answer into a response; `key` is moto's ApiKey or None.

    Raises IntegrationFailed, with the status that AWS would answer.
    """
    document = event_of(api, stage, route, request, path_parameters, key)
    event = json.dumps(document, ensure_ascii=False).encode()
    if len(event) > _EVENT_BYTES:
        raise IntegrationFailed(413, "the event is larger than Lambda takes", "Request Too Long")
    payload = _invoke(route, event)
    return response_of(payload, _takes_binary(api, request.header("accept")))


def event_of(
    api: Any, stage: Any, route: Route, request: Request, path_parameters: dict[str, str], key: Any
) -> dict[str, Any]:
    """The event of format 1.0."""
    headers = _headers(api, request)
    query = request.parameters()
    binary = _takes_binary(api, request.header("content-type"))
    body = base64.b64encode(request.body) if binary else request.body
    return {
        "resource": route.path,
        "path": unquote(request.raw_path),
        "httpMethod": request.method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _by_name(headers) or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _by_name(query) or None,
        "pathParameters": path_parameters or None,
        "stageVariables": stage.variables or None,
        "requestContext": _context(api, stage, route, request, key),
        "body": body.decode(errors="replace") or None,
        "isBase64Encoded": binary and bool(body),
    }


def _context(api: Any, stage: Any, route: Route, request: Request, key: Any) -> dict[str, Any]:
    now = time.time()
    identity = {
        "cognitoIdentityPoolId": None,
        "accountId": None,
        "cognitoIdentityId": None,
        "caller": None,
        "sourceIp": request.source_ip,
        "principalOrgId": None,
        "accessKey": None,
        "cognitoAuthenticationType": None,
        "cognitoAuthenticationProvider": None,
        "userArn": None,
        "userAgent": request.header("user-agent"),
        "user": None,
        **({"apiKey": key.value, "apiKeyId": key.id} if key else {}),
    }
    return {
        "resourceId": route.resource_id,
        "resourcePath": route.path,
        "httpMethod": request.method,
        "extendedRequestId": base64.b64encode(request.id.encode()).decode()[:16],
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "path": f"/{stage.name}{unquote(request.raw_path)}",
        "accountId": api.account_id,
        "protocol": request.protocol,
        "stage": stage.name,
        "domainPrefix": api.id,
        "requestTimeEpoch": int(now * 1000),
        "requestId": request.id,
        "identity": identity,
        "domainName": _domain(api),
        "deploymentId": stage.deployment_id,
        "apiId": api.id,
    }


def _headers(api: Any, request: Request) -> list[tuple[str, str]]:
    passed = [(name, value) for name, value in request.headers if name.lower() not in _NOT_PASSED_ON]
    added = {
        "Host": _domain(api),
        "X-Amzn-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}",
        "X-Forwarded-For": request.source_ip,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    return [*passed, *added.items()]


def _domain(api: Any) -> str:
    return f"{api.id}.execute-api.{api.region_name}.amazonaws.com"


def _by_name(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _takes_binary(api: Any, media_types: str | None) -> bool:
    """Whether the first of `media_types` (a Content-Type or Accept header) is one of the API's binary ones."""
    first = (media_types or "application/json").split(",")[0].partition(";")[0].strip().lower()
    return first in api.binaryMediaTypes or "*/*" in api.binaryMediaTypes


def _invoke(route: Route, event: bytes) -> bytes:
    found = _FUNCTION.search(route.uri)
    if found is None:
        raise IntegrationFailed(500, f"{route.uri} names no function")
    outcome: list[bytes | IntegrationFailed] = []
    # The function goes on when nobody waits for it any more, as in AWS.
    thread = threading.Thread(target=lambda: outcome.append(_outcome(found[1], event)), daemon=True)
    thread.start()
    thread.join(route.timeout / 1000)
    if not outcome:
        reason = f"{found[1]} has not answered after {route.timeout} ms"
        raise IntegrationFailed(504, reason, "Endpoint request timed out")
    if isinstance(outcome[0], IntegrationFailed):
        raise outcome[0]
    return outcome[0]


def _outcome(arn: str, event: bytes) -> bytes | IntegrationFailed:
    _, _, _, region, account, _, name, *qualifier = arn.split(":")
    backend = lambda_backends[account][region]
    headers: dict[str, Any] = {}
    try:
        payload = bytes(backend.invoke(name, qualifier[0] if qualifier else None, event, {}, headers))
    except LambdaClientError as error:
        # A throttled function is a fault of the API to its callers: 500, not 429.
        return IntegrationFailed(500, f"Lambda refused to run {name}: {error.message}")
    except Exception as error:  # moto has an exception of its own for each way not to exist
        return IntegrationFailed(500, f"{name} could not be invoked: {error!r}")
    if "x-amz-function-error" in headers:
        return IntegrationFailed(502, f"{name} failed: {payload.decode(errors='replace')[:500]}")
    return payload


def response_of(payload: bytes, binary: bool = False) -> Response:
    """The response in a function's answer; IntegrationFailed if it is malformed.

    No field must be there, and no other may be. `binary`: whether a base64 body is decoded.
    """
    try:
        answer = json.loads(payload)
        if not isinstance(answer, dict) or answer.keys() - _ANSWER_FIELDS:
            raise ValueError("it is no object of the known fields")
        status, body = _status(answer.get("statusCode")), answer.get("body")
        if not isinstance(body, str | None):
            raise ValueError("its body is no text")
        content = (body or "").encode()
        if answer.get("isBase64Encoded") and binary:
            content = base64.b64decode(content, validate=True)
        return Response(status, _answered_headers(answer), content)
    except (ValueError, TypeError, AttributeError) as error:
        shown = payload.decode(errors="replace")[:500]
        raise IntegrationFailed(502, f"malformed Lambda proxy response: {error}: {shown}") from error


def _status(given: object) -> int:
    if given is None:
        return 200
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise ValueError("its status code is no number")
    status = int(given)
    if not 100 <= status <= 599:
        raise ValueError("its status code is none of HTTP")
    return status


def _answered_headers(answer: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    several = answer.get("multiValueHeaders") or {}
    single = answer.get("headers") or {}
    pairs = [(name, value) for name, values in several.items() for value in values]
    known = {name.lower() for name in several}
    pairs += [(name, value) for name, value in single.items() if name.lower() not in known]
    if not all(isinstance(value, (str, int, float)) for _, value in pairs):
        raise ValueError("a header's value is no text")
    headers = [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in pairs]
    if any(character in part for pair in headers for part in pair for character in "\r\n"):
        raise ValueError("a header has more than one line")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return tuple(headers)
