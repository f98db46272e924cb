"""What the tests share: copies of stacks, and tap as a person starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest

from tapstack.masking import MASK, Mask

# Pages are as wide as tap makes them where there is no terminal, not as the terminal of who runs the tests.
os.environ["COLUMNS"] = "100"

# A shell's job in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is slow, which says nothing about the code; and CI must say the same twice.
hypothesis.settings.register_profile(
    "tap",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("tap")

ROOT = Path(__file__).resolve().parent.parent
STACKS = ROOT / "tests" / "integration" / "stacks"
TAP = Path(sysconfig.get_path("scripts"), "tap")


@pytest.fixture(autouse=True)
def nothing_is_secret_yet() -> None:
    """tap learns secrets for the whole process; a process of tests is many of tap's."""
    vars(MASK).update(vars(Mask()))


@dataclass
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass
class Tap:
    """tap in one directory, as a user would start it there."""

    directory: Path
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def start(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> subprocess.Popen[str]:
        changed = self.env | {k: v for k, v in (env or {}).items() if v is not None}
        for name in [k for k, v in (env or {}).items() if v is None]:
            changed.pop(name, None)
        return subprocess.Popen(
            [str(TAP), *arguments],
            cwd=self.directory,
            env=changed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, *arguments: str, env: Mapping[str, str | None] | None = None, timeout: float = 300
    ) -> Answer:
        with self.start(*arguments, env=env) as process:
            out, err = process.communicate(timeout=timeout)
        assert "Traceback" not in out + err, out + err
        return Answer(process.returncode, out, err)

    def succeeds(self, *arguments: str, timeout: float = 300) -> Answer:
        answer = self(*arguments, timeout=timeout)
        assert answer.code == 0, f"{arguments} ended with {answer.code}:\n{answer.said}"
        return answer


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Callable[[str], Tap]]:
    """Copies a stack of tests/integration/stacks (or "main", the product's own) and stops its sandbox at the end."""
    made: list[Tap] = []

    def copy(name: str) -> Tap:
        source = ROOT / "terraform" if name == "main" else STACKS / name
        target = tmp_path / name
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".tap", ".terraform*", "*.tfstate*"))
        tap = Tap(target)
        made.append(tap)
        return tap

    yield copy
    for tap in made:
        tap("sandbox", "stop")
