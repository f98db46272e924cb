"""`tap sandbox coverage`: what a person sees before the first apply."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tapstack import app
from tapstack.sandbox.coverage import moto_version
from tests.conftest import ROOT, Answer

MOTO = moto_version()
STACK = """
variable "queues" {
  type    = set(string)
  default = ["orders", "letters"]
}
variable "insights" {
  type    = bool
  default = true
}
data "aws_caller_identity" "current" {}
resource "aws_sqs_queue" "each" {
  for_each = var.queues
  name     = each.key
}
resource "aws_iam_role" "one" {}
resource "aws_s3_bucket_acl" "one" {}
resource "aws_quicksight_dashboard" "one" {}
resource "aws_dynamodb_contributor_insights" "one" {
  count = var.insights ? 1 : 0
}
resource "terraform_data" "one" {}
"""
Coverage = Callable[..., Answer]


@pytest.fixture
def coverage(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Coverage:
    """`tap sandbox coverage` in this process, of a stack with something of every kind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "main.tf").write_text(STACK)

    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as caught:
            app.main(("sandbox", "coverage", *arguments))
        captured = capsys.readouterr()
        return Answer(int(str(caught.value.code)), captured.out, captured.err)

    return run


def test_each_type_stands_under_its_heading_with_its_reason(coverage: Coverage) -> None:
    answer = coverage()
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "unsupported: the apply would fail",
        f"  aws_dynamodb_contributor_insights  1  {MOTO} does not implement dynamodb",
        "                                        UpdateContributorInsights",
        "",
        "unknown: not looked at",
        "  aws_quicksight_dashboard           1  tap's table does not have it",
        "",
        "approximate: differs from AWS, or no test of tap's has tried",
        "  aws_iam_role                       1  stored, not enforced: a missing",
        "                                        permission shows on AWS only",
        f"  aws_s3_bucket_acl                  1  {MOTO} has s3 PutBucketAcl; no test",
        "                                        of tap's has tried",
        "",
        "exact: tap's tests apply it, plan no change and destroy it; no difference known",
        "  aws_sqs_queue                      2",
        "  data.aws_caller_identity           1",
        "",
        "not AWS: needs no sandbox",
        "  terraform_data                     1  of provider terraform, which does not",
        "                                        ask AWS",
        "",
        f"7 types, 8 resources, on {MOTO}: 1 unsupported, 1 unknown, 2 approximate, 2",
        "exact, 1 not AWS.",
    ]


def test_the_document_carries_the_same(coverage: Coverage) -> None:
    document = json.loads(coverage("--json").out)
    assert (document["schema"], document["moto"]) == ("tap.coverage/1", MOTO)
    assert document["types"][0] == {
        "type": "aws_dynamodb_contributor_insights",
        "count": 1,
        "standing": "unsupported",
        "reason": f"{MOTO} does not implement dynamodb UpdateContributorInsights",
    }
    assert [one["standing"] for one in document["types"]] == [
        "unsupported",
        "unknown",
        "approximate",
        "approximate",
        "exact",
        "exact",
        "not AWS",
    ]


def test_strict_fails_for_what_is_unsupported_or_unknown_and_for_nothing_else(
    coverage: Coverage, tmp_path: Path
) -> None:
    assert coverage("--strict").code == 1
    (tmp_path / "main.tf").write_text(STACK.replace("aws_quicksight_dashboard", "aws_iam_user"))
    assert coverage("--strict").code == 1
    (tmp_path / "tap.toml").write_text(
        "[environments.sandbox.variables]\ninsights = false\nqueues = ['orders', 'letters', 'third']\n"
    )
    answer = coverage("--strict", "--json")
    assert answer.code == 0
    counts = {one["type"]: one["count"] for one in json.loads(answer.out)["types"]}
    assert (counts["aws_sqs_queue"], "aws_dynamodb_contributor_insights" in counts) == (3, False)


def test_local_modules_are_looked_at_and_others_are_an_error(coverage: Coverage, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.tf").write_text('resource "aws_backup_framework" "one" {}\n')
    (tmp_path / "main.tf").write_text('module "inner" {\n  source = "./inner"\n}\n')
    assert "  aws_backup_framework  1  " in coverage().out
    (tmp_path / "main.tf").write_text('module "inner" {\n  source = "hashicorp/consul/aws"\n}\n')
    answer = coverage()
    assert answer.code == 4
    assert "main.tf:1: module inner comes from hashicorp/consul/aws, which is not read" in answer.err


def test_a_directory_without_terraform_is_wrong_usage(coverage: Coverage, tmp_path: Path) -> None:
    (tmp_path / "main.tf").unlink()
    answer = coverage()
    assert answer.code == 64
    assert "holds no Terraform configuration" in answer.err


def test_nothing_is_started_or_left(coverage: Coverage, tmp_path: Path) -> None:
    coverage()
    assert [path.name for path in tmp_path.iterdir()] == ["main.tf"]


def test_the_main_stack_has_nothing_that_fails(coverage: Coverage) -> None:
    assert coverage("--strict", "-C", str(ROOT / "terraform")).code == 0


def test_the_other_commands_of_the_sandbox_do_not_load_moto() -> None:
    program = (
        "import sys; from tapstack.commands import sandbox\n"
        "print([name for name in ('moto', 'boto3', 'botocore') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
