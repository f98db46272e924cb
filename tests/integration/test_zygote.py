"""The process that judges for editors and watchers: what becomes of a question when its child misbehaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapstack.deployment.zygote import Unanswered, Zygote

pytestmark = pytest.mark.real

SECONDS = 60.0
KEPT: list[str] = []


def answer(question: Any) -> Any:
    kind, value = question
    if kind == "keep":
        KEPT.append(value)
        return list(KEPT)
    if kind == "exit":
        os._exit(value)
    if kind == "read":
        return os.read(0, 10), os.path.sameopenfile(1, 2)
    if kind == "sleep":
        Path(value).write_text(str(os.getpid()))
        time.sleep(SECONDS)
    raise KeyError(value)


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    made = Zygote(answer, lambda: KEPT.append("warm"))
    yield made
    made.close()


def test_nothing_of_one_question_reaches_the_next(zygote: Zygote) -> None:
    assert zygote.ask(("keep", "a"), seconds=SECONDS) == ["warm", "a"]
    assert zygote.ask(("keep", "b"), seconds=SECONDS) == ["warm", "b"]
    assert KEPT == []


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (("exit", 3), "Its process ended without an answer: status 3."),
        (("exit", 0), "Its process ended without an answer: status 0."),
        (("other", "x"), "Unexpected KeyError: 'x'"),
    ],
)
def test_a_child_that_fails_leaves_one_that_answers(
    zygote: Zygote, question: tuple[str, Any], sentence: str
) -> None:
    with pytest.raises(Unanswered) as failure:
        zygote.ask(question, seconds=SECONDS)
    assert failure.value.message == sentence
    assert zygote.ask(("keep", "a"), seconds=SECONDS) == ["warm", "a"]


def test_a_child_that_hangs_is_ended(zygote: Zygote, tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match=r"has not finished after 0\.5 seconds"):
        zygote.ask(("sleep", tmp_path / "pid"), seconds=0.5)
    pid = (tmp_path / "pid").read_text()
    assert not Path("/proc", pid).exists()
    assert zygote.ask(("keep", "a"), seconds=SECONDS) == ["warm", "a"]


def test_it_has_neither_stdin_nor_stdout(zygote: Zygote) -> None:
    assert not os.path.sameopenfile(1, 2)
    assert zygote.ask(("read", None), seconds=SECONDS) == (b"", True)


def test_it_ends_with_whoever_asks(tmp_path: Path) -> None:
    code = (
        "import sys, threading, time; from tests.integration.test_zygote import Zygote, answer\n"
        f"zygote = Zygote(answer, lambda: None); place = {str(tmp_path / 'pid')!r}\n"
        "threading.Thread(target=zygote.ask, args=(('sleep', place),), kwargs={'seconds': 50}, daemon=True).start()\n"
        "print(zygote._process, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = process.stdout.readline().strip()
        end = time.monotonic() + SECONDS
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
        child = (tmp_path / "pid").read_text()
        process.kill()
    while Path("/proc", pid).exists() or Path("/proc", child).exists():
        assert time.monotonic() < end
        time.sleep(0.01)
