"""Settings become policies ready to be asked; a name or value that fits none becomes an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import ValidationError

from tapstack.gate.ledger import ErrorKind, GateError
from tapstack.gate.policy import Policy
from tapstack.gate.registry import Registry
from tapstack.gate.waivers import Waiver, WaiverRules, is_checkovs, waiver_error
from tapstack.suggestion import nearest

_DISABLED: Final = "[policies] disabled"


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What tap.toml says to the gate: parameters by policy name, policies (name or id, of checkov's own too) that are
    off, what an UNKNOWN of a mandatory policy does, whether soft-mandatory findings are gone past, the waivers, and
    what is demanded of them.
    """

    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()
    unknown: Literal["block", "warn"] = "block"
    override: bool = False
    waivers: tuple[Waiver, ...] = ()
    waiver_rules: WaiverRules = field(default_factory=WaiverRules)


@dataclass(frozen=True, slots=True)
class Selection:
    """Policies to ask, those that can't be because their parameters are wrong, and what was wrong."""

    policies: tuple[Policy, ...]
    broken: tuple[type[Policy], ...]
    errors: tuple[GateError, ...]


def select(registry: Registry, settings: GateSettings, only: Iterable[str]) -> Selection:
    """The policies that are on (of `only`, by name or id, if it names any) with their parameters."""
    only = tuple(only)
    named = (
        *((name, "[policies]") for name in settings.parameters),
        *((name, _DISABLED) for name in settings.disabled),
        *((name, "--policy") for name in only),
    )
    errors = [
        _unknown_policy(name, place, registry)
        for name, place in named
        if registry.find(name) is None and not (place == _DISABLED and is_checkovs(name))
    ]
    policies: list[Policy] = []
    broken: list[type[Policy]] = []
    for policy in registry.policies:
        if _named(policy, settings.disabled) or (only and not _named(policy, only)):
            continue
        given = {**settings.parameters.get(policy.id, {}), **settings.parameters.get(policy.name, {})}
        try:
            ready = policy(policy.Parameters.model_validate(given))
        except ValidationError as error:
            broken.append(policy)
            errors.extend(_wrong_parameters(policy, error))
            continue
        policies.append(ready)
        if ready.parameters.ignore and not policy.waivable:
            errors.append(waiver_error(f"[policies.{policy.name}] ignore: this policy may not be waived."))
    return Selection(tuple(policies), tuple(broken), tuple(errors))


def _named(policy: type[Policy], names: Iterable[str]) -> bool:
    return policy.name in names or policy.id in names


def _unknown_policy(name: str, place: str, registry: Registry) -> GateError:
    message = f"{place} names the policy {name}, which does not exist{registry.nearest(name) or '.'}"
    return GateError(ErrorKind.UNKNOWN_POLICY, message)


def _wrong_parameters(policy: type[Policy], error: ValidationError) -> Iterator[GateError]:
    known = list(policy.Parameters.model_fields)
    for detail in error.errors(include_url=False, include_context=False):
        key = ".".join(str(part) for part in detail["loc"])
        where = f"[policies.{policy.name}] {key}".rstrip()
        if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
            what = f"there is no such parameter{_nearest(key, known)} Known are {', '.join(sorted(known))}"
        else:
            found = "" if detail["type"] == "missing" else f" (found {detail['input']!r})"
            what = f"{detail['msg'].removeprefix('Value error, ').rstrip('.')}{found}"
        yield GateError(ErrorKind.FORMAT, f"{where}: {what}.")


def _nearest(word: str, known: list[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else "."
