"""`--format`, as people and CI systems ask for it: what they see, and what they read in."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import stat
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

import jsonschema
import pytest
import xmlschema

from tests.conftest import ROOT, TAP, Answer, Tap

pytestmark = pytest.mark.real

SCHEMAS = ROOT / "tests" / "schemas"
CLOSED = ("check", "--var", "days=30")
OPEN = ("check", "--var", "days=14")
FULL = Path("/dev/full")
PAGE = """\
MEDIUM  log_group_retention  CKV_TAP_301  (soft-mandatory)
  FAIL    main.tf:26  aws_cloudwatch_log_group.one
          The log group keeps its events for 30 days. (retention_in_days: found
          30)
          line 26:  retention_in_days = var.days
          wanted:   retention_in_days = 14
  fix: retention_in_days = 14

38 policies x 2 resources: 3 pass, 1 fail, 0 unknown, 72 not applicable.
The gate is closed: 1 finding blocks.

Next: mend what blocks, first main.tf:26.
  Why, and how: tap policies show log_group_retention
  Or accept it until a day:
    tap waive aws_cloudwatch_log_group.one CKV_TAP_301 --owner WHO --reason WHY --until DAY
"""
NARROW = """\
MEDIUM  log_group_retention  CKV_TAP_301  (soft-mandatory)
  FAIL    main.tf:26
          aws_cloudwatch_log_group.one
          The log group keeps its events
          for 30 days.
          (retention_in_days: found 30)
          line 26:  retention_in_days = var.days
          wanted:   retention_in_days = 14
  fix: retention_in_days = 14

38 policies x 2 resources: 3 pass, 1
  fail, 0 unknown, 72 not applicable.
The gate is closed: 1 finding blocks.

Next: mend what blocks, first
  main.tf:26.
  Why, and how:
    tap policies show log_group_retention
  Or accept it until a day:
    tap waive aws_cloudwatch_log_group.one CKV_TAP_301 --owner WHO --reason WHY --until DAY
