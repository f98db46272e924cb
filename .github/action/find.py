"""Finds the artefact with the sealed plan of the pull request that this commit merges."""

from __future__ import annotations

import os
import urllib.error
from typing import Any

import github


def main() -> None:
    """Outputs the artefact's `name` and the `run` that made it."""
    commit = os.environ["GITHUB_SHA"]
    try:
        merged = _merged(commit)
        name = github.artifact(merged["head"]["sha"])
        run = _run(name, merged["head"]["sha"])
    except urllib.error.HTTPError as failure:
        needed = "`actions: read` and `pull-requests: read`"
        github.refuse(
            f"GitHub answered {failure.code} {failure.reason}; the job needs the permissions {needed}."
        )
    except urllib.error.URLError as failure:
        github.refuse(f"GitHub can't be reached: {failure.reason}.")
    github.output("name", name)
    github.output("run", run)


def _merged(commit: str) -> dict[str, Any]:
    pulls: list[dict[str, Any]] = github.request("GET", f"commits/{commit}/pulls")
    # A commit belongs to later pull requests too; it is the merge of one at most.
    merged = [one for one in pulls if one["merged_at"] and one["merge_commit_sha"] == commit]
    if not merged:
        github.refuse(f"{commit} is not the merge of a pull request: there is no plan that anybody has seen.")
    return merged[0]


def _run(name: str, head: str) -> str:
    found: list[dict[str, Any]] = github.request("GET", f"actions/artifacts?name={name}&per_page=100")[
        "artifacts"
    ]
    # A fork's workflow stores its artefacts here as well, under whatever name it likes.
    own = [
        one
        for one in found
        if not one["expired"]
        and one["workflow_run"]["head_sha"] == head
        and one["workflow_run"]["head_repository_id"] == one["workflow_run"]["repository_id"]
    ]
    if not own:
        where = f"{os.environ['TAP_CHDIR']}, environment {os.environ['TAP_ENV']}"
        github.refuse(
            f"There is no sealed plan of {where} for {head}: the gate was closed, it was never planned, "
            "or the artefact has expired. Plan again in a new pull request."
        )
    return str(max(own, key=lambda one: str(one["created_at"]))["workflow_run"]["id"])


main()
