"""Secrets of every kind, through every command: none of them anywhere but in Terraform's own plan and state.

One stack lives its whole life once; each test then looks at all that was printed and written. Every secret holds the
word `canary-`, or is made by AWS and read from the state.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tapstack.app import _COMMANDS
from tapstack.report import formats
from tests.conftest import STACKS, TAP, Answer, Tap

pytestmark = [pytest.mark.real, pytest.mark.slow]

QUOTED: Final = 'canary-16 "with" \\back\\slash <&> and 100%'
ENVIRONMENT: Final = {
    "TF_VAR_quoted": QUOTED,
    "TF_VAR_api_token": "canary-17-of-a-token",
    "AWS_SECRET_ACCESS_KEY": "canary-21-of-aws",
    "AWS_SESSION_TOKEN": "canary-22-of-a-session",
    "TF_TOKEN_app_terraform_io": "canary-23-of-terraform",
    "MY_SERVICE_PASSWORD": "canary-24-of-a-service",
    "DATABASE_URL": "mysql://me:canary-25-in-an-address@host/db",
}
# What no text of tap's holds for another reason. Pieces, because a secret could come out in part.
NEEDLES: Final = (
    "canary-",
    "Grüße",
    "Gr\\u00fc",
    "你好",
    "\\u4f60",
    "\\back",
    "\\\\back",
    "of-the-second-line",
)

SHARED: Final = """
[environments.shared]
region = "us-east-1"
backend = { bucket = "state-of-secrets", key = "secrets.tfstate" }

[environments.shared.variables]
login = { user = "canary-10-of-a-user", pass = "canary-11-of-a-password" }
greeting = "canary-12-Grüße, привет, 你好 ☂"
session = "canary-13-of-a-session"
"""

CRASH: Final = """
import tapstack.deployment.plan
from tapstack.app import main

def crash(document):
    raise RuntimeError(f"it was {document['variables']}")

tapstack.deployment.plan.changes_of = crash
main(["plan", "--var-file", "given.tfvars"])
"""


REPORTS: Final = tuple(word for name in formats.NAMES for word in ("--format", f"{name}=report.{name}"))


@dataclass
class Life:
    """What a stack has gone through: each command by a name, with what it said."""

    directory: Path
    temporary: Path
    said: list[tuple[str, Answer]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    """Those that AWS has made."""
    kept: str = ""
    """The state while everything was there."""
    processes: set[tuple[str, ...]] = field(default_factory=set)
    """The command line of every process that was seen meanwhile."""
    revealed: str = ""
    """What `tap output --json --reveal everything` printed."""
    modes: dict[str, int] = field(default_factory=dict)
    """Of everything below .tap, at the end of the stack's life."""

    @property
    def commands(self) -> set[str]:
        return {name.split()[0] for name, _ in self.said}

    def look_at_state(self) -> None:
        self.kept = (self.directory / ".tap/sandbox/terraform.tfstate").read_text()
        for resource in json.loads(self.kept)["resources"]:
            if resource["type"] == "aws_iam_access_key":
                self.secrets |= {one["attributes"]["secret"] for one in resource["instances"]}


class Watch(threading.Thread):
    """Reads the command lines of all processes, again and again."""

    def __init__(self, seen: set[tuple[str, ...]]) -> None:
        super().__init__(daemon=True)
        self.seen = seen
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                self.seen.add(tuple(line.decode("utf-8", "replace").split("\0")))


