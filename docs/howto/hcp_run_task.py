"""An HCP Terraform run task that lets tap judge the plan.

`TAP_RUN_TASK_KEY=KEY python hcp_run_task.py --chdir STACK [--env NAME] [--port 8000]`, where KEY is the HMAC key that
the run task was made with. It listens on loopback: put a proxy that speaks TLS in front of it. The format:
https://developer.hashicorp.com/terraform/cloud-docs/api-docs/run-tasks/run-tasks-integration
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

LONGEST = 1024 * 1024  # of a request, in bytes
MINUTES = 8  # HCP Terraform waits for ten
SHOWN = 5  # findings in the message


def judge(plan: bytes, options: list[str]) -> tuple[bool, str]:
    """Whether the gate is open for the JSON of a plan, and a sentence that says so."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "plan.json"  # it holds secrets: nobody else can look into the directory
        file.write_bytes(plan)
        done = subprocess.run(
            ["tap", "check", str(file), "--json", *options],
            capture_output=True,
            check=False,
            timeout=MINUTES * 60,
        )
    if not done.stdout:
        return False, f"tap ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()}"
    ledger = json.loads(done.stdout)
    said = [error["message"] for error in ledger["errors"]]
    said += [
        f"{one['name']}: {one['verdict']} on {one['address']}"
        for one in ledger["findings"]
        if not one["waiver"]
    ]
    left_out = [f"{len(said) - SHOWN} more"] if len(said) > SHOWN else []
    gate = {"open": "The gate is open", "closed": "The gate is closed", "error": "The gate could not decide"}
    return done.returncode == 0, "; ".join([gate[ledger["decision"]], *said[:SHOWN], *left_out])


def call(url: str, token: str, method: str = "GET", body: bytes | None = None) -> bytes:
    """The answer of HCP Terraform; the token does not follow a redirect to the store that holds the plan."""
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError(f"{url} is not an address to send a token to")
    request = Request(url, body, {"Content-Type": "application/vnd.api+json"}, method=method)  # noqa: S310  # see above
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    with urlopen(request, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def work(task: dict[str, Any], options: list[str]) -> None:
    """Judge the plan of a task, and tell. What goes wrong counts as a gate that is closed."""
    try:
        passed, message = judge(call(task["plan_json_api_url"], task["access_token"]), options)
    except Exception as error:  # whatever it is, the run has to stop
        passed, message = False, f"The plan was not judged: {error}"
    attributes = {"status": "passed" if passed else "failed", "message": message}
    body = json.dumps({"data": {"type": "task-results", "attributes": attributes}}).encode()
    print(task["run_id"], attributes["status"], message, file=sys.stderr, flush=True)
    try:
        call(task["task_result_callback_url"], task["access_token"], "PATCH", body)
    except OSError as error:  # without an answer HCP Terraform ends the task with an error
        print(task["run_id"], f"The result was not taken: {error}", file=sys.stderr, flush=True)


def handler(key: bytes, options: list[str]) -> type[BaseHTTPRequestHandler]:
    """What answers requests: only those that are signed with the key."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Accept a task at once; its result follows."""
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if 0 < length <= LONGEST else b""
            signature = self.headers.get("X-TFC-Task-Signature") or ""
            known = hmac.compare_digest(
                hmac.new(key, body, hashlib.sha512).hexdigest().encode(), signature.encode()
            )
            self.send_response(200 if known and body else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            task = json.loads(body) if known and body else {"stage": "test"}
            if task["stage"] != "test":  # with which HCP Terraform tries the address
                threading.Thread(target=work, args=(task, options)).start()

    return Handler


def main() -> None:
    """Listen on loopback until interrupted."""
    parser = argparse.ArgumentParser(description="An HCP Terraform run task that lets tap judge the plan.")
    parser.add_argument("--chdir", required=True, help="the stack whose tap.toml holds")
    parser.add_argument("--env", default="sandbox", help="the environment of its tap.toml")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    key = os.environ.get("TAP_RUN_TASK_KEY", "").encode()
    if not key:
        sys.exit("TAP_RUN_TASK_KEY is not set: the HMAC key of the run task was expected.")
    answers = handler(key, ["--chdir", given.chdir, "--env", given.env])
    server = ThreadingHTTPServer(("127.0.0.1", given.port), answers)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
