"""What tap mends in moto's S3, seen through boto3 and an unsigned request."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tapstack.sandbox.daemon import Sandbox

pytestmark = pytest.mark.real

BUCKET = "bucket-of-the-patches"
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
SECURE = {"Bool": {"aws:SecureTransport": "true"}}
SOMEWHERE = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
SOMEBODY = {"AWS": "arn:aws:iam::123456789012:role/somebody"}


@pytest.fixture
def s3(aws: Callable[..., Any]) -> Iterator[Any]:
    """A client, and one bucket with one object."""
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="k", Body=b"secret")
    yield client
    client.delete_bucket_policy(Bucket=BUCKET)
    client.delete_object(Bucket=BUCKET, Key="k")
    client.delete_bucket(Bucket=BUCKET)


def statement(effect: str, condition: Any = None, principal: Any = "*") -> dict[str, Any]:
    made = {
        "Effect": effect,
        "Principal": principal,
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    return {**made, "Condition": condition} if condition else made


def govern(s3: Any, *statements: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))


def is_denied(s3: Any) -> bool:
    try:
        s3.get_object(Bucket=BUCKET, Key="k")
    except ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 403)
    return False


@pytest.mark.parametrize(
    ("condition", "denied"),
    [
        (None, True),
        (INSECURE, False),
        (SECURE, True),
        ({"Bool": {"aws:securetransport": [True]}}, True),
        ({"StringNotEquals": {"aws:SecureTransport": "true"}}, False),
        ({"StringEquals": {"aws:SecureTransport": "true"}}, True),
        ({"BoolIfExists": {"aws:SecureTransport": False}}, False),
        ({"Null": {"aws:SecureTransport": "true"}}, False),
        ({"Null": {"aws:SecureTransport": "false"}}, True),
        (SOMEWHERE, False),
        ({**SECURE, **SOMEWHERE}, False),
        ({"Bool": {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}}, False),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
        ({"ForAnyValue:Bool": {"aws:SecureTransport": "true"}}, False),
    ],
)
def test_a_deny_holds_where_its_condition_is_known_to(s3: Any, condition: Any, denied: bool) -> None:
    govern(s3, statement("Deny", condition))
    assert is_denied(s3) is denied


def test_what_denies_insecure_calls_lets_objects_be_written_and_deleted(s3: Any) -> None:
    govern(s3, statement("Deny", INSECURE))
    s3.put_object(Bucket=BUCKET, Key="other", Body=b"")
    s3.head_object(Bucket=BUCKET, Key="other")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "other"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["other"]


def test_another_statement_of_the_policy_still_denies(s3: Any) -> None:
    govern(s3, statement("Deny", INSECURE), statement("Deny"))
    assert is_denied(s3)


@pytest.mark.parametrize(
    ("principal", "denied"),
    [("*", True), ({"AWS": ["*"]}, True), (SOMEBODY, False), ({"Service": "x"}, False)],
)
def test_a_deny_for_others_denies_nobody_here(s3: Any, principal: Any, denied: bool) -> None:
    govern(s3, statement("Deny", principal=principal))
    assert is_denied(s3) is denied


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        (statement("Allow"), 200),
        (statement("Allow", SECURE), 200),
        (statement("Allow", SOMEWHERE), 403),
        (statement("Allow", principal=SOMEBODY), 403),
    ],
)
def test_an_allow_that_cant_be_decided_does_not_open_the_bucket(
    s3: Any, sandbox: Sandbox, allowed: dict[str, Any], status: int
) -> None:
    govern(s3, allowed)
    assert unsigned(f"{sandbox.url}/{BUCKET}/k") == status


def unsigned(url: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture
def versioned(aws: Callable[..., Any]) -> Iterator[Any]:
    """A client, and one versioned bucket."""
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.delete_bucket(Bucket=BUCKET)


def rule(name: str, **fields: Any) -> dict[str, Any]:
    destination = {"Bucket": f"arn:aws:s3:::{BUCKET}", "StorageClass": "STANDARD_IA"}
    return {"ID": name, "Priority": 1, "Status": "Enabled", "Destination": destination, **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"DeleteMarkerReplication": {"Status": "Enabled"}, "Filter": {"Prefix": "documents/"}},
        {"DeleteMarkerReplication": {"Status": "Disabled"}, "Filter": {"Prefix": ""}},
        {"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "DeleteMarkerReplication": {"Status": "Disabled"}},
        {
            "Filter": {
                "And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]}
            },
            "DeleteMarkerReplication": {"Status": "Disabled"},
        },
        {
            "Filter": {"And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}]}},
            "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
            "ExistingObjectReplication": {"Status": "Enabled"},
            "DeleteMarkerReplication": {"Status": "Disabled"},
        },
        {"Prefix": "old/"},
    ],
)
def test_a_replication_rule_comes_back_as_it_was_given(versioned: Any, fields: dict[str, Any]) -> None:
    given = {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": [rule("all", **fields)]}
    versioned.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration=given)
    assert versioned.get_bucket_replication(Bucket=BUCKET)["ReplicationConfiguration"] == given
    versioned.delete_bucket_replication(Bucket=BUCKET)
    with pytest.raises(ClientError, match="ReplicationConfigurationNotFoundError"):
        versioned.get_bucket_replication(Bucket=BUCKET)


def test_the_smallest_object_that_moves_is_kept(s3: Any) -> None:
    rule = {
        "ID": "a",
        "Status": "Enabled",
        "Filter": {},
        "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}],
    }

    def put(**size: str) -> str:
        s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]}, **size)
        answer = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)
        return str(answer["TransitionDefaultMinimumObjectSize"])

    chosen = "TransitionDefaultMinimumObjectSize"
    assert put(**{chosen: "varies_by_storage_class"}) == "varies_by_storage_class"
    assert put() == "all_storage_classes_128K"
