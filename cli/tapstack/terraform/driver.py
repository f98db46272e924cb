"""Drives Terraform: each verb's exact arguments, its events, its errors.

python-terraform builds the argument lists (options, flags, lists, variables in temporary files); the process
itself is run by `tapstack.terraform.process`.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from python_terraform import IsFlagged, Terraform

from tapstack import sensitive
from tapstack.errors import EnvironmentFailure, TerraformFailed
from tapstack.masking import MASK
from tapstack.terraform import events, imports, override, process, rescue
from tapstack.terraform.binary import Binary
from tapstack.terraform.failures import (
    NO_PROVIDER,
    DiagnosedFailure,
    StateKept,
    raise_if_ended_early,
    text_failure,
)
from tapstack.terraform.releases import INIT_JSON
from tapstack.terraform.variable_files import VariableText, variable_files

_WORKSPACE = re.compile(r"^[* ] (\S+)$", re.MULTILINE)

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
class PlanOptions:
    """What a plan is made from. In `variables`, later entries win over earlier ones, as in Terraform."""

    out: Path
    variables: Sequence[Path | VariableText] = ()
    targets: Sequence[str] = ()
    destroy: bool = False
    refresh_only: bool = False


class _Answer(NamedTuple):
    text: bytes
    document: Any


@dataclass(slots=True)
class Driver:
    """Runs Terraform's verbs in one directory.

    `state` is the path given as `-state`, for environments that keep their local state apart; `lock_timeout`
    is how long Terraform waits for the state's lock, `timeout` how long a whole command may take, in seconds.
    `override` is a file that is in force in the directory as an override file while Terraform runs. `ephemeral`
    are the values of variables that no plan keeps: an apply is told them again. `init_umask` is that of
    `terraform init`, -1 for this process's. `backend_config` is a file with the backend's arguments for init.
    `imports` is a file of import blocks that a plan is to carry out. `killed` tells whether the last command ended
    by a signal that it could not answer.
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
    override: Path | None = None
    ephemeral: Sequence[VariableText] = ()
    backend_config: Path | None = None
    imports: Path | None = None
    killed: bool = False

    def argv(self, verb: str, *arguments: str, **options: Any) -> list[str]:
        """The exact argument list of a verb: "show" or "state pull", options as python-terraform takes them."""
        builder = _Arguments(working_dir=str(self.directory), terraform_bin_path="terraform")
        built: list[str] = builder.generate_cmd_string(verb, *arguments, **options)
        return [*self.binary.prefix, *built[1:]]

    def init(self, *, upgrade: bool = False, reconfigure: bool = False) -> None:
        """`terraform init`, keeping an existing backend's settings; with `reconfigure`, without a look at them."""
        as_json = self.binary.has(INIT_JSON)
        argv = self.argv(
            "init",
            json=IsFlagged if as_json else None,
            input=False,
            no_color=IsFlagged,
            upgrade=IsFlagged if upgrade else None,
            reconfigure=IsFlagged if reconfigure else None,
            backend_config=self._backend_config(),
        )
        if as_json:
            self._stream("init", argv, env=self.init_env)
            return
        done = self._run(argv, env=self.init_env)
        if done.returncode != 0:
            raise TerraformFailed(text_failure("init", done), hint=NO_PROVIDER)

    def plan(self, options: PlanOptions) -> None:
        """`terraform plan -json -out`; events go to `on_event`."""
        with tempfile.TemporaryDirectory(prefix="tap-variables-") as private:  # mode 0700
            files = variable_files(Path(private), options.variables)
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
        """`terraform apply -json` of a saved plan; Terraform asks nothing for one.

        Raises EnvironmentFailure where it could overwrite a state that was not saved.
        """
        rescue.require_none(self.directory)
        with tempfile.TemporaryDirectory(prefix="tap-variables-") as private:  # mode 0700
            self._stream(
                "apply",
                private=private,
                argv=self.argv(
                    "apply",
                    str(plan),
                    json=IsFlagged,
                    input=False,
                    state=self._state(),
                    lock_timeout=self._lock(),
                    var_file=variable_files(Path(private), self.ephemeral),
                ),
            )

    def destroy(self, variables: Sequence[Path | VariableText] = ()) -> None:
        """`terraform apply -destroy -json -auto-approve`: plan and destroy in one run, without a look at the plan.

        Raises EnvironmentFailure where it could overwrite a state that was not saved.
        """
        rescue.require_none(self.directory)
        with tempfile.TemporaryDirectory(prefix="tap-variables-") as private:  # mode 0700
            files = variable_files(Path(private), variables)
            self._stream(
                "destroy",
                private=private,
                argv=self.argv(
                    "apply",
                    destroy=IsFlagged,
                    json=IsFlagged,
                    auto_approve=IsFlagged,
                    input=False,
                    state=self._state(),
                    lock_timeout=self._lock(),
                    var_file=files,
                ),
            )

    def show(self, plan_or_state: Path | None = None) -> bytes:
        """`terraform show -json` of a plan file, a state file, or the current state: the JSON as it is.

        The mask learns the secrets in it.
        """
        arguments = [str(plan_or_state or self.state)] if plan_or_state or self.state else []
        answer = self._read("show", self.argv("show", *arguments, json=IsFlagged, no_color=IsFlagged))
        MASK.learn(sensitive.of_document(answer.document))
        return answer.text

    def state_pull(self) -> bytes:
        """`terraform state pull`: the state as it is stored, b"" where there is none."""
        if self.state is not None:
            # The command knows no -state.
            return self.state.read_bytes() if self.state.exists() else b""
        done = self._run(self.argv("state pull", no_color=IsFlagged))
        if done.returncode != 0:
            raise TerraformFailed(text_failure("state pull", done))
        return done.stdout

    def state_push(self, state: Path, *, force: bool = False) -> None:
        """`terraform state push`; Terraform refuses it over another or a later state, unless `force` is given.

        Its serial goes up where it replaces one; where there was none, it gets a new lineage.
        """
        done = self._run(
            self.argv("state push", str(state), no_color=IsFlagged, force=IsFlagged if force else None)
        )
        if done.returncode != 0:
            raise TerraformFailed(text_failure("state push", done))

    def workspaces(self) -> list[str]:
        """`terraform workspace list`: the names."""
        done = self._run(self.argv("workspace list", no_color=IsFlagged))
        if done.returncode != 0:
            raise TerraformFailed(text_failure("workspace list", done))
        # Sentences may follow the list.
        return _WORKSPACE.findall(done.stdout.decode())

    def force_unlock(self, lock_id: str) -> str:
        """`terraform force-unlock`: what Terraform says where it does not, "" where it does.

        An id that is not the lock's changes nothing; Terraform then says whose lock it is.
        """
        done = self._run(self.argv("force-unlock", lock_id, force=IsFlagged, no_color=IsFlagged))
        return "" if done.returncode == 0 else text_failure("force-unlock", done)

    def output(self) -> dict[str, dict[str, Any]]:
        """`terraform output -json`: name to {"value", "type", "sensitive"}; the mask learns the secrets."""
        outputs: dict[str, dict[str, Any]] = self._read(
            "output", self.argv("output", json=IsFlagged, no_color=IsFlagged, state=self._state())
        ).document
        MASK.learn(sensitive.of_outputs(outputs))
        return outputs

    def _backend_config(self) -> str | None:
        return str(self.backend_config) if self.backend_config else None

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
        tidy = override.without_new_directories(self.directory) if self.state else contextlib.nullcontext()
        with (
            override.linked(self.directory, self.override),
            imports.linked(self.directory, self.imports),
            tidy,
        ):
            done = process.run(
                argv,
                cwd=self.directory,
                env=self.env if env is None else env,
                on_line=on_line,
                on_signal=self.on_signal,
                watch=self.watch,
                timeout=self.timeout,
            )
        self.killed = done.returncode < 0
        raise_if_ended_early(argv, done, self.timeout)
        return done

    def _read(self, verb: str, argv: list[str]) -> _Answer:
        done = self._run(argv)
        if done.returncode != 0:
            raise TerraformFailed(text_failure(verb, done))
        try:
            return _Answer(done.stdout, orjson.loads(done.stdout))
        except orjson.JSONDecodeError as failure:
            raise EnvironmentFailure(
                f"`terraform {verb}` succeeded, but its answer is cut off or not JSON ({failure}).",
                hint="is the disk of the temporary directory full?",
            ) from failure

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
            raise lost
        if done.returncode != 0:
            raise DiagnosedFailure(verb, errors, done)

    def _keep(self, state: bytes) -> StateKept:
        """Keep a state that Terraform could write nowhere; what happened, and what to do."""
        kept = rescue.keep(state, self.state.parent if self.state else self.directory)
        if kept is None:
            self.on_event(events.Event("raw", state.decode("utf-8", "replace")))
            return StateKept(
                "Terraform could not write the state, and neither could tap.",
                None,
                hint="it was printed above: keep it",
            )
        how = f"cp {kept} {self.state}" if self.state else f"terraform state push {kept}"
        return StateKept(
            f"Terraform could not write the state after its work; tap has kept it in {kept}.",
            kept,
            hint=f"make room, then: {how} (or `tap recover`)",
        )
