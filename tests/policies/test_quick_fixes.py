"""Every policy's failing examples, mended by what an editor would offer: each offer ends the finding it is for."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tapstack import buffers
from tapstack.deployment.mending import mended
from tapstack.gate import examples
from tapstack.gate.engine import judge
from tapstack.gate.ledger import Finding, Ledger
from tapstack.gate.locate import locator
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Policy, Verdict
from tapstack.gate.quick_fix import Fix
from tapstack.gate.registry import Registry, load
from tapstack.model.hcl import from_hcl
from tapstack.model.stack import Stack
from tapstack.terraform.edit import applied
from tapstack.terraform.source import Configuration, read_configuration, text_of
from tests.conftest import TAP

# Why an editor has nothing to offer for any failing example of a policy.
WITHOUT = {
    "kms_key_policy_serves_its_users": "a statement of a policy document",
    "kms_key_policy_has_no_cycle": "which of the loop's references goes is a matter of design",
    "s3_lifecycle_archives": "what is archived or kept, and when, is for the author to say",
    "iam_no_wildcard_actions": "the actions that are needed are the author's to name",
    "iam_no_wildcard_resources": "the resources that are needed are the author's to name",
    "iam_no_administrator": "another policy, which the author has to write",
    "role_can_read_its_event_source": "a statement of a policy document",
    "role_trust_is_narrow": "who is trusted, and under which condition, is the author's to name",
    "resource_policy_not_public": "who is let in, and under which condition, is the author's to name",
    "function_has_its_own_role": "another role, with its policies",
    "required_tags": "the tags' values are the author's",
    "naming_convention": "a name is the author's",
    "no_account_singletons": "the resource belongs to another stack",
    "outputs_expose_arns": "an output's name and description are the author's",
    "security_group_not_open": "the addresses that are let in are the author's to name",
    "isolated_functions_have_endpoints": "an endpoint with the network's own parts",
}


@dataclass(frozen=True)
class Offer:
    """A fix, and what its finding's policy says of the finding's resource before and after."""

    policy: type[Policy]
    finding: Finding
    fix: Fix
    text: str
    before: Counter[str]
    after: Counter[str]
    errors: int


def judged(policy: type[Policy], directory: Path) -> tuple[Ledger, Stack, Configuration]:
    source = read_configuration(directory)
    stack = from_hcl(source, {})
    return judge(stack, Registry((policy,)), GateSettings(), locator(source)), stack, source


def said(ledger: Ledger, address: str) -> Counter[str]:
    return Counter(one.message for one in ledger.findings if one.address == address)


def copies(policy: type[Policy], scratch: Path) -> Iterator[Path]:
    """The configurations of a policy's examples."""
    for number, files in enumerate(examples.read(policy).configurations()):
        target = scratch / f"{policy.name}-{number}"
        shutil.copytree(files[0].path.parent, target)
        for path in set(target.glob("*.tf")) - {target / file.path.name for file in files}:
            path.unlink()
        yield target


def offers(policy: type[Policy], scratch: Path) -> Iterator[Offer]:
    for directory in copies(policy, scratch):
        buffers.hold({})
        ledger, stack, source = judged(policy, directory)
        for finding in [one for one in ledger.findings if one.verdict is Verdict.FAIL]:

            def again(directory: Path = directory) -> Ledger:
                return judged(policy, directory)[0]

            found = list(mended(finding, ledger, stack, source, {}, again))
            buffers.hold({})
            for one in found:
                # On disk, as an editor would save it.
                file = Path(one.fix.file)
                old = file.read_bytes()
                text = applied(text_of(file), one.fix.edits).removesuffix("\n")
                file.write_text(text)
                after, _, _ = judged(policy, directory)
                file.write_bytes(old)
                before = said(ledger, finding.address)
                now = said(after, finding.address)
                yield Offer(policy, finding, one.fix, text, before, now, len(after.errors))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Offer]:
    scratch = tmp_path_factory.mktemp("examples")
    return [offer for policy in load().policies for offer in offers(policy, scratch)]


def test_each_offer_ends_its_finding(found: list[Offer]) -> None:
    assert len(found) > 50
    for offer in found:
        assert not offer.errors, offer.fix
        assert offer.after < offer.before, (offer.policy.name, offer.fix)


def test_which_policies_offer_nothing_and_why(found: list[Offer]) -> None:
    offering = {offer.policy.name for offer in found}
    assert {policy.name for policy in load().policies} - offering == set(WITHOUT)
    assert len(offering) == 22


def test_what_is_offered(found: list[Offer]) -> None:
    titles = {(offer.policy.name, offer.fix.title) for offer in found}
    for expected in (
        ("kms_key_rotation", "Set enable_key_rotation = true"),
        ("kms_key_rotation", "Set rotation_period_in_days = 365"),
        ("log_group_retention", "Add retention_in_days = 14"),
        ("dynamodb_point_in_time_recovery", "Add point_in_time_recovery { enabled = true }"),
        ("dynamodb_encryption", "Set enabled = true, kms_key_arn = aws_kms_key.table.arn"),
        ("s3_public_access_block", "Add aws_s3_bucket_public_access_block.none"),
        ("lambda_reserved_concurrency", "Remove reserved_concurrent_executions"),
        ("lambda_runtime_supported", 'Set runtime = "nodejs24.x"'),
        ("sns_topic_encryption", "Set kms_master_key_id = aws_kms_key.alerts.arn"),
    ):
        assert expected in titles


@pytest.mark.real
def test_each_offer_is_as_terraform_fmt_writes_it(found: list[Offer], tmp_path: Path) -> None:
    for number, offer in enumerate(found):
        (tmp_path / f"{number}.tf").write_text(f"{offer.text.rstrip()}\n")
    done = subprocess.run(
        [str(TAP), "fmt", "--check", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
