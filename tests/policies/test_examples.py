"""Every policy says about its examples what their comments expect, without starting anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.gate.policy import Policy
from tapstack.gate.registry import Registry, load
from tests.policies.conftest import PACK, examples_of, expectations, judge_hcl, verdicts

POLICIES = load().policies
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)


def test_every_file_of_the_pack_is_a_policy_that_loads(registry: Registry) -> None:
    files = {file.stem for file in PACK.glob("*/*.py") if not file.name.startswith("__")}
    assert {policy.name for policy in registry.policies} == files


@each_policy
def test_examples_get_the_verdicts_their_comments_expect(policy: type[Policy], registry: Registry) -> None:
    ledger = judge_hcl(examples_of(policy), registry, policy.name)
    assert ledger.errors == ()
    assert verdicts(ledger) == expectations(policy)


@each_policy
def test_every_policy_shows_how_it_passes_fails_and_is_not_known(policy: type[Policy]) -> None:
    stems = {file.stem for file in examples_of(policy).glob("*.tf")}
    assert {"pass", "fail", "unknown"} <= stems
    assert {"PASS", "FAIL", "UNKNOWN"} <= set(expectations(policy).values())


@each_policy
def test_every_finding_names_its_line_and_what_to_do(policy: type[Policy], registry: Registry) -> None:
    for finding in judge_hcl(examples_of(policy), registry, policy.name).findings:
        assert finding.file is not None
        assert finding.line is not None
        block = Path(finding.file).read_text().splitlines()[finding.line - 1 : finding.end_line]
        resource, first = finding.address.split("."), (finding.attribute or "").split(".")
        assert (
            f'resource "{resource[0]}" "{resource[1]}"' in block[0]
            or first[-1] in block[0]
            or (first[0] in block[0])
        )
    assert policy.remediation