def live(tap: Tap, life: Life) -> None:
    """Every command, in the order in which a stack meets them."""

    def run(name: str, *arguments: str, code: int = 0, **changed: str) -> Answer:
        started = tap(*name.split(), *arguments, env=changed, timeout=600)
        shown = (f"{key}={value}" for key, value in changed.items() if key in ("TF_VAR_fault", "SMOKE_FAILS"))
        life.said.append((" ".join((name, *arguments, *shown)), started))
        assert started.code == code, f"{name} {arguments} ended with {started.code}:\n{started.said}"
        return started

    given = ("--var-file", "given.tfvars")
    run("doctor", "--json")
    run("config")
    run("config", "--json")
    run("schema", "seal")
    run("completion", "bash")
    run("fmt", "--check")
    run("lsp", code=1)
    run("new", "fresh")
    run("keys new", "release.key")
    key = (tap.directory / "release.key").read_text()
    life.secrets.add(key.splitlines()[1])
    run("check", *FORMAT, code=0)
    run("check", "--all", "--json")
    run("policies list")
    run("policies show", "tells_everything")
    run("plan", *given, TF_VAR_fault="plan", code=1)
    run("plan", *given, "--json", TAP_SIGNING_KEY=key)
    run("plan", *given, "--full", "-v")
    plan = next((tap.directory / ".tap/plans").glob("2*"))
    shutil.copy(plan / "tfplan", tap.directory / "saved.tfplan")
    run("check", "saved.tfplan")
    run("check", "saved.tfplan", "--json", "--all")
    run("check", "saved.tfplan", "--all", *REPORTS, GITHUB_STEP_SUMMARY=str(tap.directory / "summary.md"))
    run("graph", "saved.tfplan")
    run("graph", "saved.tfplan", "--json")
    run("verify", plan.name)
    run("verify", plan.name, "--json")
    run("plan", *given, "--with-checkov", code=3)
    run("plan", *given)
    run("apply", "--format", "html=applied.html", "--format", "json=applied.json")
    life.look_at_state()
    run("plan", *given, TF_VAR_fault="apply")
    run("apply", TF_VAR_fault="apply", code=1)
    life.look_at_state()
    run("plan", *given, TF_VAR_api_token="canary-26-of-another-token", SOMETHING="else")
    run("recover")
    run("drift", *given)
    run("drift", *given, "--json")
    run("check", ".tap/sandbox/terraform.tfstate")
    run("check", ".tap/sandbox/terraform.tfstate", "--json")
    run("output")
    run("output", "--json")
    run("output", "everything")
    run("output", "plain")
    life.revealed = run("output", "--json", "--reveal", "everything").out
    life.said.pop()
    run("sandbox status")
    run("sandbox env")
    run("sandbox env", "--json")
    run("waive", "aws_lambda_permission.*", "tells_everything", "--owner", "me", "--until", "2027-01-31",
        "--reason", "it is canary-1-of-a-default")  # fmt: skip
    run("destroy", *given, "--auto-approve")
    run("rehearse", *given, "--junit", "rehearsal.xml", "--json", "-v", SMOKE_FAILS="1", code=1)
    run("rehearse", *given, "-v")
    shared(tap, life, run)
    crash(tap, life)
    broken(tap, run)
    run("sandbox stop")


FORMAT: Final = ("--policy", "tells_everything")


