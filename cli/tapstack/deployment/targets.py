"""Refuses a --target that names nothing: Terraform would plan nothing, and only warn that it was given a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from tapstack.deployment.judge import shown
from tapstack.deployment.prepare import Prepared
from tapstack.errors import InputError, TapError
from tapstack.terraform.addresses import is_absent, meant, without_keys
from tapstack.terraform.source import Configuration


def require_targets(prepared: Prepared, targets: Sequence[str], source: Configuration | TapError) -> None:
    """Raise InputError for a target that neither the configuration nor the state has.

    A configuration that can't be read is for the gate to say.
    """
    if isinstance(source, TapError):
        return
    absent = [target for target in targets if is_absent(target, source)]
    if not absent:
        return
    prepared.ensure_initialised()
    recorded = set(_recorded(prepared.driver.state_pull()))
    for target in absent:
        if without_keys(target) not in recorded:
            raise InputError(
                f"--target {target}: there is no such resource in {shown(prepared.settings.directory)}, "
                "nor in its state.",
                hint=meant(target, source),
            )


def _recorded(state: bytes) -> Iterator[str]:
    """The blocks of what a state (`terraform state pull`) holds, and the modules around them."""
    for resource in (orjson.loads(state) if state.strip() else {}).get("resources") or ():
        module = without_keys(resource.get("module", ""))
        parts = module.split(".") if module else []
        yield from (".".join(parts[: length + 2]) for length in range(0, len(parts), 2))
        mode = "data." if resource["mode"] == "data" else ""
        yield f"{module}{'.' if module else ''}{mode}{resource['type']}.{resource['name']}"
