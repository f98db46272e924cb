"""What the tests of reports share: a judgement with something of everything, and one that is far too large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from tapstack.gate.ledger import ErrorKind, Finding, GateError, Input, Ledger, empty_counts
from tapstack.gate.policy import Enforcement, Policy, Severity, Verdict
from tapstack.gate.registry import load
from tapstack.report.report import Plan, Report, Step, Timeline

_POLICIES: Final = {policy.name: policy for policy in load().policies}


def policy(name: str) -> Policy:
    return _POLICIES[name]()


RETENTION: Final = policy("log_group_retention")
ROTATION: Final = policy("kms_key_rotation")


@dataclass(frozen=True)
class Change:
    address: str
    action: str


def finding(**changed: Any) -> Finding:
    return replace(FINDING, **changed)


FINDING: Final = Finding(
    policy=RETENTION.id,
    name=RETENTION.name,
    address='aws_cloudwatch_log_group.fn["reader"]',
    verdict=Verdict.FAIL,
    severity=Severity.MEDIUM,
    enforcement=Enforcement.SOFT_MANDATORY,
    message="The log group keeps its events for 30 days.",
    fingerprint="f" * 32,
    blocks=True,
    attribute="retention_in_days",
    actual=30,
    expected="exactly 14",
    file="terraform/tap_stack.tf",
    line=67,
    end_line=72,
)
UNKNOWN: Final = finding(
    address="aws_cloudwatch_log_group.later",
    verdict=Verdict.UNKNOWN,
    message="The retention is not known yet.",
    fingerprint="e" * 32,
    blocks=False,
    actual="(known after apply)",
    line=90,
    end_line=95,
)
WAIVED: Final = finding(
    policy=ROTATION.id,
    name=ROTATION.name,
    address="aws_kms_key.old",
    verdict=Verdict.WAIVED,
    severity=Severity.HIGH,
    message="The key does not rotate.",
    fingerprint="d" * 32,
    blocks=False,
    attribute="enable_key_rotation",
    actual=False,
    expected=True,
    line=12,
    end_line=20,
    waiver={
        "verdict": "FAIL",
        "owner": "payments",
        "reason": "shared until the split",
        "until": "2026-12-05",
        "days_left": 14,
        "ticket": "OPS-1",
        "address": "aws_kms_key.old",
        "place": "tap.toml:7",
    },
)
PASSED: Final = finding(
    address="aws_cloudwatch_log_group.good",
    verdict=Verdict.PASS,
    message="Events are kept for 14 days.",
    blocks=False,
)
COUNTS: Final = empty_counts() | {
    "resources": 4,
    "policies": 2,
    "pass": 1,
    "fail": 1,
    "unknown": 1,
    "waived": 1,
    "not_applicable": 4,
}
LEDGER: Final = Ledger(
    "closed",
    Input("plan", "plan.json", "a" * 64),
    COUNTS,
    (FINDING, UNKNOWN, WAIVED),
    (PASSED,),
    policies=(ROTATION, RETENTION),
)
CLOSED: Final = Report(LEDGER, "terraform")
OPEN: Final = Report(
    Ledger("open", Input("hcl", "terraform"), empty_counts() | {"resources": 1, "policies": 1, "pass": 1}),
    "terraform",
)
BROKEN: Final = Report(
    replace(
        LEDGER,
        decision="error",
        errors=(
            GateError(ErrorKind.PARSE, "main.tf:2: a block was expected", "terraform/main.tf"),
            GateError(ErrorKind.POLICY_RAISED, "ACME_1 (a) on b.c raised KeyError: 'x'"),
        ),
        findings=(finding(verdict=Verdict.ERROR, message="ACME_1 raised"), FINDING),
    ),
    "terraform",
)
PLAN: Final = Plan(
    "apply",
    (
        Change("aws_kms_key.main", "replace"),
        Change("aws_sqs_queue.a", "create"),
        Change("aws_sqs_queue.b", "create"),
    ),
    2,
    id="20261121T101500.042Z-1f3a9c0d2b4e6f81",
)
REFUSED: Final = replace(
    OPEN, plan=replace(PLAN, refusals=("1 resource is replaced, and max_replace is 0.",))
)


def many(findings: int, changes: int = 0) -> Report:
    """So many findings of two policies, every second one of which blocks, and so many changes."""
    found = tuple(
        finding(
            address=f"aws_cloudwatch_log_group.group[{number}]",
            fingerprint=f"{number:032x}",
            blocks=number % 2 == 0,
            **(
                {"policy": ROTATION.id, "name": ROTATION.name, "severity": Severity.HIGH}
                if number % 5 == 0
                else {}
            ),
        )
        for number in range(findings)
    )
    planned = tuple(
        Change(f"module.m{number}.aws_sqs_queue.queue", "delete" if number % 1000 == 0 else "create")
        for number in range(changes)
    )
    return replace(
        CLOSED,
        ledger=replace(LEDGER, findings=found),
        plan=replace(PLAN, changes=planned) if planned else None,
    )


HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=1</script><!--",
    "' onclick='window.hacked=1",
    "evil\u202egnp.exe\u2028\u2066",
    "שלום 💣",
    "\udcff\x00\x1b[2J",
    "{{7*7}}${7*7}",
)
TIMELINE = Timeline(
    "20261121T101500.042Z-1f3a9c0d2b4e6f81",
    "apply",
    "2026-11-21T10:16:00.000+00:00",
    20.0,
    "failed",
    (
        Step("aws_kms_key.main", "create", 1.0, 11.0, "done"),
        Step("aws_sqs_queue.a", "create", 1.5, 2.0, "failed"),
        Step('aws_sqs_queue.b["<b>"]', "create", 2.0, None, "in flight"),
    ),
)


def hostile() -> Report:
    """Names that would like to be more than names, wherever a report has one."""
    found = [
        finding(
            address=f'aws_x.y["{text}"]',
            message=text,
            actual=text,
            expected=text,
            attribute=text,
            file=text,
            policy=text,
            name=text,
        )
        for text in HOSTILE
    ]
    waived = [
        replace(WAIVED, waiver={**(WAIVED.waiver or {}), "reason": text, "owner": text, "days_left": 1})
        for text in HOSTILE
    ]
    steps = tuple(Step(text, text, 0.0, 1.0, "done") for text in HOSTILE)
    return replace(
        CLOSED,
        ledger=replace(LEDGER, findings=(*found, *waived), disabled=HOSTILE),
        plan=replace(PLAN, refusals=HOSTILE),
        timeline=replace(TIMELINE, steps=steps, id=HOSTILE[0]),
        stack=HOSTILE[0],
        environment=HOSTILE[1],
    )
