"""What parameters and references change in the verdicts about buckets, and about what may be destroyed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.registry import Registry
from tests.policies.conftest import judge_hcl, verdicts

BUCKET = 'resource "aws_s3_bucket" "b" {{\n  bucket = "audit"\n  {}\n}}\n'
ARCHIVE = """
resource "aws_s3_bucket" "b" {}
resource "aws_s3_bucket_lifecycle_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    status = "Enabled"
    transition {
      days          = 30
      storage_class = "GLACIER"
    }
    %s
  }
}
"""


def verdict(
    text: str, policy: str, directory: Path, registry: Registry, parameters: dict[str, Any] | None = None
) -> str:
    (directory / "main.tf").write_text(text)
    ledger = judge_hcl(directory, registry, policy, parameters)
    assert ledger.errors == ()
    return verdicts(ledger)["aws_s3_bucket.b"]


@pytest.mark.parametrize(
    ("rule", "parameters", "expected"),
    [
        ("", {"min_days": 30}, "PASS"),
        ("", {"min_days": 31}, "FAIL"),
        ("expiration {\n days = 31\n}", {"min_days": 30}, "PASS"),
        ("expiration {\n days = 30\n}", {"min_days": 30}, "FAIL"),
        ("expiration {\n days = 31\n}", {"min_days": 0}, "PASS"),
        ('expiration {\n date = "2031-01-01T00:00:00Z"\n}', {"min_days": 30}, "FAIL"),
        ("expiration {\n expired_object_delete_marker = true\n}", {"min_days": 30}, "PASS"),
        ("noncurrent_version_expiration {\n noncurrent_days = 29\n}", {"min_days": 30}, "FAIL"),
        ("abort_incomplete_multipart_upload {\n days_after_initiation = 7\n}", {"min_days": 30}, "PASS"),
        ("", {"buckets": ["aws_s3_bucket.other*"]}, "NOT_APPLICABLE"),
    ],
)
def test_days_decide_what_is_an_archive(
    rule: str, parameters: dict[str, Any], expected: str, tmp_path: Path, registry: Registry
) -> None:
    text = ARCHIVE % rule
    assert verdict(text, "s3_lifecycle_archives", tmp_path, registry, parameters) == expected


def test_a_bucket_that_is_named_an_archive_must_have_a_lifecycle(tmp_path: Path, registry: Registry) -> None:
    text, named = BUCKET.format(""), {"buckets": ["aws_s3_bucket.b"]}
    assert verdict(text, "s3_lifecycle_archives", tmp_path, registry, named) == "FAIL"
    assert verdict(text, "s3_lifecycle_archives", tmp_path, registry) == "NOT_APPLICABLE"


@pytest.mark.parametrize(("enabled", "expected"), [("true", "PASS"), ("false", "FAIL")])
def test_the_buckets_own_blocks_count_where_nothing_else_is_there(
    enabled: str, expected: str, tmp_path: Path, registry: Registry
) -> None:
    rule = 'transition {\n days = 90\n storage_class = "GLACIER"\n}'
    text = BUCKET.format(
        f"lifecycle_rule {{\n enabled = {enabled}\n {rule}\n}}\nversioning {{\n enabled = {enabled}\n}}"
    )
    assert verdict(text, "s3_lifecycle_archives", tmp_path, registry) == expected
    assert verdict(text, "s3_bucket_versioning", tmp_path, registry) == expected


def test_a_configuration_of_an_unknown_bucket_may_be_any_buckets(tmp_path: Path, registry: Registry) -> None:
    text = BUCKET.format("") + (
        'variable "bucket" {}\nresource "aws_s3_bucket_versioning" "v" {\n  bucket = var.bucket\n'
        '  versioning_configuration {\n    status = "Enabled"\n  }\n}\n'
    )
    assert verdict(text, "s3_bucket_versioning", tmp_path, registry) == "UNKNOWN"


def test_a_bucket_is_found_by_its_name_and_through_a_module(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "versioning").mkdir()
    (tmp_path / "versioning" / "main.tf").write_text(
        'variable "bucket" {}\nresource "aws_s3_bucket_versioning" "v" {\n  bucket = var.bucket\n'
        '  versioning_configuration {\n    status = "Enabled"\n  }\n}\n'
    )
    for given in ("aws_s3_bucket.b.id", '"audit"'):
        text = BUCKET.format("") + f'module "v" {{\n  source = "./versioning"\n  bucket = {given}\n}}\n'
        assert verdict(text, "s3_bucket_versioning", tmp_path, registry) == "PASS"


@pytest.mark.parametrize(
    ("argument", "destroyable", "expected"),
    [
        ("force_destroy = true", True, "PASS"),
        ("force_destroy = false", True, "FAIL"),
        ("", True, "FAIL"),
        ("force_destroy = true", False, "FAIL"),
        ("force_destroy = false", False, "PASS"),
        ("", False, "PASS"),
        ("force_destroy = true\nlifecycle {\n prevent_destroy = true\n}", True, "FAIL"),
        ("lifecycle {\n prevent_destroy = true\n}", False, "PASS"),
        ("force_destroy = aws_x.y.z", False, "UNKNOWN"),
    ],
)
def test_production_wants_the_opposite(
    argument: str, destroyable: bool, expected: str, tmp_path: Path, registry: Registry
) -> None:
    parameters = {"destroyable": destroyable}
    text = BUCKET.format(argument)
    assert verdict(text, "destroyable_outside_production", tmp_path, registry, parameters) == expected
