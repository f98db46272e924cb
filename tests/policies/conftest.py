"""What the tests of policies share: the pack, its examples, and the gate over a directory of HCL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tapstack.gate import examples
from tapstack.gate.engine import judge
from tapstack.gate.ledger import Ledger
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Policy
from tapstack.gate.registry import Registry, load
from tapstack.model.hcl import from_hcl
from tapstack.model.stack import Stack
from tapstack.terraform.source import position, read_configuration

PACK = Path(__file__).resolve().parents[2] / "policies"


@pytest.fixture(scope="session")
def registry() -> Registry:
    loaded = load()
    assert loaded.errors == ()
    return loaded


def examples_of(policy: type[Policy]) -> Path:
    return examples.directory_of(policy)


def expectations(policy: type[Policy]) -> dict[str, str]:
    """What the comments of a policy's examples say: verdict by address."""
    return {one.address: str(one.verdict) for one in examples.read(policy).expectations}


def verdicts(ledger: Ledger) -> dict[str, str]:
    """The worst verdict by address."""
    return {address: str(finding.verdict) for address, finding in examples.verdicts(ledger).items()}


def judge_hcl(
    directory: Path,
    registry: Registry,
    policy: str,
    parameters: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Ledger:
    configuration = read_configuration(directory)
    return judge(
        from_hcl(configuration, variables or {}),
        registry,
        GateSettings({policy: parameters or {}}),
        lambda r, a: position(configuration, r.module_path, r.type, r.name, mode=r.mode, attribute=a),
        (policy,),
    )


def judge_stack(
    stack: Stack, registry: Registry, policy: str, parameters: Mapping[str, Any] | None = None
) -> Ledger:
    return judge(stack, registry, GateSettings({policy: parameters or {}}), lambda *_: None, (policy,))
