"""`tap rehearse`: a stack's whole life apart from everything, and what is left when a step fails."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tapstack.report.rehearsal_step import STEPS
from tests.conftest import Answer, Tap

pytestmark = pytest.mark.real

Stack = Callable[[str], Tap]

RESTLESS = 'resource "terraform_data" "restless" { input = timestamp() }'
FAILING = """
resource "terraform_data" "failing" {
  provisioner "local-exec" { command = "exit 3" }
}
"""
QUEUE_MAKER = """
import boto3, sys
boto3.client("sqs").create_queue(QueueName="left-over")
print("made a queue")
"""
LOOKS_AROUND = """
import json, os, sys
print("greeting is", json.load(sys.stdin)["greeting"]["value"])
print("in", os.getcwd())
print("at", os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_ACCESS_KEY_ID"])
"""


@pytest.fixture
def rehearsed(stack: Stack) -> Iterator[Stack]:
    """`stack`, with the rehearsals that fail removed at the end."""
    made: list[Tap] = []

    def copy(name: str) -> Tap:
        made.append(stack(name))
        return made[-1]

    yield copy
    for tap in made:
        tap("rehearse", "--clean")
        assert servers(tap.directory / ".tap" / "rehearsals") == []


def servers(directory: Path) -> list[int]:
    """Processes of sandboxes, Terraform or scripts that have to do with a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode("utf-8", "replace")
            environ = (process / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if str(directory) in command or f"TF_DATA_DIR={directory}" in environ:
            found.append(int(process.name))
    return found


def rehearsals(tap: Tap) -> list[Path]:
    return sorted((tap.directory / ".tap" / "rehearsals").glob("*"))


def document(answer: Answer) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(answer.out)
    assert parsed["schema"] == "tap.rehearsal/1"
    assert parsed["exit_code"] == answer.code
    return parsed


def verdicts(said: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["verdict"] for step in said["steps"]}


def step(said: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in said["steps"] if one["name"] == name)
    return found


def junit(tap: Tap) -> ElementTree.Element:
    return ElementTree.parse(tap.directory / "rehearsal.xml").getroot()  # noqa: S314  # tap wrote it


def nothing_is_left(tap: Tap) -> None:
    assert rehearsals(tap) == []
    assert servers(tap.directory) == []


def began(tap: Tap, *arguments: str, file: str) -> subprocess.Popen[str]:
    """Start a rehearsal and return once a file of that name is in the stack's directory."""
    process = tap.start("rehearse", *arguments)
    deadline = time.monotonic() + 90
    while not (tap.directory / file).exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def ended(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    return Answer(process.returncode, out, err)


def test_the_main_stack_holds_at_every_step(rehearsed: Stack) -> None:
    tap = rehearsed("main")
    answer = tap.succeeds("rehearse", "--json", "--junit", "rehearsal.xml")
    said = document(answer)
    assert verdicts(said) == dict.fromkeys(STEPS, "passed")
    assert "read the same item through acme-dev-reader: 200" in step(said, "smoke test")["said"]
    assert step(said, "nothing left")["detail"] == "the embedded AWS holds nothing"
    assert "aws_cloudwatch_metric_alarm: never fires." in said["limits"]
    assert not [sentence for sentence in said["limits"] if "does not have it" in sentence]
    assert sum(one["seconds"] for one in said["steps"]) == pytest.approx(said["seconds"], abs=1)
    suite = junit(tap).find("testsuite")
    assert suite is not None
    assert [case.get("name") for case in suite.iter("testcase")] == list(STEPS)
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "0")
    nothing_is_left(tap)
    assert not (tap.directory / ".tap" / "sandbox").exists()
    assert not (tap.directory / ".tap" / "plans").exists()


def test_a_directory_without_tap_toml_says_none_to_what_it_does_not_have(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    answer = tap(
        "rehearse", str(tap.directory), "--json", "--var", "greeting=good day", "--var", 'guests=["a", "b"]'
    )
    said = document(answer)
    nones = {"package", "obligations", "smoke test"}
    assert verdicts(said) == {name: "none" if name in nones else "passed" for name in STEPS}
    assert step(said, "apply")["detail"] == "3 created"
    assert step(said, "destroy")["detail"] == "3 destroyed"
    assert said["limits"] == []
    assert "No tap.toml in" in answer.err
    assert {path.name for path in tap.directory.iterdir()} == {"main.tf", ".tap"}
    nothing_is_left(tap)


def test_every_step_is_a_dated_line_as_it_ends(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    answer = tap.succeeds("rehearse")
    lines = answer.out.splitlines()
    for name, line in zip(STEPS, lines, strict=False):
        assert line[10] == "T"
        assert f" s  {name} " in line
    assert lines[-1].startswith("Rehearsed local in ")


def test_a_second_plan_with_changes_fails_and_everything_is_kept_to_be_looked_at(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    (tap.directory / "restless.tf").write_text(RESTLESS)
    answer = tap("rehearse", "--json")
    said = document(answer)
    assert (answer.code, said["failed"]) == (1, "second plan")
    assert step(said, "second plan")["detail"] == "not empty: terraform_data.restless (update)"
    assert said["not_reached"] == list(STEPS[STEPS.index("second plan") + 1 :])

    kept = said["kept"]
    assert set(kept["files"]) == {"state", "plan", "second plan", "ledger", "log"}
    script = f'eval "$(cat {kept["environment"]})"; echo "$AWS_ENDPOINT_URL"; '
    script += f"terraform state list -state={kept['files']['state']}"
    looked = subprocess.run(
        ["bash", "-c", script],
        cwd=tap.directory,
        env=tap.env | {"AWS_PROFILE": "mine"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert looked.stdout.splitlines() == [kept["url"], "terraform_data.greeting", "terraform_data.restless"]
    assert len(servers(Path(kept["directory"]))) == 1

    again = tap("rehearse")
    assert again.code == 1
    assert "Kept from before: 1" in again.err
    assert "tap rehearse --clean" in again.out
    assert len(rehearsals(tap)) == 2
    assert tap.succeeds("rehearse", "--clean").out.count("Removed ") == 2
    nothing_is_left(tap)


def test_a_closed_gate_ends_it_before_the_apply(rehearsed: Stack) -> None:
    tap = rehearsed("group")
    answer = tap("rehearse", "--var", "days=0", "--junit", "rehearsal.xml")
    assert answer.code == 3, answer.said
    assert "log_group_retention" in answer.out
    assert "The gate is closed" in answer.out
    assert "failed after" in answer.out.splitlines()[-1]
    assert "at: gate; not reached: apply," in answer.out.splitlines()[-1]
    (kept,) = rehearsals(tap)
    assert not (kept / "terraform.tfstate").exists()
    failure = junit(tap).find(".//failure")
    assert failure is not None
    assert "aws_cloudwatch_log_group.one" in (failure.text or "")


def test_a_gate_that_cannot_decide_ends_it(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    (tap.directory / "tap.toml").write_text("[policies.no_such_policy]\nvalue = 1\n")
    answer = tap("rehearse", "--json")
    assert (answer.code, document(answer)["failed"]) == (4, "gate"), answer.said


def test_what_terraform_said_of_a_failed_apply_is_in_every_report(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    (tap.directory / "failing.tf").write_text(FAILING)
    answer = tap("rehearse", "--json", "--junit", "rehearsal.xml")
    said = document(answer)
    assert (answer.code, said["failed"]) == (1, "apply")
    assert "exit status 3" in answer.err
    assert "exit status 3" in step(said, "apply")["diagnostics"]
    assert "exit status 3" in (tap.directory / "rehearsal.xml").read_text()
    assert "failing" in Path(said["kept"]["files"]["state"]).read_text()


def smoke(tap: Tap, script: str) -> None:
    (tap.directory / "tap.toml").write_text('[stack]\nsmoke = "smoke.py"\n')
    (tap.directory / "smoke.py").write_text(script)


def test_the_smoke_test_gets_the_outputs_and_no_way_to_a_real_account(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    smoke(tap, LOOKS_AROUND)
    tap.env |= {"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_ENDPOINT_URL_S3": "https://example.com"}
    said = document(tap.succeeds("rehearse", "--json"))
    printed = step(said, "smoke test")["said"].splitlines()
    url = step(said, "sandbox")["detail"]
    assert printed[:3] == ["greeting is hello", f"in {tap.directory}", f"at {url} test"]


def test_a_smoke_test_never_sees_sensitive_outputs(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    smoke(tap, "import sys; print(sys.stdin.read())")
    answer = tap.succeeds("rehearse", "-v")
    assert '"value": "(sensitive)"' in answer.out
    assert "hunter2" not in answer.said


def test_a_failed_smoke_test_is_quoted(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    smoke(tap, "import sys; print('half way'); sys.exit('the table \\x1b[31mis empty')")
    answer = tap("rehearse")
    assert answer.code == 1
    assert "smoke.py ended with exit status 1" in answer.out
    assert "  | half way\n  | the table \\x1b[31mis empty\n" in answer.out


def test_what_the_stack_does_not_manage_is_found_at_the_end(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    smoke(tap, QUEUE_MAKER)
    answer = tap("rehearse", "--json")
    said = document(answer)
    assert (answer.code, said["failed"]) == (1, "nothing left")
    assert step(said, "nothing left")["detail"] == "left after the destroy: sqs: 1 Queue"


def test_a_smoke_test_that_is_not_there_is_said_before_anything_begins(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    (tap.directory / "tap.toml").write_text('[stack]\nname = "x"\nsmoke = "gone.py"\n')
    answer = tap("rehearse")
    assert answer.code == 64
    assert "tap.toml:3: smoke is 'gone.py', and there is no such file in" in answer.err
    assert answer.out == ""
    assert rehearsals(tap) == []


@pytest.mark.parametrize("arguments", [("nowhere",), ("--junit", "no/such/file.xml")])
def test_bad_arguments_are_said_before_anything_begins(rehearsed: Stack, arguments: tuple[str, ...]) -> None:
    tap = rehearsed("local")
    answer = tap("rehearse", *arguments)
    assert (answer.code, answer.out) == (64, "")
    assert rehearsals(tap) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_during_the_apply_ends_terraform_cleanly_and_leaves_nothing(
    rehearsed: Stack, number: signal.Signals
) -> None:
    tap = rehearsed("slow")
    text = (tap.directory / "main.tf").read_text().replace('"sleep ', '"touch begun; sleep ')
    (tap.directory / "main.tf").write_text(text)
    process = began(tap, "--var", "seconds=60", file="begun")
    assert "nothing to remove" in tap("rehearse", "--clean").out
    assert process.poll() is None
    process.send_signal(number)
    answer = ended(process)
    assert answer.code == 130, answer.said
    assert "terraform apply was stopped and has cleaned up after itself" in answer.err
    nothing_is_left(tap)


def test_a_signal_during_the_smoke_test_leaves_nothing(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    smoke(tap, "import time, pathlib; pathlib.Path('begun').touch(); time.sleep(60)")
    process = began(tap, file="begun")
    process.send_signal(signal.SIGINT)
    answer = ended(process)
    assert answer.code == 130, answer.said
    assert "smoke.py was stopped" in answer.err
    nothing_is_left(tap)


def test_what_a_killed_tap_left_is_removed(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    smoke(tap, "import time, pathlib; pathlib.Path('begun').touch(); time.sleep(4)")
    process = began(tap, file="begun")
    process.kill()
    process.communicate()
    assert len(rehearsals(tap)) == 1
    assert "Removed " in tap.succeeds("rehearse", "--clean").out
    deadline = time.monotonic() + 30
    while servers(tap.directory) and time.monotonic() < deadline:
        time.sleep(0.1)  # the script itself outlives its starter for some seconds
    nothing_is_left(tap)


def test_two_at_once_disturb_neither_each_other_nor_the_stacks_own_sandbox(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    tap.succeeds("apply", "--auto-approve")
    state = (tap.directory / ".tap" / "sandbox" / "terraform.tfstate").read_bytes()
    sandbox = tap.succeeds("sandbox", "status", "--json").out
    plans = sorted((tap.directory / ".tap" / "plans").iterdir())

    both = [tap.start("rehearse", "--json") for _ in range(2)]
    said = [document(ended(process)) for process in both]
    assert [one["passed"] for one in said] == [True, True]
    assert len({step(one, "sandbox")["detail"] for one in said}) == 2

    assert (tap.directory / ".tap" / "sandbox" / "terraform.tfstate").read_bytes() == state
    assert tap.succeeds("sandbox", "status", "--json").out == sandbox
    assert sorted((tap.directory / ".tap" / "plans").iterdir()) == plans
    assert rehearsals(tap) == []


def test_another_environment_lends_its_variables_and_nothing_else(rehearsed: Stack) -> None:
    tap = rehearsed("local")
    (tap.directory / "tap.toml").write_text(
        '[stack]\nsmoke = "smoke.py"\n[environments.prod]\ndestroyable = false\nvariables = { greeting = "prod" }\n'
    )
    (tap.directory / "smoke.py").write_text(LOOKS_AROUND)
    said = document(tap.succeeds("rehearse", "--env", "prod", "--json"))
    assert "greeting is prod" in step(said, "smoke test")["said"]
    assert f"at {step(said, 'sandbox')['detail']} test" in step(said, "smoke test")["said"]
    assert (said["environment"], step(said, "destroy")["verdict"]) == ("prod", "none")
    assert step(said, "destroy")["detail"] == "environment prod is not destroyable"
    assert not (tap.directory / ".tap" / "prod").exists()
    nothing_is_left(tap)
