"""The pack on what Terraform really wrote: a plan before anything exists, and the state after apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tapstack.gate.registry import Registry
from tapstack.model.plan import from_plan
from tapstack.model.stack import Stack
from tapstack.model.state import from_state
from tests.policies.conftest import judge_stack, verdicts

DOCUMENTS = Path(__file__).parent / "documents"
READER, WRITER = (f'aws_cloudwatch_log_group.fn["{name}"]' for name in ("reader", "writer"))


def document(name: str) -> Any:
    return orjson.loads((DOCUMENTS / name).read_bytes())


@pytest.fixture(params=["plan", "state"])
def stack(request: pytest.FixtureRequest) -> Stack:
    return from_plan(document("plan.json")) if request.param == "plan" else from_state(document("state.json"))


def test_keys_rotate_in_the_plan_and_in_the_state(stack: Stack, registry: Registry) -> None:
    assert verdicts(judge_stack(stack, registry, "kms_key_rotation")) == {
        "aws_kms_key.main": "PASS",
        "aws_kms_key.signing": "NOT_APPLICABLE",
        "aws_kms_key.west": "FAIL",
    }


def test_tables_can_be_recovered_in_the_plan_and_in_the_state(stack: Stack, registry: Registry) -> None:
    found = verdicts(judge_stack(stack, registry, "dynamodb_point_in_time_recovery"))
    assert found == {"aws_dynamodb_table.main": "PASS"}


def test_retention_is_judged_for_every_instance(stack: Stack, registry: Registry) -> None:
    assert verdicts(judge_stack(stack, registry, "log_group_retention")) == {
        READER: "FAIL",
        WRITER: "PASS",
        "module.archive.aws_cloudwatch_log_group.archive[0]": "PASS",
        "module.archive.aws_cloudwatch_log_group.archive[1]": "PASS",
    }


def test_a_tag_from_a_new_resource_leaves_the_plan_unknown_and_the_state_known(registry: Registry) -> None:
    planned = verdicts(judge_stack(from_plan(document("plan.json")), registry, "required_tags"))
    applied = verdicts(judge_stack(from_state(document("state.json")), registry, "required_tags"))
    assert planned["aws_sqs_queue.dead_letters"] == "UNKNOWN"
    assert applied["aws_sqs_queue.dead_letters"] == "PASS"
    differing = {address for address in planned if planned[address] != applied[address]}
    assert differing == {"aws_sqs_queue.dead_letters"}


def test_a_provider_without_default_tags_settles_tags_that_the_plan_calls_unknown(registry: Registry) -> None:
    ledger = judge_stack(from_plan(document("plan.json")), registry, "required_tags")
    west = [finding for finding in ledger.findings if finding.address == "aws_kms_key.west"]
    assert [(f.verdict, f.attribute) for f in west] == [
        ("FAIL", "tags.Environment"),
        ("FAIL", "tags.ManagedBy"),
        ("FAIL", "tags.Project"),
    ]
