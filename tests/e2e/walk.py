"""Walks a page of the documentation: runs what it shows, in order, and compares what it says with what is said."""

from __future__ import annotations

import os
import re
import secrets
import select
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.conftest import ROOT, TAP
from tests.documented import normalised
from tests.e2e.page import Command, File, rewritten, same, steps

HOME: Final = "/home/me"
PLAN: Final = "20261122T031245.042Z-c9f208f2340ec7e8"
"""What the pages say for the id of a plan; in a command it stands for the last one that was said."""

_PLAN: Final = re.compile(r"\b\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}\b")
_SAME: Final = (
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?!:)", "2026-11-22 03:12"),
    (r"\b\d+\.\d+ s\b", "2.0 s"),
    (r"\bprocess \d+", "process 4711"),
    (r"\b(tap,? (?:version )?)\d+\.\d+[\w.+-]*", r"\g<1>0.1.0"),
    (r"\bmoto \d+\.\d+\.\d+", "moto 5.2.5"),
    (r"\b\d{8}T\d{6}Z", "20261122T031245Z"),
    (r"\b([Oo]verridden by) [^\s:]+:", r"\1 me:"),
    (r"\bcommit [0-9a-f]{7,40}", "commit 9ef5b406f370"),
    (r"\bid [0-9a-f]{16}\b", "id 5d2f8a07c1e94b36"),
    # Terraform counts the states it writes, and writes one for several resources that end together.
    (r"\bstate serial [1-9]\d*", "state serial 4"),
)
_DATE: Final = re.compile(r"(?<![\w.-])\d{4}-\d\d-\d\d(?![\w-]| \d\d:)")
# A page is walked by somebody who has set nothing, wherever the tests run.
_SET_BY_OTHERS: Final = (
    "TAP_",
    "TF_",
    "AWS_",
    "GITHUB_",
    "CI",
    "GITLAB",
    "MAKE",
    "MFLAGS",
    "NO_COLOR",
    "COLUMNS",
    "PYTHON",
    "PYTEST",
)
_KEPT: Final = frozenset(("TAP_TERRAFORM", "TAP_PROVIDER_MIRROR", "TF_PLUGIN_CACHE_DIR"))
_NOT_CLONED: Final = (
    ".git",
    ".venv",
    ".tap",
    ".terraform*",
    "*.tfstate*",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)


def _date(day: re.Match[str]) -> str:
    """Today and what is still to come are another day in every run; what is past is not."""
    today = datetime.now(UTC).date().isoformat()
    return "2026-11-22" if day[0] == today else "2027-01-31" if day[0] > today else day[0]


