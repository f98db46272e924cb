"""`tap check --watch`, started as a process: what it says after each kind of change, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TAP, Tap

pytestmark = pytest.mark.real

# A loaded machine is slow; nothing waits that long where all is well.
SECONDS = 60.0
HEAD = re.compile(r"== \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?P<what>.*)")
OWN = '''\
"""A policy of the stack's own."""

from tapstack.gate.policy import Enforcement, Policy, Severity, failed

print("policy printed")


class GroupName(Policy):
    id = "CKV_CUSTOM_1"
    name = "group_name"
    title = "Groups have names"
    severity = Severity.LOW
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = ("aws_cloudwatch_log_group",)
    rationale = "Because."
    remediation = 'name = "x"'
    references = ("https://example.com/names",)

    def evaluate(self, resource, stack):
        yield failed("The name is 1.", "name")
'''


class Watching:
    """A watch whose words are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.block = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self, seconds: float = SECONDS) -> str | None:
        return self._lines.get(timeout=seconds)

    def shown(self) -> tuple[str, str]:
        """What was changed, and the next verdict in full."""
        while (line := self.line()) is not None:
            if head := HEAD.fullmatch(line):
                break
        assert line is not None
        assert head
        text = []
        while (line := self.line()) is not None:
            text.append(line.strip())
            if line.startswith(("The gate", "  -> ")):
                break
        return head["what"], " ".join(text)

    def until(self, words: str) -> str:
        """The first verdict with these words in it; an editor's several writes may have several verdicts."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            _, text = self.shown()
            if words in text:
                return text
        raise AssertionError(words)

    def heard(self, seconds: float) -> list[str]:
        """What was changed, as far as it is said within that time."""
        found = []
        with contextlib.suppress(queue.Empty):
            while (line := self.line(seconds)) is not None:
                found += [line] if HEAD.fullmatch(line) else []
        return found


@contextlib.contextmanager
def watching(tap: Tap, *arguments: str) -> Iterator[Watching]:
    process = subprocess.Popen(
        [str(TAP), "check", "--watch", *arguments],
        cwd=tap.directory,
        env=tap.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Watching(process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(SECONDS)
        finally:
            process.kill()
    assert code == 130


def replaced(path: Path, text: str) -> None:
    """As most editors save: a new file in the place of the old one."""
    aside = path.with_name(f".{path.name}.swp~")
    aside.write_text(text)
    aside.replace(path)


def children(process: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listed.stdout.split()]


def test_each_kind_of_change_is_judged(group: Tap) -> None:
    main = group.directory / "main.tf"
    text = main.read_text()
    with watching(group, "--policy", "log_group_retention") as watch:
        what, verdict = watch.shown()
        assert what == "watching"
        assert "The gate could not" not in verdict

        main.write_text(text.replace("= var.days", "= 30"))
        assert "keeps its events for 30 days" in watch.until("FAIL")
        replaced(main, text.replace("= var.days", "= 14"))
        assert "1 policy x 1 resource: 1 pass" in watch.until("The gate is open.")

        # While somebody types, one sentence, and it goes on.
        replaced(main, text.replace("= var.days", "= {"))
        verdict = watch.until("Error: ")
        assert re.search(r"Error: main\.tf:\d+: the HCL does not parse", verdict)
        assert verdict.endswith("The gate could not decide, which counts as closed: 1 error.")
        main.unlink()
        watch.until("holds no Terraform configuration")
        replaced(main, text)
        watch.until("The gate is")

        (group.directory / "terraform.tfvars").write_text("days = 60\n")
        assert "for 60 days" in watch.until("FAIL")
        (group.directory / "terraform.tfvars").unlink()
        toml = group.directory / "tap.toml"
        toml.write_text(
            "[policies.log_group_retention]\nexactly = 30\n[environments.sandbox]\nvariables = { days = 30 }\n"
        )
        watch.until("The gate is open.")
        toml.write_text("[policies.log_group_retention]\nexactly = ")
        watch.until("is not TOML")
        toml.write_text("[environments.sandbox]\nvariables = { days = 14 }\n")
        watch.until("The gate is open.")

        module = group.directory / "modules" / "logs" / "main.tf"
        (group.directory / "more.tf").write_text('module "logs" {\n  source = "./modules/logs"\n}\n')
        watch.until("module logs can't be read")
        module.parent.mkdir(parents=True)
        module.write_text('resource "aws_cloudwatch_log_group" "more" {\n  name = "more"\n}\n')
        assert "modules/logs/main.tf:1" in watch.until("FAIL")
        module.write_text(module.read_text().replace("}", "  retention_in_days = 14\n}"))
        watch.until("The gate is open.")
        # Another directory in the place of the one that was watched.
        module.parent.rename(group.directory / "modules" / "old")
        watch.until("module logs can't be read")
        module.parent.mkdir()
        module.write_text('resource "aws_cloudwatch_log_group" "more" {\n  name = "more"\n}\n')
        watch.until("FAIL")

        for name in (
            ".tap/main.tf",
            ".terraform/modules/x.tf",
            "handlers/index.tf",
            "notes.txt",
            ".main.tf.swp",
        ):
            aside = group.directory / name
            aside.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text("nonsense {")
        assert watch.heard(1.5) == []
        assert len(children(watch.process.pid)) == 1


def test_own_policies_are_read_again(group: Tap) -> None:
    """Twice within a second, without a change of size: bytecode would be taken for current."""
    group.env.pop("PYTHONDONTWRITEBYTECODE", None)
    own = group.directory / "own" / "group_name.py"
    own.parent.mkdir()
    own.write_text(OWN)
    (group.directory / "tap.toml").write_text('[policies]\ndirectory = "own"\n')
    with watching(group, "--policy", "group_name") as watch:
        watch.until("The name is 1.")
        for number in range(2, 7):
            own.write_text(OWN.replace("is 1.", f"is {number}."))
            os.utime(own, (1_700_000_000, 1_700_000_000 + number / 10))
            watch.until(f"The name is {number}.")
        own.write_text(OWN.replace("yield failed", "raise SystemExit"))
        watch.until("raised SystemExit")
        own.write_text(OWN.replace("class", "clas"))
        watch.until("can't be loaded")
    # Nor did it leave any behind.
    assert list(own.parent.iterdir()) == [own]


def test_each_verdict_is_a_line_of_json(group: Tap) -> None:
    main, toml = group.directory / "main.tf", group.directory / "tap.toml"
    with watching(group, "--json", "--var", "days=14") as watch:

        def document() -> dict[str, object]:
            while (line := watch.line()) is not None:
                if line.startswith("{"):
                    found: dict[str, object] = json.loads(line)
                    return found
            raise AssertionError

        assert document()["decision"] == "open"
        replaced(main, main.read_text().replace("= var.days", "= 30"))
        assert document()["decision"] == "closed"
        toml.write_text("[stack]\nnmae = 1\n")
        last = document()
        assert (last["schema"], last["decision"], last["exit_code"]) == ("tap.ledger/1", "error", 4)


def test_a_terminal_shows_the_newest_alone(group: Tap) -> None:
    main = group.directory / "main.tf"
    ours, theirs = pty.openpty()
    environ = group.env | {"TERM": "xterm"}
    screen = ""
    with subprocess.Popen(
        [str(TAP), "check", "--watch", "--var", "days=30"],
        cwd=group.directory,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)

        def until(*words: str) -> str:
            """All that is on the screen once it says all of this."""
            nonlocal screen
            while not all(word in screen for word in words):
                screen += os.read(ours, 65536).decode()
                # What was there before a page is cleared is gone.
                screen = screen.rpartition("\x1b[2J")[2]
            return re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", screen)

        until("FAIL", "Ctrl-C")
        assert "\x1b[1" in screen  # in colour
        main.write_text(main.read_text().replace("= var.days", "= 14"))
        page = until("The gate is open.", "Watching; Ctrl-C ends.")
        assert "FAIL" not in page
        main.write_text("nonsense {")
        assert "The gate is open" not in until("does not parse", "Watching; Ctrl-C ends.")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 130
    os.close(ours)


def test_what_was_judged_before_a_change_is_never_shown(group: Tap) -> None:
    """A policy that waits for a file makes a judgement as long as one likes."""
    own, go, asked = (group.directory / name for name in ("own/group_name.py", "go", "asked"))
    own.parent.mkdir()
    tells = f"import os, time; print(resource.name, file=open({str(asked)!r}, 'a'))"
    waits = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    own.write_text(OWN.replace("        yield", f"        {tells}\n        {waits}\n        yield"))
    (group.directory / "tap.toml").write_text('[policies]\ndirectory = "own"\n')
    main = group.directory / "main.tf"
    text = main.read_text()
    go.touch()
    with watching(group, "--policy", "group_name") as watch:
        watch.until("aws_cloudwatch_log_group.one")
        go.unlink()
        replaced(main, text.replace('"one"', '"second"'))
        end = time.monotonic() + SECONDS
        while "second" not in asked.read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
        replaced(main, text.replace('"one"', '"third"'))
        go.touch()
        _, verdict = watch.shown()
        assert "aws_cloudwatch_log_group.third" in verdict


def test_a_reader_that_has_seen_enough_ends_it(group: Tap) -> None:
    with subprocess.Popen(
        [str(TAP), "check", "--watch"], cwd=group.directory, env=group.env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("== ")
        process.stdout.close()
        main = group.directory / "main.tf"
        main.write_text(main.read_text() + "\n# more\n")
        assert process.wait(SECONDS) == 130


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("main.tf",), "main.tf is no directory: --watch judges a directory again when it changes."),
        (("nowhere",), "nowhere is no directory: --watch judges a directory again when it changes."),
        (("--with-checkov",), "--watch can't wait for checkov."),
    ],
)
def test_what_can_not_be_watched(group: Tap, arguments: tuple[str, ...], sentence: str) -> None:
    answer = group("check", "--watch", *arguments, timeout=SECONDS)
    assert answer.code == 64
    assert answer.err.startswith(f"Error: {sentence}\n")
