"""Every policy says about its examples what their comments expect, without starting anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tapstack.gate import examples
from tapstack.gate.policy import Policy
from tapstack.gate.registry import Registry, load
from tests.policies.conftest import PACK

POLICIES = load().policies
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
# Nothing that an example can hold leaves these undecided.
ALWAYS_KNOWN = {
    "kms_key_policy_has_no_cycle": "what a policy refers to is in the code, whatever it turns out to be",
    "no_account_singletons": "it decides on the type alone",
}


def test_every_file_of_the_pack_is_a_policy_that_loads(registry: Registry) -> None:
    files = {file.stem for file in PACK.glob("*/*.py") if not file.name.startswith("__")}
    assert {policy.name for policy in registry.policies} == files


@each_policy
def test_examples_get_the_verdicts_their_comments_expect(policy: type[Policy]) -> None:
    outcome = examples.run(policy)
    assert outcome.problems == ()
    assert [result for result in outcome.results if not result.ok] == []


@each_policy
def test_every_policy_shows_how_it_passes_fails_and_is_not_known(policy: type[Policy]) -> None:
    shown = {str(one.verdict) for one in examples.read(policy).expectations}
    wanted = {"PASS", "FAIL"} if policy.name in ALWAYS_KNOWN else {"PASS", "FAIL", "UNKNOWN"}
    assert wanted <= shown
    assert (policy.name in ALWAYS_KNOWN) == ("UNKNOWN" not in shown)


@each_policy
def test_every_finding_names_its_line_and_what_to_do(policy: type[Policy]) -> None:
    for files in examples.read(policy).configurations():
        for finding in examples.judge_together(policy, files).findings:
            assert finding.file is not None
            assert finding.line is not None
            block = Path(finding.file).read_text().splitlines()[finding.line - 1 : finding.end_line]
            labels = re.sub(r"\[[^\]]*\]", "", finding.address).split(".")
            first = (finding.attribute or "").split(".")
            assert (
                block[0].startswith(("terraform {", f'resource "{labels[-2]}" "{labels[-1]}"'))
                or first[-1] in block[0]
                or first[0] in block[0]
            )
    assert policy.remediation
