"""`tap drift`: what people change behind Terraform's back, by what it breaks, and not a byte written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tapstack.sandbox import daemon
from tests.conftest import STACKS, Answer, Tap
from tests.documented import documented, session

pytestmark = pytest.mark.real

# Address, policy and severity, in the order of the ranking; the last two break nothing.
RANKED = [
    ("aws_kms_key.main", "CKV_TAP_101", "HIGH"),
    ("aws_dynamodb_table.orders", "CKV_TAP_201", "HIGH"),
    ("aws_security_group.service", "CKV_TAP_802", "HIGH"),
    ("aws_cloudwatch_log_group.kept", "CKV_TAP_301", "MEDIUM"),
    ("aws_sns_topic.alarms", "CKV_TAP_501", "MEDIUM"),
    ("aws_cloudwatch_log_group.lost", None, None),
    ("aws_ssm_parameter.password", None, None),
]
RULE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@dataclass
class Console:
    """The embedded AWS as somebody with a console has it."""

    tap: Tap

    @property
    def url(self) -> str:
        sandbox = daemon.find(self.tap.directory / ".tap" / "sandbox")
        assert sandbox is not None
        return str(sandbox.url)

    @property
    def environment(self) -> dict[str, str]:
        """What makes it the AWS of any program."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1", **keys}

    def __call__(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def change_everything(self) -> None:
        table = self("dynamodb").describe_table(TableName="drift-orders")["Table"]
        self("kms").disable_key_rotation(KeyId=table["SSEDescription"]["KMSMasterKeyArn"])
        self("dynamodb").update_continuous_backups(
            TableName="drift-orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        )
        self("logs").put_retention_policy(logGroupName="/drift/kept", retentionInDays=365)
        self("logs").delete_log_group(logGroupName="/drift/lost")
        (topic,) = self("sns").list_topics()["Topics"]
        self("sns").untag_resource(ResourceArn=topic["TopicArn"], TagKeys=["Owner"])
        self("ec2").authorize_security_group_ingress(GroupName="drift-service", IpPermissions=[RULE])
        self("ssm").put_parameter(
            Name="/drift/password", Value="battery-staple", Type="SecureString", Overwrite=True
        )


@dataclass
class Looks:
    """What was said before anybody changed anything, and afterwards."""

    tap: Tap
    first: dict[str, Any]
    first_text: Answer
    text: Answer
    document: dict[str, Any]
    written: set[str]
    left_over: list[Path]

    def resource(self, address: str) -> dict[str, Any]:
        (found,) = [one for one in self.document["resources"] if one["address"] == address]
        return dict(found)


def drift(tap: Tap, *arguments: str, code: int = 0) -> dict[str, Any]:
    answer = tap("drift", "--json", *arguments)
    assert answer.code == code, answer.said
    document: dict[str, Any] = json.loads(answer.out)
    assert (document["schema"], document["exit_code"]) == ("tap.drift/1", code)
    return document


def contents(tap: Tap) -> dict[str, bytes]:
    """Every file of the stack, but for the server's log and what every command leaves: who held the lock."""
    left_out = ("server.log", "operation.lock")
    return {
        str(path.relative_to(tap.directory)): path.read_bytes()
        for path in tap.directory.rglob("*")
        if path.is_file() and path.name not in left_out and "providers" not in path.parts
    }


def changes(resource: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {one["attribute"]: (one["before"], one["after"]) for one in resource["changes"]}


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looks]:
    """One deployment for all looks at it."""
    base = tmp_path_factory.mktemp("drift")
    shutil.copytree(STACKS / "drift", base / "stack")
    temporary = base / "temporary"
    temporary.mkdir()
    tap = Tap(base / "stack")
    try:
        tap.succeeds("apply", "--auto-approve")
        first = drift(tap)
        first_text = tap("drift", "-q", "--detailed-exitcode")
        Console(tap).change_everything()
        before = contents(tap)
        text = session(tap, "drift", "--detailed-exitcode", "-q", env={"TMPDIR": str(temporary)})
        document = drift(tap)
        after = contents(tap)
        written = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        yield Looks(tap, first, first_text, text, document, written, list(temporary.iterdir()))
    finally:
        tap("sandbox", "stop")


def test_where_nobody_changed_anything_there_is_no_drift(looks: Looks) -> None:
    assert (looks.first["drift"], looks.first["resources"]) == (False, [])
    assert looks.first["counts"]["compared"] == 7
    assert looks.first_text.code == 0
    assert looks.first_text.out == (
        "No drift: 7 resources were compared with the embedded AWS, and nothing has changed. Not counted: 2\n"
        "  findings that were there before.\n"
    )


def test_every_change_is_named_with_the_policy_it_breaks_the_worst_first(looks: Looks) -> None:
    said = [
        (one["address"], one["findings"][0]["policy"] if one["findings"] else None, one["severity"])
        for one in looks.document["resources"]
    ]
    assert said == RANKED
    assert looks.document["counts"] == {
        "compared": 7,
        "drifted": 7,
        "deleted": 1,
        "breaking": 5,
        "findings": 5,
        "earlier_findings": 1,
    }


def test_a_change_shows_what_was_and_what_is_and_where_the_block_stands(looks: Looks) -> None:
    source = (looks.tap.directory / "main.tf").read_text().splitlines()
    for address, _, _ in RANKED:
        found = looks.resource(address)
        kind, name = address.split(".")
        assert (found["file"], source[found["line"] - 1]) == ("main.tf", f'resource "{kind}" "{name}" {{')
    assert changes(looks.resource("aws_kms_key.main"))["enable_key_rotation"] == (True, False)
    table = changes(looks.resource("aws_dynamodb_table.orders"))
    assert table["point_in_time_recovery.0.enabled"] == (True, False)
    assert changes(looks.resource("aws_sns_topic.alarms")) == {"tags_all.Owner": ("nobody", None)}
    ((path, (was, rule)),) = changes(looks.resource("aws_security_group.service")).items()
    assert (was, rule["cidr_blocks"], rule["from_port"]) == (None, ["0.0.0.0/0"], 22)
    (finding,) = looks.resource("aws_security_group.service")["findings"]
    assert finding["attribute"] == f"{path}.cidr_blocks"


def test_what_an_output_is_made_from_is_marked(looks: Looks) -> None:
    (change,) = looks.resource("aws_cloudwatch_log_group.kept")["changes"]
    assert (change["attribute"], change["feeds_output"]) == ("retention_in_days", True)
    assert not any(one["feeds_output"] for one in looks.resource("aws_kms_key.main")["changes"])


def test_what_somebody_deleted_is_listed_as_deleted(looks: Looks) -> None:
    lost = looks.resource("aws_cloudwatch_log_group.lost")
    assert (lost["action"], lost["changes"]) == ("delete", [])


def test_a_secret_that_changed_is_not_shown(looks: Looks) -> None:
    value = looks.resource("aws_ssm_parameter.password")["changes"][0]
    assert value == {
        "attribute": "value",
        "before": None,
        "after": None,
        "sensitive": True,
        "feeds_output": False,
    }
    assert "value: (sensitive) -> (sensitive)" in looks.text.out
    for secret in ("correct-horse", "battery-staple"):
        assert secret not in looks.text.said + json.dumps(looks.document)


def test_the_text_says_the_same_on_one_screen(looks: Looks) -> None:
    documented("drift", "drift", looks.text.out)
    lines = looks.text.out.splitlines()
    assert len(lines) <= 40
    named = [line.split()[1] for line in lines if not line.startswith(" ") and "main.tf:" in line]
    assert named == [address for address, _, _ in RANKED]
    assert "kms_key_rotation (CKV_TAP_101): The key does not rotate. (expected true)" in looks.text.out
    assert "enable_key_rotation: true -> false" in looks.text.out
    assert "Drift: 7 of 7 resources compared with the embedded AWS, 1 of them deleted." in looks.text.out
    assert "`tap plan`, then `tap apply`, puts back what the code says" in looks.text.out


def test_drift_is_exit_2_only_where_it_is_asked_for(looks: Looks) -> None:
    # `document` was made without --detailed-exitcode, and ended with 0.
    assert (looks.text.code, looks.document["exit_code"]) == (2, 0)


def test_nothing_is_written(looks: Looks) -> None:
    assert looks.written == set()
    # lark keeps its parser of HCL's grammar there between runs.
    assert [path.name for path in looks.left_over if not path.name.startswith(".lark_cache_")] == []


def test_one_policy_or_some_resources_can_be_asked_for(looks: Looks) -> None:
    targets = ("--target", "aws_kms_key.main", "--target", "aws_cloudwatch_log_group.kept")
    found = drift(looks.tap, "--policy", "log_group_retention", *targets)
    assert (found["counts"]["compared"], found["counts"]["findings"]) == (2, 1)
    addresses = [one["address"] for one in found["resources"]]
    assert addresses == ["aws_cloudwatch_log_group.kept", "aws_kms_key.main"]


def test_a_gate_that_can_not_decide_is_exit_4_and_the_drift_is_shown(looks: Looks) -> None:
    found = drift(looks.tap, "--detailed-exitcode", "--policy", "kms_key_rotaton", code=4)
    assert "kms_key_rotaton" in found["errors"][0]["message"]
    assert (found["counts"]["drifted"], found["counts"]["findings"]) == (7, 0)


def test_a_waiver_of_what_somebody_deleted_is_no_error(looks: Looks) -> None:
    settings = looks.tap.directory / "tap.toml"
    text = settings.read_text()
    waiver = (
        '\n[[waivers]]\npolicy = "log_group_encryption"\naddress = "aws_cloudwatch_log_group.lost"\n'
        'owner = "somebody"\nreason = "no secrets in it"\nuntil = 2999-12-31\n'
    )
    settings.write_text(text + waiver)
    try:
        assert drift(looks.tap)["errors"] == []
        settings.write_text(text + waiver.replace(".lost", ".never"))
        (error,) = drift(looks.tap, code=4)["errors"]
        assert "aws_cloudwatch_log_group.never matches nothing" in error["message"]
    finally:
        settings.write_text(text)


def test_another_account_is_refused_where_everything_would_look_deleted(looks: Looks) -> None:
    settings = looks.tap.directory / "tap.toml"
    text = settings.read_text()
    env = Console(looks.tap).environment
    try:
        settings.write_text(text + '\n[environments.prod]\naccount_id = "999999999999"\n')
        refused = looks.tap("drift", "--env", "prod", env=env)
        assert refused.code == 6, refused.said
        assert "account 123456789012; environment prod is account 999999999999" in refused.err
        settings.write_text(text + '\n[environments.prod]\naccount_id = "123456789012"\n')
        nothing = looks.tap("drift", "--env", "prod", env=env)
        assert (nothing.code, nothing.out) == (0, "No drift: there was no resource to compare.\n")
    finally:
        settings.write_text(text)


def test_an_apply_brings_everything_back(looks: Looks) -> None:
    looks.tap.succeeds("apply", "--auto-approve")
    after = drift(looks.tap, "--detailed-exitcode")
    assert (after["drift"], after["counts"]["earlier_findings"]) == (False, 2)
