"""Puts a plan, a state or a directory before the gate."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tapstack.deployment.workspace import selected
from tapstack.errors import GateFailed, InputError, TapError
from tapstack.gate.engine import judge
from tapstack.gate.ledger import Input, Ledger, undecided
from tapstack.gate.locate import locator
from tapstack.gate.parameters import GateSettings
from tapstack.gate.registry import Registry, load
from tapstack.gate.waivers import Waiver, WaiverRules
from tapstack.masking import MASK
from tapstack.model import shared_json
from tapstack.model.hcl import from_hcl
from tapstack.model.plan import from_plan, is_plan
from tapstack.model.stack import Resource, Stack
from tapstack.model.state import from_state
from tapstack.model.values import Unknown
from tapstack.sensitive import of_document
from tapstack.settings import Settings
from tapstack.terraform.source import Configuration, read_configuration

if TYPE_CHECKING:
    # Loaded where it is asked for only: it costs every other start a tenth of a second.
    from tapstack.gate.checkov_run import Checkov

# The first bytes of a saved plan, which is a zip archive.
_PLAN_MAGIC = b"PK\x03\x04"


def shown(path: Path) -> str:
    """A path as reports name it: relative to the working directory."""
    return os.path.relpath(path)


def read_source(directory: Path) -> Configuration:
    """The configuration of a directory; raises what `read_configuration` raises, and nothing but TapError."""
    try:
        return read_configuration(directory)
    except RecursionError:
        raise GateFailed(f"An expression in {shown(directory)} is nested too deeply to be read.") from None


def judge_document(
    document: Any,
    settings: Settings,
    source: Configuration | TapError | None,
    where: Input,
    only: tuple[str, ...] = (),
    checkov: Checkov | None = None,
) -> Ledger:
    """The ledger of a plan or a state (`terraform show -json`).

    `source` tells what the document leaves out, and gives the findings their lines: None where there is no
    configuration, an error where it could not be read, which closes the gate. Raises InputError for a state with
    `checkov`, which can't read one.
    """
    return judge_with_stack(document, settings, source, where, only, checkov)[0]


def judge_with_stack(
    document: Any,
    settings: Settings,
    source: Configuration | TapError | None,
    where: Input,
    only: tuple[str, ...] = (),
    checkov: Checkov | None = None,
    *,
    override: bool = False,
) -> tuple[Ledger, Stack | None]:
    """Likewise, with the stack that was judged; None where it could not be read.

    With `override`, findings of soft-mandatory policies do not block.
    """
    if checkov and not is_plan(document):
        raise InputError(f"{where.path} is not a plan: checkov reads configurations and plans, no states.")
    if isinstance(source, TapError):
        return undecided(source, where), None
    try:
        stack = from_plan(document, source) if is_plan(document) else _of_state(document, settings, source)
        stack = _with_backend(stack, settings)
    except TapError as failure:
        return undecided(failure, where), None
    rules = replace(gate_settings(settings), override=override)
    ledger = judge(stack, policies_of(settings), rules, locator(source), only, source=where)
    if checkov is None:
        return ledger, stack
    from tapstack.gate.checkov_findings import add

    return add(ledger, checkov.scan_plan(document), stack, source, rules), stack


def regions(stack: Stack, default: str | None) -> tuple[str | None, ...]:
    """The regions of a stack's AWS resources, each once; None among them where one is known after apply only.

    `default` is that of providers which name none.
    """
    providers: dict[tuple[tuple[str, ...], str], Resource] = {}
    for resource in stack.of_types(("*",)):
        if resource.type.startswith("aws_"):
            # A state names no provider: there, each resource is asked.
            key = resource.provider_key or resource.address
            providers.setdefault((resource.module_path, key), resource)
    return tuple({_region(stack.region(resource), default) for resource in providers.values()})


def _region(found: str | Unknown, default: str | None) -> str | None:
    if isinstance(found, str):
        return found
    return default if found.computed else None


def stack_before(document: Mapping[str, Any], settings: Settings, source: Configuration | None) -> Stack:
    """The stack that a plan (`terraform show -json`) starts from."""
    return _of_state(document.get("prior_state") or {"format_version": "1.0"}, settings, source)


def _of_state(document: Any, settings: Settings, source: Configuration | None) -> Stack:
    """A state says nothing of variables; those of the environment are the ones it was made with."""
    stack = from_state(document, source)
    return replace(stack, variables={**settings.where.variables, **stack.variables})


def _with_backend(stack: Stack, settings: Settings) -> Stack:
    """The stack with the backend that tap.toml names, where the configuration declares no other."""
    named = {"type": "s3", **settings.backend_arguments()}
    declared = stack.backend or {"type": "s3"}
    agree = settings.backend is not None and declared["type"] == "s3"
    return replace(stack, backend={**declared, **named}) if agree else stack


def judge_directory(
    directory: Path,
    settings: Settings,
    variables: Mapping[str, Any],
    only: tuple[str, ...] = (),
    checkov: Checkov | None = None,
) -> Ledger:
    """The ledger of a configuration before any plan. Raises InputError where `directory` holds none."""
    return judge_directory_with_stack(directory, settings, variables, only, checkov)[0]


def judge_directory_with_stack(
    directory: Path,
    settings: Settings,
    variables: Mapping[str, Any],
    only: tuple[str, ...] = (),
    checkov: Checkov | None = None,
) -> tuple[Ledger, Stack | None]:
    """Likewise, with the stack that was judged; None where it could not be read."""
    where = Input("hcl", shown(directory))
    try:
        source = read_source(directory)
        stack = from_hcl(source, variables, selected(settings.directory, os.environ).name)
        stack = _with_backend(stack, settings)
    except InputError:
        raise
    except TapError as failure:
        return undecided(failure, where), None
    ledger = _judge(stack, settings, source, where, only)
    if checkov is None:
        return ledger, stack
    from tapstack.gate.checkov_findings import add

    return add(
        ledger, checkov.scan_directory(source.root, variables), stack, source, gate_settings(settings)
    ), stack


def policies_of(settings: Settings) -> Registry:
    """The pack, and the stack's own policies."""
    return load(settings.policy_directories())


