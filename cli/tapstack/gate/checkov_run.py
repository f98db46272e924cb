"""Runs checkov's own checks in a worker process, which loads checkov while Terraform is still at work."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from tapstack.errors import TapError
from tapstack.gate.checkov_worker import JOB
from tapstack.gate.ledger import ErrorKind, GateError
from tapstack.terraform import process
from tapstack.terraform.source import Module

_PASSED_ON: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "VIRTUAL_ENV")
# https://www.checkov.io/2.Basics/CLI%20Command%20Reference.html and checkov/common/util/env_vars_config.py
_SETTINGS: Final = {
    # A JSON file of more bytes than this is read by `json`, without line numbers, instead of by a YAML parser.
    "CHECKOV_MAX_IAC_FILE_SIZE": "1",
    "CKV_PARSE_ERROR_FAIL": "true",
    # What is known only after apply stands in the plan as such, instead of being left out.
    "EVAL_TF_PLAN_AFTER_UNKNOWN": "true",
    "ANSI_COLORS_DISABLED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_TIMEOUT_SECONDS: Final = 900.0
_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """One failed check of checkov's. `file` is absolute; `attributes` are dotted paths that it looked at."""

    id: str
    name: str
    address: str
    severity: str | None
    guideline: str | None
    attributes: tuple[str, ...]
    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What checkov said: failed checks, how many passed or were skipped by comments, which resources it saw.

    With `errors` it said nothing that could be relied on.
    """

    failed: tuple[FailedCheck, ...] = ()
    passed: int = 0
    skipped: int = 0
    resources: frozenset[str] = frozenset()
    errors: tuple[GateError, ...] = ()
    version: str = ""


_ANSWER: Final = TypeAdapter(Scan)


class Checkov:
    """A started worker, good for one scan. Never raises for what checkov does: a Scan has errors."""

    def __init__(self, exchange: Path, worker: Future[process.Finished], timeout: float) -> None:
        self._exchange = exchange
        self._worker = worker
        self._timeout = timeout

    def scan_directory(self, root: Module, variables: Mapping[str, Any]) -> Scan:
        """Checkov on the files of a module and those it calls; `variables` are the root module's."""
        var_file = self._exchange / "variables.tfvars.json"
        var_file.write_bytes(orjson.dumps(dict(variables), default=str))
        return self._scan(
            {
                "framework": "terraform",
                "path": str(root.directory.resolve()),
                "excluded_paths": list(_not_called(root)),
                "var_files": [str(var_file)] if variables else [],
            }
        )

    def scan_plan(self, document: Any) -> Scan:
        """Checkov on a plan (`terraform show -json`)."""
        plan = self._exchange / "plan.json"
        plan.touch(mode=0o600)
        plan.write_bytes(orjson.dumps(document))
        return self._scan(
            {"framework": "terraform_plan", "path": str(plan), "excluded_paths": [], "var_files": []}
        )

    def _scan(self, job: Mapping[str, Any]) -> Scan:
        written = self._exchange / f"{JOB}.part"
        written.write_bytes(orjson.dumps(job))
        written.rename(self._exchange / JOB)
        try:
            return _answer(self._worker.result(self._timeout))
        except TimeoutError:
            return _broken(f"checkov has not finished after {self._timeout:g} seconds.")
        except TapError as failure:
            return _broken(f"checkov's process: {failure.message}")


@contextlib.contextmanager
def warmed_up(*, timeout: float = _TIMEOUT_SECONDS) -> Iterator[Checkov]:
    """A worker that is loading checkov from now on, and ends with the block; `timeout` is a scan's, in seconds."""
    abandoned = threading.Event()
    with (
        # Private to the user: a plan goes through it.
        tempfile.TemporaryDirectory(prefix="tap-checkov-") as exchange,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkov") as thread,
    ):
        worker = thread.submit(
            process.run,
            [sys.executable, "-P", "-m", "tapstack.gate.checkov_worker", exchange, str(os.getpid())],
            cwd=Path(exchange),
            env=_environment(os.environ),
            watch=lambda: "it is not waited for any more." if abandoned.is_set() else None,
            grace=_GRACE_SECONDS,
        )
        try:
            yield Checkov(Path(exchange), worker, timeout)
        finally:
            abandoned.set()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Neither the user's settings for checkov, which could make it look away, nor any credentials."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(("TF_VAR_", "PYTHON"))
    }
    return kept | _SETTINGS


def _not_called(root: Module) -> Iterator[str]:
    """Patterns of directories below the root that hold none of its modules: checkov reads whatever is there."""
    modules = set(_directories(root))
    for directory, names, _ in os.walk(root.directory.resolve()):
        for name in sorted(names):
            path = Path(directory, name)
            if not any(module.is_relative_to(path) for module in modules):
                yield f"^{re.escape(str(path))}(/|$)"
        names[:] = [name for name in names if any(m.is_relative_to(Path(directory, name)) for m in modules)]


def _directories(module: Module) -> Iterator[Path]:
    yield module.directory.resolve()
    for called in module.calls.values():
        yield from _directories(called)


def _answer(done: process.Finished) -> Scan:
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return _broken(f"checkov's process ended with status {done.returncode}: {said}.")
    try:
        return _ANSWER.validate_json(done.stdout)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        return _broken(f"checkov's process gave an answer that can't be read: {first['msg'].lower()}.")


def _broken(message: str) -> Scan:
    return Scan(errors=(GateError(ErrorKind.POLICY_RAISED, message),))