def shared(tap: Tap, life: Life, run: Any) -> None:
    """The commands of a state on S3, where the embedded AWS is the real one to them."""
    settings = tap.directory / "tap.toml"
    settings.write_text(settings.read_text() + SHARED)
    cloud = {
        name: value
        for name, value in json.loads(saying(life, "sandbox", "env", "--json").out).items()
        if value
    }
    # What stands for a key of AWS is a secret, whatever server takes it.
    cloud |= {name: ENVIRONMENT[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    run("backend create --env shared", "--auto-approve", **cloud)
    # tap.toml does not name the key that was made.
    run("backend check --env shared", code=1, **cloud)
    run("backend check --env shared", "--json", code=1, **cloud)
    run("unlock", "365e2e05-6970-7a66-4962-5b9a0d5acac9", "--env", "shared", "--yes", **cloud)
    run("backend migrate --env shared", "--to", "s3", "--yes", **cloud)


def crash(tap: Tap, life: Life) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=tap.directory,
        env=tap.env,
        capture_output=True,
        text=True,
        check=False,
    )
    life.said.append(("crash", Answer(done.returncode, done.stdout, done.stderr)))


def broken(tap: Tap, run: Any) -> None:
    """Files that do not parse are quoted by the error about them."""
    for name, text, code in (
        ("terraform.tfvars", 'private_key = "canary-27-not-closed\n', 1),
        ("main.tf", 'variable "password" {\n  default = "canary-28-not-closed\n  sensitive = true\n}\n', 1),
        ("tap.toml", '[environments.sandbox]\nvariables = "password=canary-29-of-another-type"\n', 64),
    ):
        path = tap.directory / name
        before = path.read_text()
        path.write_text(text + ("" if name != "terraform.tfvars" else before))
        try:
            run("plan", "--var-file", "given.tfvars", code=code)
        finally:
            path.write_text(before)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    root = tmp_path_factory.mktemp("secrets")
    directory = root / "stack"
    shutil.copytree(STACKS / "secrets", directory)
    (directory / "given.tfvars").write_text('given = "canary-18-of-a-file"\n')
    (root / "temporary").mkdir()
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("TF_VAR_", "AWS_"))}
    tap = Tap(directory, inherited | ENVIRONMENT | {"TMPDIR": str(root / "temporary")})
    lived = Life(directory, root / "temporary")
    watch = Watch(lived.processes)
    watch.start()
    before = os.umask(0)
    try:
        live(tap, lived)
    finally:
        os.umask(before)
        watch.ended.set()
        watch.join()
        for path in (directory / ".tap", *(directory / ".tap").rglob("*")):
            if not path.is_symlink():
                lived.modes[str(path.relative_to(directory))] = stat.S_IMODE(path.stat().st_mode)
        tap("sandbox", "stop")
        tap("rehearse", "--clean")
    return lived


def leaks(life: Life, text: str) -> list[str]:
    """Each secret in a text, with what stands around it."""
    found = []
    for needle in (*NEEDLES, *life.secrets):
        at = text.find(needle)
        if at >= 0:
            found.append(f"{needle}: ...{text[max(0, at - 60) : at + 60]}...")
    return found


def texts(life: Life) -> Iterator[tuple[str, str]]:
    """Every file below the stack and the temporary directory, but for what is given and what may hold secrets."""
    own = {path.relative_to(STACKS / "secrets") for path in (STACKS / "secrets").rglob("*")}
    own |= {Path("given.tfvars"), Path("release.key"), Path("saved.tfplan")}
    for root in (life.directory, life.temporary):
        for path in root.rglob("*"):
            name = path.relative_to(root)
            theirs = name in own or path.name == "tfplan" or ".tfstate" in path.name or path.suffix == ".zip"
            if path.is_file() and not path.is_symlink() and not theirs:
                yield str(name), path.read_bytes().decode("utf-8", "replace")


def test_nothing_that_was_said_holds_a_secret(life: Life) -> None:
    found = [(name, leaks(life, answer.said)) for name, answer in life.said]
    assert [(name, leak) for name, leak in found if leak] == []


def test_nothing_that_was_written_holds_a_secret(life: Life) -> None:
    written = dict(texts(life))
    found = {name: leaks(life, text) for name, text in written.items()}
    assert {name: leak for name, leak in found.items() if leak} == {}
    kinds = {Path(name).name for name in written}
    assert kinds >= {
        "ledger.json",
        "seal.json",
        "seal.dsse.json",
        "apply.jsonl",
        "rehearsal.xml",
        "server.log",
        "summary.md",
        *(f"report.{name}" for name in formats.NAMES),
    }
    assert [name for name in kinds if name.startswith("tap-crash-")]


def test_the_secrets_were_there_to_be_found(life: Life) -> None:
    plan = subprocess.run(
        ["unzip", "-p", "saved.tfplan"], cwd=life.directory, capture_output=True, check=True
    ).stdout.decode("utf-8", "replace")
    told = [number for number in range(1, 21) if f"canary-{number}-" in life.kept + plan]
    # The thirteenth is ephemeral, and the sixteenth has no "-" behind its number.
    assert told == [number for number in range(1, 21) if number not in (13, 16)]
    assert len(life.secrets) == 3


def test_every_command_was_given_the_chance(life: Life) -> None:
    assert set(_COMMANDS) - life.commands == set()


