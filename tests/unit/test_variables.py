"""Values of variables before any plan, in Terraform's order of precedence, and those that an apply is told again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tapstack.deployment.variables import for_apply, given_variables
from tapstack.errors import InputError
from tapstack.settings import Settings, load
from tapstack.terraform.source import ConfigurationError


def settings(directory: Path, **where: Any) -> Settings:
    found = load(directory, "sandbox")
    return replace(found, where=found.where.model_copy(update=where))


def test_each_place_overrules_the_one_before(tmp_path: Path) -> None:
    texts = {
        "terraform.tfvars": "",
        "terraform.tfvars.json": "",
        "a.auto.tfvars": "",
        "b.auto.tfvars.json": "",
        "own.tfvars": "",
    }
    sources = ["TF_VAR", *texts, "tap.toml", "--var"]
    names = [f"until_{number}" for number in range(len(sources))]
    # The nth place sets the variables from the nth on: each ends with what the place of its number says.
    for number, file in enumerate(texts, 1):
        values = dict.fromkeys(names[number:], file)
        text = orjson.dumps(values).decode() if file.endswith(".json") else ""
        (tmp_path / file).write_text(text or "".join(f'{name} = "{file}"\n' for name in values))
    environ = {f"TF_VAR_{name}": "TF_VAR" for name in names}
    where = {"var_files": ["own.tfvars"], "variables": dict.fromkeys(names[-2:], "tap.toml")}
    found = given_variables(settings(tmp_path, **where), [f"{names[-1]}=--var"], environ)
    assert found == dict(zip(names, sources, strict=True))


def test_values_are_what_terraform_makes_of_them(tmp_path: Path) -> None:
    (tmp_path / "terraform.tfvars").write_text(
        'a = [1, -2.5, null, true]\nb = { "c d" = "$${x} \\u00e9" }\ne = <<EOT\n5"\nEOT\n'
    )
    (tmp_path / "x.auto.tfvars.json").write_text('{"f": "${not} code", "g": {"h": ["%{i}"]}}')
    assert given_variables(settings(tmp_path), [], {}) == {
        "a": [1, -2.5, None, True],
        "b": {"c d": "${x} é"},
        "e": '5"\n',
        "f": "${not} code",
        "g": {"h": ["%{i}"]},
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("terraform.tfvars", "a = \n", r"terraform\.tfvars:1: the HCL does not parse"),
        ("terraform.tfvars.json", "[1]", "an object of variables was expected"),
        ("terraform.tfvars.json", "{", "the JSON does not parse"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        given_variables(settings(tmp_path), [], {})


def test_a_file_of_tap_toml_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"own\.tfvars is not a file"):
        given_variables(settings(tmp_path, var_files=["own.tfvars"]), [], {})


def test_an_apply_is_told_again_what_no_plan_keeps_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "token" {\n  ephemeral = true\n}\nvariable "list" {\n  type      = list(string)\n'
        '  ephemeral = true\n}\nvariable "days" {}\n'
    )
    (tmp_path / "more.tfvars").write_text('token = "from a file"\ndays = 3\n')
    where = {"variables": {"token": "from tap.toml", "days": 14}}
    stack = settings(tmp_path, **where)
    assert [orjson.loads(one.text) for one in for_apply(stack)] == [{"token": "from tap.toml"}]
    plain, structured = for_apply(stack, [tmp_path / "more.tfvars"], {"token": "t"}, {"list": '["l"]'})
    assert orjson.loads(plain.text) == {"token": "t"}
    assert (structured.syntax, structured.text) == ("hcl", b'list = ["l"]\n')
    (tmp_path / "main.tf").write_text('variable "days" {}\n')
    assert for_apply(stack) == []