"""
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def said(tap: Tap, *arguments: str, env: dict[str, str]) -> bytes:
    """stdout as it is, whatever its encoding."""
    done = subprocess.run(
        [str(TAP), *arguments], cwd=tap.directory, env=tap.env | env, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr
    return done.stdout


# --- what a person sees


@pytest.mark.parametrize(
    ("env", "page"),
    [
        ({}, PAGE),
        ({"NO_COLOR": "1"}, PAGE),
        ({"TERM": "dumb"}, PAGE),
        (ASCII, PAGE),
        ({"COLUMNS": "40"}, NARROW),
        ({"COLUMNS": "20"}, NARROW),
    ],
)
def test_the_whole_page(group: Tap, env: Mapping[str, str], page: str) -> None:
    answer = group(*CLOSED, env=env)
    assert (answer.code, answer.out) == (3, page)


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_of_40_columns(group: Tap, colours: bool) -> None:
    environ = {name: value for name, value in group.env.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    if not colours:
        environ["NO_COLOR"] = "1"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    with subprocess.Popen(
        [str(TAP), *CLOSED, "-q"], cwd=group.directory, env=environ, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        screen = b""
        with contextlib.suppress(OSError):  # Linux's way of saying that nobody writes any more
            while read := os.read(ours, 4096):
                screen += read
    os.close(ours)
    text = screen.decode().replace("\r\n", "\n")
    assert ("\x1b[" in text) is colours
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == NARROW


def test_a_locale_without_utf_8(group: Tap) -> None:
    source = group.directory / "main.tf"
    name = 'name              = "/one"'
    code = source.read_text().replace("= var.days", "= var.days # größer")
    source.write_text(code.replace(name, f'for_each = toset(["schlüssel"])\n  {name}'))
    text = said(group, *CLOSED, env=ASCII)
    assert b'aws_cloudwatch_log_group.one["schl\\xfcssel"]' in text
    assert b"retention_in_days = var.days # gr\\xf6\\xdfer" in text
    # What a program reads is UTF-8 everywhere.
    for option in ("--json", "--format=json"):
        document = json.loads(said(group, *CLOSED, option, env=ASCII).decode())
        assert document["findings"][0]["address"] == 'aws_cloudwatch_log_group.one["schlüssel"]'
    for name in ("junit", "markdown"):
        assert '"schlüssel"' in said(group, *CLOSED, "--format", name, env=ASCII).decode()
    html = said(group, *CLOSED, "--format", "html", env=ASCII).decode()
    assert "[&quot;schlüssel&quot;]" in html
    assert "# größer" in html
    group(*CLOSED, "--format", "html=page.html", env=ASCII | {"COLUMNS": "40"})
    assert (group.directory / "page.html").read_text("utf-8") == html


# --- several at once


@pytest.mark.slow
def test_a_plan_in_every_format_at_once(stack: Callable[[str], Tap]) -> None:
    tap = stack("group")
    tap.env |= {"COLUMNS": "80"}
    files = {
        "text": "plan.txt",
        "json": "plan.json",
        "junit": "plan.xml",
        "sarif": "plan.sarif",
        "github": "plan.log",
        "gitlab": "quality.json",
        "markdown": "comment.md",
        "html": "report.html",
    }
    options = [f"--format={name}={file}" for name, file in files.items()]
    answer = tap("plan", "--var", "days=30", "--format", "text", *options)
    assert answer.code == 3, answer.err
    assert answer.out == f"Changes: 1 to create\n    + aws_cloudwatch_log_group.one\n\n{PAGE}"
    written = {name: (tap.directory / file).read_text() for name, file in files.items()}
    assert written["text"] == answer.out
    ledger = json.loads(written["json"])
    assert [finding["policy"] for finding in ledger["findings"]] == ["CKV_TAP_301"]
    jsonschema.validate(ledger, json.loads(tap.succeeds("schema", "ledger").out))
    xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(written["junit"])
    sarif = json.loads(written["sarif"])
    jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())).validate(sarif)
    assert (
        written["github"]
        .splitlines()[-1]
        .startswith("::error title=MEDIUM CKV_TAP_301 log_group_retention,file=")
    )
    assert [entry["check_name"] for entry in json.loads(written["gitlab"])] == ["log_group_retention"]
    assert "create   aws_cloudwatch_log_group.one" in written["markdown"]
    assert "Plan to apply: 1 to create." in written["html"]
    for file in files.values():
        assert stat.S_IMODE((tap.directory / file).stat().st_mode) == 0o644, file
    # The sealed plan, the other commands' documents: as they were.
    document = json.loads(tap("plan", "--var", "days=30", "--json", f"--format=sarif={files['sarif']}").out)
    assert document["schema"] == "tap.plan/1"
    assert document["ledger"]["findings"] == ledger["findings"]
    destroy = tap.succeeds("plan", "--destroy", "--format", "text", "--format", "junit=none.xml")
    assert destroy.out == "No changes.\n"
    assert 'tests="0"' in (tap.directory / "none.xml").read_text()


def test_a_format_for_stdout_takes_the_place_of_the_text(group: Tap) -> None:
    assert json.loads(group(*CLOSED, "--format", "json").out) == json.loads(group(*CLOSED, "--json").out)
    assert group(*CLOSED, "--format", "junit=x.xml").out == PAGE
    assert group(*CLOSED, "--format", "sarif=-", "--format", "text=x.txt").out.startswith("{")
    assert (group.directory / "x.txt").read_text() == PAGE


def test_the_environment_may_name_formats(group: Tap) -> None:
    answer = group(*CLOSED, env={"TAP_CHECK_FORMATS": "junit=a.xml sarif=b.sarif"})
    assert answer.out == PAGE
    assert sorted(path.name for path in group.directory.iterdir()) == ["a.xml", "b.sarif", "main.tf"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--format", "html5"), "there is no format 'html5'"),
        (("--format", "json", "--format", "sarif"), "--format json and --format sarif both go to stdout."),
        (("--json", "--format", "sarif"), "--json and --format sarif both go to stdout."),
        (("--format", "sarif=no/such/place.sarif"), "there is no directory no/such."),
        (("--format", "sarif=."), "a file was expected after the =."),
    ],
)
def test_wrong_usage_is_said_before_anything_is_done(
    group: Tap, options: tuple[str, ...], sentence: str
) -> None:
    for command in ("check", "plan"):
        answer = group(command, *options)
        assert (answer.code, answer.out) == (64, "")
        assert sentence in answer.err
    assert [path.name for path in group.directory.iterdir()] == ["main.tf"]


def test_a_secret_is_in_no_report(group: Tap) -> None:
    (group.directory / "more.tf").write_text(
        """variable "password" {
  sensitive = true
  default   = "C4nary&<Value>%x"
}
resource "aws_cloudwatch_log_group" "two" {
  name = "C4nary&<Value>%x"
  tags = { Environment = var.password }
}
resource "aws_lambda_function" "two" {
  function_name = "two"
  runtime       = "C4nary&<Value>%x"
}
"""
    )
    names = ("text", "json", "junit", "sarif", "github", "gitlab", "markdown", "html")
    summary = group.directory / "summary"
    answer = group(
        *CLOSED,
        "--all",
        "--full",
        *(f"--format={name}=report.{name}" for name in names),
        env={"GITHUB_STEP_SUMMARY": str(summary)},
    )
    assert "C4nary" not in answer.said
    for path in (summary, *(group.directory / f"report.{name}" for name in names)):
        text = path.read_text()
        assert "sensitive" in text, path.name
        assert "C4nary" not in text, path.name


# --- CI systems


def run(answer: Answer) -> tuple[dict[str, str], int]:
    (result,) = json.loads(answer.out)["runs"][0]["results"]
    return result["partialFingerprints"], result["locations"][0]["physicalLocation"]["region"]["startLine"]


def test_fingerprints_stay_when_lines_move(group: Tap) -> None:
    before, line = run(group(*CLOSED, "--format", "sarif"))
    source = group.directory / "main.tf"
    source.write_text("# one\n# two\n" + source.read_text())
    assert run(group(*CLOSED, "--format", "sarif")) == (before, line + 2)
    gitlab = json.loads(group(*CLOSED, "--format", "gitlab").out)[0]
    source.write_text("# three\n" + source.read_text())
    assert json.loads(group(*CLOSED, "--format", "gitlab").out)[0]["fingerprint"] == gitlab["fingerprint"]


def test_github_gets_paths_of_the_repository_and_a_summary(group: Tap, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n")
    env = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    answer = group(*CLOSED, "--format", "github", env=env)
    assert answer.code == 3
    assert PAGE in answer.out
    assert ",file=group/main.tf,line=26,endLine=26::" in answer.out.splitlines()[-1]
    assert summary.read_text().startswith("# before\n<!-- tap report -->\n### tap: the gate is closed\n")
    group(*CLOSED, "--format", "text", env=env)
    assert summary.read_text().count("<!-- tap report -->") == 1
    location = json.loads(group(*CLOSED, "--format", "gitlab", env={"CI_PROJECT_DIR": str(tmp_path)}).out)[0]
    assert location["location"]["path"] == "group/main.tf"


# --- a large plan


@pytest.mark.slow
def test_a_plan_of_20_000_resources_stays_short(stack: Callable[[str], Tap]) -> None:
    tap = stack("local")
    (tap.directory / "many.tf").write_text(
        'resource "terraform_data" "many" {\n  count = 20000\n  input = count.index\n}\n'
    )
    answer = tap(
        "plan",
        *(
            "--format",
            "text",
            "--format",
            "markdown=m.md",
            "--format",
            "junit=x.xml",
            "--format",
            "html=x.html",
        ),
        timeout=900,
    )
    assert answer.code == 0, answer.err
    assert "Changes: 20001 to create\n" in answer.out
    assert "      and 19971 more (--full shows them)\n" in answer.out
    assert len(answer.out.splitlines()) < 45
    comment = (tap.directory / "m.md").read_text()
    assert len(comment) < 65_536
    shown = comment.count("create   terraform_data.")
    assert f"**Left out for lack of room: {20_001 - shown} changes.**" in comment
    xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate((tap.directory / "x.xml").read_text())
    page = (tap.directory / "x.html").read_bytes()
    assert len(page) < 20_000_000
    assert b"Plan to apply: 20001 to create" in page