def gate_settings(settings: Settings) -> GateSettings:
    """What the settings say to the gate; what follows from the environment is filled in where it is not set."""
    parameters = settings.policy_parameters()
    for policy, name, value in (
        ("destroyable_outside_production", "destroyable", settings.where.destroyable),
        ("state_is_locked_and_encrypted", "sandbox", settings.is_sandbox),
    ):
        parameters.setdefault(policy, {}).setdefault(name, value)
    return GateSettings(
        parameters=parameters,
        disabled=tuple(settings.policies.disabled),
        unknown=settings.policies.unknown,
        waivers=tuple(
            Waiver(one.policy, one.address, one.owner, one.reason, one.until, one.ticket, place)
            for one, place in settings.waivers
        ),
        waiver_rules=WaiverRules(settings.where.max_waiver_days, settings.where.allow_inline_waivers),
    )


def is_plan_file(path: Path) -> bool:
    """Whether a file is a saved plan, which only Terraform can read."""
    with path.open("rb") as file:
        return file.read(len(_PLAN_MAGIC)) == _PLAN_MAGIC


def read_document(path: Path) -> tuple[Any, Input]:
    """A JSON file of Terraform's, and what to call it. Raises GateFailed where it is not JSON."""
    data = path.read_bytes()
    try:
        document = shared_json.read(data)
    except orjson.JSONDecodeError as failure:
        raise GateFailed(
            f"{shown(path)} is neither a saved plan nor JSON: {failure}.",
            hint="make it with `terraform show -json PLAN > plan.json`, or give a directory",
        ) from None
    MASK.learn(of_document(document))
    kind = "plan" if is_plan(document) else "state"
    return document, Input(kind, shown(path), hashlib.sha256(data).hexdigest())


def is_raw_state(document: Any) -> bool:
    """Whether a document is Terraform's own state file and not what `terraform show -json` makes of it."""
    return isinstance(document, dict) and "lineage" in document and "values" not in document


def _judge(
    stack: Stack, settings: Settings, source: Configuration | None, where: Input, only: tuple[str, ...]
) -> Ledger:
    registry = policies_of(settings)
    return judge(stack, registry, gate_settings(settings), locator(source), only, source=where)
