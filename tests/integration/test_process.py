"""Running one child process. These start small children; there is no other way to see signals work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tapstack.errors import EnvironmentFailure
from tapstack.terraform import process

pytestmark = pytest.mark.real


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run(code: str, **options: object) -> process.Finished:
    return process.run(python(code), cwd=Path.cwd(), env=os.environ, **options)  # type: ignore[arg-type]


def interrupt_soon(after: float, number: signal.Signals = signal.SIGINT) -> None:
    threading.Timer(after, os.kill, (os.getpid(), number)).start()


def test_output_and_exit_code_come_back() -> None:
    done = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", "err\n")


def test_lines_arrive_while_the_child_runs_and_a_last_line_needs_no_newline() -> None:
    seen: list[tuple[bytes, float]] = []
    code = "import time; print('first', flush=True); time.sleep(1); print('last', end='')"
    run(code, on_line=lambda line: seen.append((line, time.monotonic())))
    assert [line for line, _ in seen] == [b"first", b"last"]
    assert seen[1][1] - seen[0][1] > 0.5


def test_a_megabyte_on_both_streams_does_not_block() -> None:
    code = "import sys; [print('x' * 1000, file=f) for _ in range(1000) for f in (sys.stdout, sys.stderr)]"
    done = run(code, timeout=30)
    assert len(done.stdout) == 1_001_000
    assert len(done.stderr) == 256 * 1024


def test_stdin_is_closed() -> None:
    assert run("import sys; print(repr(sys.stdin.read()))", timeout=30).stdout == b"''\n"


def test_a_child_reads_what_it_is_given_however_much() -> None:
    code = "import sys; print(len(sys.stdin.buffer.read()))"
    assert run(code, stdin=b"x" * 1_000_000, timeout=30).stdout == b"1000000\n"


def test_the_child_is_not_in_the_terminals_process_group() -> None:
    assert int(run("import os; print(os.getpgrp())").stdout) != os.getpgrp()


def test_one_signal_is_forwarded_once_as_sigint_and_waited_for() -> None:
    code = (
        "import signal, time\nn = 0\n"
        "def f(*_):\n global n; n += 1\n"
        "signal.signal(signal.SIGINT, f)\nt = time.time()\n"
        "while time.time() - t < 1.5: time.sleep(.05)\nprint(n)"
    )
    counts: list[int] = []
    interrupt_soon(0.5, signal.SIGTERM)
    done = run(code, on_signal=counts.append)
    assert (done.stdout, done.returncode, done.signals, counts) == (b"1\n", 0, 1, [1])


def test_the_third_signal_kills_a_child_that_ignores_them() -> None:
    counts: list[int] = []
    for after in (0.4, 0.8, 1.2):
        interrupt_soon(after)
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    done = run(code, on_signal=counts.append, timeout=30)
    assert (done.returncode, counts) == (-signal.SIGKILL, [1, 2, 3])


def test_a_timeout_interrupts_and_then_kills() -> None:
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    done = run(code, timeout=0.3, grace=0.3)
    assert done.timed_out
    assert done.returncode == -signal.SIGKILL


def test_a_watch_ends_the_child_with_its_reason() -> None:
    done = run("import time; time.sleep(60)", watch=lambda: "the cloud is gone", grace=5)
    assert done.stopped == "the cloud is gone"
    assert done.seconds < 10


def test_nothing_the_child_started_outlives_it() -> None:
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\nprint(p.pid, flush=True)"
    )
    grandchild = int(run(code).stdout)
    deadline = time.monotonic() + 5
    while _running(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _running(grandchild)


def test_a_handler_that_fails_does_not_stop_the_child_and_its_error_is_raised_after() -> None:
    marker: list[bytes] = []

    def fail(line: bytes) -> None:
        marker.append(line)
        raise BrokenPipeError("the reader went away")

    started = time.monotonic()
    with pytest.raises(BrokenPipeError):
        run("import time\nfor n in range(5): print(n, flush=True); time.sleep(.2)", on_line=fail)
    assert marker == [b"0"]
    assert time.monotonic() - started > 0.8


def test_a_program_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(EnvironmentFailure, match=r"^/no/such/program can't be started: No such file"):
        process.run(["/no/such/program"], cwd=Path.cwd(), env={})


def test_a_child_survives_the_death_of_its_caller_and_finishes(tmp_path: Path) -> None:
    proof = tmp_path / "finished"
    child = f"import time\nfor n in range(20): print(n, flush=True); time.sleep(.05)\nopen({str(proof)!r}, 'w').close()"
    caller = (
        "import os, sys; from pathlib import Path; from tapstack.terraform import process\n"
        f"process.run([sys.executable, '-c', {child!r}], cwd=Path('.'), env=os.environ)"
    )
    with subprocess.Popen(python(caller)) as killed:
        time.sleep(0.7)
        killed.kill()
    deadline = time.monotonic() + 10
    while not proof.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert proof.exists()


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
