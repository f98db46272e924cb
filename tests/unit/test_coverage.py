"""What the embedded AWS can show is told from moto itself and from what the tests apply, and from nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.session import Session

from tapstack.report import coverage_text
from tapstack.sandbox.coverage import Covered, Standing, cover, moto_version
from tapstack.sandbox.coverage_applied import APPLIED, DIFFERENT, FAILING
from tapstack.sandbox.coverage_calls import CALLS
from tapstack.sandbox.patches import PATCHES
from tests.conftest import ROOT, STACKS

_BLOCK = re.compile(r'^(resource|data) "(aws_\w+)"', re.MULTILINE)
MOTO = moto_version()


def standing(kind: str) -> tuple[str, str]:
    [covered] = cover({kind: 1})
    return str(covered.standing), covered.reason


def applied_by_tests() -> set[str]:
    files = [
        file
        for place in (ROOT / "terraform", STACKS)
        for file in place.rglob("*.tf")
        if not any(part.startswith(".") for part in file.relative_to(place).parts)
    ]
    found = (match.groups() for file in files for match in _BLOCK.finditer(file.read_text()))
    return {f"data.{kind}" if block == "data" else kind for block, kind in found}


def test_what_is_said_to_be_applied_is_what_the_tests_apply() -> None:
    found = applied_by_tests()
    assert len(found) > 100
    assert found - APPLIED.keys() - DIFFERENT.keys() == set(), (
        "applied by a test: say in coverage_applied.APPLIED how it came out"
    )
    assert APPLIED.keys() - found == set(), "no test applies it any more: its call belongs in coverage_calls"


def test_only_what_the_tests_apply_is_exact() -> None:
    everything = {**APPLIED, **DIFFERENT, **FAILING, **dict.fromkeys(CALLS)}
    exact = {one.type for one in cover(dict.fromkeys(everything, 1)) if one.standing is Standing.EXACT}
    assert exact
    assert exact <= applied_by_tests()


def test_every_type_stands_in_one_table() -> None:
    tables = [set(table) for table in (APPLIED, DIFFERENT, FAILING, CALLS)]
    assert len(set().union(*tables)) == sum(map(len, tables))
    assert len(set().union(*tables)) > 300


def test_every_call_is_one_that_aws_has() -> None:
    session = Session()
    services = {name.replace("-", ""): name for name in session.get_available_services()}
    called: dict[str, set[str]] = {}
    for service, call in CALLS.values():
        called.setdefault(services[service.replace("-", "")], set()).add(call)
    for service, calls in called.items():
        assert calls - set(session.get_service_model(service).operation_names) == set(), service


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("aws_dynamodb_table", ("exact", "")),
        ("aws_cloudwatch_metric_alarm", ("approximate", "never fires")),
        ("aws_nat_gateway", ("approximate", "after destroy it is still there, as deleted")),
        (
            "aws_batch_job_queue",
            ("approximate", f"{MOTO} has batch CreateJobQueue; no test of tap's has tried"),
        ),
        ("aws_s3_bucket_acl", ("approximate", f"{MOTO} has s3 PutBucketAcl; no test of tap's has tried")),
        (
            "aws_dynamodb_contributor_insights",
            ("unsupported", f"{MOTO} does not implement dynamodb UpdateContributorInsights"),
        ),
        (
            "aws_cloudwatch_metric_stream",
            ("unsupported", f"{MOTO} does not implement cloudwatch PutMetricStream"),
        ),
        ("aws_backup_framework", ("unsupported", f"{MOTO} does not implement backup CreateFramework")),
        ("aws_apprunner_service", ("unsupported", f"{MOTO} does not implement apprunner CreateService")),
        ("data.aws_ip_ranges", ("unsupported", "read from the internet, which the sandbox refuses")),
        ("awscc_s3_bucket", ("unsupported", "provider awscc asks Cloud Control, which moto does not have")),
        ("aws_quicksight_dashboard", ("unknown", "tap's table does not have it")),
        ("data.aws_dynamodb_tables", ("unknown", "tap's table does not have it")),
        ("terraform_data", ("not AWS", "of provider terraform, which does not ask AWS")),
        ("null_resource", ("not AWS", "of provider null, which does not ask AWS")),
        ("data.http", ("not AWS", "of provider http, which does not ask AWS")),
    ],
)
def test_each_type_has_its_standing_and_the_reason(kind: str, expected: tuple[str, str]) -> None:
    assert standing(kind) == expected


def test_the_worst_comes_first() -> None:
    types = {
        "aws_vpc": 1,
        "terraform_data": 2,
        "aws_sqs_queue": 3,
        "aws_nowhere": 4,
        "aws_backup_framework": 5,
    }
    assert [(one.type, one.count) for one in cover(types)] == [
        ("aws_backup_framework", 5),
        ("aws_nowhere", 4),
        ("aws_vpc", 1),
        ("aws_sqs_queue", 3),
        ("terraform_data", 2),
    ]


def test_every_line_fits_whatever_is_said() -> None:
    everything = {**APPLIED, **DIFFERENT, **FAILING, **dict.fromkeys(CALLS), "terraform_data": ""}
    text = coverage_text.render(
        cover(dict.fromkeys(everything, 12)), moto=MOTO, width=80, style=lambda text, _: text
    )
    assert max(map(len, text.splitlines())) <= 80
    for kind in everything:
        assert re.search(rf"^  {re.escape(kind)} +12( |$)", text, re.MULTILINE)


def test_reasons_stand_in_a_column_where_there_is_room() -> None:
    covered = (
        Covered("aws_a", 1, Standing.UNKNOWN, "one two three four five six"),
        Covered("aws_longer", 10, Standing.EXACT, ""),
    )
    text = coverage_text.render(covered, moto="moto 1", width=48, style=lambda text, _: text)
    assert text.splitlines() == [
        "unknown: not looked at",
        "  aws_a        1  one two three four five six",
        "",
        "exact: tap's tests apply it, plan no change and destroy it; no difference known",
        "  aws_longer  10",
        "",
        "2 types, 11 resources, on moto 1: 1 unknown, 1",
        "exact.",
    ]


def test_nothing_is_told_of_a_stack_without_resources() -> None:
    text = coverage_text.render((), moto="moto 1", width=80, style=lambda text, _: text)
    assert text == "0 types, 0 resources, on moto 1: none."


def test_the_page_names_every_service_that_is_mended() -> None:
    table = (ROOT / "docs" / "sandbox.md").read_text().partition("## What is mended")[2]
    rows = re.findall(r"^\| ([A-Z][^|]*) \|", table, re.MULTILINE)
    services = tuple(name for row in rows for name in row.split(", "))
    assert services
    assert [name for name, _ in PATCHES if not name.startswith(services)] == []
    assert [service for service in services if not any(name.startswith(service) for name, _ in PATCHES)] == []


def test_the_files_looked_at_are_those_of_the_tests() -> None:
    assert {"aws_dynamodb_table", "aws_kinesis_stream", "data.aws_region"} <= applied_by_tests()
    assert Path(STACKS, "gaps", "main.tf").is_file()
