"""Which addresses a configuration has, and what is said of one that it has not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tapstack.deployment.targets import _recorded
from tapstack.deployment.waive import write
from tapstack.errors import InputError
from tapstack.gate.waivers import Waiver
from tapstack.settings import load
from tapstack.terraform.addresses import is_absent, meant, without_keys
from tapstack.terraform.source import Configuration, read_configuration

CODE = """
resource "aws_kms_key" "main" {}
data "aws_region" "here" {}
module "edge" {
  source = "./edge"
}
module "bought" {
  source = "terraform-aws-modules/vpc/aws"
}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "edge").mkdir()
    (tmp_path / "main.tf").write_text(CODE)
    (tmp_path / "edge" / "main.tf").write_text('resource "aws_sqs_queue" "one" {}\n')
    return read_configuration(tmp_path)


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("aws_kms_key.main", "aws_kms_key.main"),
        ('module.edge["a.b[0]"].aws_sqs_queue.one[3]', "module.edge.aws_sqs_queue.one"),
        (r'aws_x.y["a\"]b"]', "aws_x.y"),
    ],
)
def test_an_instance_is_one_of_a_block(address: str, block: str) -> None:
    assert without_keys(address) == block


@pytest.mark.parametrize(
    "address",
    [
        "aws_kms_key.main",
        'aws_kms_key.main["eu"]',
        "data.aws_region.here",
        "module.edge",
        "module.edge[0].aws_sqs_queue.one",
        "module.bought.aws_vpc.this",
        "module.bought.module.inner.aws_vpc.this[0]",
        "aws_kms_key.*",
        "*",
        "not an address",
    ],
)
def test_what_is_there_or_may_be(configuration: Configuration, address: str) -> None:
    assert not is_absent(address, configuration)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("aws_kms_key.mian", "did you mean aws_kms_key.main?"),
        ("aws_region.here", "did you mean data.aws_region.here?"),
        ('module.edge["a"].aws_sqs_queue.on', "did you mean module.edge.aws_sqs_queue.one?"),
        ("module.egde", "did you mean module.edge?"),
        ("module.egde.aws_sqs_queue.one", "did you mean module.edge.aws_sqs_queue.one?"),
        ("google_bucket.x", "`tap graph` shows what there is"),
    ],
)
def test_what_is_surely_not_there(configuration: Configuration, address: str, said: str) -> None:
    assert is_absent(address, configuration)
    assert meant(address, configuration) == said


def test_what_a_state_records() -> None:
    state = b"""{"resources": [
        {"mode": "managed", "type": "aws_kms_key", "name": "old", "instances": []},
        {"module": "module.a[\\"x\\"].module.b", "mode": "data", "type": "t", "name": "n", "instances": []}
    ]}"""
    assert set(_recorded(state)) == {
        "aws_kms_key.old",
        "module.a",
        "module.a.module.b",
        "module.a.module.b.data.t.n",
    }
    assert set(_recorded(b"")) == set()


def waiver(address: str, policy: str = "CKV_TAP_301") -> Waiver:
    return Waiver(policy, address, "me", "r", date(2999, 1, 1))


def test_a_waiver_of_what_is_not_there_is_not_written(configuration: Configuration, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no aws_kms_key\.mian in .*closes the gate") as refused:
        write(load(tmp_path, "sandbox"), waiver("aws_kms_key.mian"))
    assert refused.value.hint == "did you mean aws_kms_key.main?"
    assert not (tmp_path / "tap.toml").exists()


@pytest.mark.parametrize(
    ("address", "policy"),
    [
        ("aws_kms_key.main", "CKV_TAP_301"),
        ("aws_kms_key.ma*", "CKV_TAP_301"),
        ("terraform.backend", "CKV_TAP_301"),
        ("aws_provider.default", "CKV_AWS_41"),
    ],
)
def test_other_waivers_are(configuration: Configuration, tmp_path: Path, address: str, policy: str) -> None:
    write(load(tmp_path, "sandbox"), waiver(address, policy))
    assert address in (tmp_path / "tap.toml").read_text()


def test_a_configuration_that_can_not_be_read_stops_no_waiver(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("resource {{{")
    write(load(tmp_path, "sandbox"), waiver("aws_kms_key.any"))
