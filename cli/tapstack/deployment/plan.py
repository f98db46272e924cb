"""Plan, judge, seal."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tapstack import __version__
from tapstack.deployment.judge import judge_document, policies_of, read_source, shown
from tapstack.deployment.prepare import Prepared
from tapstack.errors import EnvironmentFailure, ExitCode, InputError, TapError
from tapstack.gate.ledger import Input, Ledger
from tapstack.report import ledger_json
from tapstack.seal import manifest
from tapstack.settings import Settings
from tapstack.terraform.driver import DiagnosedFailure, PlanOptions, VariableText
from tapstack.terraform.source import Configuration

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
class Change:
    """One resource that the plan changes: `action` is create, update, delete, replace, read or forget."""

    address: str
    action: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its judgement; `ledger` is None for a destroy plan, which guards judge and policies do not."""

    seal: manifest.Seal
    directory: Path
    changes: Sequence[Change]
    outputs_changed: int
    ledger: Ledger | None

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing."""
        return not self.changes and not self.outputs_changed

    @property
    def exit_code(self) -> ExitCode:
        """The gate's answer as an exit code."""
        return ExitCode(self.seal.exit_code)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the user asked for: `variables` are NAME=VALUE as given, later ones win."""

    variables: Sequence[str] = ()
    var_files: Sequence[Path] = ()
    targets: Sequence[str] = ()
    destroy: bool = False
    refresh_only: bool = False


def make_plan(prepared: Prepared, request: PlanRequest, checkov: Checkov | None = None) -> Planned:
    """Plan the stack, judge the plan (by checkov too, if given), seal both.

    A closed gate is an answer, not an exception.
    """
    settings = prepared.settings
    plans = settings.work / "plans"
    plan_id = manifest.new_id()
    directory = plans / plan_id
    directory.mkdir(mode=0o700, parents=True)
    try:
        with ThreadPoolExecutor(max_workers=1) as reader:
            # The HCL is read while Terraform works: positions for the findings, and what needs no plan.
            source = reader.submit(read_source, settings.directory)
            # Loads the policies' modules meanwhile; what is wrong with them is said when they are asked.
            reader.submit(policies_of, settings)
            options = _options(prepared, request, directory, source)
            prepared.ensure_initialised()
            _plan(prepared, options)
        _require_whole(options.out)
        document = orjson.loads(prepared.driver.show(options.out))
        ledger = None
        if not request.destroy:
            prepared.observer.phase("judging the plan")
            where = Input("plan", shown(options.out))
            ledger = judge_document(document, settings, _configuration(source), where, checkov=checkov)
        planned = _seal(prepared, request, directory, document, ledger)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    _prune(plans, settings.environment)
    return planned


def _require_whole(plan: Path) -> None:
    # Terraform reports success where the disk was too full for the file.
    if not zipfile.is_zipfile(plan):
        raise EnvironmentFailure(
            f"The plan file {plan} is incomplete, although Terraform reported success.",
            hint="is the disk full? make room and plan again",
        )


def _configuration(source: Future[Configuration]) -> Configuration | TapError:
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


def _options(
    prepared: Prepared, request: PlanRequest, directory: Path, source: Future[Configuration]
) -> PlanOptions:
    where = prepared.settings.where
    plain: dict[str, str] = {}
    expressions: dict[str, str] = {}
    for name, text in named(request.variables).items():
        structured = text.lstrip().startswith(("[", "{")) and _is_structured(name, source)
        (expressions if structured else plain)[name] = text
    hcl = "".join(f"{name} = {text}\n" for name, text in expressions.items())
    sources: list[Path | VariableText] = [
        *(_existing(prepared.settings.directory / name) for name in where.var_files),
        VariableText(orjson.dumps(where.variables, default=str), "json"),
        *map(_existing, request.var_files),
        VariableText(orjson.dumps(plain), "json"),
        VariableText(hcl.encode(), "hcl"),
    ]
    return PlanOptions(
        out=manifest.plan_path(directory),
        variables=[
            source for source in sources if not isinstance(source, VariableText) or len(source.text) > 2
        ],
        targets=request.targets,
        destroy=request.destroy,
        refresh_only=request.refresh_only,
    )


def named(variables: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts as a mapping; the last of a name wins. Raises InputError for anything else."""
    texts = {}
    for given in variables:
        name, separator, text = given.partition("=")
        if not separator or not name.strip():
            raise InputError(f"--var {given!r}: NAME=VALUE was expected.")
        texts[name.strip()] = text
    return texts


def given_variables(settings: Settings, variables: Sequence[str]) -> dict[str, Any]:
    """What is known of the variables before any plan: tap.toml's, then those of the command line."""
    return {**settings.where.variables, **named(variables)}


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
        if actions in (["no-op"], ["read"]) and not change["change"].get("importing"):
            continue
        action = "replace" if len(actions) == 2 else actions[0]
        found.append(Change(change["address"], "import" if action == "no-op" else action))
    return found


def _seal(
    prepared: Prepared,
    request: PlanRequest,
    directory: Path,
    document: Mapping[str, Any],
    ledger: Ledger | None,
) -> Planned:
    changes = changes_of(document)
    outputs = document.get("output_changes") or {}
    rendered = ledger_json.render(ledger) if ledger else b"{}"
    plan = manifest.plan_path(directory)
    plan.chmod(0o600)
    seal = replace(
        present(prepared, directory.name, "destroy" if request.destroy else "apply"),
        decision=ledger.decision if ledger else "open",
        exit_code=int(ledger.exit_code) if ledger else 0,
        plan_sha256=manifest.digest(plan.read_bytes()),
        ledger_sha256=manifest.digest(rendered),
        changes=dict(Counter(change.action for change in changes)),
    )
    manifest.write(directory, seal, rendered)
    changed = sum(1 for change in outputs.values() if change.get("actions") != ["no-op"])
    return Planned(seal, directory, changes, changed, ledger)


def present(prepared: Prepared, plan_id: str, operation: str) -> manifest.Seal:
    """What holds now, in the form of a seal without plan and judgement."""
    settings = prepared.settings
    return manifest.Seal(
        id=plan_id,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=settings.environment,
        operation=operation,
        decision="",
        exit_code=0,
        plan_sha256="",
        ledger_sha256="",
        files=manifest.file_digests(settings.directory, [package.path for package in prepared.packages]),
        terraform=f"{prepared.driver.binary.kind} {prepared.driver.binary.version}",
        tap=__version__,
        where=prepared.sandbox.id if prepared.sandbox else "",
        changes={},
    )


def _prune(plans: Path, environment: str) -> None:
    """Plan files hold secrets; only the latest few are kept."""
    mine = []
    for directory in sorted(plans.glob("*/")):
        try:
            if manifest.read(plans, directory.name).environment == environment:
                mine.append(directory)
        except TapError:
            continue
    for directory in mine[:-_KEPT_PLANS]:
        shutil.rmtree(directory, ignore_errors=True)
