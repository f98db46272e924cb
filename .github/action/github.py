"""What the action's scripts know of GitHub: its API, its event, a step's outputs."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn


def request(method: str, path: str, body: object = None) -> Any:
    """The API's answer as JSON; `path` begins behind the repository. Raises urllib.error.HTTPError."""
    url = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        "Content-Type": "application/json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    data = None if body is None else json.dumps(body).encode()
    # The address is the runner's own.
    asked = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def event() -> dict[str, Any]:
    """What started the workflow."""
    document: dict[str, Any] = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    return document


def output(name: str, value: str) -> None:
    """Set an output of the step."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}={value}\n")


def stack() -> str:
    """Short, and different for each stack and environment of a repository."""
    named = f"{os.path.normpath(os.environ['TAP_CHDIR'])}\n{os.environ['TAP_ENV']}"
    return hashlib.sha256(named.encode()).hexdigest()[:12]


def artifact(head: str) -> str:
    """The name of the artefact with the plan of a pull request's last commit."""
    return f"tap-plan-{stack()}-{head}"


def warn(sentence: str) -> None:
    """Say what went wrong where the job goes on."""
    print(f"::warning::{sentence}")


def refuse(sentence: str, code: int = 1) -> NoReturn:
    """Say what is wrong, and end the step."""
    print(f"::error::{sentence}", file=sys.stderr)
    sys.exit(code)
