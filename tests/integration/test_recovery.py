"""tap and Terraform stopped and killed, at each stage: nothing is left running, nothing is lost, and recover mends it.

The points are lines of the journal, or of what tap says: once one is there, the signal is sent.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.environment import exports
from tests.conftest import STACKS, TAP, Answer, Tap
from tests.documented import documented, session, shown
from tests.integration.test_interruption import children_in

pytestmark = pytest.mark.real

CI = ("--env", "ci")
KILL, INT, TERM = signal.SIGKILL, signal.SIGINT, signal.SIGTERM


class Run:
    """A tap at work, which is watched and stopped."""

    def __init__(self, tap: Tap, *arguments: str, seconds: int = 0) -> None:
        self._tap = tap
        self._old = set(self._journals())
        self.left = set(self.half_made)
        self._said = tap.directory.parent / "said"
        self.arguments = arguments
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [str(TAP), *arguments],
                cwd=tap.directory,
                env=tap.env | {"STEPS_SECONDS": str(seconds)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def _journals(self) -> Iterator[Path]:
        return (self._tap.directory / ".tap" / "plans").glob("[!.]*/apply.jsonl")

    @property
    def half_made(self) -> Iterator[Path]:
        return (self._tap.directory / ".tap" / "plans").glob(".*/ledger.json")

    @property
    def journal(self) -> str:
        return "".join(path.read_text() for path in set(self._journals()) - self._old)

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def children(self) -> dict[int, str]:
        pid = self.process.pid
        found: dict[int, str] = {}
        # tap itself, or a child, may end meanwhile.
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def until(self, holds: Callable[[], object]) -> Run:
        deadline = time.monotonic() + 120
        while not holds():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.005)
        return self

    def kill(self, *whom: str, number: signal.Signals = KILL) -> Answer:
        """Send a signal to "tap", "terraform", or both, and wait for tap's end."""
        terraform = [pid for pid, command in self.children.items() if "terraform" in command]
        if "tap" in whom:
            self.process.send_signal(number)
        if "terraform" in whom:
            assert terraform, self.said
            for pid in terraform:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.wait(120)
        assert "Traceback" not in self.said
        return Answer(self.process.returncode, "", self.said)


def line(stage: str, address: str = "") -> str:
    """What a line of the journal looks like."""
    return rf'"stage":"{stage}"' + (rf',"address":"{re.escape(address)}' if address else "")


def nothing_runs(tap: Tap) -> None:
    assert children_in(tap.directory, "terraform ", "terraform-provider", "sleep ") == []


def is_recovered(tap: Tap, *arguments: str) -> Answer:
    """`tap recover`, after which nothing runs, nothing is open, and a plan is empty."""
    answer = tap.succeeds("recover", "--auto-approve", "--lock-timeout", "60", *arguments)
    nothing_runs(tap)
    plan = tap("plan", "--detailed-exitcode", *arguments)
    assert plan.code == 0, plan.said
    assert "No changes." in plan.out
    assert "`tap recover" not in plan.said
    again = session(tap, "recover", *[one for one in arguments if one in CI])
    assert again.code == 0, again.out
    if not arguments:
        documented("operations", "nothing", again.out)
    assert "Nothing to recover" in again.out
    return answer


# --- without AWS: where Terraform's own state is all there is


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tap]:
    """One directory for all points, so that Terraform is initialised once."""
    directory = tmp_path_factory.mktemp("steps") / "steps"
    shutil.copytree(STACKS / "steps", directory)
    (directory / "tap.toml").write_text('[stack]\nname = "steps"\n')
    tap = Tap(directory)
    tap.succeeds("plan")
    yield tap
    tap("sandbox", "stop")


def pages(tap: Tap) -> dict[str, str]:
    """What the pages call the directory."""
    return {str(tap.directory): "/home/me/orders"}


@pytest.fixture
def fresh(steps: Tap) -> Iterator[Tap]:
    """Nothing is there before and after, no plan either: the newest one would be applied."""
    shutil.rmtree(steps.directory / ".tap" / "plans", ignore_errors=True)
    yield steps
    steps.succeeds("destroy", "--auto-approve")
    nothing_runs(steps)


def shows(run: Run) -> bool:
    return any("terraform show" in command for command in run.children.values())


