"""The run task of docs/howto/hcp-terraform.md, against a server that plays HCP Terraform after its documentation."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.conftest import ROOT, TAP
from tests.documented import documented

pytestmark = pytest.mark.real

KEY = "the key of the run task"
TOKEN = "the-token-of-this-run"
PLAN = ROOT / "tests" / "policies" / "documents" / "plan.json"


@dataclass
class Hcp:
    """What plays HCP Terraform: serves a plan to who has the token, and takes results."""

    url: str = ""
    plan: bytes = PLAN.read_bytes()
    results: Queue[dict[str, Any]] = field(default_factory=Queue)
    token_at_the_store: list[str | None] = field(default_factory=list)

    def task(self, stage: str = "post_plan") -> bytes:
        task = {
            "payload_version": 1,
            "stage": stage,
            "access_token": TOKEN,
            "run_id": "run-1",
            "plan_json_api_url": f"{self.url}/plan",
            "task_result_callback_url": f"{self.url}/callback",
        }
        return json.dumps(task).encode()


@pytest.fixture
def hcp() -> Iterator[Hcp]:
    played = Hcp()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            token = self.headers.get("Authorization")
            if self.path == "/store":
                played.token_at_the_store.append(token)
                self.answer(200, played.plan)
            elif token == f"Bearer {TOKEN}":
                self.answer(307, Location=f"{played.url}/store")
            else:
                self.answer(401)

        def do_PATCH(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            assert self.headers["Content-Type"] == "application/vnd.api+json"
            played.results.put(json.loads(body)["data"])
            self.answer(200)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever).start()
    yield played
    server.shutdown()
    server.server_close()


@contextmanager
def run_task(stack: Path) -> Iterator[Callable[[bytes, str], int]]:
    """The script, as a function that sends it a request, with the key it is signed with, and gives its status."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "docs/howto/hcp_run_task.py"), "--chdir", str(stack), "--port", "0"],
        env=os.environ | {"TAP_RUN_TASK_KEY": KEY, "PATH": f"{TAP.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    host = process.stdout.readline().strip().removeprefix("http://")

    def send(body: bytes, key: str = KEY) -> int:
        connection = HTTPConnection(host, timeout=30)
        signature = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
        connection.request("POST", "/", body, {"X-TFC-Task-Signature": signature})
        status = connection.getresponse().status
        connection.close()
        return status

    try:
        yield send
    finally:
        process.terminate()
        process.communicate()


def test_a_plan_that_the_gate_refuses_fails_the_task(hcp: Hcp, tmp_path: Path) -> None:
    with run_task(tmp_path) as send:
        assert send(hcp.task(), KEY) == 200
        result = hcp.results.get(timeout=60)
    assert (result["type"], result["attributes"]["status"]) == ("task-results", "failed")
    documented("howto/hcp-terraform", "closed", result["attributes"]["message"])
    # The plan lies in another place than the API; the token is for the API alone.
    assert hcp.token_at_the_store == [None]


def test_a_plan_that_the_gate_lets_through_passes_the_task(hcp: Hcp, tmp_path: Path) -> None:
    hcp.plan = PLAN.with_name("destroy.json").read_bytes()
    with run_task(tmp_path) as send:
        send(hcp.task(), KEY)
        result = hcp.results.get(timeout=60)
    assert result["attributes"] == {"status": "passed", "message": "The gate is open"}


def test_what_is_no_plan_fails_the_task(hcp: Hcp, tmp_path: Path) -> None:
    hcp.plan = b'{"errors": ["not found"]}'
    with run_task(tmp_path) as send:
        send(hcp.task(), KEY)
        result = hcp.results.get(timeout=60)["attributes"]
    assert result["status"] == "failed"
    assert result["message"].startswith("The gate could not decide; ")


def test_only_who_has_the_key_is_answered_and_a_trial_starts_nothing(hcp: Hcp, tmp_path: Path) -> None:
    with run_task(tmp_path) as send:
        assert send(hcp.task(), "another key") == 401
        assert send(b"", KEY) == 401
        assert send(hcp.task("test"), KEY) == 200
    assert hcp.results.empty()
    assert hcp.token_at_the_store == []


def test_without_a_key_it_does_not_start() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "TAP_RUN_TASK_KEY"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/howto/hcp_run_task.py"), "--chdir", "."],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "TAP_RUN_TASK_KEY is not set: the HMAC key of the run task was expected.\n",
    )
