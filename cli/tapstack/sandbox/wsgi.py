"""The sandbox's HTTP surface: moto behind tap's own routes, with the way out closed and no silent 500s."""

from __future__ import annotations

import io
import json
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from botocore.exceptions import UnknownServiceError
from flask import Flask
from flask import request as flask_request
from moto.awslambda.models import lambda_backends
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import NotFound

from tapstack.sandbox import refusal
from tapstack.sandbox.contents import contents
from tapstack.sandbox.record import LOOPBACK, Sandbox
from tapstack.sandbox.refusal import Answer, Call
from tapstack.sandbox.rest_api import PATH, RestApis

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

# A race inside moto heals when the client tries again; a fault that stays must not be tried for 17 minutes.
_FAULTS_BEFORE_REFUSAL: Final = 3
# Larger query bodies name no action worth logging; only the start is read, the rest stays for moto.
_QUERY_BODY: Final = 4 * 1024 * 1024


class _UnknownServiceError(Exception):
    """moto has no backend for the service a request is signed for."""


class _Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's dispatcher, but a service it does not know is said to be unknown."""

    def __init__(self, create_app: Callable[[Any], Flask]) -> None:
        super().__init__(create_app)
        self._known: dict[str, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The name of the backend for `host`; None for None."""
        if host is None or host in self._known:
            return self._known.get(host or "")
        backend = super().get_backend_for_host(host)
        if backend is None:
            raise _UnknownServiceError(host)
        self._known[host] = backend
        return backend


class Application:
    """The WSGI application of one sandbox; calling it answers one request."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._moto = _Dispatcher(_backend_app)
        self._faults: Counter[Call] = Counter()
        self._counting = threading.Lock()
        self._rest_apis = RestApis()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with moto's response, or with one of our own where moto has none."""
        answer = self._own_answer(environ)
        if answer is not None:
            return _send(answer, start_response)
        if str(environ["PATH_INFO"]).startswith(PATH):
            return self._rest_apis(environ, start_response)
        call = _call(environ)
        unknown = _misrouted(self._moto, environ, call)
        if unknown is not None:
            return _send(_not_implemented(environ, call, unknown), start_response)
        try:
            response: Iterable[bytes] = self._moto(environ, start_response)
        except NotImplementedError as error:
            return _send(_not_implemented(environ, call, f"moto: {error}"), start_response)
        except Exception as error:  # whatever moto raises must become an answer
            return _send(self._fault(call, error), start_response)
        return response

    def _own_answer(self, environ: Environ) -> Answer | None:
        """The answer to a request that is not for moto: ours, on its way out, or a browser's."""
        raw = str(environ["RAW_URI"])
        if environ["REQUEST_METHOD"] == "CONNECT":
            return _blocked(raw)
        if not raw.startswith("/") and not self._is_own(urlsplit(raw).netloc):
            return _blocked(urlsplit(raw).netloc, _call(environ))
        # The server runs code for whoever asks: no web page may ask, by script or by a rebound name.
        if "HTTP_ORIGIN" in environ or not self._is_own(str(environ.get("HTTP_HOST", ""))):
            return _text(HTTPStatus.FORBIDDEN, "the sandbox answers to AWS clients on this machine only")
        path = str(environ["PATH_INFO"])
        return self._route(path) if path.startswith("/_tap/") else None

    def _is_own(self, authority: str) -> bool:
        """Whether HOST:PORT is this server, also with a bucket or an account before the host."""
        host, _, port = authority.rpartition(":")
        return port == str(self._sandbox.port) and f".{host}".endswith((f".{LOOPBACK}", ".localhost"))

    def _route(self, path: str) -> Answer:
        match path.removeprefix("/_tap/").split("/"):
            case ["identity"]:
                return _json({"id": self._sandbox.id})
            case ["inventory"]:
                return _json(contents())
            case ["functions", account, region, name, version]:
                return _code(account, region, unquote(name), version)
        return _text(HTTPStatus.NOT_FOUND, f"the sandbox has no {path}")

    def _fault(self, call: Call, error: Exception) -> Answer:
        with self._counting:
            self._faults[call] += 1
            final = self._faults[call] >= _FAULTS_BEFORE_REFUSAL
        sentence = f"moto failed at {call.service} {call.action}: {type(error).__name__}: {error}"
        _say(f"fault: {sentence}\n{''.join(traceback.format_exception(error))}")
        status = HTTPStatus.BAD_REQUEST if final else HTTPStatus.INTERNAL_SERVER_ERROR
        return refusal.answer(call, refusal.BROKEN, sentence, status)


def _backend_app(service: Any) -> Flask:
    app: Flask = create_backend_app(service)

    def unrouted(error: NotFound) -> NotFound:
        if flask_request.routing_exception is not None:
            raise NotImplementedError(f"no route for {flask_request.method} {flask_request.path}")
        return error

    # moto's fall-back is a page of HTML, which clients read as "the resource does not exist".
    app.register_error_handler(NotFound, unrouted)
    return app


def _misrouted(moto: _Dispatcher, environ: Environ, call: Call) -> str | None:
    """Why moto would give a signed call to nobody or to S3, its fall-back; None when all is well."""
    if not call.service:
        return None
    try:
        host = moto.infer_service_region_host(environ, str(environ["PATH_INFO"])) or ""
        backend = moto.get_backend_for_host(host)
    except _UnknownServiceError:
        return "moto does not know this service"
    except KeyError:
        return "moto can't tell which service this is"
    if str(backend).startswith("s3") and not call.service.startswith("s3"):
        return "moto does not know this service"
    return None


def _call(environ: Environ) -> Call:
    content_type, body = str(environ.get("CONTENT_TYPE", "")), b""
    if content_type.startswith("application/x-www-form-urlencoded"):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if 0 < length <= _QUERY_BODY:
            body = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(body)
    authorization = str(environ.get("HTTP_AUTHORIZATION", ""))
    return refusal.call_of(
        authorization=authorization,
        target=str(environ.get("HTTP_X_AMZ_TARGET", "")),
        content_type=content_type,
        route=f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}",
        body=body,
    )


