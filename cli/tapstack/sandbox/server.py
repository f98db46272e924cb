"""The server's process: binds, patches moto, says that it is ready, serves until told or left alone.

python -m tapstack.sandbox.server --directory DIR --id ID --port PORT --ready FD
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tapstack.errors import SandboxFailed, TapError
from tapstack.sandbox import functions, record
from tapstack.sandbox.environment import isolated
from tapstack.sandbox.record import LOOPBACK, Sandbox

# How soon a server ends when its record is gone, in seconds.
_WATCH_SECONDS: Final = 2.0


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM, SIGINT, or until the record is no longer this server's."""
    parser = argparse.ArgumentParser(prog="tapstack.sandbox.server")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ready", type=int, required=True)
    options = parser.parse_args(arguments)
    # The starter waits for this first process only, and never becomes the parent of a zombie.
    if os.fork():
        os._exit(0)
    try:
        listener = _bind(options.port)
        sandbox = _describe(options.directory, options.id, listener)
        server = _make_server(sandbox, listener)
        record.write(options.directory, sandbox)
    except TapError as error:
        _report(options.ready, {"error": error.message, **({"hint": error.hint} if error.hint else {})})
        sys.exit(1)
    _report(options.ready, {})
    _serve(server, options.directory, sandbox)


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            reason = f"port {port} is already in use on {LOOPBACK}"
        else:
            reason = f"port {port} can't be used: {error}"
        raise SandboxFailed(reason, hint="name another port, or none to have a free one chosen") from error
    return listener


def _describe(directory: Path, identity: str, listener: socket.socket) -> Sandbox:
    port = listener.getsockname()[1]
    return Sandbox(
        id=identity,
        pid=os.getpid(),
        port=port,
        url=record.url_of(port),
        log=record.log_file(directory),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _make_server(sandbox: Sandbox, listener: socket.socket) -> Any:
    # Before moto and boto3 are imported: they read the environment, and must not get out either.
    environment = isolated(os.environ, sandbox, region="us-east-1")
    os.environ.clear()
    os.environ.update(environment)
    try:
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import make_server

        from tapstack.sandbox import patches
        from tapstack.sandbox.wsgi import Application
    except ImportError as error:
        raise SandboxFailed(
            f"the sandbox needs moto, and the installed one lacks something: {error}",
            hint="pip install 'tapstack[sandbox]'",
        ) from error

    class Handler(MotoRequestHandler):  # type: ignore[misc]
        """Logs server errors only: a day's requests would fill the disk and hide what matters."""

        # An answer leaves in one piece. On a busy machine Go's client, and with it the provider, was seen to drop one
        # of five hundred connections when the head of an answer came alone, and to ask again for what was made then.
        wbufsize = 1 << 16

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if str(code).startswith("5"):
                super().log_request(code, size)

        def make_environ(self) -> dict[str, Any]:
            # "100 Continue", which must not wait for the answer.
            self.wfile.flush()
            environ: dict[str, Any] = super().make_environ()
            # WSGI loses how names were written and which header came twice; functions behind an API see both.
            environ["tap.headers"] = self.headers.items()
            return environ

    patches.apply(sandbox)
    return make_server(
        LOOPBACK,
        sandbox.port,
        Application(sandbox),
        threaded=True,
        request_handler=Handler,
        fd=listener.fileno(),
    )


def _serve(server: Any, directory: Path, sandbox: Sandbox) -> None:
    def end() -> None:
        # shutdown() waits for the loop that runs in the main thread, where signals arrive.
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end())

    def watch() -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            recorded = record.read(directory)
            if recorded is None or recorded.id != sandbox.id:
                end()
                return

    threading.Thread(target=watch, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    functions.end_all()
    if directory.is_dir():
        record.remove(directory, sandbox.id)
    # Requests and retries under way are in threads that nobody waits for.
    os._exit(0)


def _report(descriptor: int, report: dict[str, str]) -> None:
    try:
        os.write(descriptor, json.dumps(report).encode() + b"\n")
        os.close(descriptor)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
