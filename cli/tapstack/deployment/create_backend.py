"""Makes the bucket that keeps states, and its key: planned, judged and applied like any stack.

Its own state begins in a local file, and goes into the very bucket as soon as that is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from tapstack.deployment import bucket, sealing
from tapstack.deployment.backend import require_backend
from tapstack.deployment.guards import Change
from tapstack.deployment.judge import judge_document, read_source, shown
from tapstack.deployment.plan import changes_of
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.state_place import LOCAL, Place, kept, put, remove_local
from tapstack.deployment.surroundings import LOCK_FILE
from tapstack.deployment.verify import require_account
from tapstack.deployment.workspace import DEFAULT
from tapstack.errors import EnvironmentFailure, InputError, Refused
from tapstack.gate.ledger import Input, Ledger
from tapstack.settings import BackendSection, Settings
from tapstack.terraform.driver import Driver, PlanOptions
from tapstack.terraform.variable_files import VariableText

KEY: Final = "tap-backend.tfstate"
"""Where the bucket keeps the state of itself: one for all stacks whose states it keeps."""
_FILES: Final = Path(__file__).parent / "backend_files"
_DECLARED: Final = 'terraform {\n  backend "s3" {}\n}\n'
_DECLARED_IN: Final = "backend.tf"


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan of the bucket, judged; `moved_in` is whether its state is in the bucket already."""

    driver: Driver
    plan: Path
    changes: Sequence[Change]
    ledger: Ledger
    backend: Mapping[str, Any]
    moved_in: bool

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.moved_in and not self.changes


def offer(prepared: Prepared) -> Offer:
    """Plan the bucket and ask the gate. Changes nothing.

    Raises InputError without a backend or a region for it, Refused for a bucket that is somebody else's work.
    """
    settings = prepared.settings
    section = require_backend(settings)
    region = section.region or settings.region
    if region is None:
        raise InputError(
            f"The bucket {section.bucket} needs a region.",
            hint=f"region in the backend of [environments.{settings.environment}], or beside it",
        )
    require_account(settings, sealing.account(prepared))
    found = bucket.look(prepared.driver.env, section.bucket, KEY, region)
    driver = _driver(prepared, region)
    moved_in = bool(found.versions and found.versions[0].bytes)
    if found.exists and not moved_in and not kept(Place(LOCAL, {}), driver):
        raise Refused(
            f"The bucket {section.bucket} exists, and `tap backend create` has not made it: there is no {KEY} in it.",
            hint="`tap backend check` says what it lacks; or name another bucket",
        )
    backend = _own_backend(settings, region, found.kms_key)
    driver = _configured(driver, backend if moved_in else None)
    prepared.observer.phase("initialising the bucket's configuration")
    driver.init(reconfigure=True)
    # Terraform makes it readable for all, because it is committed with a stack; this one is nobody else's.
    (driver.directory / LOCK_FILE).chmod(0o600)
    prepared.observer.phase("planning the bucket")
    plan = driver.directory / "tfplan"
    driver.plan(PlanOptions(out=plan, variables=[_variables(section, region, settings.environment)]))
    document = orjson.loads(driver.show(plan))
    ledger = judge_document(
        document, _judged_by(settings), read_source(driver.directory), Input("plan", shown(plan))
    )
    return Offer(driver, plan, changes_of(document), ledger, backend, moved_in)


def carry_out(prepared: Prepared, offered: Offer) -> str:
    """Apply the plan, and bring the bucket's state into it; the ARN of the key."""
    driver = offered.driver
    if offered.changes:
        prepared.observer.phase("making the bucket and its key")
        driver.apply(offered.plan)
    offered.plan.unlink(missing_ok=True)
    key = str(driver.output()["kms_key_id"]["value"])
    if not offered.moved_in:
        prepared.observer.phase("moving the bucket's own state into it")
        _move_in(driver, {**offered.backend, "kms_key_id": key})
    return key


def lines(settings: Settings, kms_key_id: str) -> str:
    """What tap.toml should say of the backend; "" where it says so."""
    if settings.backend is None or settings.backend.kms_key_id == kms_key_id:
        return ""
    said = {**settings.backend.model_dump(exclude_unset=True), "kms_key_id": kms_key_id}
    members = ", ".join(f"{name} = {_toml(value)}" for name, value in said.items())
    return f"[environments.{settings.environment}]\nbackend = {{ {members} }}"


def _driver(prepared: Prepared, region: str) -> Driver:
    """Terraform in a directory of its own, with the environment's credentials."""
    directory = prepared.settings.environment_work / "backend"
    directory.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(_FILES / "main.tf", directory / "main.tf")
    own = {"TF_DATA_DIR": str(directory / "terraform"), "TF_WORKSPACE": DEFAULT, "AWS_REGION": region}
    return replace(
        prepared.driver,
        directory=directory,
        env={**prepared.driver.env, **own},
        init_env={**prepared.driver.init_env, **own},
        override=None,
        backend_config=None,
        ephemeral=(),
    )


def _configured(driver: Driver, backend: Mapping[str, Any] | None) -> Driver:
    """With this backend, or with the local file."""
    declared = driver.directory / _DECLARED_IN
    if backend is None:
        declared.unlink(missing_ok=True)
        return driver
    declared.write_text(_DECLARED)
    file = driver.directory / "backend.tfbackend.json"
    file.write_bytes(orjson.dumps(backend))
    return replace(driver, backend_config=file)


def _own_backend(settings: Settings, region: str, kms_key: str | None) -> dict[str, Any]:
    # A table for locks is no part of what is made here.
    said = settings.backend_arguments()
    lock = {"use_lockfile": said["use_lockfile"]}
    key = {"kms_key_id": kms_key} if kms_key else {}
    return {"bucket": said["bucket"], "key": KEY, "region": region, "encrypt": True, **lock, **key}


def _variables(section: BackendSection, region: str, environment: str) -> VariableText:
    tags = {"Environment": environment, "Project": "terraform-state", "ManagedBy": "terraform"}
    values = {"bucket": section.bucket, "region": region, "tags": {**tags, **section.tags}}
    return VariableText(orjson.dumps(values), "json")


def _judged_by(settings: Settings) -> Settings:
    """The environment's rules: none of it may be destroyed, it is no archive, and the waivers are the stack's."""
    archives = {**settings.where.policies.get("s3_lifecycle_archives", {}), "buckets": []}
    policies = {**settings.where.policies, "s3_lifecycle_archives": archives}
    where = settings.where.model_copy(update={"destroyable": False, "policies": policies})
    return replace(settings, where=where, waivers=())


def _move_in(driver: Driver, backend: Mapping[str, Any]) -> None:
    here, there = Place(LOCAL, {}), Place("s3", backend)
    states = kept(here, driver)
    put(there, driver, states)
    arrived = kept(there, driver)
    if not all(name in arrived and arrived[name].is_copy_of(state) for name, state in states.items()):
        raise EnvironmentFailure(
            f"The bucket's own state did not arrive in it whole; it is still in {driver.directory}.",
            hint="tap backend create again",
        )
    remove_local(here, driver.directory)
    _configured(driver, backend).init(reconfigure=True)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    return orjson.dumps(value).decode()
