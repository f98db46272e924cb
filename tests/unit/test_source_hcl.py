"""Reading HCL: values as Terraform's JSON syntax has them, their lines, and what can't be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tapstack.errors import GateFailed, InputError
from tapstack.terraform.source import (
    Configuration,
    ConfigurationError,
    Position,
    position,
    read_configuration,
)

TABLE = """\
# A table.
resource "aws_dynamodb_table" "t" {
  name = "t"

  point_in_time_recovery {
    enabled = true
  }

  tags = {
    Name = "t"
    Env  = var.env
  }
}
"""


def read(directory: Path, **files: str | bytes) -> Configuration:
    for name, content in files.items():
        file = directory / f"{name}.tf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_configuration(directory)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("null", None),
        ("-1", -1),
        ("1.5", 1.5),
        ("1.5e3", 1500.0),
        ("2e3", "${2e3}"),
        ("!!var.x", "${!!var.x}"),
        ('"%{ if var.a == "b" }c%{ endif }"', '%{ if var.a == "b" }c%{ endif }'),
        ('"a${lookup({ b = "c" }, "b")}"', 'a${lookup({ b = "c" }, "b")}'),
        ('provider::aws::arn_parse("a").account', '${provider::aws::arn_parse("a").account}'),
        ("{ aws.here = aws }", {"aws.here": "${aws}"}),
        ('[<<A\n5" or } or more\nA\n, 1]', ['5" or } or more\n', 1]),
        ("<<EOT\nEOT", ""),
        ("local.größe", "${local.größe}"),
        ('"a"', "a"),
        (r'"say \"a\"\n\u00e9"', 'say "a"\né'),
        ('"$${x}"', "$${x}"),
        ('"${var.x}-b"', "${var.x}-b"),
        (r'"${f("a\n")}\t"', r'${"${f("a\n")}\t"}'),
        ("9" * 400, "${" + "9" * 400 + "}"),
        ("var.x", "${var.x}"),
        ("(var.x)", "${var.x}"),
        ("{}", {}),
        ('{ a = 1, "b" = [var.x] }', {"a": 1, "b": ["${var.x}"]}),
        ("{ (var.k) = 1 }", "${{ (var.k) = 1 }}"),
        ('merge(var.a, { b = "c" }) # why', '${merge(var.a, { b = "c" })}'),
        ('var.a == "x" ? 1 : 2', '${var.a == "x" ? 1 : 2}'),
        ("<<-EOT\n    a ${var.x}\n      b\n  EOT", "a ${var.x}\n  b\n"),
    ],
)
def test_a_value_is_read_as_the_json_syntax_would_have_it(
    written: str, value: object, tmp_path: Path
) -> None:
    block = read(tmp_path, main=f'resource "a_b" "c" {{\n  v = {written}\n}}\n').root.find(
        "resource", "a_b", "c"
    )
    assert block is not None
    assert block.attributes == {"v": value}


@pytest.mark.parametrize(
    ("attribute", "lines"),
    [
        (None, (2, 13)),
        ("name", (3, 3)),
        ("point_in_time_recovery.0.enabled", (6, 6)),
        ("point_in_time_recovery.0.recovery_period_in_days", (5, 7)),
        ("tags", (9, 12)),
        ("tags.Env", (11, 11)),
        ("tags.Other", (9, 12)),
        ("absent", (2, 13)),
    ],
)
def test_an_attribute_stands_on_its_line_or_else_in_its_block(
    attribute: str | None, lines: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = read(tmp_path, main=TABLE)
    monkeypatch.chdir(tmp_path)
    found = position(read_configuration(Path()), (), "aws_dynamodb_table", "t", attribute=attribute)
    assert found == Position("main.tf", *lines)
    assert position(configuration, (), "aws_dynamodb_table", "other") is None
    assert position(configuration, ("m",), "aws_dynamodb_table", "t") is None


def test_local_modules_are_read_and_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.tf").write_text(TABLE)
    calls = 'module "near" {\n  source = "./m"\n}\nmodule "far" {\n  source = "hashicorp/x/aws"\n}\n'
    configuration = read(tmp_path, main=calls)
    found = position(configuration, ("near",), "aws_dynamodb_table", "t", attribute="name")
    assert found is not None
    assert found.line == 3
    assert len(configuration.root.unread) == 1
    assert "main.tf:4: module far" in configuration.root.unread[0]


def test_json_syntax_is_read_into_the_same_blocks(tmp_path: Path) -> None:
    (tmp_path / "more.tf.json").write_text(
        '{"//": 1, "locals": {"a": {"b": "${1}"}}, "terraform": {"backend": {"s3": {"bucket": "b"}}},\n'
        '"resource": [{"aws_x": {"y": {"rule": [{"a": 1}, {"a": 2}], "tags": {"A": "a"}, "provider": "aws.w",'
        '"dynamic": {"more": {"for_each": "${var.l}", "content": {"b": 1}}}}}}]}'
    )
    root = read(tmp_path, main=TABLE).root
    assert not root.unread
    local, backend, x = root.find("locals"), root.find("terraform"), root.find("resource", "aws_x", "y")
    assert local is not None
    assert local.attributes == {"a": {"b": "${1}"}}
    assert backend is not None
    assert [(b.type, b.labels, b.attributes) for b in backend.blocks] == [
        ("backend", ("s3",), {"bucket": "b"})
    ]
    assert x is not None
    assert x.attributes == {"tags": {"A": "a"}, "provider": "${aws.w}"}
    assert [(b.type, b.labels, b.attributes) for b in x.blocks] == [
        ("rule", (), {"a": 1}),
        ("rule", (), {"a": 2}),
        ("dynamic", ("more",), {"for_each": "${var.l}"}),
    ]
    assert x.blocks[2].blocks[0].attributes == {"b": 1}
    assert (x.position.line, x.position.end_line) == (1, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{\n"a": }', r"more\.tf\.json:2: the JSON does not parse"),
        ('{"resource": {"a": {"b": 1}}}', "an object is missing"),
        ('{"locals": {"a": 1, "a": 2}}', "a is there twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_is_no_configuration_is_refused(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "more.tf.json").write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        read_configuration(tmp_path)


def test_an_override_file_may_be_json(tmp_path: Path) -> None:
    (tmp_path / "x_override.tf.json").write_text('{"resource": {"aws_dynamodb_table": {"t": {"name": "u"}}}}')
    block = read(tmp_path, main=TABLE).root.find("resource", "aws_dynamodb_table", "t")
    assert block is not None
    assert block.attributes["name"] == "u"


def test_hcl_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nested too deeply|does not parse"):
        read(tmp_path, main="locals {\n  a = " + "[" * 3000 + "]" * 3000 + "\n}\n")


def test_an_override_file_replaces_attributes_and_blocks_of_its_kind(tmp_path: Path) -> None:
    override = TABLE.replace('"t"', '"u"').replace('"aws_dynamodb_table" "u"', '"aws_dynamodb_table" "t"')
    override = override.partition("  tags")[0].replace("true", "false") + "}\n"
    root = read(tmp_path, main=TABLE, a_override=override).root
    block = root.find("resource", "aws_dynamodb_table", "t")
    assert block is not None
    assert block.attributes["name"] == "u"
    assert "tags" in block.attributes
    assert [inner.attributes for inner in block.blocks] == [{"enabled": False}]
    assert block.lines["name"].file.endswith("a_override.tf")
    assert len(root.blocks) == 1


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ('resource "a" "b" {\n  x =\n}\n', ":2: ", "does not parse"),
        ('resource "a" "b" {\n  x = 1\n', "main.tf", "does not parse"),
        ('resource "a" "b" {\n  x = "' + "y" * 60 + "\n}\n", ":2: ", "not closed"),
        (b"# \xe9\n", ":1: ", "not UTF-8"),
        ('resource "a" "b" {\n  x = <<EOT\n  y\n}\n', ":2: ", "heredoc is not closed"),
        ('resource "a" "b" {\n  x = "${y\n}\n', ":2: ", "not closed"),
        ("locals {}\n/* x\n", ":2: ", "comment is not closed"),
    ],
)
def test_what_does_not_parse_is_named_with_its_line(
    content: str | bytes, place: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        read(tmp_path, main=content)
    assert place in caught.value.message
    assert isinstance(caught.value, GateFailed)


def test_a_directory_without_configuration_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected at least one \.tf file"):
        read_configuration(tmp_path)
    (tmp_path / "envs" / "dev").mkdir(parents=True)
    (tmp_path / "envs" / "dev" / "main.tf").touch()
    (tmp_path / ".terraform").mkdir()
    (tmp_path / ".terraform" / "main.tf").touch()
    with pytest.raises(InputError) as caught:
        read_configuration(tmp_path)
    assert caught.value.hint == "there is some in envs/dev: name the one you mean"
    with pytest.raises(InputError, match="can't be read"):
        read_configuration(tmp_path / "nowhere")


def test_a_link_that_leads_nowhere_or_back_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop.tf").symlink_to(tmp_path / "loop.tf")
    with pytest.raises(ConfigurationError, match=r"loop\.tf: the file can't be read"):
        read_configuration(tmp_path)


def test_a_module_that_is_missing_or_calls_itself_is_named_where_it_is_called(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"main\.tf:2: module m can't be read"):
        read(tmp_path, main='module "m" {\n  source = "./m"\n}\n')
    with pytest.raises(ConfigurationError, match=r"main\.tf:2: module m calls itself"):
        read(tmp_path, main='module "m" {\n  source = "./"\n}\n')


def test_hcl2_is_the_fork_with_positions() -> None:
    import hcl2

    assert hasattr(hcl2, "START_LINE")


def test_a_file_whose_name_is_not_utf_8_is_named_as_its_bytes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.tf")).write_text("")
    with pytest.raises(InputError, match=r"holds a file whose name is not UTF-8, 'bad\\xff\.tf': no report"):
        read_configuration(tmp_path)
