"""What a person did wrong, or what the machine lacks: one clear sentence, and the documented exit code."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import TAP, Tap
from tests.documented import documented, shown

pytestmark = pytest.mark.real

Stack = Callable[[str], Tap]


def test_a_terraform_that_is_not_there(stack: Stack) -> None:
    answer = stack("local")("plan", env={"TAP_TERRAFORM": "/no/such/terraform"})
    assert answer.code == 1
    assert "TAP_TERRAFORM names /no/such/terraform, which is not a program that can be run." in answer.err
    assert "install Terraform 1.6 or newer" in answer.err


def test_a_terraform_that_is_too_old(stack: Stack, tmp_path: Path) -> None:
    old = tmp_path / "terraform"
    old.write_text("#!/bin/sh\necho 'Terraform v0.12.31'\n")
    old.chmod(0o755)
    answer = stack("local")("plan", env={"TAP_TERRAFORM": str(old)})
    assert answer.code == 1
    assert f"{old} is Terraform 0.12.31; tap needs 1.6 or newer." in answer.err


def test_a_program_that_is_not_terraform(stack: Stack) -> None:
    answer = stack("local")("plan", env={"TAP_TERRAFORM": "/bin/false"})
    assert answer.code == 1
    assert "/bin/false does not answer `version -json` as Terraform does" in answer.err


def test_a_provider_that_is_nowhere_and_no_network(stack: Stack, tmp_path: Path) -> None:
    config = tmp_path / "terraformrc"  # a working one of the user's own, so that tap brings no mirror
    config.write_text("")
    unreachable = "http://127.0.0.1:9"
    answer = stack("queue")("plan", env={"TF_CLI_CONFIG_FILE": str(config), "HTTPS_PROXY": unreachable})
    assert answer.code == 1
    assert "hashicorp/aws" in answer.err
    assert "TAP_PROVIDER_MIRROR" in answer.err


def test_a_mirror_that_is_none(stack: Stack, tmp_path: Path) -> None:
    answer = stack("local")("plan", env={"TAP_PROVIDER_MIRROR": str(tmp_path)})
    assert answer.code == 64
    assert f"TAP_PROVIDER_MIRROR is {tmp_path}, which holds no registry.terraform.io" in answer.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[stack\n", "tap.toml:1 is not TOML"),
        ("[stack]\nnmae = 'x'\n", "tap.toml:2: unknown key stack.nmae; did you mean name?"),
        ("[stack]\nhandlers = 3\n", "tap.toml:2: stack.handlers is 3: input should be a valid string."),
        (
            "[policies.log_group_retention]\nexcatly = 14\n",
            "exactly",  # the nearest parameter is named
        ),
    ],
)
def test_a_tap_toml_that_is_wrong(stack: Stack, text: str, sentence: str) -> None:
    tap = stack("local")
    (tap.directory / "tap.toml").write_text(text)
    answer = tap("check")
    assert answer.code in (64, 4)
    assert sentence in answer.said


def test_without_a_tap_toml_defaults_hold_and_are_said_to(stack: Stack) -> None:
    answer = stack("local")("plan")
    assert f"No tap.toml in {answer_directory(answer.err)}: defaults hold." in answer.err


def answer_directory(said: str) -> str:
    return said.partition("No tap.toml in ")[2].partition(": defaults")[0]


def test_without_a_tap_toml_there_is_no_other_environment(stack: Stack) -> None:
    answer = stack("local")("plan", "--env", "prod")
    assert answer.code == 64
    assert "There is no environment 'prod': . without a tap.toml has sandbox." in answer.err


def test_a_directory_without_configuration(tmp_path: Path) -> None:
    for command in ("plan", "apply", "check"):
        answer = Tap(tmp_path)(command)
        assert answer.code == 64, command
        assert f"{tmp_path} holds no Terraform configuration: expected at least one .tf file." in answer.err


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    answer = Tap(tmp_path)("plan", "-C", "nowhere")
    assert answer.code == 64
    assert "nowhere is not a directory." in answer.err


def test_hcl_that_does_not_parse(stack: Stack) -> None:
    tap = stack("local")
    (tap.directory / "broken.tf").write_text('resource "terraform_data" "x" {\n  input = \n}\n')
    plan = tap("plan")
    assert plan.code == 1
    assert "broken.tf:2" in plan.err
    assert "Invalid expression" in plan.err
    check = tap("check")
    assert check.code == 4
    assert "broken.tf:" in check.said


def test_a_variable_without_a_value(stack: Stack) -> None:
    tap = stack("local")
    (tap.directory / "more.tf").write_text('variable "owner" {\n  type = string\n}\n')
    answer = tap("plan")
    assert answer.code == 1
    assert "more.tf:1" in answer.err
    assert "No value for required variable" in answer.err


def test_a_variable_that_fails_its_validation_and_no_other_value_is_shown(stack: Stack) -> None:
    answer = stack("local")("plan", "--var", "greeting=hi", "--var", "password=topsecret1")
    assert answer.code == 1
    assert "with a value from tap.toml or --var" in answer.err
    assert "greeting must be longer than two characters." in answer.err
    assert "validation rule at main.tf:6" in answer.err
    assert "topsecret1" not in answer.said


@pytest.mark.parametrize("given", ["greeting", "=x"])
def test_a_variable_option_without_a_name_or_value(stack: Stack, given: str) -> None:
    answer = stack("local")("plan", "--var", given)
    assert answer.code == 64
    assert f"--var {given!r}: NAME=VALUE was expected." in answer.err


def test_a_variable_file_that_is_not_there(stack: Stack) -> None:
    answer = stack("local")("plan", "--var-file", "missing.tfvars")
    assert answer.code == 64
    assert "missing.tfvars is not a file; a .tfvars file was expected." in answer.err


def test_a_handler_with_a_syntax_error(stack: Stack) -> None:
    tap = stack("local")
    (tap.directory / "handlers" / "writer").mkdir(parents=True)
    (tap.directory / "handlers" / "writer" / "handler.py").write_text("x = 1\ndef handle(:\n")
    answer = tap("plan")
    assert answer.code == 64
    assert "handlers/writer/handler.py:2: invalid syntax" in answer.err


def test_a_port_in_use(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = stack("local")("sandbox", "start", "--port", str(port))
    assert answer.code == 1
    assert str(port) in answer.err


def test_a_command_and_an_option_that_do_not_exist(tmp_path: Path) -> None:
    answer = Tap(tmp_path)("plam")
    assert (answer.code, "Did you mean 'plan'?" in answer.err) == (64, True)
    answer = Tap(tmp_path)("plan", "--tagret", "x")
    assert (answer.code, "--target" in answer.err) == (64, True)


def test_arguments_from_the_environment_are_refused(stack: Stack) -> None:
    answer = stack("local")("plan", env={"TF_CLI_ARGS_plan": "-refresh=false"})
    assert answer.code == 64
    assert "TF_CLI_ARGS_plan is set" in answer.err


def test_nobody_to_ask(stack: Stack) -> None:
    tap = stack("local")
    answer = tap("apply")
    assert answer.code == 64
    assert "Nobody can be asked: standard input is not a terminal." in answer.err
    # What was not approved is not lying about to be applied by the next command.
    assert not list((tap.directory / ".tap" / "plans").iterdir())
    closed = subprocess.run(
        ["/bin/sh", "-c", f"{TAP} apply <&-"],
        cwd=tap.directory,
        env=tap.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert closed.returncode == 64, closed.stderr
    assert "Nobody can be asked" in closed.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, two megabytes large."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs root: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def copy_to(tap: Tap, place: Path) -> Tap:
    for path in tap.directory.iterdir():
        if path.is_file():
            (place / path.name).write_bytes(path.read_bytes())
    return Tap(place, tap.env)


def fill(place: Path) -> None:
    """Leave not one free block."""
    with (place / "filler").open("wb", buffering=0) as filler:
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"\0" * size)


def test_a_full_disk_before_a_plan_or_an_apply_changes_nothing(stack: Stack, small_disk: Path) -> None:
    tap = copy_to(stack("local"), small_disk)
    tap.succeeds("apply", "--auto-approve")
    state = small_disk / ".tap" / "sandbox" / "terraform.tfstate"
    before = state.read_bytes()
    tap.succeeds("plan", "--var", "greeting=goodbye")
    fill(small_disk)
    # Whether the lock or the plan file finds no room depends on the last free block.
    causes = ("no space left on device", "is the disk full? make room and plan again")
    for command in (("apply",), ("plan", "--var", "greeting=goodbye")):
        answer = tap(*command)
        assert answer.code == 1, answer.said
        assert any(cause in answer.said.lower() for cause in causes), answer.said
        assert state.read_bytes() == before
    (small_disk / "filler").unlink()
    assert "1 to change" in tap.succeeds("plan", "--var", "greeting=goodbye").out
    tap("sandbox", "stop")


def test_a_disk_that_fills_during_an_apply_does_not_lose_the_state(stack: Stack, small_disk: Path) -> None:
    tap = copy_to(stack("slow"), small_disk)
    large = '[for n in range(1000) : "${terraform_data.quick.id} ${n}"]'
    source = small_disk / "main.tf"
    source.write_text(source.read_text().replace("input = terraform_data.quick.id", f"input = {large}"))
    tap.succeeds("plan", "--var", "seconds=5")
    state = small_disk / ".tap" / "sandbox" / "terraform.tfstate"
    process = tap.start("apply", env={"TMPDIR": str(small_disk), "HOME": str(small_disk)})
    while not (state.exists() and b"quick" in state.read_bytes()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    fill(small_disk)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "Terraform could not write the state after its work; tap has kept it in " in err
    kept = Path(re.search(r"kept it in (\S+\.tfstate)\.", err).group(1))  # type: ignore[union-attr]
    try:
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert f"make room, then: cp {kept} {state}" in err
        said = "…\n" + err[err.index("Error: Terraform could not write") :]
        names = {str(kept): "/dev/shm/errored.tfstate", str(small_disk): "/home/me/orders"}  # noqa: S108
        documented("operations", "disk", shown(("apply",), said, 1), names)
        (small_disk / "filler").unlink()
        shutil.copy(kept, state)
    finally:
        kept.unlink()
    assert "No changes." in tap.succeeds("plan", "--var", "seconds=5").out
    # Terraform has begun to write one, on the full disk.
    assert (small_disk / "errored.tfstate").exists()
    again = ("--auto-approve", "--var", "seconds=5")
    assert tap("apply", *again).code == 1
    assert "errored.tfstate is no whole state: it is kept in " in tap.succeeds("recover", *again).out
    tap.succeeds("apply", *again)
    tap("sandbox", "stop")


def test_a_read_only_directory(stack: Stack, small_disk: Path) -> None:
    tap = copy_to(stack("local"), small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    answer = tap("plan")
    assert answer.code == 1
    assert f"{small_disk / '.tap'} can't be written: Read-only file system." in answer.err


def test_what_tap_writes_is_for_this_user_alone(stack: Stack) -> None:
    tap = stack("local")
    tap.succeeds("plan")
    work = tap.directory / ".tap"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    (plan,) = (work / "plans").iterdir()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in plan.iterdir()}
    assert modes == {"tfplan": 0o600, "ledger.json": 0o600, "seal.json": 0o600}
