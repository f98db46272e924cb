"""What tap mends in moto's Backup, seen through boto3."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox

pytestmark = pytest.mark.real

SELECTION = {
    "SelectionName": "tables",
    "IamRoleArn": "arn:aws:iam::123456789012:role/backup",
    "Resources": ["arn:aws:dynamodb:*:*:table/*"],
    "NotResources": [],
    "ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": "Backup", "ConditionValue": "yes"}],
}


@pytest.fixture
def backup(aws: Callable[..., Any]) -> Any:
    return aws("backup")


@pytest.fixture
def plan(backup: Any) -> Iterator[str]:
    rules = [{"RuleName": "daily", "TargetBackupVaultName": "v"}]
    made = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": rules})
    yield made["BackupPlanId"]
    backup.delete_backup_plan(BackupPlanId=made["BackupPlanId"])


def test_a_selection_is_made_read_and_deleted(backup: Any, plan: str) -> None:
    made = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=SELECTION)
    assert made["BackupPlanId"] == plan
    named = {"BackupPlanId": plan, "SelectionId": made["SelectionId"]}
    found = backup.get_backup_selection(**named)
    assert found["BackupSelection"] == SELECTION
    assert (found["SelectionId"], found["CreationDate"]) == (made["SelectionId"], made["CreationDate"])
    backup.delete_backup_selection(**named)
    for call in (backup.get_backup_selection, backup.delete_backup_selection):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            call(**named)


def test_a_selection_belongs_to_a_plan_that_exists(backup: Any, plan: str) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        backup.create_backup_selection(BackupPlanId="nowhere", BackupSelection=SELECTION)
    made = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=SELECTION)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        backup.get_backup_selection(BackupPlanId="nowhere", SelectionId=made["SelectionId"])
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=made["SelectionId"])


def test_nothing_is_left_of_a_plan_that_was_deleted(backup: Any, sandbox: Sandbox) -> None:
    rules = [{"RuleName": "daily", "TargetBackupVaultName": "v"}]
    made = backup.create_backup_plan(BackupPlan={"BackupPlanName": "gone", "Rules": rules})
    assert daemon.inventory(sandbox)["backup"] == {"Plan": 1}
    backup.delete_backup_plan(BackupPlanId=made["BackupPlanId"])
    assert "backup" not in daemon.inventory(sandbox)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        backup.get_backup_plan(BackupPlanId=made["BackupPlanId"])


def test_tags_are_found_at_the_address_that_the_provider_asks(backup: Any, sandbox: Sandbox) -> None:
    made = backup.create_backup_vault(BackupVaultName="tagged", BackupVaultTags={"Owner": "payments"})
    scope = "Credential=test/20260101/us-east-1/backup/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    address = f"/tags/{quote(made['BackupVaultArn'], safe='')}"
    for path in (address, f"{address}/"):
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
        connection.request("GET", path, headers=headers)
        assert json.loads(connection.getresponse().read())["Tags"] == {"Owner": "payments"}
        connection.close()
    backup.delete_backup_vault(BackupVaultName="tagged")
