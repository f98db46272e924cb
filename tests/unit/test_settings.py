"""tap.toml: what holds, where it came from, and what a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.errors import ExitCode, InputError
from tapstack.settings import load


def written(directory: Path, text: str) -> Path:
    (directory / "tap.toml").write_text(text)
    return directory


def refusal(directory: Path, environment: str = "sandbox") -> str:
    with pytest.raises(InputError) as caught:
        load(directory, environment)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.message.replace(str(directory), "")


def test_without_a_file_defaults_hold_and_the_sandbox_exists(tmp_path: Path) -> None:
    settings = load(tmp_path, "sandbox")
    assert settings.path is None
    assert (settings.region, settings.stack.handlers, settings.where.destroyable) == (
        "us-east-1",
        "handlers",
        True,
    )
    assert settings.name == tmp_path.name


def test_an_environment_overrides_policy_parameters_key_by_key(tmp_path: Path) -> None:
    text = (
        "[policies.log_group_retention]\nexactly = 14\nseverity = 'LOW'\n"
        "[environments.prod.policies.log_group_retention]\nexactly = 365\n"
    )
    settings = load(written(tmp_path, text), "prod")
    assert settings.policy_parameters() == {"log_group_retention": {"exactly": 365, "severity": "LOW"}}


def test_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    text = "[stack]\nname = 'shop'\n\n[environments.sandbox]\nvariables = { company = 'acme' }\n"
    sources = {v.key: (v.value, v.source) for v in load(written(tmp_path, text), "sandbox").values()}
    assert sources["stack.name"] == ("shop", "tap.toml:2")
    assert sources["environments.sandbox.variables"] == ({"company": "acme"}, "tap.toml:5")
    assert sources["stack.handlers"] == ("handlers", "default")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[stack\nname = 1\n", "/tap.toml:1 is not TOML: Expected ']' at the end of a table declaration."),
        ("[stack]\nnmae = 'x'\n", "/tap.toml:2: unknown key stack.nmae; did you mean name?"),
        ("[stakc]\nname = 'x'\n", "/tap.toml:1: unknown key stakc; did you mean stack?"),
        ("\n[stack]\nname = 3\n", "/tap.toml:3: stack.name is 3: input should be a valid string."),
        (
            "[environments.sandbox]\ndestroyable = 'no'\n",
            "/tap.toml:2: environments.sandbox.destroyable is 'no': input should be a valid boolean.",
        ),
        (
            "[policies]\nretention = 14\n",
            "/tap.toml:1: retention is not a key of [policies]; a policy's parameters are a table, "
            "[policies.retention].",
        ),
        (
            "[policies]\nunknown = 'ignore'\n",
            "/tap.toml:2: policies.unknown is 'ignore': input should be 'block' or 'warn'.",
        ),
        (
            "[environments.prod]\nprotekted = ['aws_kms_key.*']\n",
            "/tap.toml:2: unknown key environments.prod.protekted; did you mean protected?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(written(tmp_path, text)) == sentence


def test_an_environment_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    written(tmp_path, "[environments.prod]\n")
    assert refusal(tmp_path, "staging") == "There is no environment 'staging': /tap.toml has prod, sandbox."


def test_a_file_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tap.toml").write_bytes(b"[stack]\nname = '\xff'\n")
    assert refusal(tmp_path) == "/tap.toml is not UTF-8 text (byte 16)."


def test_a_directory_that_is_checked_brings_its_own_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tapstack import app

    stack = tmp_path / "stack"
    stack.mkdir()
    (stack / "main.tf").write_text('resource "aws_kms_key" "k" {\n  enable_key_rotation = true\n}\n')
    (stack / "tap.toml").write_text("[policies]\nnonsense = 1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        app.main(["check", "stack"])
    assert caught.value.code == 64
    assert "stack/tap.toml:1" in capsys.readouterr().err
