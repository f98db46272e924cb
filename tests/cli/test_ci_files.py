"""The files for GitHub, GitLab, Atlantis and pre-commit: as their published schemas want them, and as ours do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from tapstack.app import tap
from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCAFFOLDED = ROOT / "cli" / "tapstack" / "deployment" / "stack_files" / "workflow.yml"
ACTION = ROOT / "action.yml"
GITLAB = ROOT / "templates" / "gitlab" / "tap.gitlab-ci.yml"
ATLANTIS = ROOT / "templates" / "atlantis"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
HOWTO = ROOT / "docs" / "howto"
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PINNED = re.compile(r"uses: (\S+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", re.MULTILINE)


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def read_text(text: str) -> Any:
    return YAML(typ="safe").load(text)


def valid(path: Path, schema: str, *options: str) -> str:
    """What check-jsonschema says, which carries the schemas with it; "" where all is well."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *options, str(path)],
        capture_output=True,
        text=True,
        check=False,
        # Nobody can be asked for a schema there.
        env={"PATH": "", "HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"},
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("path", [*WORKFLOWS, SCAFFOLDED], ids=lambda path: path.name)
def test_workflows_are_as_github_wants_them_and_end_some_day(path: Path) -> None:
    assert valid(path, "vendor.github-workflows") == ""
    assert valid(path, "custom.github-workflows-require-timeout") == ""


def test_the_action_is_as_github_wants_it() -> None:
    assert valid(ACTION, "vendor.github-actions") == ""


def test_the_template_is_as_gitlab_wants_it() -> None:
    assert valid(GITLAB, "vendor.gitlab-ci", "--data-transform", "gitlab-ci") == ""


def test_a_file_that_is_wrong_is_found(tmp_path: Path) -> None:
    for path, schema, before, after in (
        (WORKFLOWS[0], "vendor.github-workflows", "runs-on:", "run-on:"),
        (ACTION, "vendor.github-actions", "using: composite", "using: compositum"),
        (GITLAB, "vendor.gitlab-ci", "  script:", "  scripts:"),
    ):
        wrong = tmp_path / path.name
        wrong.write_text(path.read_text().replace(before, after))
        assert wrong.read_text() != path.read_text()
        assert "Schema validation errors" in valid(wrong, schema), schema


