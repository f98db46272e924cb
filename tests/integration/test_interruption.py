"""Signals, closed pipes, a cloud that dies, two at once: no orphan, no lost state, the truth told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TAP, Answer, Tap
from tests.documented import documented, session

pytestmark = pytest.mark.real

Stack = Callable[[str], Tap]


def state_of(tap: Tap) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (tap.directory / ".tap" / "sandbox" / "terraform.tfstate").read_text()
    )
    return document


def recorded(tap: Tap) -> list[str]:
    return sorted(
        f"{r['type']}.{r['name']}"
        for r in state_of(tap)["resources"]
        for i in r["instances"]
        if i.get("status") != "tainted"
    )


def begins(tap: Tap, *arguments: str, when: Callable[[], bool]) -> subprocess.Popen[str]:
    """Start tap and return once `when` holds."""
    process = tap.start(*arguments)
    deadline = time.monotonic() + 90
    while not when():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def ends(process: subprocess.Popen[str], timeout: float = 120) -> Answer:
    out, err = process.communicate(timeout=timeout)
    assert "Traceback" not in out + err
    return Answer(process.returncode, out, err)


def children_in(directory: Path, *names: str) -> list[str]:
    """Command lines of running processes whose working directory is, or arguments name, the stack."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            inside = str((process / "cwd").readlink()).startswith(str(directory)) or str(directory) in command
        except OSError:
            continue
        if inside and any(name in command for name in names):
            found.append(command)
    return found


def sleeping(tap: Tap) -> Callable[[], bool]:
    return lambda: bool(children_in(tap.directory, "sleep "))


def no_trace_is_left(tap: Tap) -> None:
    assert children_in(tap.directory, "terraform ", "terraform-provider", "sleep ") == []
    assert not list(tap.directory.rglob(".terraform.tfstate.lock.info"))


def interrupted_apply_is_clean(tap: Tap, number: signal.Signals) -> None:
    process = begins(tap, "apply", "--auto-approve", "--var", "seconds=30", when=sleeping(tap))
    process.send_signal(number)
    answer = ends(process)
    assert answer.code == 130, answer.said
    assert "Interrupted: terraform apply was stopped and has cleaned up after itself." in answer.err
    no_trace_is_left(tap)
    assert recorded(tap) == ["terraform_data.quick"]
    tap.succeeds("apply", "--auto-approve", "--var", "seconds=0")
    assert recorded(tap) == ["terraform_data.quick", "terraform_data.slow"]
    assert tap("plan", "--detailed-exitcode", "--var", "seconds=0").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_during_apply_ends_cleanly_and_the_next_apply_finishes(
    stack: Stack, number: signal.Signals
) -> None:
    interrupted_apply_is_clean(stack("slow"), number)


def test_a_signal_during_plan_leaves_nothing(stack: Stack) -> None:
    tap = stack("queue")
    process = begins(
        tap, "plan", when=lambda: bool(children_in(tap.directory, "terraform plan", "terraform-provider"))
    )
    process.send_signal(signal.SIGINT)
    answer = ends(process)
    assert answer.code == 130, answer.said
    no_trace_is_left(tap)
    assert not list((tap.directory / ".tap" / "plans").iterdir())
    tap.succeeds("plan")


def test_the_second_of_two_applies_says_who_holds_the_lock_or_waits(stack: Stack) -> None:
    tap = stack("slow")
    first = begins(tap, "apply", "--auto-approve", "--var", "seconds=6", when=sleeping(tap))
    second = session(tap, "apply", "--auto-approve")
    assert second.code == 1
    assert f"tap apply (process {first.pid}, " in second.out
    assert "holds this environment; nothing was done." in second.out
    documented("operations", "two", second.out, {str(tap.directory): "/home/me/orders"})
    third = tap("plan", "--var", "seconds=6", "--lock-timeout", "60")
    assert third.code == 0
    assert "waiting up to 60 s for tap apply" in third.err
    assert "No changes" in third.out
    assert ends(first).code == 0


def test_bare_terraform_and_tap_respect_each_others_lock(stack: Stack) -> None:
    tap = stack("slow")
    tap.succeeds("plan")
    process = begins(tap, "apply", "--auto-approve", "--var", "seconds=8", when=sleeping(tap))
    bare = subprocess.run(
        ["terraform", "plan", "-no-color", "-input=false", "-state=.tap/sandbox/terraform.tfstate"],
        cwd=tap.directory,
        env=tap.env | {"TF_DATA_DIR": ".tap/sandbox/terraform"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bare.returncode == 1
    assert "Error acquiring the state lock" in bare.stderr
    assert ends(process).code == 0


def test_output_into_head_neither_fails_nor_stops_the_apply(stack: Stack) -> None:
    tap = stack("local")
    line = f'set -o pipefail; {TAP} apply --auto-approve --var \'guests=["a","b"]\' 2>&1 | head -n 1'
    done = subprocess.run(
        ["bash", "-c", line], cwd=tap.directory, env=tap.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
    assert recorded(tap) == ["terraform_data.greeting", "terraform_data.guest", "terraform_data.guest"]


def sandbox_of(tap: Tap) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tap.succeeds("sandbox", "status", "--json").out)
    return document


def test_a_cloud_that_died_between_two_commands_is_told_and_mended(stack: Stack) -> None:
    tap = stack("local")
    tap.succeeds("apply", "--auto-approve")
    before = state_of(tap)
    os.kill(sandbox_of(tap)["pid"], signal.SIGKILL)
    for command in (("plan",), ("apply",), ("sandbox", "start")):
        answer = tap(*command)
        assert answer.code == 1, answer.said
        assert "gone" in answer.err
        assert "`tap sandbox stop` sets the state aside" in answer.err
        assert state_of(tap) == before
    stopped = tap.succeeds("sandbox", "stop")
    (kept,) = (tap.directory / ".tap" / "sandbox" / "archive").iterdir()
    assert str(kept) in stopped.out
    assert json.loads(kept.read_text()) == before
    assert "1 to create" in tap.succeeds("plan").out


def test_a_cloud_that_dies_during_an_apply_ends_it_soon_and_keeps_the_state(stack: Stack) -> None:
    tap = stack("queue")
    tap.succeeds("plan")
    pid = sandbox_of(tap)["pid"]
    state = tap.directory / ".tap" / "sandbox" / "terraform.tfstate"
    process = begins(tap, "apply", when=lambda: "slow" in inventory(tap))
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    answer = ends(process)
    assert answer.code == 1, answer.said
    assert f"The embedded AWS (process {pid}, http://127.0.0.1:" in answer.err
    assert "ended while Terraform was at work" in answer.err
    assert "tap sandbox stop" in answer.err
    assert time.monotonic() - killed < 60
    no_trace_is_left(tap)
    assert "aws_cloudwatch_log_group.quick" in recorded(tap)
    tap.succeeds("sandbox", "stop")
    assert not state.exists()
    assert "2 to create" in tap.succeeds("plan").out


def inventory(tap: Tap) -> str:
    """ "slow" once the server holds the queue, whose creation the provider still waits for."""
    answer = tap("sandbox", "status", "--json")
    return "slow" if '"sqs"' in answer.out.lower() else ""
