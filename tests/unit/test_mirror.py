"""Finding unpacked provider mirrors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.errors import InputError
from tapstack.terraform import mirror


def unpacked(root: Path) -> Path:
    (root / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0" / "linux_amd64").mkdir(parents=True)
    return root


def test_a_named_mirror_wins(tmp_path: Path) -> None:
    wanted = unpacked(tmp_path / "mine")
    unpacked(tmp_path / "home" / ".terraform.d" / "plugins")
    assert mirror.find({"TAP_PROVIDER_MIRROR": str(wanted), "HOME": str(tmp_path / "home")}) == wanted


def test_terraforms_implied_directories_count(tmp_path: Path) -> None:
    implied = unpacked(tmp_path / ".terraform.d" / "plugins")
    assert mirror.find({"HOME": str(tmp_path)}) == implied


def test_a_named_directory_that_is_no_mirror_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no registry\.terraform\.io/<namespace>"):
        mirror.find({"TAP_PROVIDER_MIRROR": str(tmp_path)})


def test_what_a_mirror_holds_is_listed(tmp_path: Path) -> None:
    assert mirror.providers(unpacked(tmp_path)) == ["hashicorp/aws 5.100.0"]


def test_the_registry_is_asked_only_for_what_the_mirror_lacks(tmp_path: Path) -> None:
    text = mirror.cli_configuration(unpacked(tmp_path / 'a "quoted" dir'))
    assert 'a \\"quoted\\" dir"' in text
    assert 'include = ["registry.terraform.io/hashicorp/aws"]' in text
    assert 'exclude = ["registry.terraform.io/hashicorp/aws"]' in text


def test_a_working_configuration_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    config = tmp_path / "terraformrc"
    assert mirror.wanted({"TF_CLI_CONFIG_FILE": str(config)})
    config.write_text("")
    assert not mirror.wanted({"TF_CLI_CONFIG_FILE": str(config)})
