"""A rehearsal: the stack's whole life on an embedded AWS of its own, step by step, and nothing left of it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from tapstack.deployment import rehearsal_directory, smoke
from tapstack.deployment.apply import require_met
from tapstack.deployment.judge import judge_document, policies_of, read_source, shown
from tapstack.deployment.plan import PlanRequest, changes_of, configuration_of, options_of, plan_document
from tapstack.deployment.prepare import (
    Prepared,
    build_packages,
    prepare,
    require_configuration,
    work_directory,
)
from tapstack.deployment.withheld import withheld
from tapstack.errors import ExitCode, Interrupted, TapError
from tapstack.gate.ledger import Input, Ledger
from tapstack.report import ledger_json, plan_text
from tapstack.report.progress import Progress
from tapstack.report.rehearsal_step import Kept, Outcome, Step
from tapstack.sandbox import daemon
from tapstack.sandbox.coverage import DATA
from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.limits import limits
from tapstack.seal import store
from tapstack.settings import Settings
from tapstack.terraform import events
from tapstack.terraform.driver import PlanOptions
from tapstack.terraform.failures import DiagnosedFailure
from tapstack.terraform.source import Configuration

_T = TypeVar("_T")

_LISTED: Final = 5


@dataclass(frozen=True, slots=True)
class _Plan:
    options: PlanOptions
    document: Mapping[str, Any]

    @property
    def counts(self) -> Mapping[str, int]:
        return Counter(change.action for change in changes_of(self.document))

    @property
    def what_changes(self) -> list[str]:
        outputs: Mapping[str, Mapping[str, Any]] = self.document.get("output_changes") or {}
        return [f"{change.address} ({change.action})" for change in changes_of(self.document)] + [
            f"output {name}" for name, change in outputs.items() if change.get("actions") != ["no-op"]
        ]

    @property
    def state(self) -> Mapping[str, Any]:
        """The state as this plan has read it back from AWS, in the form of `terraform show -json`."""
        return self.document.get("prior_state") or {"format_version": "1.0"}

    @property
    def resources(self) -> int:
        changes = self.document.get("resource_changes") or ()
        return sum(change["mode"] == "managed" for change in changes)

    @property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        values: Mapping[str, Any] = self.state.get("values") or {}
        return values.get("outputs") or {}


def _kind(change: Mapping[str, Any]) -> str:
    """A change's type as coverage names it."""
    return f"{DATA if change['mode'] == 'data' else ''}{change['type']}"


class _Ended(Exception):
    """A step failed; there is no next one."""


