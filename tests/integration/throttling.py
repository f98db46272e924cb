"""A DynamoDB that throttles: a server in front of the sandbox that refuses some writes and passes the rest on."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
_PUT_ITEM = "DynamoDB_20120810.PutItem"
_REFUSAL = {
    "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "message": "The level of configured provisioned throughput for the table was exceeded.",
}
# Headers that belong to one connection. The sandbox refuses what is addressed to another host.
_OF_THE_CONNECTION = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


def _passed_on(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION}


class Throttling:
    """Refuses the first puts of each transaction, as many as `refusals` says; `puts` are all that came, in order."""

    def __init__(self, sandbox: str) -> None:
        self.refusals: Counter[str] = Counter()
        self.puts: list[tuple[str, bool]] = []
        self.url = ""
        self._sandbox = urlsplit(sandbox).netloc
        self._lock = threading.Lock()

    def refuses(self, target: str | None, body: bytes) -> bool:
        """Whether this call is a put to be refused; it is noted either way."""
        if target != _PUT_ITEM:
            return False
        key = json.loads(body)["Item"]["transactionId"]["S"]
        with self._lock:
            refused = self.refusals[key] > 0
            self.refusals[key] -= refused
            self.puts.append((key, refused))
        return refused

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> http.client.HTTPResponse:
        """What the sandbox itself answers; the caller reads it."""
        connection = http.client.HTTPConnection(self._sandbox, timeout=30)
        connection.request(method, path, body, _passed_on(headers))
        return connection.getresponse()


@contextmanager
def throttling(sandbox: str) -> Iterator[Throttling]:
    """A Throttling that listens at its `url`, in front of the sandbox with the address `sandbox`."""
    throttle = Throttling(sandbox)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if throttle.refuses(self.headers.get("X-Amz-Target"), body):
                self._answer(
                    400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(_REFUSAL).encode()
                )
                return
            answer = throttle.forward("POST", self.path, dict(self.headers), body)
            self._answer(answer.status, dict(answer.getheaders()), answer.read())

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in _passed_on(headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: the tests look at `puts`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    throttle.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield throttle
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
