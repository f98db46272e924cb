"""Puts the report of a plan into a comment on the pull request: the one there is, or a new one."""

from __future__ import annotations

import os
import urllib.error
from pathlib import Path
from typing import Any

import github

LARGEST = 65_536


def main() -> None:
    """Never fails: a comment decides nothing."""
    pull = github.event().get("pull_request")
    if pull is None:
        print("This is no pull request: nothing to comment on.")
        return
    mark = f"<!-- tap report {github.stack()} -->"
    body = f"{mark}\n{_report()}"
    if len(body) > LARGEST:
        body = f"{mark}\n### tap: the report is too long for a comment\n\nIt is in the summary of {_run()}.\n"
    try:
        earlier = _earlier(pull["number"], mark)
        if earlier is None:
            github.request("POST", f"issues/{pull['number']}/comments", {"body": body})
        else:
            github.request("PATCH", f"issues/comments/{earlier}", {"body": body})
    except urllib.error.HTTPError as failure:
        needed = "; the job needs the permission `pull-requests: write`" if failure.code in (403, 404) else ""
        github.warn(f"No comment: GitHub answered {failure.code} {failure.reason}{needed}.")
    except urllib.error.URLError as failure:
        github.warn(f"No comment: GitHub can't be reached: {failure.reason}.")


def _report() -> str:
    """tap's own; where there is none, that there is none: an earlier one must not stay."""
    report = Path(os.environ["REPORT"])
    if report.is_file():
        return report.read_text("utf-8")
    where = f"`{os.environ['TAP_CHDIR']}`, environment `{os.environ['TAP_ENV']}`"
    return (
        f"### tap: no plan\n\n{where}: the plan failed before anything could be judged; {_run()} says why.\n"
    )


def _run() -> str:
    environ = os.environ
    return (
        f"[the run]({environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}"
        f"/actions/runs/{environ['GITHUB_RUN_ID']})"
    )


def _earlier(number: int, mark: str) -> int | None:
    """The comment to write over. A person's is left alone, whatever it begins with: its author can change it again."""
    page = 1
    while True:
        comments: list[dict[str, Any]] = github.request(
            "GET", f"issues/{number}/comments?per_page=100&page={page}"
        )
        for comment in comments:
            if comment["user"]["type"] == "Bot" and comment["body"].startswith(mark):
                return int(comment["id"])
        if len(comments) < 100:
            return None
        page += 1


main()
