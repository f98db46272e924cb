"""What moto's Backup lacks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import unquote

from moto.backup.exceptions import ResourceNotFoundException
from moto.backup.models import BackupBackend
from moto.backup.responses import BackupResponse
from moto.core.common_models import BaseModel
from moto.core.utils import unix_time
from moto.moto_api._internal import mock_random

from tapstack.sandbox.record import Sandbox


@dataclass
class Selection(BaseModel):  # type: ignore[misc]  # a model of moto's, so that the inventory counts it
    """What a plan backs up; `fields` are those of CreateBackupSelection's BackupSelection."""

    plan: str
    fields: dict[str, Any]
    created: float


def backup_selections(_sandbox: Sandbox) -> None:
    """CreateBackupSelection, GetBackupSelection and DeleteBackupSelection are not implemented.

    The apply of an aws_backup_selection fails. Nothing is backed up by it: no plan of moto's ever runs. Delete when
    moto implements the three.
    """
    create, plan = BackupBackend.__init__, BackupBackend.get_backup_plan
    if hasattr(BackupResponse, "create_backup_selection"):
        raise AttributeError("CreateBackupSelection is implemented")

    def __init__(self: Any, region_name: str, account_id: str) -> None:  # noqa: N807 - the class's own
        create(self, region_name, account_id)
        self.selections = {}

    def create_backup_selection(self: Any) -> str:
        backend, owner = self.backup_backend, self._get_param("backupPlanId")
        plan(backend, owner, None)
        identity, selection = str(mock_random.uuid4()), self._get_param("BackupSelection")
        backend.selections[identity] = made = Selection(owner, selection, unix_time())
        return json.dumps({"SelectionId": identity, "BackupPlanId": owner, "CreationDate": made.created})

    def selected(self: Any) -> tuple[str, Selection]:
        identity = self._get_param("selectionId")
        found = self.backup_backend.selections.get(identity)
        if found is None or found.plan != self._get_param("backupPlanId"):
            raise ResourceNotFoundException(f"Cannot find backup selection {identity}")
        return identity, found

    def get_backup_selection(self: Any) -> str:
        identity, found = selected(self)
        made = {"SelectionId": identity, "BackupPlanId": found.plan, "CreationDate": found.created}
        return json.dumps({**made, "BackupSelection": found.fields})

    def delete_backup_selection(self: Any) -> str:
        del self.backup_backend.selections[selected(self)[0]]
        return "{}"

    BackupBackend.__init__ = __init__
    BackupResponse.create_backup_selection = create_backup_selection
    BackupResponse.get_backup_selection = get_backup_selection
    BackupResponse.delete_backup_selection = delete_backup_selection


def backup_deleted_plan(_sandbox: Sandbox) -> None:
    """A deleted plan stays: GetBackupPlan returns it, and so does everything that counts what is there.

    After a destroy something is left. Delete when GetBackupPlan of moto does not find a deleted plan.
    """
    delete = BackupBackend.delete_backup_plan

    def delete_backup_plan(self: Any, backup_plan_id: str) -> Any:
        answer = delete(self, backup_plan_id)
        del self.plans[backup_plan_id]
        return answer

    BackupBackend.delete_backup_plan = delete_backup_plan


def backup_tags(_sandbox: Sandbox) -> None:
    """ListTags finds the resource only where its address ends in a slash, as boto3 writes it and the provider does not.

    Vaults and plans with tags drift for ever. Delete when moto finds the tags without the slash.
    """

    @wraps(BackupResponse.list_tags)
    def list_tags(self: Any) -> str:
        arn = unquote(self.path.rstrip("/").rpartition("/")[2])
        return json.dumps({"Tags": self.backup_backend.list_tags(resource_arn=arn)})

    BackupResponse.list_tags = list_tags