def seals(run: Run) -> bool:
    return any({*run.half_made} - run.left)


PLAN_POINTS = {
    "init": lambda run: "initialising" in run.said,
    "plan": lambda run: "Z planning" in run.said,
    "show": shows,
    "judge": lambda run: "judging the plan" in run.said,
    "seal": seals,
}


@pytest.mark.parametrize("number", [INT, TERM, KILL], ids=lambda number: number.name)
@pytest.mark.parametrize("point", PLAN_POINTS)
def test_a_plan_that_is_stopped_leaves_nothing_to_recover(
    steps: Tap, point: str, number: signal.Signals
) -> None:
    plans = steps.directory / ".tap" / "plans"
    if point == "init":
        (steps.directory / ".tap" / "sandbox" / "init.json").unlink(missing_ok=True)
    before = {path.name for path in plans.glob("[!.]*")}
    run = Run(steps, "plan")
    answer = run.until(lambda: PLAN_POINTS[point](run) or run.process.poll() is not None).kill(
        "tap", number=number
    )
    assert answer.code in (130 if number is not KILL else -KILL, 0), answer.said
    if number is KILL:
        # Terraform, which may just be starting, goes on to its end; that comes soon.
        time.sleep(0.5)
        deadline = time.monotonic() + 30
        while children_in(steps.directory, "terraform ") and time.monotonic() < deadline:
            time.sleep(0.1)
    nothing_runs(steps)
    # A plan is there as a whole, or not at all.
    for path in {*plans.glob("[!.]*")} - {plans / name for name in before}:
        assert {one.name for one in path.iterdir()} >= {"tfplan", "seal.json", "ledger.json"}
    assert "Nothing to recover" in steps.succeeds("recover").out
    assert "3 to create" in steps.succeeds("plan").out


@pytest.mark.parametrize("verb", ["init", "plan"])
def test_a_plan_whose_terraform_was_killed_says_so_and_leaves_nothing(steps: Tap, verb: str) -> None:
    if verb == "init":
        (steps.directory / ".tap" / "sandbox" / "init.json").unlink(missing_ok=True)
    run = Run(steps, "plan")
    run.until(lambda: any(f"terraform {verb}" in command for command in run.children.values()))
    answer = run.kill("terraform")
    assert answer.code == 1, answer.said
    assert f"terraform {verb} was killed by signal 9." in answer.err
    nothing_runs(steps)
    assert "Nothing to recover" in steps.succeeds("recover").out
    assert "3 to create" in steps.succeeds("plan").out


MIDDLE = line("apply_start", "terraform_data.middle")
APPLY_POINTS = [
    ("tap", TERM, line("verified")),
    ("tap", INT, line("apply_start", "terraform_data.first")),
    ("tap", KILL, line("verified")),
    ("tap", KILL, MIDDLE),
    ("terraform", KILL, MIDDLE),
    ("terraform", INT, MIDDLE),
    ("tap", INT, line("apply_start", "terraform_data.last")),
    ("tap", KILL, line("applied")),
]


@pytest.mark.parametrize(("whom", "number", "point"), APPLY_POINTS)
def test_an_apply_that_is_stopped_is_recovered(
    fresh: Tap, whom: str, number: signal.Signals, point: str
) -> None:
    run = Run(fresh, "apply", "--auto-approve", seconds=3 if point == MIDDLE else 0)
    run.until(lambda: re.search(point, run.journal) or run.process.poll() is not None)
    answer = Answer(0, "", run.said) if run.process.poll() == 0 else run.kill(*whom.split(), number=number)
    journal = run.journal
    # One that came too late ends tap, and there is nothing left to do.
    finished = '"applied"' in journal or "had already finished" in answer.err
    open_ = not finished and ("apply_start" in journal or "failed" not in journal)
    if number is not KILL or whom == "terraform":
        nothing_runs(fresh)
    if number is not KILL and open_:
        assert re.search(r"[0-3] of 3 changes were made.*; what was made is in the state\.", answer.err)
        assert "`tap recover` finds what exists but is not in the state, and completes it" in answer.err
    if whom == "terraform" and number is KILL:
        assert "terraform apply was killed by signal 9." in answer.err
        assert (
            "1 of 3 changes were made, 1 in flight (terraform_data.middle); Terraform was killed"
            in answer.err
        )
    if open_:
        # Who comes next is told, whatever tap itself could still say.
        assert "`tap recover` finds what exists" in fresh("plan").err
        assert "The apply of " in is_recovered(fresh).out
    elif "apply_start" not in journal:
        # Nothing was begun: the sealed plan is as good as it was.
        assert "Nothing to recover" in fresh.succeeds("recover").out
        fresh.succeeds("apply")
        is_recovered(fresh)
    else:
        is_recovered(fresh)