class Shell:
    """One bash, from the first command of a page to the last, in a home of its own."""

    def __init__(self, scratch: Path, environ: Mapping[str, str]) -> None:
        self.home = scratch.resolve()
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=scratch,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the shell, and what its commands have started."""
        self._process.communicate()
        for directory in sorted(self.home.rglob(".tap/sandbox")):
            stack = directory.parent.parent
            subprocess.run([str(TAP), "sandbox", "stop", "-C", str(stack)], capture_output=True, check=False)

    @property
    def directory(self) -> Path:
        """Where the reader is."""
        return Path(self.run("pwd")[0].strip())

    def run(self, command: str, *, code: int = 0, timeout: float = 400) -> tuple[str, int]:
        """What a command says, and how it ends; `code` is how the one before ended. Raises TimeoutError."""
        mark = f"walked-{secrets.token_hex(8)}"
        pipe = self._process.stdin
        assert pipe is not None
        # Braces keep `cd` and variables; the commands read nothing, least of all what comes next.
        pipe.write(f"(exit {code})\n{{ {command}\n}} </dev/null\nprintf '\\n{mark}:%d\\n' $?\n".encode())
        pipe.flush()
        said, ended = self._until(re.compile(rb"\n%s:(\d+)\n" % mark.encode()), time.monotonic() + timeout)
        return said.decode("utf-8", "replace"), ended

    def _until(self, mark: re.Pattern[bytes], deadline: float) -> tuple[bytes, int]:
        out = self._process.stdout
        assert out is not None
        said = b""
        while not (found := mark.search(said)):
            ready, _, _ = select.select([out], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                self._process.kill()
                raise TimeoutError(f"no end in sight; so far:\n{said.decode('utf-8', 'replace')}")
            piece = os.read(out.fileno(), 65536)
            assert piece, f"the shell is gone; it said:\n{said.decode('utf-8', 'replace')}"
            said += piece
        return said[: found.start()], int(found[1])


def newcomer(scratch: Path, environ: Mapping[str, str] = os.environ) -> Shell:
    """A shell in a fresh home, which holds a clone of the project, `tap`, that has been installed."""
    clone = scratch / "tap"
    ignored = shutil.ignore_patterns(*_NOT_CLONED, "build", "dist", "*.egg-info")
    shutil.copytree(ROOT, clone, symlinks=True, ignore=ignored)
    installed = clone / ".venv"
    installed.mkdir()
    for part in TAP.parent.parent.iterdir():
        if not part.name.startswith("."):
            (installed / part.name).symlink_to(part)
    for stamp in (".installed", ".terraform-library"):
        (installed / stamp).touch()
    kept = {
        name: value for name, value in environ.items() if name in _KEPT or not name.startswith(_SET_BY_OTHERS)
    }
    path = os.pathsep.join((str(TAP.parent), kept["PATH"]))
    return Shell(scratch, kept | {"HOME": str(scratch), "PATH": path, "COLUMNS": "100", "LC_ALL": "C.UTF-8"})


class Walk:
    """One page, and how far it was walked; `transcript` is what a reader would have on the screen."""

    def __init__(self, page: Path, shell: Shell) -> None:
        self.page = page
        self.text = page.read_text("utf-8")
        self.transcript = ""
        self._shell = shell
        self._plan = PLAN
        self._differences: list[tuple[Command, str]] = []

    def go(self, not_run: Mapping[str, str]) -> str:
        """Walk to the end; `not_run` are commands that are shown and not run, and why.

        Raises AssertionError where something else is said than the page says, or where a command fails and the page
        does not show its exit code. With TAP_WRITE_DOCS=1 the page says afterwards what was said.
        """
        code = 0
        for step in steps(self.text):
            if isinstance(step, File):
                self._write(step)
            elif step.text in not_run:
                self.transcript += f"# {step.text}: not run, {not_run[step.text]}\n"
            else:
                code = self._run(step, code)
        assert code == 0, f"the last command ends with {code}, and the page does not say so"
        if os.environ.get("TAP_WRITE_DOCS"):
            self._rewrite()
        assert not self._differences or os.environ.get("TAP_WRITE_DOCS"), self._difference()
        return self.transcript

    def _write(self, file: File) -> None:
        path = self._shell.directory / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, "utf-8")
        self.transcript += f"# wrote {file.path}\n"

    def _run(self, step: Command, before: int) -> int:
        assert before == 0 or step.text == "echo $?", (
            f"the command before `{step.text}` ends with {before}, and the page does not say so\n{self.transcript}"
        )
        self.transcript += f"$ {step.text}\n"
        said, code = self._shell.run(step.text.replace(PLAN, self._plan), code=before)
        self.transcript += said if said.endswith("\n") or not said else f"{said}\n"
        self._plan = (_PLAN.findall(said) or [self._plan])[-1]
        if not same(step.says, self._normal(said)):
            self._differences.append((step, said))
        return code

    def _normal(self, said: str) -> str:
        if not said.strip():
            return ""
        text = normalised(said, {str(self._shell.home): HOME})
        for pattern, word in _SAME:
            text = re.sub(pattern, word, text)
        return _DATE.sub(_date, text)

    def _rewrite(self) -> None:
        text = self.text
        for step, said in reversed(self._differences):
            text = text[: step.start] + rewritten(step.says, self._normal(said)) + text[step.end :]
        self.page.write_text(text, "utf-8")

    def _difference(self) -> str:
        shown: Sequence[str] = [
            f"$ {step.text}\n-- the page:\n{step.says}-- what is said:\n{self._normal(said)}"
            for step, said in self._differences
        ]
        return "\n".join(
            [f"{self.page.name}: TAP_WRITE_DOCS=1 writes what is said now", *shown, self.transcript]
        )
