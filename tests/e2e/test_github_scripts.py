"""The scripts of the GitHub Action one by one: what they refuse, and what they take in their stride."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.github import MARK, SCRIPTS, Hub, hub

pytestmark = pytest.mark.real


@dataclass
class Script:
    """Runs one of the action's scripts in the environment of a step."""

    directory: Path
    hub: Hub

    def __call__(self, name: str, event: dict[str, Any], **env: str) -> tuple[int, str, dict[str, str]]:
        (self.directory / "event.json").write_text(json.dumps(event))
        output = self.directory / "output"
        output.write_text("")
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / name)],
            cwd=self.directory,
            env=os.environ
            | {
                "ARTIFACT_KEY": "",
                "GITHUB_API_URL": self.hub.url,
                "GITHUB_EVENT_PATH": str(self.directory / "event.json"),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_REPOSITORY": "acme/infra",
                "GITHUB_RUN_ID": "9000",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_SHA": "a" * 40,
                "GITHUB_TOKEN": "the-job's-token",
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
                "RUNNER_TEMP": str(self.directory),
                "TAP_CHDIR": "infra",
                "TAP_ENV": "prod",
            }
            | env,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        return done.returncode, said, dict(line.split("=", 1) for line in output.read_text().splitlines())


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    with hub(tmp_path / "store") as known:
        yield Script(tmp_path, known)


PULL = {"repository": {"private": True}, "pull_request": {"number": 7, "head": {"sha": "b" * 40}}}


def test_a_plan_is_not_shown_to_everybody(script: Script) -> None:
    (script.directory / "infra" / ".tap" / "plans" / "one").mkdir(parents=True)
    (script.directory / "tap").mkdir()
    public = PULL | {"repository": {"private": False}}
    code, said, outputs = script("pack.py", public, PLAN_ID="one")
    assert (code, outputs) == (1, {})
    assert "everybody can download the artefacts of a public repository" in said
    code, said, outputs = script("pack.py", public, PLAN_ID="one", ARTIFACT_KEY="key")
    assert (code, Path(outputs["file"]).stat().st_mode & 0o777) == (0, 0o600), said
    code, _, other = script("pack.py", PULL, PLAN_ID="one", TAP_ENV="test")
    assert code == 0
    assert other["name"] != outputs["name"]


def test_a_plan_that_a_fork_stored_under_the_name_is_not_found(script: Script) -> None:
    (script.directory / "infra" / ".tap" / "plans" / "one").mkdir(parents=True)
    (script.directory / "tap").mkdir()
    _, _, outputs = script("pack.py", PULL, PLAN_ID="one")
    head, file = "b" * 40, Path(outputs["file"])
    script.hub.pulls = [{"merged_at": "now", "merge_commit_sha": "a" * 40, "head": {"sha": head}}]
    script.hub.keep(outputs["name"], head, file, fork=True)
    code, said, found = script("find.py", {})
    assert (code, found) == (1, {})
    assert f"There is no sealed plan of infra, environment prod for {head}" in said
    script.hub.keep(outputs["name"], head, file)
    code, said, found = script("find.py", {})
    assert (code, found) == (0, {"name": outputs["name"], "run": "9000"}), said


def test_a_commit_that_merges_nothing_has_no_plan(script: Script) -> None:
    script.hub.pulls = [{"merged_at": "now", "merge_commit_sha": "c" * 40, "head": {"sha": "b" * 40}}]
    code, said, _ = script("find.py", {})
    assert (code, f"::error::{'a' * 40} is not the merge of a pull request" in said) == (1, True)


@pytest.mark.parametrize("held", [b"", b"no archive", b"x" * 4000])
def test_what_is_no_sealed_plan_is_refused(script: Script, held: bytes) -> None:
    (script.directory / "sealed-plan").write_bytes(held)
    for key in ("", "key"):
        code, said, _ = script("unpack.py", {}, SEALED_PLAN=str(script.directory), ARTIFACT_KEY=key)
        assert (code, "::error::The artefact" in said) == (5, True), said


@pytest.mark.parametrize(
    "name", ["../outside", "/outside", "one\nid=two", "20261121T101500.042Z-1f3a9c0d2b4e6f81/../../x"]
)
def test_an_archive_writes_below_the_plans_only(script: Script, name: str) -> None:
    with tarfile.open(script.directory / "sealed-plan", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    code, said, outputs = script("unpack.py", {}, SEALED_PLAN=str(script.directory))
    assert (code, outputs) == (5, {}), said
    assert not Path("/outside").exists()
    assert not (script.directory / "infra" / ".tap" / "outside").exists()
    assert not (script.directory / "infra" / ".tap" / "x").exists()


def test_a_comment_that_can_not_be_made_is_a_warning(script: Script) -> None:
    report = script.directory / "plan.md"
    report.write_text("the report\n")
    script.hub.refusing = 403
    code, said, _ = script("comment.py", PULL, REPORT=str(report))
    assert (code, "::warning::No comment: GitHub answered 403" in said) == (0, True)
    assert "`pull-requests: write`" in said
    code, said, _ = script("comment.py", {"repository": {"private": True}}, REPORT=str(report))
    assert (code, "no pull request" in said) == (0, True)
    code, said, _ = script("comment.py", PULL, REPORT=str(report), GITHUB_API_URL="http://127.0.0.1:1")
    assert (code, "::warning::No comment: GitHub can't be reached" in said) == (0, True)
    assert script.hub.comments == []


def test_the_comment_is_found_on_any_page_and_fits(script: Script) -> None:
    report = script.directory / "plan.md"
    for number in range(250):
        script.hub.comment(f"{number}")
    report.write_text("ü" * 65_400)
    assert script("comment.py", PULL, REPORT=str(report))[0] == 0
    assert len(script.hub.comments) == 251
    assert MARK.sub("", script.hub.comments[-1]["body"]) == "ü" * 65_400
    report.write_text("ü" * 65_536)
    assert script("comment.py", PULL, REPORT=str(report))[0] == 0
    assert len(script.hub.comments) == 251
    assert "the report is too long for a comment" in script.hub.comments[-1]["body"]
    assert script("comment.py", PULL, REPORT=str(report), TAP_ENV="test")[0] == 0
    assert len(script.hub.comments) == 252
