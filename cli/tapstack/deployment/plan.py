"""Plan, judge, seal."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tapstack.deployment import attempts, guards, known_secrets, sealing
from tapstack.deployment.guards import Change, refusals
from tapstack.deployment.judge import (
    judge_with_stack,
    policies_of,
    read_source,
    regions,
    shown,
    stack_before,
)
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.state_history import require_not_lost
from tapstack.deployment.surroundings import default_region
from tapstack.deployment.targets import require_targets
from tapstack.deployment.variables import for_apply, named
from tapstack.deployment.verify import require_account
from tapstack.deployment.withheld import withheld
from tapstack.errors import EnvironmentFailure, ExitCode, InputError, Refused, TapError
from tapstack.gate.ledger import Input, Ledger
from tapstack.model import shared_json
from tapstack.model.stack import Stack
from tapstack.seal import store
from tapstack.seal.statement import PLAN_NAME, Judgement
from tapstack.seal.store import Sealed
from tapstack.terraform.driver import PlanOptions
from tapstack.terraform.failures import DiagnosedFailure
from tapstack.terraform.source import Configuration
from tapstack.terraform.variable_files import VariableText

if TYPE_CHECKING:
    # Loaded where it is asked for only: it costs every other start a tenth of a second.
    from tapstack.gate.checkov_run import Checkov

_KEPT_PLANS = 10
_NEEDS_INIT = (
    "Inconsistent dependency lock file",
    "Required plugins are not installed",
    "Module not installed",
    "Module source has changed",
    "Backend initialization required",
    "Missing required provider",
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A sealed plan with its judgement; `ledger` is None for a destroy plan, which guards judge and policies do not.

    `document` is `terraform show -json` of it, secrets included; `stack` is what was judged, None where it could not
    be read.
    """

    sealed: Sealed
    changes: Sequence[Change]
    outputs_changed: int
    ledger: Ledger | None
    document: Mapping[str, Any]
    stack: Stack | None = None

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing."""
        return not self.changes and not self.outputs_changed

    @property
    def judgement(self) -> Judgement:
        """What the gate and the guards said."""
        return self.sealed.statement.predicate.judgement

    @property
    def exit_code(self) -> ExitCode:
        """The gate's answer, then the guards', as an exit code."""
        if self.judgement.decision == "open" and self.judgement.refusals:
            return ExitCode.REFUSED
        return ExitCode(self.judgement.exit_code)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the user asked for: `variables` are NAME=VALUE as given, later ones win.

    `override` is the reason for going past soft-mandatory findings and limits, `key` signs the seal (a PEM text or the
    path of one); "" for neither.
    """

    variables: Sequence[str] = ()
    var_files: Sequence[Path] = ()
    targets: Sequence[str] = ()
    destroy: bool = False
    refresh_only: bool = False
    override: str = ""
    key: str = ""


def make_plan(prepared: Prepared, request: PlanRequest, checkov: Checkov | None = None) -> Planned:
    """Plan the stack, judge the plan (by checkov too, if given) and what the guards say of it, seal all of it.

    A closed gate or a guard's refusal is an answer, not an exception. Raises Refused for an override where none is
    allowed.
    """
    settings = prepared.settings
    if request.override and not settings.where.allow_override:
        raise Refused(
            f"Environment {settings.environment} allows no override.",
            hint=f"allow_override under [environments.{settings.environment}] says so; mend or waive the finding",
        )
    if request.override and not request.override.strip():
        raise InputError("--override needs a reason: it is sealed with the plan.")
    if settings.where.account_id is not None:
        # Before anything is asked of an account that is the wrong one; sealing asks again.
        require_account(settings, sealing.account(prepared))
    plans = settings.work / "plans"
    directory = store.begin(plans)
    try:
        with ThreadPoolExecutor(max_workers=1) as reader:
            # The HCL is read while Terraform works: positions for the findings, and what needs no plan.
            source = reader.submit(read_source, settings.directory)
            # Loads the policies' modules meanwhile; what is wrong with them is said when they are asked.
            reader.submit(policies_of, settings)
            options = options_of(prepared, request, directory, source)
            if request.targets:
                require_targets(prepared, request.targets, configuration_of(source))
            document = plan_document(prepared, options)
        if not _recorded(document):
            require_not_lost(prepared)
        judged, stack = _judge(prepared, request, document, configuration_of(source), options.out, checkov)
        operation = "destroy" if request.destroy else "apply"
        attempts.note(directory, attempts.intents(document))
        sealed = sealing.seal(
            prepared, directory, operation, judged, override=request.override, key=request.key
        )
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    store.prune(
        plans,
        settings.environment,
        _KEPT_PLANS,
        # Ids are times: where a clock was set back, this one is not among the latest.
        spare=lambda one: one == sealed.directory or attempts.is_unsettled(one),
    )
    return _planned(sealed, judged, stack)


def reopened(prepared: Prepared, sealed: Sealed, document: Mapping[str, Any]) -> Planned:
    """A sealed plan as `make_plan` gave it, by the policies that are here now; checkov is not asked again."""
    predicate = sealed.statement.predicate
    override = predicate.judgement.override
    request = PlanRequest(
        destroy=predicate.operation == "destroy", override=override.reason if override else ""
    )
    source: Configuration | TapError
    try:
        source = read_source(prepared.settings.directory)
    except TapError as failure:
        source = failure
    return _planned(sealed, *_judge(prepared, request, document, source, sealed.plan, None))


