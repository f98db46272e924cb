"""Plans' ids, and which plan is the newest."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tapstack.errors import InputError, SealBroken
from tapstack.seal import manifest

SEAL = manifest.Seal(
    id="",
    created="2026-11-21T10:15:00+00:00",
    environment="sandbox",
    operation="apply",
    decision="open",
    exit_code=0,
    plan_sha256=manifest.digest(b"plan"),
    ledger_sha256=manifest.digest(b"ledger"),
    files={"main.tf": "a" * 64},
    terraform="terraform 1.11.4",
    tap="0.1.0",
    where="server",
    changes={"create": 1},
)


def sealed(plans: Path, environment: str = "sandbox") -> manifest.Seal:
    seal = replace(SEAL, id=manifest.new_id(), environment=environment)
    directory = plans / seal.id
    directory.mkdir(parents=True)
    manifest.plan_path(directory).write_bytes(b"plan")
    manifest.write(directory, seal, b"ledger")
    return seal


def test_ids_sort_by_time_within_a_second() -> None:
    ids = []
    for _ in range(20):
        ids.append(manifest.new_id())
        time.sleep(0.002)
    assert ids == sorted(ids)


def test_the_newest_plan_of_the_environment_is_offered(tmp_path: Path) -> None:
    sealed(tmp_path)
    time.sleep(0.002)
    newest = sealed(tmp_path)
    time.sleep(0.002)
    sealed(tmp_path, "prod")
    assert manifest.newest(tmp_path, "sandbox") == newest


def test_an_older_plan_is_never_offered_after_the_newest_was_applied(tmp_path: Path) -> None:
    sealed(tmp_path)
    time.sleep(0.002)
    manifest.plan_path(tmp_path / sealed(tmp_path).id).unlink()
    assert manifest.newest(tmp_path, "sandbox") is None


@pytest.mark.parametrize("plan_id", ["nothing", "../../etc", ""])
def test_an_id_that_names_no_plan_is_refused(tmp_path: Path, plan_id: str) -> None:
    with pytest.raises(InputError, match="There is no plan"):
        manifest.read(tmp_path, plan_id)


def test_a_seal_that_can_not_be_read_is_broken(tmp_path: Path) -> None:
    seal = sealed(tmp_path)
    (tmp_path / seal.id / "seal.json").write_text("{")
    with pytest.raises(SealBroken, match="not a seal that this tap can read"):
        manifest.read(tmp_path, seal.id)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("environment", "prod", "environment: sealed sandbox, now prod"),
        ("terraform", "tofu 1.9.0", "Terraform: sealed terraform 1.11.4, now tofu 1.9.0"),
        ("tap", "9", "tap: sealed 0.1.0, now 9"),
        ("where", "", "embedded AWS: sealed server, now none"),
        ("files", {}, f"main.tf: sealed {'a' * 12}, now absent"),
        ("files", {"main.tf": "a" * 64, "more.tf": "b" * 64}, f"more.tf: sealed absent, now {'b' * 12}"),
    ],
)
def test_each_difference_is_named(tmp_path: Path, field: str, value: object, named: str) -> None:
    seal = sealed(tmp_path)
    assert manifest.verified_plan(tmp_path / seal.id, seal, seal) == b"plan"
    with pytest.raises(SealBroken) as caught:
        manifest.verified_plan(tmp_path / seal.id, seal, replace(seal, **{field: value}))  # type: ignore[arg-type]
    assert f"\n  {named}" in caught.value.message