def test_an_interrupted_apply_says_how_far_it_came_and_is_completed(fresh: Tap) -> None:
    run = Run(fresh, "apply", "--auto-approve", seconds=20)
    run.until(lambda: re.search(MIDDLE, run.journal) and "created terraform_data.first" in run.said)
    answer = run.kill("tap", number=INT)
    nothing_runs(fresh)
    documented("operations", "interrupted", shown(run.arguments, answer.err, answer.code), pages(fresh))
    assert "`tap recover` finds what exists" in fresh("plan").err
    recovered = session(fresh, "recover", "--auto-approve")
    documented("operations", "interrupted-recover", recovered.out, pages(fresh))
    is_recovered(fresh)


def test_an_apply_whose_tap_and_terraform_were_killed_is_told_by_the_next_command(fresh: Tap) -> None:
    run = Run(fresh, "apply", "--auto-approve", seconds=3)
    run.until(lambda: re.search(MIDDLE, run.journal) and "created terraform_data.first" in run.said)
    run.kill("tap", "terraform")
    end_children(fresh)
    # The machine went down while tap was writing a line.
    (journal,) = (fresh.directory / ".tap" / "plans").glob("*/apply.jsonl")
    journal.write_bytes(journal.read_bytes()[:-10])
    documented("operations", "killed-plan", session(fresh, "plan").out, pages(fresh))
    documented("operations", "killed-recover", session(fresh, "recover", "--auto-approve").out, pages(fresh))
    is_recovered(fresh)


DESTROY_POINTS = [
    ("tap", INT, MIDDLE),
    ("tap", TERM, MIDDLE),
    ("tap", KILL, MIDDLE),
    ("terraform", KILL, MIDDLE),
    ("terraform", INT, MIDDLE),
    ("tap terraform", KILL, MIDDLE),
    ("tap", KILL, line("verified")),
    ("tap", INT, line("apply_start", "terraform_data.last")),
]


@pytest.mark.parametrize(("whom", "number", "point"), DESTROY_POINTS)
def test_a_destroy_that_is_stopped_is_completed(
    fresh: Tap, whom: str, number: signal.Signals, point: str
) -> None:
    fresh.succeeds("apply", "--auto-approve")
    run = Run(fresh, "destroy", "--auto-approve", seconds=3)
    run.until(lambda: re.search(point, run.journal))
    answer = run.kill(*whom.split(), number=number)
    begun = "apply_start" in run.journal
    if point == MIDDLE and answer.code == 130:
        assert (
            "1 of 3 changes were made, 1 failed (terraform_data.middle); what was made is in the state."
            in answer.err
        )
    if begun:
        assert "`tap recover` finds what exists" in fresh("plan").err
    answer = fresh.succeeds("recover", "--auto-approve", "--lock-timeout", "60")
    nothing_runs(fresh)
    assert "create" not in answer.out
    if begun:
        assert "The destroy of " in answer.out
        assert resources(fresh) == []
    assert "Nothing to recover" in fresh.succeeds("recover").out


def resources(tap: Tap) -> list[Any]:
    """What the state records."""
    state = json.loads((tap.directory / ".tap" / "sandbox" / "terraform.tfstate").read_text())
    recorded: list[Any] = state["resources"]
    return recorded


def test_a_terraform_that_outlived_its_tap_is_named_and_waited_for(fresh: Tap) -> None:
    run = Run(fresh, "apply", "--auto-approve", seconds=4)
    run.until(lambda: re.search(MIDDLE, run.journal))
    (terraform,) = run.children
    run.kill("tap")
    answer = fresh("recover", "--auto-approve")
    assert answer.code == 1
    assert (
        f"terraform (process {terraform}) is still at work, although the tap that started it is gone"
        in answer.err
    )
    answer = is_recovered(fresh)
    assert f"waiting up to 60 s for terraform (process {terraform})" in answer.err
    assert "Nothing is left to do: what exists, the state and the configuration agree." in answer.out


