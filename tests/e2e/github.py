"""Plays GitHub to action.yml: a runner that runs its steps, a store of artefacts, and the few calls of the API."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ruamel.yaml import YAML

from tests.conftest import ROOT

SCRIPTS = ROOT / ".github" / "action"
MARK = re.compile(r"<!-- tap report [0-9a-f]{12} -->\n")
TOKEN = "the-job's-token"
REPOSITORY = "acme/infra"
LARGEST_COMMENT = 65_536
_NAME = re.compile(r"\b(?:inputs|steps|github|runner)(?:\.[\w-]+)+")


@dataclass
class Hub:
    """What GitHub knows, and what it was asked."""

    store: Path
    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refusing: int = 0

    def comment(self, body: str, kind: str = "Bot") -> dict[str, Any]:
        made = {"id": 100 + len(self.comments), "user": {"type": kind}, "body": body}
        self.comments.append(made)
        return made

    def keep(self, name: str, head: str, file: Path, *, fork: bool = False) -> None:
        """What actions/upload-artifact does, with `overwrite`."""
        run = {"id": 9000, "head_sha": head, "repository_id": 1, "head_repository_id": 2 if fork else 1}
        self.artifacts.append(
            {"name": name, "expired": False, "workflow_run": run, "created_at": len(self.artifacts)}
        )
        if not fork:
            shutil.rmtree(self.store / name, ignore_errors=True)
            (self.store / name).mkdir(parents=True)
            shutil.copy(file, self.store / name)

    def answer(self, method: str, address: str, body: Any) -> tuple[int, Any]:
        parts, query = urlsplit(address), parse_qs(urlsplit(address).query)
        match method, parts.path.removeprefix(f"/repos/{REPOSITORY}/").split("/"):
            case "GET", ["issues", "7", "comments"]:
                page, size = int(query["page"][0]), int(query["per_page"][0])
                return 200, self.comments[(page - 1) * size : page * size]
            case ("POST", ["issues", "7", "comments"]) | ("PATCH", ["issues", "comments", _]) if (
                len(body["body"]) > LARGEST_COMMENT
            ):
                return 422, {"message": "body is too long"}
            case "POST", ["issues", "7", "comments"]:
                return 201, self.comment(body["body"])
            case "PATCH", ["issues", "comments", number]:
                (found,) = (one for one in self.comments if one["id"] == int(number))
                found["body"] = body["body"]
                return 200, found
            case "GET", ["commits", _, "pulls"]:
                return 200, self.pulls
            case "GET", ["actions", "artifacts"]:
                return 200, {"artifacts": [one for one in self.artifacts if one["name"] == query["name"][0]]}
        return 404, {"message": "Not Found"}


@contextmanager
def hub(store: Path) -> Iterator[Hub]:
    """A GitHub on loopback."""
    known = Hub(store)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "null")
            known.asked.append(f"{self.command} {self.path}")
            status, said = known.answer(self.command, self.path, body)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, said = 401, {"message": "Bad credentials"}
            elif known.refusing:
                status, said = known.refusing, {"message": "Resource not accessible by integration"}
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815  # the names are http.server's

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield known
        finally:
            server.shutdown()


@dataclass
class Job:
    """How a job with this one action ended: the first exit code that was not 0, what was said, step by step."""

    code: int = 0
    log: str = ""
    ran: list[str] = field(default_factory=list)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    summary: str = ""


@dataclass
class Runner:
    """A machine for jobs. `tools` is a directory that is first on PATH; `action` the action's repository."""

    home: Path
    action: Path
    env: dict[str, str]
    hub: Hub
    installed: bool = False

    def __post_init__(self) -> None:
        (self.home / "tools").mkdir(parents=True)
        # As after actions/setup-python: a Python, and no tap.
        (self.home / "tools" / "python").symlink_to(Path(sys.base_prefix, "bin", "python3"))
        outside = [one for one in self.env["PATH"].split(":") if not Path(one, "tap").exists()]
        self.env = self.env | {"PATH": ":".join([str(self.home / "tools"), *outside])}

    def run(self, checkout: Path, event: dict[str, Any], sha: str, inputs: Mapping[str, str]) -> Job:
        """Run the action as a job's step in `checkout`; from the second job on, tap is there already."""
        described = YAML(typ="safe").load(self.action / "action.yml")
        given = {name: one.get("default", "") for name, one in described["inputs"].items()}
        given |= {"github-token": TOKEN, **inputs}
        job = Job()
        env = self._job_env(checkout, event, sha)
        for step in described["runs"]["steps"]:
            condition = str(step.get("if", "True"))
            known = {
                "inputs": given,
                "steps": {name: {"outputs": outputs} for name, outputs in job.steps.items()},
                "runner": {"temp": env["RUNNER_TEMP"]},
                "github": {"action_ref": "v9.8.7"},
            }
            if (job.code and "cancelled()" not in condition) or not evaluated(condition, known):
                continue
            if "uses" in step:
                self._used(step, {k: filled(v, known) for k, v in step["with"].items()}, event)
            elif step["name"] != "Install tap" or not self.installed:
                self._step(job, step, checkout, env | {k: filled(v, known) for k, v in step["env"].items()})
            job.ran.append(step.get("name") or step["uses"].partition("@")[0])
        job.summary = Path(env["GITHUB_STEP_SUMMARY"]).read_text()
        self.installed = self.installed or not job.code
        return job

    def _job_env(self, checkout: Path, event: dict[str, Any], sha: str) -> dict[str, str]:
        temp = self.home / "temp"
        temp.mkdir(exist_ok=True)
        (temp / "event.json").write_text(json.dumps(event))
        for name in ("output", "path", "summary"):
            (temp / name).write_text("")
        return self.env | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_PATH": str(temp / "path"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "9000",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": sha,
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "GITHUB_WORKSPACE": str(checkout),
            "PATH": f"{temp / 'tap' / 'bin'}:{self.env['PATH']}" if self.installed else self.env["PATH"],
            "RUNNER_TEMP": str(temp),
        }

    def _step(self, job: Job, step: dict[str, Any], checkout: Path, env: dict[str, str]) -> None:
        output, path = Path(env["GITHUB_OUTPUT"]), Path(env["GITHUB_PATH"])
        output.write_text("")
        if added := path.read_text().split():
            env = env | {"PATH": ":".join([*added, env["PATH"]])}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=checkout,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        job.log += f"== {step['name']}\n{done.stdout}"
        job.code = job.code or done.returncode
        if "id" in step:
            job.steps[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())

    def _used(self, step: dict[str, Any], given: dict[str, str], event: dict[str, Any]) -> None:
        match step["uses"].partition("@")[0]:
            case "actions/upload-artifact":
                self.hub.keep(given["name"], event["pull_request"]["head"]["sha"], Path(given["path"]))
            case "actions/download-artifact":
                shutil.copytree(self.hub.store / given["name"], given["path"], dirs_exist_ok=True)
            case "actions/setup-python":
                pass
            case other:
                raise AssertionError(f"{other} is not played")


def evaluated(text: str, known: Mapping[str, Any]) -> Any:
    """An expression of GitHub's, of the few kinds that the action has."""
    text = text.removeprefix("${{").removesuffix("}}").replace("!cancelled()", "True")
    text = _NAME.sub(lambda found: repr(_looked_up(found[0], known)), text)
    # Comparisons of literals, from a file of this repository.
    return eval(text.replace("&&", " and ").replace("||", " or "), {"__builtins__": {}})  # noqa: S307


def _looked_up(name: str, known: Any) -> str:
    for part in name.split("."):
        known = known.get(part, "") if known else ""
    return str(known)


def filled(text: object, known: Mapping[str, Any]) -> str:
    """A value with its expressions replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(evaluated(found[1].strip(), known)), str(text))
