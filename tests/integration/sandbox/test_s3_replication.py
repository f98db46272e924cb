"""Replication of objects through boto3: what a bucket's rules name arrives in the other bucket, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import eventually

pytestmark = pytest.mark.real

ROLE = "arn:aws:iam::123456789012:role/replication"
KEY_HERE = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
KEY_THERE = "arn:aws:kms:us-west-2:123456789012:key/22222222-2222-2222-2222-222222222222"
MARKERS = {"DeleteMarkerReplication": {"Status": "Enabled"}}
NO_MARKERS = {"DeleteMarkerReplication": {"Status": "Disabled"}}


class Buckets:
    """A source in one region and a target in another, both versioned."""

    def __init__(self, aws: Callable[..., Any], name: str) -> None:
        self.here, self.there = aws("s3", "us-east-1"), aws("s3", "us-west-2")
        self.source, self.target = f"{name}-source", f"{name}-target"
        self.here.create_bucket(Bucket=self.source)
        self.there.create_bucket(
            Bucket=self.target, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        for end, bucket in ((self.here, self.source), (self.there, self.target)):
            end.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def rules(self, *rules: dict[str, Any]) -> None:
        documents = []
        for number, rule in enumerate(rules):
            destination = {"Bucket": f"arn:aws:s3:::{self.target}", **rule.pop("Destination", {})}
            defaults = {"ID": f"rule-{number}", "Priority": number, "Status": "Enabled", **NO_MARKERS}
            defaults["Filter"] = {"Prefix": ""}
            documents.append({**defaults, **rule, "Destination": destination})
        configuration = {"Role": ROLE, "Rules": documents}
        self.here.put_bucket_replication(Bucket=self.source, ReplicationConfiguration=configuration)

    def put(self, key: str, **fields: Any) -> str:
        """Put an object into the source; its version."""
        answer = self.here.put_object(Bucket=self.source, Key=key, **{"Body": b"text", **fields})
        return str(answer["VersionId"])

    def status(self, key: str) -> str | None:
        head: dict[str, Any] = self.here.head_object(Bucket=self.source, Key=key)
        return head.get("ReplicationStatus")

    def replica(self, key: str) -> dict[str, Any] | None:
        """The head of the newest version in the target."""
        try:
            head: dict[str, Any] = self.there.head_object(Bucket=self.target, Key=key)
        except ClientError:
            return None
        return head

    def arrives(self, key: str) -> dict[str, Any]:
        assert eventually(lambda: self.status(key) == "COMPLETED"), self.status(key)
        replica = self.replica(key)
        assert replica is not None
        return replica

    def never_arrives(self, key: str) -> bool:
        """Replication keeps the order: what is not there before an object put later will never be."""
        self.put("always/later")
        self.arrives("always/later")
        return self.replica(key) is None and self.status(key) is None


@pytest.fixture
def buckets(aws: Callable[..., Any], request: pytest.FixtureRequest) -> Buckets:
    return Buckets(aws, request.node.name.replace("_", "-")[5:50])


def test_an_object_arrives_as_it_is_and_not_at_once(buckets: Buckets) -> None:
    buckets.rules({})
    tagging = {"ContentType": "text/plain", "Metadata": {"who": "me"}, "Tagging": "kind=a"}
    version = buckets.put("folder/one", **tagging)
    assert buckets.status("folder/one") == "PENDING"
    assert buckets.replica("folder/one") is None
    replica = buckets.arrives("folder/one")
    source = buckets.here.head_object(Bucket=buckets.source, Key="folder/one")
    assert (replica["ReplicationStatus"], replica["VersionId"]) == ("REPLICA", version)
    for field in ("ETag", "ContentType", "Metadata", "LastModified", "ContentLength"):
        assert replica[field] == source[field], field
    body = buckets.there.get_object(Bucket=buckets.target, Key="folder/one")["Body"].read()
    tags = buckets.there.get_object_tagging(Bucket=buckets.target, Key="folder/one")["TagSet"]
    assert (body, tags) == (b"text", [{"Key": "kind", "Value": "a"}])


def test_every_version_arrives_in_order(buckets: Buckets) -> None:
    buckets.rules({})
    versions = [buckets.put("one", Body=str(number).encode()) for number in range(5)]
    buckets.arrives("one")
    held = buckets.there.list_object_versions(Bucket=buckets.target)["Versions"]
    assert {version["VersionId"] for version in held} == set(versions)
    assert buckets.there.get_object(Bucket=buckets.target, Key="one")["Body"].read() == b"4"


def test_copies_and_uploads_in_parts_arrive(buckets: Buckets) -> None:
    buckets.rules({})
    here, source = buckets.here, buckets.source
    buckets.put("one")
    here.copy_object(Bucket=source, Key="copy", CopySource=f"{source}/one")
    upload = here.create_multipart_upload(Bucket=source, Key="parts", Metadata={"who": "me"})["UploadId"]
    part = here.upload_part(Bucket=source, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    here.complete_multipart_upload(Bucket=source, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert buckets.arrives("copy")["ContentLength"] == 4
    replica = buckets.arrives("parts")
    assert replica["Metadata"] == {"who": "me"}
    assert replica["ETag"] == here.head_object(Bucket=source, Key="parts")["ETag"]


def test_a_prefix_and_tags_choose(buckets: Buckets) -> None:
    both = {"And": {"Prefix": "docs/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}
    buckets.rules(
        {"Filter": {"Prefix": "always/"}},
        {"Filter": both},
        {"Filter": {"Tag": {"Key": "c", "Value": "3"}}},
        {"Filter": {"Prefix": "off/"}, "Status": "Disabled"},
    )
    buckets.put("docs/both", Tagging="a=1&b=2&z=9")
    buckets.put("docs/half", Tagging="a=1")
    buckets.put("other/both", Tagging="a=1&b=2")
    buckets.put("other/tag", Tagging="c=3")
    buckets.put("off/one")
    buckets.arrives("docs/both")
    buckets.arrives("other/tag")
    for key in ("docs/half", "other/both", "off/one"):
        assert buckets.never_arrives(key), key


def test_only_new_objects_of_a_bucket_with_a_configuration_are_replicated(buckets: Buckets) -> None:
    buckets.put("before")
    buckets.rules({})
    assert buckets.never_arrives("before")
    buckets.here.delete_bucket_replication(Bucket=buckets.source)
    buckets.put("after")
    assert buckets.status("after") is None


def test_a_replica_is_not_replicated_back(buckets: Buckets) -> None:
    buckets.rules({})
    back = {
        "Role": ROLE,
        "Rules": [
            {
                "ID": "back",
                "Priority": 0,
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                **NO_MARKERS,
                "Destination": {"Bucket": f"arn:aws:s3:::{buckets.source}"},
            }
        ],
    }
    buckets.there.put_bucket_replication(Bucket=buckets.target, ReplicationConfiguration=back)
    buckets.put("one")
    assert buckets.arrives("one")["ReplicationStatus"] == "REPLICA"
    # What goes back comes after what an echo of the first would have been.
    buckets.there.put_object(Bucket=buckets.target, Key="two", Body=b"back")
    assert eventually(
        lambda: (
            buckets.there.head_object(Bucket=buckets.target, Key="two").get("ReplicationStatus")
            == "COMPLETED"
        )
    )
    versions = buckets.here.list_object_versions(Bucket=buckets.source)["Versions"]
    assert sorted(version["Key"] for version in versions) == ["one", "two"]


def test_delete_markers_follow_only_where_a_rule_says_so(buckets: Buckets) -> None:
    buckets.rules({"Filter": {"Prefix": "marked/"}, **MARKERS}, {"Filter": {"Prefix": "always/"}})
    for key in ("marked/one", "always/kept"):
        buckets.put(key)
        buckets.arrives(key)
    for key in ("marked/one", "always/kept"):
        buckets.here.delete_object(Bucket=buckets.source, Key=key)
    assert eventually(lambda: buckets.replica("marked/one") is None)
    markers = buckets.there.list_object_versions(Bucket=buckets.target)["DeleteMarkers"]
    sources = buckets.here.list_object_versions(Bucket=buckets.source)["DeleteMarkers"]
    assert [marker["Key"] for marker in markers] == ["marked/one"]
    assert markers[0]["VersionId"] in {marker["VersionId"] for marker in sources}
    assert buckets.replica("always/kept") is not None


def test_deleting_a_version_is_never_replicated(buckets: Buckets) -> None:
    buckets.rules(MARKERS)
    version = buckets.put("one")
    buckets.arrives("one")
    buckets.here.delete_object(Bucket=buckets.source, Key="one", VersionId=version)
    buckets.put("two")
    buckets.arrives("two")
    assert buckets.replica("one") is not None


def test_what_a_kms_key_encrypts_needs_a_rule_that_says_so(buckets: Buckets) -> None:
    destination = {"EncryptionConfiguration": {"ReplicaKmsKeyID": KEY_THERE}, "StorageClass": "STANDARD_IA"}
    chosen = {"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}}}
    buckets.rules(
        {"Filter": {"Prefix": "always/"}},
        {"Filter": {"Prefix": "secret/"}, "Destination": destination, **chosen},
        {"Filter": {"Prefix": "plain/"}},
    )
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY_HERE}
    buckets.put("secret/one", **encrypted)
    buckets.put("plain/one", **encrypted)
    replica = buckets.arrives("secret/one")
    assert (replica["ServerSideEncryption"], replica["SSEKMSKeyId"]) == ("aws:kms", KEY_THERE)
    assert replica["StorageClass"] == "STANDARD_IA"
    assert buckets.here.head_object(Bucket=buckets.source, Key="secret/one")["SSEKMSKeyId"] == KEY_HERE
    assert buckets.never_arrives("plain/one")


def test_later_tags_follow_and_make_no_replica(buckets: Buckets) -> None:
    buckets.rules({"Filter": {"Prefix": "always/"}}, {"Filter": {"Tag": {"Key": "c", "Value": "3"}}})
    buckets.put("always/one")
    buckets.put("other")
    buckets.arrives("always/one")
    tags = {"TagSet": [{"Key": "c", "Value": "3"}]}
    for key in ("always/one", "other"):
        buckets.here.put_object_tagging(Bucket=buckets.source, Key=key, Tagging=tags)

    def held() -> Any:
        return buckets.there.get_object_tagging(Bucket=buckets.target, Key="always/one")["TagSet"]

    assert eventually(lambda: held() == tags["TagSet"])
    assert buckets.never_arrives("other")


def test_a_target_that_can_not_take_replicas_shows_on_the_source(buckets: Buckets) -> None:
    buckets.rules({"Destination": {"Bucket": "arn:aws:s3:::there-is-no-such-bucket"}})
    buckets.put("one")
    assert eventually(lambda: buckets.status("one") == "FAILED")