@pytest.mark.parametrize(
    ("command", "path"),
    [("validate-manifest", HOOKS), ("validate-config", ROOT / ".pre-commit-config.yaml")],
)
def test_hooks_are_as_pre_commit_wants_them(command: str, path: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pre_commit", command]
    done = subprocess.run([*argv, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / path.name
    wrong.write_text(path.read_text().replace("entry:", "enter:"))
    assert subprocess.run([*argv, str(wrong)], capture_output=True, check=False).returncode == 1


def commands(text: str) -> Iterator[list[str]]:
    """The words behind each `tap` that a shell would start."""
    for found in re.finditer(r"(?:^|[-:|&(] +|\b(?:run|entry): )tap ([a-z][^\n|>&)#]*)", text, re.MULTILINE):
        yield found[1].split()


@pytest.mark.parametrize(
    "path",
    [*WORKFLOWS, HOOKS, GITLAB, ATLANTIS / "repos.yaml", *(ROOT / ".github" / "action").glob("*.sh")],
    ids=lambda path: path.name,
)
def test_every_command_and_option_exists(path: Path) -> None:
    lines = "\n".join(
        line for line in path.read_text().splitlines() if not line.lstrip().startswith(("#", "name"))
    )
    found = list(commands(lines))
    assert found or path.name in ("ci.yml", "install.sh")
    for words in found:
        command: click.Command | None = tap
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(tap), words.pop(0))
        assert command is not None, words
        options = {name for one in command.params for name in one.opts}
        given = {word.strip('"').partition("=")[0] for word in words if word.strip('"').startswith("--")}
        assert given <= options, (command.name, given - options)


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(ACTION)["runs"]["steps"]
    for path in WORKFLOWS:
        found += [step for job in read(path)["jobs"].values() for step in job["steps"]]
    return found


def test_no_value_becomes_part_of_a_script() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert len(scripts) > 10
    assert [script for script in scripts if "${{" in script] == []


def test_every_script_of_the_action_stops_at_its_first_error_and_exists() -> None:
    started = [str(step.get("run")) for step in read(ACTION)["runs"]["steps"]]
    started.append((ROOT / ".github" / "action" / "apply.sh").read_text())
    named = set(re.findall(r"\.github/action/([\w.]+)", "\n".join(started)))
    there = {path.name for path in (ROOT / ".github" / "action").iterdir() if path.is_file()}
    # The other two are imported.
    assert there == named | {"github.py", "encryption.py"}
    for name in there:
        if name.endswith(".sh"):
            text = (ROOT / ".github" / "action" / name).read_text()
            assert text.splitlines()[2] == "set -euo pipefail", name


def test_every_input_of_the_action_is_used_and_explained() -> None:
    described = read(ACTION)
    text = ACTION.read_text()
    page = (HOWTO / "github.md").read_text()
    for name in described["inputs"]:
        assert f"inputs.{name} " in text, name
        assert f"`{name}`" in page, name
    for name in re.findall(r"inputs\.([\w-]+)", text):
        assert name in described["inputs"], name


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_foreign_actions_are_pinned_by_commit(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if re.match(r"\s*(- )?uses:", line)]
    assert lines
    assert [line for line in lines if not _PINNED.search(line)] == []


def test_one_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, ACTION]:
        for line in path.read_text().splitlines():
            if found := _PINNED.search(line):
                pins.setdefault(found[1], set()).add(found[2])
    assert {name: found for name, found in pins.items() if len(found) != 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_token_may_do_what_its_job_needs_and_no_more(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in workflow["on"]
    writing = {
        (name, scope)
        for name, job in workflow["jobs"].items()
        for scope, access in job["permissions"].items()
        if access == "write"
    }
    assert writing <= {("check", "security-events")} or path.name != "ci.yml"


def test_each_target_of_make_that_a_workflow_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found for step in steps() for found in re.findall(r"\bmake ([a-z-]+)", str(step.get("run", "")))}
    assert {"lint", "test", "check", "checkov"} <= named
    assert named <= targets
    assert {"pre-commit", "ci-files"} <= targets


def test_a_plan_of_gitlabs_is_not_for_everybody_and_not_for_long() -> None:
    template = read(GITLAB)
    artifacts = template["tap-plan"]["artifacts"]
    assert (artifacts["access"], artifacts["expire_in"]) == ("developer", "1 day")
    assert template["tap-apply"]["rules"] == [
        {"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "when": "manual"}
    ]
    assert template["tap-apply"]["resource_group"] == template["tap-plan"]["resource_group"]


def test_atlantis_lets_no_pull_request_change_the_workflow() -> None:
    server, repository = read(ATLANTIS / "repos.yaml"), read(ATLANTIS / "atlantis.yaml")
    (rule,) = server["repos"]
    assert rule["workflow"] in server["workflows"]
    assert (rule["allowed_overrides"], rule["allow_custom_workflows"]) == ([], False)
    assert "workflows" not in repository
    assert all("workflow" not in project for project in repository["projects"])


def test_the_hooks_files_are_those_that_a_judgement_is_made_of() -> None:
    hooks = {hook["id"]: hook for hook in read(HOOKS)}
    assert set(hooks) == {"tap-check", "tap-fmt", "tap-policies-test"}
    for name, yes, no in (
        (
            "tap-check",
            ["main.tf", "a/b.tf.json", "x.tfvars", "a/x.auto.tfvars.json", "a/tap.toml"],
            ["main.py", "atap.toml"],
        ),
        ("tap-fmt", ["main.tf", "a/x.tfvars"], ["main.tf.json", "x.tfstate"]),
        (
            "tap-policies-test",
            ["policies/a/b.py", "a/policies/c/d/e.tf", "tap.toml"],
            ["main.tf", "policies.py"],
        ),
    ):
        pattern = hooks[name]["files"]
        assert [path for path in yes if not re.search(pattern, path)] == [], name
        assert [path for path in no if re.search(pattern, path)] == [], name


@pytest.mark.parametrize(
    ("page", "schema"), [("github.md", "vendor.github-workflows"), ("gitlab.md", "vendor.gitlab-ci")]
)
def test_what_the_pages_show_is_valid_as_well(page: str, schema: str, tmp_path: Path) -> None:
    shown = _YAML.findall((HOWTO / page).read_text())
    assert len(shown) == 2
    for text in shown:
        (tmp_path / "shown.yml").write_text(text)
        assert valid(tmp_path / "shown.yml", schema) == ""


def test_the_page_on_github_gives_the_inputs_and_pins_that_there_are() -> None:
    text = (HOWTO / "github.md").read_text()
    inputs = read(ACTION)["inputs"]
    jobs = read_text(_YAML.findall(text)[0])["jobs"]
    for job in jobs.values():
        (given,) = (step["with"] for step in job["steps"] if step["uses"].startswith("OWNER/tap@"))
        assert set(given) <= set(inputs)
        assert {name for name, one in inputs.items() if one.get("required")} <= set(given)
    ours = dict(_PINNED.findall(ACTION.read_text() + "\n".join(path.read_text() for path in WORKFLOWS)))
    for name, pin in _PINNED.findall(text):
        assert ours.get(name, pin) == pin


def test_the_page_on_pre_commit_is_valid_and_its_hooks_exist(tmp_path: Path) -> None:
    hooks = {hook["id"] for hook in read(HOOKS)}
    for text in _YAML.findall((HOWTO / "pre-commit.md").read_text()):
        (tmp_path / "shown.yaml").write_text(text)
        argv = [sys.executable, "-m", "pre_commit", "validate-config", str(tmp_path / "shown.yaml")]
        assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
        assert {hook["id"] for repo in read_text(text)["repos"] for hook in repo["hooks"]} <= hooks


def test_the_page_on_atlantis_shows_the_steps_of_the_template() -> None:
    (shown,) = _YAML.findall((HOWTO / "atlantis.md").read_text())
    assert read_text(shown)["workflows"] == read(ATLANTIS / "repos.yaml")["workflows"]