def test_json_is_json_still(life: Life) -> None:
    for name, answer in life.said:
        if "--json" in name:
            assert isinstance(json.loads(answer.out), (dict, list)), name


def test_what_is_no_secret_is_told(life: Life) -> None:
    assert "no name: (sensitive) (sensitive) (sensitive)" in saying(life, "plan", "TF_VAR_fault=plan").err
    applied = saying(life, "apply", "TF_VAR_fault=apply").err
    assert "no name: (sensitive) (sensitive)" in applied
    assert "Error running command 'echo (sensitive) >&2; false # password=(sensitive)'" in applied
    assert "(sensitive) and not-a-secret" in saying(life, "output").out
    ledger = json.loads(saying(life, "check", "saved.tfplan", "--json", "--all").out)
    about = {(one["address"], one["verdict"], one["attribute"]): one for one in ledger["findings"]}
    function = about["aws_lambda_function.one", "FAIL", "environment"]["actual"][0]["variables"]
    assert function == {
        "API_TOKEN": "(sensitive)",
        "DATABASE_URL": "postgres://admin:(sensitive)@db.internal:5432/orders",
        "DB_PASSWORD": "(sensitive)",
        "LOG_LEVEL": "not-a-secret",
        "SETTINGS": '{"client_secret":"(sensitive)","retries":3}',
    }
    waived = about['aws_ssm_parameter.secure["login"]', "WAIVED", "value"]
    assert waived["waiver"]["reason"] == "it is (sensitive), and everybody knows (sensitive)"
    assert "MY_SERVICE_PASSWORD=(sensitive)" in saying(life, "rehearse", "-v").out
    assert '"greeting":"(sensitive)"' in saying(life, "config").out


def saying(life: Life, *words: str) -> Answer:
    """The first command with these words."""
    return next(answer for name, answer in life.said if set(words) <= set(name.split()))


def test_only_what_was_asked_for_by_name_is_revealed(life: Life) -> None:
    outputs = json.loads(life.revealed)
    key, login, greeting, quoted, given = outputs.pop("everything")["value"]
    assert "canary-15-of-the-second-line-of-a-key" in key
    assert login == {"user": "canary-10-of-a-user", "pass": "canary-11-of-a-password"}
    assert [greeting, quoted, given] == ["canary-12-Grüße, привет, 你好 ☂", QUOTED, "canary-18-of-a-file"]
    assert leaks(life, json.dumps(outputs)) == []
    assert outputs["plain"]["value"] == "(sensitive) and not-a-secret"


def test_no_process_was_told_a_secret_by_its_arguments(life: Life) -> None:
    # What a user types is his; so is the command of a provisioner, which Terraform starts.
    started = [
        line
        for line in life.processes
        if str(TAP) not in line and not any("canary-8-" in word for word in line)
    ]
    assert [line for line in started if leaks(life, " ".join(line))] == []
    for verb in ("plan", "apply", "show"):
        assert [line for line in started if line[0].endswith("terraform") and verb in line], verb


def test_all_of_it_is_its_users_alone_under_any_umask(life: Life) -> None:
    assert {f"{name}: {mode:o}" for name, mode in life.modes.items() if mode & 0o077} == set()
    assert stat.S_IMODE((life.directory / ".terraform.lock.hcl").stat().st_mode) == 0o644
    (report,) = life.temporary.glob("tap-crash-*")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    # A report with a name is what the user has asked for.
    assert stat.S_IMODE((life.directory / "rehearsal.xml").stat().st_mode) == 0o666


def test_a_waiver_is_written_without_the_secret_in_its_reason(life: Life) -> None:
    text = (life.directory / "tap.toml").read_text()
    assert 'reason = "it is (sensitive)"' in text


def test_a_crash_says_what_and_not_whose(life: Life) -> None:
    assert saying(life, "crash").code == 70
    assert "Unexpected RuntimeError" in saying(life, "crash").err
    (report,) = life.temporary.glob("tap-crash-*")
    assert "RuntimeError: it was {'api_token': {'value': '(sensitive)'}" in report.read_text()