def _not_implemented(environ: Environ, call: Call, why: str) -> Answer:
    call = _with_operation(environ, call)
    sentence = f"the sandbox can't do {call.service or 'this'} {call.action}: {why}"
    _say(f"unimplemented: {sentence}")
    return refusal.answer(call, refusal.NOT_IMPLEMENTED, sentence)


def _with_operation(environ: Environ, call: Call) -> Call:
    """`call` with the name of its operation instead of its path, where botocore knows the service's paths."""
    if call.protocol not in ("rest-json", "rest-xml", "s3"):
        return call
    try:
        operation, _ = get_service_router(call.service).match(Request(environ.copy()))
    except (UnknownServiceError, NotFound, NotImplementedError):
        return call
    return replace(call, action=str(operation.name))


def _blocked(host: str, call: Call | None = None) -> Answer:
    sentence = f"{host} is not the sandbox; nothing leaves this machine"
    _say(f"blocked: {sentence}")
    if call is not None and call.service:
        return refusal.answer(call, refusal.BLOCKED, sentence, HTTPStatus.FORBIDDEN)
    return _text(HTTPStatus.FORBIDDEN, f"blocked: {sentence}")


def _code(account: str, region: str, name: str, version: str) -> Answer:
    try:
        function = lambda_backends[account][region].get_function(name, version)
    except Exception:  # moto has an exception of its own for each way not to exist
        return _text(HTTPStatus.NOT_FOUND, f"there is no function {name} of version {version}")
    return _answer(HTTPStatus.OK, "application/zip", function.code_bytes)


def _json(document: object) -> Answer:
    return _answer(HTTPStatus.OK, "application/json", json.dumps(document).encode())


def _text(status: HTTPStatus, sentence: str) -> Answer:
    return _answer(status, "text/plain; charset=utf-8", f"{sentence}\n".encode())


def _answer(status: HTTPStatus, kind: str, body: bytes) -> Answer:
    return Answer(status, (("Content-Type", kind), ("Content-Length", str(len(body)))), body)


def _send(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    start_response(f"{answer.status.value} {answer.status.phrase}", list(answer.headers))
    return [answer.body]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
