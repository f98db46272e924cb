"""`tap graph` as a person types it, with Graphviz itself for SVG and PNG."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from tests.bench.synthetic import replicated
from tests.conftest import ROOT, STACKS, Tap

pytestmark = pytest.mark.real

DOCUMENTS = ROOT / "tests" / "policies" / "documents" / "graph"
SVG = "{http://www.w3.org/2000/svg}"
laid_out = pytest.mark.skipif(
    shutil.which("dot") is None, reason="SVG and PNG need Graphviz, and it is not installed here"
)
HOSTILE = """
resource "aws_cloudwatch_log_group" "one" {
  for_each          = toset(["<script>alert(1)</script>", "\\\\N \\"]:::x", "שלום 💣", "a]]>b"])
  name              = "/x/${md5(each.key)}"
  retention_in_days = 14
}
resource "aws_cloudwatch_log_group" "two" {
  for_each          = toset(["\\\\N <b>", "&lt;"])
  name              = "/y/${md5(each.key)}"
  retention_in_days = each.key == "&lt;" ? 30 : 14
  depends_on        = [aws_cloudwatch_log_group.one]
}
"""


@pytest.fixture
def group(tmp_path: Path) -> Tap:
    shutil.copytree(STACKS / "group", tmp_path / "group")
    return Tap(tmp_path / "group")


@pytest.fixture
def hostile(tmp_path: Path) -> Tap:
    (tmp_path / "main.tf").write_text(HOSTILE)
    return Tap(tmp_path)


def test_the_main_stack_is_the_picture_in_the_readme() -> None:
    drawn = Tap(ROOT).succeeds("graph", "terraform").out
    assert f"```mermaid\n{drawn}```" in (ROOT / "terraform" / "README.md").read_text()


def test_a_verdict_is_in_the_picture_and_not_in_the_exit_code(group: Tap) -> None:
    drawn = group.succeeds("graph", "--var", "days=30", "--policy", "log_group_retention").out
    assert 'n1["aws_cloudwatch_log_group<br/>one<br/>✗ fail: log_group_retention"]:::fail' in drawn
    assert "title: '1 resource: 1 fail. The gate is closed.'" in drawn
    assert "one ✓ pass" in group.succeeds("graph", "--var", "days=14", "--policy", "log_group_retention").out


@pytest.mark.parametrize("path", ["plan.json", "state.json", "."])
def test_a_plan_a_state_and_a_directory_are_drawn(path: str) -> None:
    document = json.loads(Tap(DOCUMENTS).succeeds("graph", path, "--json").out)
    assert document["schema"] == "tap.graph/1"
    assert (len(document["nodes"]), len(document["edges"])) == (19, 23)


def test_a_plan_without_its_configuration_says_what_is_missing(tmp_path: Path) -> None:
    answer = Tap(tmp_path).succeeds("graph", str(DOCUMENTS / "plan.json"))
    assert "There is no configuration in . (-C says where it is)" in answer.err
    document = json.loads(
        Tap(tmp_path).succeeds("graph", str(DOCUMENTS / "plan.json"), "-C", str(DOCUMENTS), "--json").out
    )
    assert len(document["edges"]) == 23


@laid_out
def test_svg_is_one_file_that_can_be_read_by_all(hostile: Tap) -> None:
    hostile.succeeds("graph", "--policy", "log_group_retention", "--out", "stack.svg")
    text = (hostile.directory / "stack.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    title, description, style = root[:3]
    assert title.text == "6 resources: 1 fail, 5 pass. The gate is closed."
    assert description.text is not None
    assert description.text.endswith(
        "aws_cloudwatch_log_group.two, 2 instances, 1 of 2 fail: log_group_retention."
    )
    assert "prefers-color-scheme: dark" in (style.text or "")
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    words = {element.text for element in root.iter(f"{SVG}text")}
    assert {"two", '["&lt;"], ["\\\\N <b>"]', "✗ 1 of 2 fail: log_group_retention"} <= words
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert "aws_cloudwatch_log_group.two needs aws_cloudwatch_log_group.one" in titles
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "g", "title", "desc", "style", "text", "path", "polygon", "ellipse")
    }
    assert "<!--" not in text
    assert str(hostile.directory) not in text


@laid_out
def test_the_same_stack_is_the_same_file(tmp_path: Path) -> None:
    for suffix in ("svg", "png", "mmd", "dot", "json"):
        for seed in ("1", "2"):
            out = str(tmp_path / f"{seed}.{suffix}")
            answer = Tap(DOCUMENTS)("graph", "state.json", "--out", out, env={"PYTHONHASHSEED": seed})
            assert answer.code == 0, answer.said
        assert (tmp_path / f"1.{suffix}").read_bytes() == (tmp_path / f"2.{suffix}").read_bytes()


@laid_out
def test_png_is_a_picture(hostile: Tap) -> None:
    said = hostile.succeeds("graph", "--out", "stack.png").err
    assert said.endswith("The gate is closed.\n")
    data = (hostile.directory / "stack.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width > 500
    assert height > 100


@pytest.mark.parametrize("format_", ["svg", "png"])
def test_without_graphviz_one_sentence_says_what_to_install(group: Tap, tmp_path: Path, format_: str) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    path = {"PATH": str(empty)}
    answer = group("graph", "--var", "days=14", "--out", f"stack.{format_}", env=path)
    assert answer.code == 1
    assert "there is no `dot` on PATH" in answer.err
    assert "install the package graphviz" in answer.err
    assert not (group.directory / f"stack.{format_}").exists()
    for needs_none in ("mermaid", "dot"):
        assert group("graph", "--var", "days=14", "--format", needs_none, env=path).code == 0


def test_a_broken_graphviz_is_said_to_be_broken(group: Tap, tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "dot"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'no fonts' >&2\nexit 3\n")
    broken.chmod(0o755)
    path = {"PATH": f"{broken.parent}{os.pathsep}{os.environ['PATH']}"}
    answer = group("graph", "--var", "days=14", "--out", "stack.svg", env=path)
    assert (answer.code, answer.err) == (1, "Error: Graphviz failed: no fonts.\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--format", "png"], "A PNG is not written to the terminal: say --out FILE.png."),
        (["--out", "stack.pdf"], "--out stack.pdf: no picture has the suffix '.pdf'."),
        (["--out", "stack"], "--out stack: no picture has the suffix ''."),
        (
            ["--out", "stack.png", "--format", "svg"],
            "--out stack.png is png by its suffix, and svg was asked for.",
        ),
        (["--out", "stack.svg", "--json"], "--out stack.svg is svg by its suffix, and json was asked for."),
        (["--json", "--format", "dot"], "--json and --format dot: only one of them can be had."),
        (["--out", "gone/stack.svg"], "--out gone/stack.svg: there is no directory gone."),
        (["gone"], "gone does not exist; a directory, a plan or a state was expected."),
        (["--focus", "aws_x.y"], "--focus aws_x.y: there is no such resource in the stack."),
    ],
)
def test_what_contradicts_itself_is_said(group: Tap, options: list[str], sentence: str) -> None:
    answer = group("graph", *options, env={"TF_VAR_days": "14"})
    assert answer.code == 64
    assert answer.err.startswith(f"Error: {sentence}\n")


def test_what_can_not_be_read_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "aws_kms_key" "one" {\n')
    answer = Tap(tmp_path)("graph", "--out", "stack.mmd")
    assert answer.code == 4
    assert answer.err.startswith("Error: main.tf")
    assert not (tmp_path / "stack.mmd").exists()


@pytest.mark.slow
def test_twenty_thousand_resources_are_too_many_and_one_of_them_is_not(tmp_path: Path) -> None:
    plan = orjson.loads((DOCUMENTS / "plan.json").read_bytes())
    (tmp_path / "large.json").write_bytes(orjson.dumps(replicated(plan, 20_000)))
    tap = Tap(tmp_path)
    answer = tap("graph", "large.json")
    assert answer.code == 64
    assert "more than 200 can't be read.\n  -> --focus ADDRESS draws one resource" in answer.err
    focus = "module.copy3.aws_sns_topic.alarms"
    document = json.loads(tap.succeeds("graph", "large.json", "--focus", focus, "--json").out)
    assert [node["address"] for node in document["nodes"]] == [
        "module.copy3.aws_cloudwatch_metric_alarm.throttles",
        "module.copy3.aws_kms_alias.main",
        focus,
    ]
