"""Drives Terraform: each verb's exact arguments, its events, its errors.

python-terraform builds the argument lists (options, flags, lists, variables in temporary files); the process
itself is run by `tapstack.terraform.process`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson
from python_terraform import IsFlagged, Terraform

from tapstack.errors import EnvironmentFailure, Interrupted, TerraformFailed
from tapstack.terraform import events, process, rescue
from tapstack.terraform.binary import Binary

_NO_PROVIDER = (
    "without a network, unpack a provider mirror (`terraform providers mirror DIR`) and set TAP_PROVIDER_MIRROR=DIR; "
    "`tap doctor` shows what was found"
)
_PROVIDER_LOST = ("Failed to query available provider packages", "Failed to install provider")

EventHandler = Callable[[events.Event], None]


class _Arguments(Terraform):  # type: ignore[misc]  # python-terraform has no types
    """python-terraform's argument builder, and nothing else of it."""

    def __getattr__(self, item: str) -> Any:
        # The original turns every unknown attribute into a Terraform command.
        raise AttributeError(item)

    def read_state_file(self, _file_path: str | None = None) -> None:
        # The original parses the state file of the working directory when it is created.
        self.tfstate = None


@dataclass(frozen=True, slots=True)
class VariableText:
    """Variables as the text of a .tfvars (`syntax` "hcl") or .tfvars.json ("json") file, never on disk for long."""

    text: bytes
    syntax: Literal["hcl", "json"]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan is made from. In `variables`, later entries win over earlier ones, as in Terraform."""

    out: Path
    variables: Sequence[Path | VariableText] = ()
    targets: Sequence[str] = ()
    destroy: bool = False
    refresh_only: bool = False


@dataclass(slots=True)
class Driver:
    """Runs Terraform's verbs in one directory.

    `state` is the path given as `-state`, for environments that keep their local state apart; `lock_timeout`
    is how long Terraform waits for the state's lock, `timeout` how long a whole command may take, in seconds.
    `on_event` and `on_signal` are told what happens; `watch` can end a command (see process.run).
    """

    binary: Binary
    directory: Path
    env: Mapping[str, str]
    init_env: Mapping[str, str]
    state: Path | None = None
    lock_timeout: float = 0.0
    timeout: float | None = None
    on_event: EventHandler = lambda _event: None
    on_signal: Callable[[int], None] | None = None
    watch: process.Watch | None = None

    def argv(self, verb: str, *arguments: str, **options: Any) -> list[str]:
        """The exact argument list of a verb: "show" or "state pull", options as python-terraform takes them."""
        builder = _Arguments(working_dir=str(self.directory), terraform_bin_path="terraform")
        built: list[str] = builder.generate_cmd_string(verb, *arguments, **options)
        return [*self.binary.prefix, *built[1:]]

    def init(self, *, upgrade: bool = False) -> None:
        """`terraform init`, keeping an existing backend's settings."""
        as_json = self.binary.has_init_json
        argv = self.argv(
            "init",
            json=IsFlagged if as_json else None,
            input=False,
            no_color=IsFlagged,
            upgrade=IsFlagged if upgrade else None,
        )
        if as_json:
            self._stream("init", argv, env=self.init_env)
            return
        done = self._run(argv, env=self.init_env)
        if done.returncode != 0:
            raise TerraformFailed(_text_failure("init", done), hint=_NO_PROVIDER)

    def plan(self, options: PlanOptions) -> None:
        """`terraform plan -json -out`; events go to `on_event`."""
        with tempfile.TemporaryDirectory(prefix="tap-variables-") as private:  # mode 0700
            files = _variable_files(Path(private), options.variables)
            self._stream(
                "plan",
                private=private,
                argv=self.argv(
                    "plan",
                    json=IsFlagged,
                    input=False,
                    out=str(options.out),
                    state=self._state(),
                    lock_timeout=self._lock(),
                    var_file=files,
                    target=list(options.targets),
                    destroy=IsFlagged if options.destroy else None,
                    refresh_only=IsFlagged if options.refresh_only else None,
                ),
            )

    def apply(self, plan: Path) -> None:
        """`terraform apply -json` of a saved plan; Terraform asks nothing for one."""
        argv = self.argv(
            "apply", str(plan), json=IsFlagged, input=False, state=self._state(), lock_timeout=self._lock()
        )
        self._stream("apply", argv)

    def show(self, plan_or_state: Path | None = None) -> bytes:
        """`terraform show -json` of a plan file, a state file, or the current state: the JSON as it is."""
        arguments = [str(plan_or_state or self.state)] if plan_or_state or self.state else []
        return self._read("show", self.argv("show", *arguments, json=IsFlagged, no_color=IsFlagged))

    def output(self) -> dict[str, dict[str, Any]]:
        """`terraform output -json`: name to {"value", "type", "sensitive"}."""
        answer = self._read(
            "output", self.argv("output", json=IsFlagged, no_color=IsFlagged, state=self._state())
        )
        outputs: dict[str, dict[str, Any]] = orjson.loads(answer)
        return outputs

    def _state(self) -> str | None:
        return str(self.state) if self.state else None

    def _lock(self) -> str | None:
        return f"{self.lock_timeout:g}s" if self.lock_timeout else None

    def _run(
        self,
        argv: list[str],
        *,
        env: Mapping[str, str] | None = None,
        on_line: process.LineHandler | None = None,
    ) -> process.Finished:
        done = process.run(
            argv,
            cwd=self.directory,
            env=self.env if env is None else env,
            on_line=on_line,
            on_signal=self.on_signal,
            watch=self.watch,
            timeout=self.timeout,
        )
        _raise_if_ended_early(argv, done, self.timeout)
        return done

    def _read(self, verb: str, argv: list[str]) -> bytes:
        done = self._run(argv)
        if done.returncode != 0:
            raise TerraformFailed(_text_failure(verb, done))
        try:
            orjson.loads(done.stdout)
        except orjson.JSONDecodeError as failure:
            raise EnvironmentFailure(
                f"`terraform {verb}` succeeded, but its answer is cut off or not JSON ({failure}).",
                hint="is the disk of the temporary directory full?",
            ) from failure
        return done.stdout

    def _stream(
        self, verb: str, argv: list[str], *, env: Mapping[str, str] | None = None, private: str | None = None
    ) -> None:
        errors: list[events.Diagnostic] = []
        printed_state: list[bytes] = []

        def on_line(line: bytes) -> None:
            if state := rescue.state_in(line):
                printed_state.append(state)
                return
            event = events.parse(line)
            diagnostic = event.diagnostic
            if diagnostic is not None:
                if events.is_noise(diagnostic):
                    return
                if private and diagnostic.filename.startswith(private):
                    # The snippet would be our own file with the values of all variables.
                    diagnostic = events.without_place(diagnostic, "a value from tap.toml or --var")
                    event = replace(event, diagnostic=diagnostic, data=None)
                if diagnostic.severity == "error":
                    errors.append(diagnostic)
            self.on_event(event)

        try:
            done = self._run(argv, env=env, on_line=on_line)
        finally:
            lost = self._keep(printed_state[-1]) if printed_state else None
        if lost is not None:
            raise TerraformFailed(lost[0], hint=lost[1])
        if done.returncode != 0:
            raise DiagnosedFailure(verb, errors, done)

    def _keep(self, state: bytes) -> tuple[str, str]:
        """Keep a state that Terraform could write nowhere; what happened, and what to do."""
        kept = rescue.keep(state, self.state.parent if self.state else self.directory)
        if kept is None:
            self.on_event(events.Event("raw", state.decode("utf-8", "replace")))
            return (
                "Terraform could not write the state, and neither could tap.",
                "it was printed above: keep it",
            )
        how = f"cp {kept} {self.state}" if self.state else f"terraform state push {kept}"
        return (
            f"Terraform could not write the state after its work; tap has kept it in {kept}.",
            f"make room, then: {how}",
        )


