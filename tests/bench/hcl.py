"""`tap check DIR` beside checkov with the same pack, on 5,000 resource blocks in one file and in 500."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.measure import Command, Scope, Table, ratio, seconds, taking_turns
from tests.conftest import ROOT, TAP

_HEAD = 'variable "environment" {\n  default = "dev"\n}\n\nprovider "aws" {\n  region = "us-east-1"\n}\n'
# Five resources that refer to each other; every third key does not rotate.
_FIVE = """
resource "aws_kms_key" "k{n}" {{
  description             = "key {n}"
  enable_key_rotation     = {rotates}
  deletion_window_in_days = 30
  tags                    = {{ Name = "k-{n}", Environment = var.environment }}
}}

resource "aws_cloudwatch_log_group" "g{n}" {{
  name              = "/app/${{var.environment}}/{n}"
  retention_in_days = 14
  kms_key_id        = aws_kms_key.k{n}.arn
}}

resource "aws_dynamodb_table" "t{n}" {{
  name         = "t-{n}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  attribute {{
    name = "id"
    type = "S"
  }}
  point_in_time_recovery {{
    enabled = true
  }}
  server_side_encryption {{
    enabled     = true
    kms_key_arn = aws_kms_key.k{n}.arn
  }}
}}

resource "aws_iam_role" "r{n}" {{
  name = "r-{n}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [
      {{ Effect = "Allow", Action = "sts:AssumeRole", Principal = {{ Service = "lambda.amazonaws.com" }} }}
    ]
  }})
}}

resource "aws_iam_role_policy" "p{n}" {{
  name = "p-{n}"
  role = aws_iam_role.r{n}.id
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = aws_dynamodb_table.t{n}.arn }}]
  }})
}}
"""


def tables(scope: Scope) -> Iterator[Table]:
    """A row per form of the same blocks."""
    fives = 10 if scope.smoke else 1_000
    table = Table(
        "HCL",
        ("blocks", "tap check, nothing cached", "cached", "checkov", "ratio of wall time", "cached"),
        notes=[
            "Instead: `checkov -d DIR --framework terraform --external-checks-dir policies --check 'CKV_TAP_*'`."
        ],
    )
    for files in (1, fives // 2):
        directory = scope.scratch / f"hcl-{files}"
        _write(directory, fives, files)
        cache = directory / ".cache"
        env = os.environ | {"XDG_CACHE_HOME": str(cache)}
        ours = Command([TAP, "check", directory, "-q"], scope.scratch, env, (3,))
        theirs = Command(
            [
                TAP.with_name("checkov"),
                "-d",
                directory,
                "--framework",
                "terraform",
                "--skip-download",
                "--quiet",
                "--compact",
                "--external-checks-dir",
                ROOT / "policies",
                "--check",
                "CKV_TAP_*",
            ],
            scope.scratch,
            codes=(1,),
        )
        sides = {"cold": [ours], "warm": [ours], "checkov": [theirs]}
        before = _emptied(cache)
        costs = taking_turns(sides, scope.rounds, before)
        cold, warm, checkov = (costs[name].wall for name in sides)
        table.rows.append(
            (
                f"{5 * fives:,} in {files:,} file{'s' if files > 1 else ''}",
                seconds(cold),
                seconds(warm),
                seconds(checkov),
                ratio(cold, checkov),
                ratio(warm, checkov),
            )
        )
    yield table


def _emptied(cache: Path) -> Callable[[], None]:
    """Empties the cache before each first of three runs."""
    turns = itertools.count()

    def before() -> None:
        if next(turns) % 3 == 0:
            shutil.rmtree(cache, ignore_errors=True)

    return before


def _write(directory: Path, fives: int, files: int) -> None:
    directory.mkdir()
    (directory / "head.tf").write_text(_HEAD)
    each = fives // files
    for file in range(files):
        numbers = range(file * each, (file + 1) * each)
        text = "".join(_FIVE.format(n=n, rotates="true" if n % 3 else "false") for n in numbers)
        (directory / f"f{file:03}.tf").write_text(text)