def test_other_values_than_were_approved_are_not_applied_without_asking(fresh: Tap) -> None:
    run = Run(fresh, "apply", "--auto-approve", "--var", "word=second", seconds=20)
    run.until(lambda: re.search(MIDDLE, run.journal)).kill("tap", number=INT)
    answer = fresh("recover", "--auto-approve")
    assert answer.code == 6, answer.said
    assert "--auto-approve would apply other values of word than were approved." in answer.err
    answer = fresh.succeeds("recover", "--auto-approve", "--var", "word=second")
    assert "terraform_data.middle is tainted: its creation was cut short" in answer.out


# tap's own clock, which the hours of CLOCK_HOURS are added to.
CLOCK = """
import datetime, os

class Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(hours=float(os.environ["CLOCK_HOURS"]))

datetime.datetime = Datetime
"""


@pytest.fixture
def clock(tmp_path: Path) -> Callable[[int], dict[str, str]]:
    """What sets tap's clock forward by some hours, or back."""
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    return lambda hours: {"PYTHONPATH": str(tmp_path), "CLOCK_HOURS": str(hours)}


def test_a_plan_from_the_future_is_refused_and_another_one_applied_by_its_id(
    fresh: Tap, clock: Callable[[int], dict[str, str]]
) -> None:
    ahead = fresh("plan", "--json", env=clock(1))
    assert ahead.code == 0, ahead.said
    refused = session(fresh, "apply")
    assert refused.code == 6, refused.out
    documented("operations", "clock", refused.out, pages(fresh))
    id_ = json.loads(fresh.succeeds("plan", "--json").out)["id"]
    fresh.succeeds("apply", id_)
    # For an hour it would be the newest one.
    shutil.rmtree(fresh.directory / ".tap" / "plans" / json.loads(ahead.out)["id"])
    is_recovered(fresh)


def test_an_apply_that_was_cut_short_counts_though_the_clock_was_set_back_before_it(
    fresh: Tap, clock: Callable[[int], dict[str, str]]
) -> None:
    for command in ("apply", "destroy"):
        fresh.succeeds(command, "--auto-approve")
    tap = Tap(fresh.directory, fresh.env | clock(-1))
    run = Run(tap, "apply", "--auto-approve", seconds=20)
    run.until(lambda: re.search(MIDDLE, run.journal)).kill("tap", "terraform")
    end_children(fresh)
    assert "was cut short" in fresh("plan").err
    is_recovered(fresh)


def test_recover_speaks_json(fresh: Tap) -> None:
    run = Run(fresh, "apply", "--auto-approve", seconds=20)
    run.until(lambda: re.search(MIDDLE, run.journal)).kill("tap", number=INT)
    document = json.loads(fresh.succeeds("recover", "--auto-approve", "--json").out)
    assert (document["schema"], len(document["interrupted"])) == ("tap.recovery/1", 1)
    assert document["tainted"] == ["terraform_data.middle"]
    assert document["applied"]
    assert fresh("recover", "NONE").code == 64


# --- on AWS, with the state in S3: what Terraform did last is nowhere but in AWS

BUCKET = "states"
BACKEND = f"""
terraform {{
  backend "s3" {{
    bucket       = "{BUCKET}"
    key          = "recovery.tfstate"
    region       = "us-east-1"
    use_lockfile = true
  }}
}}
"""