class DiagnosedFailure(TerraformFailed):
    """Terraform failed and said why: `diagnostics` are its errors, already sent to the event handler."""

    def __init__(self, verb: str, diagnostics: list[events.Diagnostic], done: process.Finished) -> None:
        self.diagnostics = diagnostics
        count = len(diagnostics)
        if count:
            message = f"terraform {verb} failed with {count} error{'s' if count > 1 else ''}, shown above."
        else:
            message = _text_failure(verb, done)
        super().__init__(message, hint=_NO_PROVIDER if self.mentions(*_PROVIDER_LOST) else None)

    def mentions(self, *words: str) -> bool:
        """Whether any diagnostic's summary or detail contains one of `words`."""
        return any(word in f"{d.summary} {d.detail}" for d in self.diagnostics for word in words)


def _variable_files(private: Path, variables: Sequence[Path | VariableText]) -> list[str]:
    """The variables as files in order; texts are written where only this user can read them."""
    files = []
    for number, source in enumerate(variables):
        if isinstance(source, VariableText):
            path = private / f"{number}{'.tfvars' if source.syntax == 'hcl' else '.tfvars.json'}"
            path.touch(mode=0o600)
            path.write_bytes(source.text)
            source = path
        files.append(str(source))
    return files


def _raise_if_ended_early(argv: Sequence[str], done: process.Finished, timeout: float | None) -> None:
    verb = next((word for word in argv[1:] if word in {"init", "plan", "apply", "show", "output"}), "command")
    if done.stopped is not None:
        raise TerraformFailed(done.stopped)
    if done.timed_out:
        raise TerraformFailed(
            f"terraform {verb} was stopped after {timeout:g} s, the limit for one command.",
            hint="raise timeout_minutes under [stack] in tap.toml",
        )
    if done.signals:
        how = (
            "had already finished" if done.returncode == 0 else "was stopped and has cleaned up after itself"
        )
        raise Interrupted(f"Interrupted: terraform {verb} {how}.")


def _text_failure(verb: str, done: process.Finished) -> str:
    said = done.stderr.strip() or done.stdout.decode("utf-8", "replace").strip()
    if done.returncode < 0:
        return f"terraform {verb} was killed by signal {-done.returncode}." + (f"\n{said}" if said else "")
    return f"terraform {verb} failed with exit code {done.returncode}" + (
        f":\n{said}" if said else " and said nothing."
    )
