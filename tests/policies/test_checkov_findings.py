"""What checkov's process said becomes part of a ledger; resources that it did not look at close the gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tapstack.gate.checkov_block import NotSeen, PartialStack
from tapstack.gate.checkov_findings import add
from tapstack.gate.checkov_run import FailedCheck, Scan, _environment
from tapstack.gate.ledger import ErrorKind, GateError, Input, Ledger, empty_counts
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Severity
from tapstack.gate.waivers import Waiver
from tapstack.model.stack import Kind, Resource, Stack

KEY = 'aws_kms_key.main["a"]'
SETTINGS = GateSettings()
OPEN = Ledger("open", Input("plan"), empty_counts())


def stack(kind: Kind, *addresses: str) -> Stack:
    return Stack(kind, {address: resource(address) for address in addresses})


def resource(address: str) -> Resource:
    type_, name = address.split("[")[0].split(".")
    return Resource(address, type_, name)


def failed(severity: str | None = None) -> FailedCheck:
    return FailedCheck("CKV_AWS_7", "Rotate", KEY, severity, None, (), "/stack/main.tf", 1, 3)


def test_a_resource_of_the_plan_that_checkov_did_not_see_closes_the_gate() -> None:
    scan = Scan(passed=3, resources=frozenset({'aws_kms_key.main["b"]'}))
    ledger = add(OPEN, scan, stack(Kind.PLAN, KEY), None, SETTINGS)
    assert (ledger.decision, ledger.exit_code) == ("error", 4)
    (error,) = ledger.errors
    assert (error.kind, error.message) == (ErrorKind.NOTHING_EVALUATED, f"checkov did not look at {KEY}.")


def test_blocks_not_instances_are_compared_where_checkov_works_them_out_itself() -> None:
    scan = Scan(passed=3, resources=frozenset({"module.m.aws_kms_key.main"}))
    given = Stack(
        Kind.HCL,
        {"m": Resource('module.m[0].aws_kms_key.main["a]"]', "aws_kms_key", "main", module="module.m[0]")},
    )
    assert add(OPEN, scan, given, None, SETTINGS).errors == ()


def test_many_unseen_resources_are_counted() -> None:
    ledger = add(
        OPEN, Scan(), stack(Kind.PLAN, *(f"aws_kms_key.k{number}" for number in range(5))), None, SETTINGS
    )
    assert ledger.errors[0].message == (
        "checkov did not look at aws_kms_key.k0, aws_kms_key.k1, aws_kms_key.k2 and 2 more."
    )


def test_no_verdict_at_all_closes_the_gate() -> None:
    ledger = add(OPEN, Scan(resources=frozenset({KEY})), stack(Kind.PLAN, KEY), None, SETTINGS)
    assert [error.message for error in ledger.errors] == ["checkov has no check for any resource."]


def test_an_error_of_the_scan_stands_alone() -> None:
    broken = GateError(ErrorKind.POLICY_RAISED, "checkov broke off.")
    ledger = add(OPEN, Scan(errors=(broken,)), stack(Kind.PLAN, KEY), None, SETTINGS)
    assert (ledger.decision, ledger.errors) == ("error", (broken,))


def test_a_stack_without_resources_needs_no_verdict() -> None:
    assert add(OPEN, Scan(), stack(Kind.PLAN), None, SETTINGS).decision == "open"


@pytest.mark.parametrize(
    ("said", "held"), [(None, Severity.MEDIUM), ("HIGH", Severity.HIGH), ("INFO", Severity.MEDIUM)]
)
def test_a_severity_that_checkov_does_not_know_is_medium(said: str | None, held: Severity) -> None:
    scan = Scan(failed=(failed(said),), resources=frozenset({KEY}))
    ledger = add(OPEN, scan, stack(Kind.PLAN, KEY), None, SETTINGS)
    assert ledger.decision == "closed"
    (finding,) = ledger.findings
    assert (finding.severity, finding.blocks, finding.file) == (held, True, None)
    assert {k: v for k, v in ledger.counts.items() if v} == {"checkov_fail": 1}


def test_a_finding_keeps_its_fingerprint_when_its_lines_move() -> None:
    ledgers = [
        add(OPEN, Scan(failed=(one,), resources=frozenset({KEY})), stack(Kind.HCL, KEY), None, SETTINGS)
        for one in (
            failed(),
            FailedCheck("CKV_AWS_7", "Rotate", KEY, None, None, (), "/stack/main.tf", 9, 12),
        )
    ]
    first, moved = (ledger.findings[0] for ledger in ledgers)
    assert (first.line, moved.line) == (1, 9)
    assert first.fingerprint == moved.fingerprint


def test_the_worker_gets_variables_and_neither_credentials_nor_settings_of_checkovs() -> None:
    given = {
        "AWS_SECRET_ACCESS_KEY": "secret",
        "GITHUB_PAT": "secret",
        "CHECKOV_CHECK_FAIL_LEVEL": "WARNING",
        "BC_API_KEY": "secret",
        "TF_VAR_days": "14",
        "PATH": "/bin",
    }
    passed_on = _environment(given)
    assert {name for name in given if name in passed_on} == {"TF_VAR_days", "PATH"}


@pytest.mark.parametrize(
    "name", ["resources", "variables", "outputs", "backend", "declared", "deletions", "root"]
)
def test_a_partial_stack_shows_nothing_that_checkov_does_not(name: str) -> None:
    partial = PartialStack(Kind.HCL, {}, {})
    with pytest.raises(NotSeen):
        getattr(partial, name)


def test_a_partial_stack_answers_what_the_resource_alone_decides() -> None:
    partial = PartialStack(Kind.HCL, {}, {})
    group = Resource("aws_cloudwatch_log_group.one", "aws_cloudwatch_log_group", "one")
    assert partial.targets(group, "kms_key_id", "aws_kms_key") == ()
    with pytest.raises(NotSeen):
        partial.users(group)


def test_a_waiver_or_the_settings_silence_checkovs_findings_too_and_an_idle_waiver_does_not_pass() -> None:
    one = FailedCheck("CKV_AWS_7", "Rotation", KEY, None, None, (), "main.tf", 1, 2)
    scan = Scan(failed=(one,), resources=frozenset({KEY}))
    of = stack(Kind.PLAN, KEY)
    waiver = Waiver("CKV_AWS_7", KEY, "me", "because", date(2999, 1, 1))
    waived = add(OPEN, scan, of, None, GateSettings(waivers=(waiver,)))
    assert (waived.decision, waived.findings[0].verdict) == ("open", "WAIVED")
    assert add(OPEN, scan, of, None, GateSettings(disabled=("CKV_AWS_7",))).findings == ()
    idle = add(OPEN, scan, of, None, GateSettings(waivers=(replace(waiver, address="a.b"), waiver)))
    assert idle.decision == "error"
    assert "matches nothing that checkov found" in idle.errors[0].message
