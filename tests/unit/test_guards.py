"""What an environment never lets a plan do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.deployment.guards import Change, Plan, refusals
from tapstack.errors import InputError
from tapstack.settings import EnvironmentSection, load


def refused(*changes: Change, existing: int = 10, regions: Any = (), **where: Any) -> list[tuple[str, str]]:
    plan = Plan(changes, existing, regions)
    return [(one.guard, one.sentence) for one in refusals(EnvironmentSection(**where), plan)]


TABLE = 'module.data["eu"].aws_dynamodb_table.main["a"]'


@pytest.mark.parametrize(
    "pattern",
    [
        TABLE,
        "module.data.aws_dynamodb_table.main",
        'module.data["eu"].*',
        "module.*.aws_dynamodb_table.*",
        "aws_dynamodb_table.main",
        "aws_dynamodb_table.*",
        "aws_dynamodb_table",
        "*_table.m?in",
    ],
)
@pytest.mark.parametrize(
    ("action", "verb"), [("delete", "destroys"), ("replace", "replaces"), ("forget", "forgets")]
)
def test_what_is_protected_is_neither_destroyed_replaced_nor_forgotten(
    pattern: str, action: str, verb: str
) -> None:
    ((guard, sentence),) = refused(Change(TABLE, action), protected=["aws_kms_key.*", pattern])
    assert guard == "protected"
    assert sentence == f"The plan {verb} {TABLE}, which is protected ({pattern})."


@pytest.mark.parametrize("action", ["create", "update", "import"])
def test_what_is_protected_may_be_made_and_changed(action: str) -> None:
    assert refused(Change(TABLE, action), protected=["*"]) == []


@pytest.mark.parametrize(
    "pattern", ["aws_dynamodb_table.mai", "module.data", "aws_dynamodb", "main", "dynamodb_table.main"]
)
def test_a_pattern_protects_whole_names_only(pattern: str) -> None:
    assert refused(Change(TABLE, "delete"), protected=[pattern]) == []


def test_a_moved_block_does_not_lift_the_protection() -> None:
    moved = Change("aws_sqs_queue.new", "replace", previous="aws_sqs_queue.old")
    assert refused(moved, protected=["aws_sqs_queue.old"])


MANY = [Change(f"a_b.c[{n}]", "delete") for n in range(7)]


@pytest.mark.parametrize(
    ("limit", "existing", "is_refused"),
    [
        (7, 10, False),
        (6, 10, True),
        (0, 10, True),
        ("70%", 10, False),
        ("69.9%", 10, True),
        ("100%", 7, False),
        ("50%", 0, True),
    ],
)
def test_limits_are_numbers_or_shares_of_what_exists(limit: Any, existing: int, is_refused: bool) -> None:
    assert bool(refused(*MANY, existing=existing, max_destroy=limit)) is is_refused


def test_a_limit_names_the_resources_concerned() -> None:
    ((guard, sentence),) = refused(*MANY, max_destroy="20%")
    assert guard == "max_destroy"
    assert sentence == (
        "The plan destroys 7 of what exists, max_destroy allows 2 (20% of 10): "
        "a_b.c[0], a_b.c[1], a_b.c[2], a_b.c[3], a_b.c[4] and 2 more."
    )


def test_making_something_is_no_change_of_what_exists() -> None:
    made = [Change("a.b", "create"), Change("a.c", "import")]
    assert refused(*made, existing=0, max_changes=0, max_destroy=0, max_replace=0) == []
    assert [guard for guard, _ in refused(Change("a.b", "update"), max_changes=0)] == ["max_changes"]
    assert [guard for guard, _ in refused(Change("a.b", "replace"), max_replace=0)] == ["max_replace"]


def test_a_replacement_is_a_destruction_unless_replacements_have_a_limit_of_their_own() -> None:
    replaced = Change("a.b", "replace")
    assert [guard for guard, _ in refused(replaced, max_destroy=0)] == ["max_destroy"]
    assert refused(replaced, max_destroy=0, max_replace=1) == []
    assert [guard for guard, _ in refused(replaced, max_destroy=0, max_replace=0)] == ["max_replace"]


def test_a_region_that_is_not_allowed_or_not_known_is_refused() -> None:
    plan = Plan((), 0, ["us-east-1", None, "eu-west-1"])
    found = [one.sentence for one in refusals(EnvironmentSection(regions=["eu-west-1"]), plan)]
    assert found == [
        "The plan works in a region that is not known before apply; allowed: eu-west-1.",
        "The plan works in us-east-1; allowed: eu-west-1.",
    ]
    assert refusals(EnvironmentSection(), plan) == []


def test_only_limits_can_be_overridden() -> None:
    where = EnvironmentSection(protected=["a_b"], regions=["eu-west-1"], max_destroy=0, max_changes=0)
    found = refusals(where, Plan(MANY[:1], 1, ["us-east-1"]))
    assert [(one.guard, one.soft) for one in found] == [
        ("protected", False),
        ("regions", False),
        ("max_destroy", True),
        ("max_changes", True),
    ]


@pytest.mark.parametrize(
    "line",
    [
        'max_destroy = "lots"',
        "max_destroy = -1",
        'max_changes = "20"',
        'account_id = "12"',
        "seal_valid_hours = 0",
    ],
)
def test_a_guard_that_means_nothing_is_an_error_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "tap.toml").write_text(f"[environments.prod]\n{line}\n")
    with pytest.raises(InputError, match=r"tap\.toml:2: "):
        load(tmp_path, "prod")
