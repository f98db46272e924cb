"""Serves deployed REST APIs over HTTP: http://127.0.0.1:PORT/_aws/execute-api/API/STAGE/PATH.

What API Gateway does with a request, in its order: size, method, API key, throttle and quota, validation,
integration. Answers: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from moto.apigateway.models import apigateway_backends

from tapstack.sandbox import rest_api_lambda
from tapstack.sandbox.rest_api_lambda import IntegrationFailed, Request, Response
from tapstack.sandbox.rest_api_routes import Route, match, routes_of
from tapstack.sandbox.rest_api_usage import KeyRefused, QuotaUsedUp, Throttled, Usage
from tapstack.sandbox.rest_api_validation import fault

PATH: Final = "/_aws/execute-api/"

_BODY_BYTES: Final = 10 * 1024 * 1024
_CHUNK: Final = 64 * 1024


class _Refused(Exception):
    """API Gateway's own answer: `kind` goes into x-amzn-ErrorType, the message into the body."""

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.response = _message(status, message, kind)


class _TooLarge(_Refused):
    """The one answer that API Gateway gives as bare text."""

    def __init__(self) -> None:
        sentence = f"HTTP content length exceeded {_BODY_BYTES} bytes."
        super().__init__(413, sentence, "RequestTooLarge")
        self.response = Response(413, (("Content-Type", "text/plain"),), sentence.encode())


class RestApis:
    """All REST APIs of one sandbox."""

    def __init__(self) -> None:
        self._usage = Usage()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request to a path under PATH."""
        request_id = ""
        try:
            api_id, stage_name, request = _read(environ)
            request_id = request.id
            response = self._serve(api_id, stage_name, request)
        except _Refused as refused:
            response = refused.response
        except IntegrationFailed as failed:
            print(f"REST API: {failed.reason}", file=sys.stderr, flush=True)
            response = _message(failed.status, failed.message, "InternalServerErrorException")
        except Exception:  # a fault of ours must be an answer too
            traceback.print_exc()
            response = _message(500, "Internal server error", "InternalServerErrorException")
        return _send(response, request_id, start_response)

    def _serve(self, api_id: str, stage_name: str, request: Request) -> Response:
        api, backend = _api(api_id)
        stage = api.stages.get(stage_name)
        deployment = api.deployments.get(stage.deployment_id) if stage else None
        if deployment is None or api.disableExecuteApiEndpoint:
            raise _Refused(403, "Forbidden", "ForbiddenException")
        found = match(deployment.routes, request.method, request.raw_path)
        if found is None:
            raise _Refused(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
        route, path_parameters = found
        if route.authorization != "NONE" or route.integration != "AWS_PROXY":
            what = f"authorization {route.authorization} and integration {route.integration}"
            raise _Refused(
                501, f"the sandbox serves methods without authorizer before a function, not {what}", "Sandbox"
            )
        key = self._admitted(backend, api_id, stage_name, request) if route.needs_key else None
        _validate(api_id, route, request, path_parameters)
        return rest_api_lambda.respond(api, stage, route, request, path_parameters, key)

    def _admitted(self, backend: Any, api_id: str, stage: str, request: Request) -> Any:
        try:
            return self._usage.admit(backend, api_id, stage, request.header("x-api-key"))
        except KeyRefused:
            raise _Refused(403, "Forbidden", "ForbiddenException") from None
        except Throttled:
            raise _Refused(429, "Too Many Requests", "TooManyRequestsException") from None
        except QuotaUsedUp:
            raise _Refused(429, "Limit Exceeded", "LimitExceededException") from None


def invoke_as_test(api: Any, resource_id: str, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The answer of TestInvokeMethod: the method as it is now, not as deployed; no key is asked for."""
    routes = [r for r in routes_of(api) if (r.resource_id, r.method) == (resource_id, method)]
    if not routes or routes[0].integration != "AWS_PROXY":
        raise NotImplementedError(f"the sandbox tests methods before a function only, and {method} is none")
    given = urlsplit(fields.get("pathWithQueryString") or routes[0].path)
    request = Request(
        method=method,
        raw_path=given.path,
        query=given.query,
        headers=tuple((fields.get("headers") or {}).items()),
        body=(fields.get("body") or "").encode(),
        source_ip="test-invoke-source-ip",
        protocol="HTTP/1.1",
    )
    found = match(routes, method, given.path)
    stage = _TestStage(fields.get("stageVariables") or {})
    try:
        path_parameters = found[1] if found else {}
        _validate(api.id, routes[0], request, path_parameters)
        response = rest_api_lambda.respond(api, stage, routes[0], request, path_parameters, None)
        log = "Method completed"
    except _Refused as refused:
        response, log = refused.response, "Request validation failed"
    except IntegrationFailed as failed:
        response = _message(failed.status, failed.message, "InternalServerErrorException")
        log = f"Execution failed: {failed.reason}"
    several: dict[str, list[str]] = {}
    for name, value in response.headers:
        several.setdefault(name, []).append(value)
    return {
        "status": response.status,
        "body": response.body.decode(errors="replace"),
        "headers": dict(response.headers),
        "multiValueHeaders": several,
        "log": f"Execution log for request {request.id}\n{log} with status: {response.status}",
        "latency": 1,
    }


