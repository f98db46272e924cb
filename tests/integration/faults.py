"""An AWS that misbehaves: a server in front of the sandbox that fails as it is told to and passes the rest on."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Kind = Literal["500", "throttle", "expired", "skewed", "hang", "close", "lost"]

# Headers that belong to one connection. The sandbox refuses what is addressed to another host.
_OF_THE_CONNECTION = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
_CODES = {
    "500": (500, "InternalFailure", "The request processing has failed."),
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "expired": (403, "ExpiredToken", "The security token included in the request is expired"),
    "skewed": (
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
}


def passed_on(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION}


def call_of(target: str, content_type: str, body: bytes, route: str) -> str:
    """The operation: "CreateTable"; "PUT /bucket/key" for services that name it by method and path."""
    if target:
        return target.rpartition(".")[2]
    if content_type.startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return route.partition("?")[0]


class Faults:
    """What happens to which operation, "*" for every one, how many times more; `seen` are all calls, in order.

    "lost" is carried out, and its answer never arrives; "hang" waits until the end.
    """

    def __init__(self, sandbox: str) -> None:
        self.url = ""
        self.seen: list[tuple[str, Kind | None]] = []
        self._left: Counter[tuple[str, Kind]] = Counter()
        self._sandbox = urlsplit(sandbox).netloc
        self._lock = threading.Lock()
        self.over = threading.Event()

    def inject(self, call: str, kind: Kind, times: int = 1) -> None:
        with self._lock:
            self._left[call, kind] = times

    def heal(self) -> None:
        with self._lock:
            self._left.clear()

    def count(self, call: str, kind: Kind | None) -> int:
        return self.seen.count((call, kind))

    def take(self, call: str) -> Kind | None:
        """What is to happen to this call; it is noted either way."""
        with self._lock:
            key = next((one for one, left in self._left.items() if one[0] in (call, "*") and left > 0), None)
            if key is not None:
                self._left[key] -= 1
            self.seen.append((call, key[1] if key else None))
        return key[1] if key else None

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._sandbox, timeout=30)
        try:
            connection.request(method, path, body, passed_on(headers))
            answer = connection.getresponse()
            return answer.status, passed_on(dict(answer.getheaders())), answer.read()
        finally:
            connection.close()


def refusal(kind: Kind, target: str, content_type: str) -> tuple[int, dict[str, str], bytes]:
    """An error of AWS in the form of the service that was asked: JSON, a query's XML, or S3's."""
    status, code, message = _CODES[kind]
    if target:
        code += "Exception" if kind == "expired" else ""
        answer = json.dumps({"__type": code, "message": message})
        return status, {"Content-Type": "application/x-amz-json-1.1"}, answer.encode()
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if content_type.startswith("application/x-www-form-urlencoded"):
        error = f"<ErrorResponse>{error}</ErrorResponse>"
    return status, {"Content-Type": "application/xml"}, error.encode()


@contextmanager
def faults(sandbox: str) -> Iterator[Faults]:
    """Faults that listens at its `url`, in front of the sandbox with the address `sandbox`."""
    chosen = Faults(sandbox)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind_of = self.headers.get("Content-Type", "")
            route = f"{self.command} {self.path}"
            target = self.headers.get("X-Amz-Target", "")
            kind = chosen.take(call_of(target, kind_of, body, route))
            if kind == "hang":
                chosen.over.wait(120)
            if kind == "lost":
                chosen.forward(self.command, self.path, dict(self.headers), body)
            if kind in ("hang", "close", "lost"):
                self.close_connection = True
                return
            if kind is None:
                status, headers, answer = chosen.forward(self.command, self.path, dict(self.headers), body)
            else:
                status, headers, answer = refusal(kind, target, kind_of)
            with contextlib.suppress(OSError):  # a client that was killed
                self._answer(status, headers, answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815  # http.server's names

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: the tests look at `seen`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    chosen.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield chosen
    finally:
        chosen.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