class Rehearsal:
    """A rehearsal as a context manager; `steps` goes through it.

    At the end nothing is left of it, unless a step failed: then sandbox, state and plans are `kept` to be looked
    at. An exception, an interruption above all, ends the sandbox and removes everything. Whatever the
    environment of `settings`, AWS is the embedded one; variables, region and policies are the environment's.
    """

    def __init__(
        self,
        settings: Settings,
        request: PlanRequest,
        progress: Progress,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.directory = rehearsal_directory.new(settings)
        self.settings = replace(settings, apart=self.directory.path)
        self.kept: Kept | None = None
        self._types: Mapping[str, int] = {}
        self._request = request
        self._progress = progress
        self._environ = environ
        self._prepared: Prepared | None = None
        self._sandbox: Sandbox | None = None
        self._open = ExitStack()
        self._source: Future[Configuration] = Future()

    def __enter__(self) -> Self:
        """Raise InputError for what is known to fail before anything has begun."""
        require_configuration(self.settings.directory)
        self._smoke_test = smoke.script(self.settings)
        try:
            self._begin()
        except BaseException:
            self.directory.remove()
            raise
        return self

    def _begin(self) -> None:
        with ExitStack() as opened:
            # This user alone can read what is written, states and plans above all.
            opened.callback(os.umask, os.umask(0o077))
            work_directory(self.settings)
            opened.enter_context(self.directory.held())
            reader = opened.enter_context(ThreadPoolExecutor(max_workers=1))
            self._source = reader.submit(read_source, self.settings.directory)
            # Loads the policies' modules meanwhile; what is wrong with them is said when they are asked.
            reader.submit(policies_of, self.settings)
            self._open = opened.pop_all()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is not None or self.kept is None:
                self.kept = None
                self.directory.remove()

    def steps(self) -> Iterator[Step]:
        """Each of STEPS as it ends; one that fails is the last.

        Raises Interrupted after a stop signal; every other TapError is the outcome of its step.
        """
        try:
            yield from self._life()
        except _Ended:
            return

    def limits(self) -> Sequence[str]:
        """What the embedded AWS cannot show of this stack; nothing before there is a plan."""
        return limits(self._types)

    def _life(self) -> Iterator[Step]:
        yield from self._step("package", self._package)
        sandbox = yield from self._step("sandbox", self._start)
        prepared = yield from self._step("init", self._initialise)
        plan = yield from self._step("plan", lambda: self._plan(prepared))
        judged = yield from self._step("gate", lambda: self._judge_plan(plan))
        yield from self._step("apply", lambda: self._apply(prepared, plan))
        second = yield from self._step("second plan", lambda: self._plan_again(prepared))
        state = yield from self._step("gate on the state", lambda: self._judge_state(prepared, second))
        yield from self._step("obligations", lambda: self._meet_obligations(judged, state))
        yield from self._step("smoke test", lambda: self._smoke(sandbox, second))
        yield from self._step("destroy", lambda: self._destroy(prepared, second))
        yield from self._step("nothing left", lambda: self._look_for_remains(sandbox))
        yield from self._step("sandbox stopped", lambda: self._stop(sandbox))

    def _step(self, name: str, action: Callable[[], tuple[_T, Outcome]]) -> Generator[Step, None, _T]:
        began = time.monotonic()
        failure = None
        try:
            value, outcome = action()
        except Interrupted:
            raise
        except TapError as error:
            failure = error
            said = error.diagnostics if isinstance(error, DiagnosedFailure) else ()
            shown_above = "\n".join(events.render(one) for one in said)
            outcome = Outcome(error.message, "failed", error.exit_code, error.hint, diagnostics=shown_above)
        failed = outcome.verdict == "failed"
        if failed and self._sandbox is not None:
            self.kept = self.directory.keep(self.settings, self._sandbox, self._prepared)
        yield Step(name, time.monotonic() - began, outcome)
        if failed:
            raise _Ended from failure
        return value

    def _package(self) -> tuple[None, Outcome]:
        self._progress.phase("packaging the functions")
        packages = build_packages(self.settings)
        if not packages:
            return None, Outcome(f"no functions in {self.settings.stack.handlers}", "none")
        return None, Outcome(", ".join(package.name for package in packages))

    def _start(self) -> tuple[Sandbox, Outcome]:
        self._progress.phase("starting an embedded AWS")
        # A server that nobody waits for any more would go on for some seconds.
        with rehearsal_directory.signals_deferred():
            self._sandbox = sandbox = daemon.start(self.directory.path)
        return sandbox, Outcome(sandbox.url)

    def _initialise(self) -> tuple[Prepared, Outcome]:
        prepared = prepare(self.settings, self._progress, package=False, environ=self._environ)
        self._prepared = prepared
        prepared.ensure_initialised(force=True)
        return prepared, Outcome(f"{prepared.driver.binary.kind} {prepared.driver.binary.version}")

    def _plan(self, prepared: Prepared) -> tuple[_Plan, Outcome]:
        plan = self._planned(prepared, self.directory.plan)
        self._types = Counter(map(_kind, plan.document.get("resource_changes") or ()))
        return plan, Outcome(plan_text.summary(plan.counts))

    def _planned(self, prepared: Prepared, directory: Path) -> _Plan:
        directory.mkdir(mode=0o700)
        options = options_of(prepared, self._request, directory, self._source)
        return _Plan(options, plan_document(prepared, options))

    def _judge_plan(self, plan: _Plan) -> tuple[Ledger, Outcome]:
        self._progress.phase("judging the plan")
        ledger, outcome = self._judge(plan.document, Input("plan", shown(plan.options.out)))
        store.write_private(self.directory.ledger, ledger_json.render(ledger))
        return ledger, outcome

    def _judge(self, document: Mapping[str, Any], where: Input) -> tuple[Ledger, Outcome]:
        ledger = judge_document(document, self.settings, configuration_of(self._source), where)
        counts = ledger.counts
        detail = f"{counts['pass']} pass, {counts['fail']} fail, {counts['unknown']} unknown"
        if ledger.decision == "open":
            return ledger, Outcome(detail, ledger=ledger)
        decided = "the gate is closed" if ledger.decision == "closed" else "the gate could not decide"
        return ledger, Outcome(f"{decided}: {detail}", "failed", ledger.exit_code, ledger=ledger)

    def _apply(self, prepared: Prepared, plan: _Plan) -> tuple[None, Outcome]:
        self._progress.expect(sum(plan.counts.values()))
        self._progress.phase("applying")
        with withheld(prepared.driver, plan.options.out):
            prepared.driver.apply(plan.options.out)
        return None, Outcome(plan_text.summary(plan.counts, done=True))

    def _plan_again(self, prepared: Prepared) -> tuple[_Plan, Outcome]:
        plan = self._planned(prepared, self.directory.second_plan)
        changes = plan.what_changes
        if not changes:
            return plan, Outcome("empty")
        rest = f" and {len(changes) - _LISTED} more" if len(changes) > _LISTED else ""
        return plan, Outcome(
            f"not empty: {', '.join(changes[:_LISTED])}{rest}",
            "failed",
            ExitCode.FAILED,
            "a value that is new at every plan, or that AWS (or the embedded one) gives back other than it was set",
        )

    def _judge_state(self, prepared: Prepared, second: _Plan) -> tuple[Ledger, Outcome]:
        self._progress.phase("judging the state")
        return self._judge(second.state, Input("state", shown(prepared.driver.state or self.directory.path)))

    def _meet_obligations(self, judged: Ledger, state: Ledger) -> tuple[None, Outcome]:
        owed = judged.obligations
        if not owed:
            return None, Outcome("the plan left nothing open", "none")
        require_met([(one.policy, one.address) for one in owed], state)
        return None, Outcome(f"{len(owed)} met")

    def _smoke(self, sandbox: Sandbox, second: _Plan) -> tuple[None, Outcome]:
        if self._smoke_test is None:
            return None, Outcome("tap.toml names no smoke test", "none")
        name = self.settings.stack.smoke
        self._progress.phase(f"running {name}")
        done = smoke.run(
            self._smoke_test, self.settings, sandbox, second.outputs, self._progress, self._environ
        )
        if done.passed:
            return None, Outcome(f"{name} {done.how}", said=done.said)
        return None, Outcome(f"{name} {done.how}", "failed", ExitCode.FAILED, said=done.said)

    def _destroy(self, prepared: Prepared, second: _Plan) -> tuple[None, Outcome]:
        if not self.settings.where.destroyable:
            return None, Outcome(f"environment {self.settings.environment} is not destroyable", "none")
        self._progress.phase("destroying")
        with withheld(prepared.driver):
            prepared.driver.destroy(second.options.variables)
        return None, Outcome(plan_text.summary({"delete": second.resources}, done=True))

    def _look_for_remains(self, sandbox: Sandbox) -> tuple[None, Outcome]:
        if not self.settings.where.destroyable:
            return None, Outcome("nothing was destroyed", "none")
        self._progress.phase("asking the embedded AWS what is left")
        left = daemon.inventory(sandbox)
        if not left:
            return None, Outcome("the embedded AWS holds nothing")
        found = "; ".join(
            f"{service}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}"
            for service, kinds in sorted(left.items())
        )
        return None, Outcome(
            f"left after the destroy: {found}",
            "failed",
            ExitCode.FAILED,
            "something made them that is not in the state: the smoke test or a function, perhaps",
        )

    def _stop(self, sandbox: Sandbox) -> tuple[None, Outcome]:
        self._progress.phase("stopping the embedded AWS")
        if daemon.stop(self.directory.path) is None:
            return None, Outcome(
                f"the embedded AWS had ended by itself; its log is {sandbox.log}", "failed", ExitCode.FAILED
            )
        return None, Outcome(f"process {sandbox.pid} ended")
