"""The process that runs checkov's own checks: `python -m tapstack.gate.checkov_worker DIRECTORY PARENT`.

Loads checkov (two seconds), waits for the job in DIRECTORY, and writes one JSON document to stdout: see
`tapstack.gate.checkov_run`, which starts it and reads that. Nothing of checkov is imported before `main`.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import socket
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

JOB: Final = "job.json"
_POLL_SECONDS: Final = 0.02
_TO_TYPE: Final = re.compile(r"^((?:module\.[^.\[]+(?:\[[^\]]*\])?\.)*)(?!data\.)")


def main(directory: Path, parent: int) -> None:
    """Answer one job; an answer has "errors" for everything that checkov itself would pass over.

    `parent` is the process without which nobody waits for it.
    """
    # What checkov and its libraries print must not mix with the answer.
    answer_to = os.dup(1)
    os.dup2(2, 1)
    gc.disable()
    socket.socket.connect = _refused  # type: ignore[method-assign, assignment]
    # What checkov logs is listened to; how its code is written is not the user's.
    warnings.simplefilter("ignore")
    trouble = _Trouble()
    logging.getLogger().addHandler(trouble)
    try:
        answer = _Checkov(trouble).run(_job(directory, parent))
    except ImportError as failure:
        answer = _failed("policy-import", f"checkov can't be loaded: {type(failure).__name__}: {failure}")
    except Exception as failure:
        answer = _failed("policy-raised", f"checkov broke off: {type(failure).__name__}: {failure}")
    with os.fdopen(answer_to, "w", encoding="utf-8") as out:
        json.dump(answer, out)
    sys.stderr.flush()
    # Tearing down what checkov has built takes longer than many scans.
    os._exit(0)


class _Trouble(logging.Handler):
    """Collects what checkov only logs: it drops a check that raises, and goes on without a module."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record as an error."""
        raised = record.exc_info[1] if record.exc_info else None
        reason = f" ({type(raised).__name__}: {raised})" if raised else ""
        self.add(f"{record.getMessage()}{reason}")

    def add(self, message: str) -> None:
        """Keep a sentence, once."""
        error = {"kind": "policy-raised", "message": f"checkov: {message}"}
        if error not in self.errors:
            self.errors.append(error)


class _Checkov:
    """checkov, loaded."""

    def __init__(self, trouble: _Trouble) -> None:
        from checkov.common.graph.checks_infra import registry
        from checkov.runner_filter import RunnerFilter
        from checkov.terraform.plan_runner import Runner as PlanRunner
        from checkov.terraform.runner import Runner
        from checkov.version import version

        self.trouble = trouble
        self.version = version
        self.filter = RunnerFilter
        self.runners = {"terraform": Runner, "terraform_plan": PlanRunner}
        original = registry.BaseRegistry.run_check_parallel

        def told(self: Any, check: Any, results: Any, graph: Any) -> None:
            # checkov runs these in threads and never looks at how they ended.
            try:
                original(self, check, results, graph)
            except Exception as raised:
                trouble.add(f"Failed to run check {check.id} ({type(raised).__name__}: {raised})")

        registry.BaseRegistry.run_check_parallel = told
        for framework in self.runners:
            # Reading the graph checks is most of what is left to load.
            self.runners[framework]().graph_registry.load_checks()

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """What checkov says about the directory or plan of a job."""
        path, framework = job["path"], job["framework"]
        settings = self.filter(
            framework=[framework],
            excluded_paths=job["excluded_paths"],
            var_files=job["var_files"] or None,
            download_external_modules=False,
            show_progress_bar=False,
        )
        target = {"root_folder": path} if framework == "terraform" else {"root_folder": None, "files": [path]}
        report = self.runners[framework]().run(runner_filter=settings, **target)
        unparsed = [
            {"kind": "parse", "message": f"checkov can't parse {file}.", "file": file}
            for file in sorted(set(report.parsing_errors))
        ]
        return {
            "version": self.version,
            "failed": [_record(record) for record in report.failed_checks],
            "passed": len(report.passed_checks),
            "skipped": len(report.skipped_checks),
            # "<file>:<address>"
            "resources": sorted({resource.partition(":")[2] for resource in report.resources}),
            "errors": [*unparsed, *self.trouble.errors],
        }


def _record(record: Any) -> dict[str, Any]:
    start, end = record.file_line_range
    return {
        "id": record.check_id,
        "name": record.check_name,
        "address": _address(record.resource, record.check_class),
        "severity": record.severity.name if record.severity else None,
        "guideline": record.guideline,
        "attributes": [_path(str(key)) for key in record.check_result.get("evaluated_keys") or ()],
        "file": record.file_abs_path,
        "line": start,
        "end_line": end,
    }


def _address(address: str, check_class: str) -> str:
    """A data resource's as Terraform writes it; in HCL, checkov leaves out the `data.`."""
    return _TO_TYPE.sub(r"\1data.", address, count=1) if ".checks.data." in check_class else address


def _path(key: str) -> str:
    """`a.0.b` for checkov's `a/[0]/b`."""
    return key.replace("/", ".").replace("[", "").replace("]", "")


def _job(directory: Path, parent: int) -> dict[str, Any]:
    while not (directory / JOB).exists():
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(_POLL_SECONDS)
    job: dict[str, Any] = json.loads((directory / JOB).read_bytes())
    return job


def _failed(kind: str, message: str) -> dict[str, Any]:
    error = {"kind": kind, "message": message}
    return {"version": "", "failed": [], "passed": 0, "skipped": 0, "resources": [], "errors": [error]}


def _refused(*_: Iterable[Any]) -> None:
    raise PermissionError("checkov's process has no network")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