@dataclass
class Deployed(Tap):
    """A stack in the environment `ci`, with its state in a bucket of the same cloud."""

    sandbox: Sandbox | None = None

    def client(self, service: str) -> Any:
        assert self.sandbox is not None
        return boto3.client(
            service,
            endpoint_url=self.sandbox.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def state(self) -> dict[str, Any]:
        """The state in the bucket; {} where there is none."""
        s3 = self.client("s3")
        try:
            body = s3.get_object(Bucket=BUCKET, Key="recovery.tfstate")["Body"].read()
        except s3.exceptions.NoSuchKey:
            return {}
        document: dict[str, Any] = json.loads(body)
        return document

    def keys(self) -> list[str]:
        """The keys that are there and do not wait for their end."""
        kms = self.client("kms")
        ids = [one["KeyId"] for one in kms.list_keys()["Keys"]]
        states = {id_: kms.describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] for id_ in ids}
        return [id_ for id_, state in states.items() if state == "Enabled"]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    cloud = tmp_path_factory.mktemp("cloud") / "cloud"
    sandbox = daemon.start(cloud)
    variables = exports(sandbox, region="us-east-1")
    env = {name: value for name, value in os.environ.items() if name not in variables}
    directory = tmp_path_factory.mktemp("recovery") / "recovery"
    shutil.copytree(STACKS / "recovery", directory)
    (directory / "backend.tf").write_text(BACKEND)
    tap = Deployed(directory, env | {name: value for name, value in variables.items() if value}, sandbox)
    tap.client("s3").create_bucket(Bucket=BUCKET)
    yield tap
    daemon.stop(cloud)


@pytest.fixture
def clean(deployed: Deployed) -> Iterator[Deployed]:
    """Nothing is there before and after."""
    yield deployed
    deployed.succeeds("destroy", *CI, "--auto-approve")
    nothing_runs(deployed)
    assert deployed.keys() == []
    assert daemon.inventory(deployed.sandbox).keys() <= {"s3", "kms"}  # type: ignore[arg-type]


def test_after_both_were_killed_the_lock_is_taken_away_and_everything_adopted(clean: Deployed) -> None:
    run = Run(clean, "apply", *CI, "--auto-approve", seconds=30)
    for address in ("aws_dynamodb_table.main", "aws_kms_key.main"):
        run.until(functools.partial(is_done, run, address))
    run.kill("tap", "terraform")
    # Terraform writes to S3 every 20 seconds only.
    assert not clean.state().get("resources")
    (key,) = clean.keys()
    end_children(clean)
    answer = clean("recover", *CI, "--auto-approve", "--lock-timeout", "30")
    assert answer.code == 1
    assert "The state is locked by " in answer.err
    said = clean.succeeds("recover", *CI, "--auto-approve", "--lock-timeout", "30", "--force-unlock").out
    assert "The lock is released." in said
    for name, id_ in (
        ("aws_dynamodb_table", "recovery"),
        ("aws_iam_role", "recovery"),
        ("aws_cloudwatch_log_group", "/recovery"),
        ("aws_kms_key", key),
    ):
        assert f"{name}.main exists ({id_}) and is not in the state: it is imported." in said
    assert "aws_ssm_parameter.last was not created." in said
    is_recovered(clean, *CI)
    assert clean.keys() == [key]


def test_a_key_whose_terraform_was_killed_is_named(clean: Deployed) -> None:
    run = Run(clean, "apply", *CI, "--auto-approve")
    run.until(lambda: re.search(line("apply_start", "aws_kms_key.main"), run.journal) and clean.keys())
    answer = run.kill("terraform")
    assert "Terraform was killed: what it did last may not be in the state." in answer.err
    (orphan,) = clean.keys()
    said = clean.succeeds("recover", *CI, "--auto-approve", "--force-unlock").out
    assert "aws_kms_key.main was being created at " in said
    assert f"arn:aws:kms:us-east-1:123456789012:key/{orphan}" in said
    is_recovered(clean, *CI)
    clean.client("kms").schedule_key_deletion(KeyId=orphan)


def test_a_destroy_whose_tap_and_terraform_were_killed_is_completed(clean: Deployed) -> None:
    clean.succeeds("apply", *CI, "--auto-approve")
    run = Run(clean, "destroy", *CI, "--auto-approve", seconds=30)
    run.until(lambda: re.search(line("apply_start", "terraform_data.slow"), run.journal)).kill(
        "tap", "terraform"
    )
    end_children(clean)
    answer = clean.succeeds("recover", *CI, "--auto-approve", "--lock-timeout", "30", "--force-unlock")
    assert "The destroy of " in answer.out
    assert "create" not in answer.out
    assert clean.state()["resources"] == []


def is_done(run: Run, address: str) -> bool:
    return re.search(line("apply_complete", address), run.journal) is not None


def end_children(tap: Tap) -> None:
    """End the `sleep` of a provisioner, which outlives the Terraform that was killed."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == tap.directory and b"sleep" in (
                process / "cmdline"
            ).read_bytes():
                os.kill(int(process.name), KILL)