class _TestStage:
    """Where TestInvokeMethod runs: a stage that nobody made."""

    name = "test-invoke-stage"
    deployment_id = None

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables


def _read(environ: dict[str, Any]) -> tuple[str, str, Request]:
    """The API's id, the stage's name and the request; _Refused if its body is too large."""
    target = urlsplit(str(environ["RAW_URI"]))
    api_id, _, rest = target.path.removeprefix(PATH).partition("/")
    stage, _, path = rest.partition("/")
    body = _body(environ)
    return (
        api_id,
        stage,
        Request(
            method=environ["REQUEST_METHOD"],
            raw_path=f"/{path}",
            query=target.query,
            headers=tuple(environ["tap.headers"]),
            body=body,
            source_ip=environ["REMOTE_ADDR"],
            protocol=environ["SERVER_PROTOCOL"],
        ),
    )


def _body(environ: dict[str, Any]) -> bytes:
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH")
    left = int(length or 0)
    endless = environ.get("wsgi.input_terminated", False)
    kept, size = [], 0
    # What is too large is read to its end and dropped: a client that still sends does not hear an answer.
    while endless or left > 0:
        chunk = stream.read(_CHUNK if endless else min(_CHUNK, left))
        if not chunk:
            break
        left, size = left - len(chunk), size + len(chunk)
        if size <= _BODY_BYTES:
            kept.append(chunk)
    if size > _BODY_BYTES:
        raise _TooLarge
    return b"".join(kept)


def _api(api_id: str) -> tuple[Any, Any]:
    for _, _, backend in list(apigateway_backends.iter_backends()):
        if api_id in backend.apis:
            return backend.apis[api_id], backend
    raise _Refused(404, f"the sandbox has no REST API {api_id}", "Sandbox")


def _validate(api_id: str, route: Route, request: Request, path_parameters: dict[str, str]) -> None:
    given = {
        "path": path_parameters,
        "querystring": dict(request.parameters()),
        "header": {name.lower(): value for name, value in request.headers},
    }
    message = fault(route, api_id, given, request.header("content-type") or "", request.body)
    if message is not None:
        raise _Refused(400, message, "BadRequestException")


def _message(status: int, message: str, kind: str) -> Response:
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", kind))
    return Response(status, headers, json.dumps({"message": message}).encode())


def _send(response: Response, request_id: str, start_response: Any) -> Iterable[bytes]:
    phrase = HTTPStatus(response.status).phrase if response.status in set(HTTPStatus) else "Unnamed"
    headers = [
        *((name, value) for name, value in response.headers if name.lower() != "content-length"),
        ("x-amzn-RequestId", request_id),
        ("Content-Length", str(len(response.body))),
    ]
    start_response(f"{response.status} {phrase}", headers)
    return [response.body]