def _planned(sealed: Sealed, judged: sealing.Judged, stack: Stack | None) -> Planned:
    outputs = judged.document.get("output_changes") or {}
    changed = sum(1 for change in outputs.values() if change.get("actions") != ["no-op"])
    return Planned(sealed, judged.changes, changed, judged.ledger, judged.document, stack)


def _judge(
    prepared: Prepared,
    request: PlanRequest,
    document: Mapping[str, Any],
    source: Configuration | TapError,
    plan: Path,
    checkov: Checkov | None,
) -> tuple[sealing.Judged, Stack | None]:
    settings = prepared.settings
    changes = changes_of(document)
    prepared.observer.phase("judging the plan")
    ledger = None
    if request.destroy:
        stack = stack_before(document, settings, source if isinstance(source, Configuration) else None)
    else:
        where = Input("plan", shown(plan))
        ledger, judged = judge_with_stack(
            document, settings, source, where, checkov=checkov, override=bool(request.override)
        )
        if judged is None:
            return sealing.Judged(document, changes, ledger, (), ()), None
        stack = judged
    default = default_region(prepared) if isinstance(source, Configuration) else None
    worked_in = regions(stack, default)
    refused = refusals(settings.where, guards.Plan(changes, _recorded(document), worked_in))
    return sealing.Judged(document, changes, ledger, worked_in, refused), stack


def _recorded(document: Mapping[str, Any]) -> int:
    """How many resources the state holds that a plan (`terraform show -json`) starts from."""
    return sum(1 for one in stack_resources(document.get("prior_state")) if one["mode"] == "managed")


def stack_resources(state: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Every resource of a state (`terraform show -json`), those of modules included."""
    waiting = [((state or {}).get("values") or {}).get("root_module") or {}]
    while waiting:
        module = waiting.pop()
        yield from module.get("resources") or ()
        waiting += module.get("child_modules") or ()


def plan_document(prepared: Prepared, options: PlanOptions) -> dict[str, Any]:
    """Plan into the file that `options` name; what `terraform show -json` says of it."""
    prepared.ensure_initialised()
    with withheld(prepared.driver):
        _plan(prepared, options)
        _require_whole(options.out)
        document: dict[str, Any] = shared_json.read(prepared.driver.show(options.out))
    return document


def _require_whole(plan: Path) -> None:
    # Terraform reports success where the disk was too full for the file.
    if not zipfile.is_zipfile(plan):
        raise EnvironmentFailure(
            f"The plan file {plan} is incomplete, although Terraform reported success.",
            hint="is the disk full? make room and plan again",
        )


def configuration_of(source: Future[Configuration]) -> Configuration | TapError:
    """What was read meanwhile, or why it could not be read."""
    failure = source.exception()
    if failure is None:
        return source.result()
    if isinstance(failure, TapError):
        return failure
    raise failure


def _plan(prepared: Prepared, options: PlanOptions) -> None:
    prepared.observer.phase("planning")
    try:
        prepared.driver.plan(options)
    except DiagnosedFailure as failure:
        # The record of the last init was wrong (somebody removed the provider, say): once more, from the start.
        if not failure.mentions(*_NEEDS_INIT):
            raise
        prepared.ensure_initialised(force=True)
        prepared.observer.phase("planning")
        prepared.driver.plan(options)


def options_of(
    prepared: Prepared, request: PlanRequest, directory: Path, source: Future[Configuration]
) -> PlanOptions:
    """The options of a plan that goes into `directory`; `source` knows the types of variables."""
    where = prepared.settings.where
    plain: dict[str, str] = {}
    expressions: dict[str, str] = {}
    given = named(request.variables)
    known_secrets.of_variables(prepared.settings.directory, given)
    known_secrets.of_files(prepared.settings.directory, request.var_files)
    for name, text in given.items():
        structured = text.lstrip().startswith(("[", "{")) and _is_structured(name, source)
        (expressions if structured else plain)[name] = text
    hcl = "".join(f"{name} = {text}\n" for name, text in expressions.items())
    prepared.driver.ephemeral = for_apply(prepared.settings, request.var_files, plain, expressions)
    sources: list[Path | VariableText] = [
        *(_existing(prepared.settings.directory / name) for name in where.var_files),
        VariableText(orjson.dumps(where.variables, default=str), "json"),
        *map(_existing, request.var_files),
        VariableText(orjson.dumps(plain), "json"),
        VariableText(hcl.encode(), "hcl"),
    ]
    return PlanOptions(
        out=directory / PLAN_NAME,
        variables=[
            source for source in sources if not isinstance(source, VariableText) or len(source.text) > 2
        ],
        targets=request.targets,
        destroy=request.destroy,
        refresh_only=request.refresh_only,
    )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path} is not a file; a .tfvars file was expected.")
    return path.resolve()


def _is_structured(name: str, source: Future[Configuration]) -> bool:
    """Whether a variable is declared with a type that is not a plain string."""
    if source.exception() is not None:
        return True
    variable = source.result().root.find("variable", name)
    declared = variable.attributes.get("type") if variable else None
    return declared not in (None, "${string}")


def changes_of(document: Mapping[str, Any]) -> list[Change]:
    """The changes of a plan (`terraform show -json`), in its order; what stays as it is is left out."""
    found = []
    for change in document.get("resource_changes") or ():
        actions = change["change"]["actions"]
        importing, moved = change["change"].get("importing"), change.get("previous_address")
        if actions in (["no-op"], ["read"]) and not importing and not moved:
            continue
        action = "replace" if len(actions) == 2 else actions[0]
        if action == "no-op":
            action = "import" if importing else "move"
        found.append(Change(change["address"], action, moved or ""))
    return found
