"""Replicates objects from bucket to bucket by the bucket's replication configuration, a moment later.

What is replicated, and what not:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeDeleteMarker, S3Backend, s3_backends

from tapstack.sandbox.lag import Lagging

# The attribute of moto's objects that has the value of x-amz-replication-status.
STATUS: Final = "replication_status"

_PENDING, _DONE, _FAILED, _REPLICA = "PENDING", "COMPLETED", "FAILED", "REPLICA"
_KMS: Final = ("aws:kms", "aws:kms:dsse")
_COPIED: Final = (
    "last_modified",
    "acl",
    "website_redirect_location",
    "checksum_algorithm",
    "checksum_type",
    "checksum_parts",
    "_etag",
    "_version_id",
)

_replication = Lagging("replication of objects")
_request: ContextVar[list[Callable[[], None]] | None] = ContextVar("request", default=None)
_is_replicating: ContextVar[bool] = ContextVar("is_replicating", default=False)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule of a configuration, as parsed from its XML."""

    document: Mapping[str, Any]

    @property
    def priority(self) -> int:
        return int(self.document.get("Priority") or 0)

    @property
    def destination(self) -> Mapping[str, Any]:
        destination: Mapping[str, Any] = self.document["Destination"]
        return destination

    @property
    def target(self) -> str:
        return str(self.destination["Bucket"]).rpartition(":")[2]

    @property
    def replicates_delete_markers(self) -> bool:
        # The first version of rules, without Filter, always did.
        if "Filter" not in self.document:
            return True
        return _status(self.document, "DeleteMarkerReplication") and not self._tags

    @property
    def replicates_kms(self) -> bool:
        return _status(self.document.get("SourceSelectionCriteria"), "SseKmsEncryptedObjects")

    @property
    def replica_key(self) -> str | None:
        return (self.destination.get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")

    def is_for(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether the rule is on, and its prefix and all of its tags are those of an object."""
        if self.document.get("Status") != "Enabled":
            return False
        has_tags = all(tags.get(tag["Key"]) == (tag.get("Value") or "") for tag in self._tags)
        return has_tags and name.startswith(self._prefix)

    @property
    def _filter(self) -> Mapping[str, Any]:
        chosen = self.document.get("Filter") or {}
        return chosen.get("And") or chosen

    @property
    def _prefix(self) -> str:
        return str(self._filter.get("Prefix") or self.document.get("Prefix") or "")

    @property
    def _tags(self) -> list[Mapping[str, Any]]:
        tags = self._filter.get("Tag") or []
        return tags if isinstance(tags, list) else [tags]


@contextmanager
def request() -> Iterator[None]:
    """What is put within counts as put at the end, when the request has given it metadata and tags too."""
    pending: list[Callable[[], None]] = []
    token = _request.set(pending)
    try:
        yield
    finally:
        _request.reset(token)
        for work in pending:
            work()


def put(backend: S3Backend, key: Any) -> None:
    """To be told of each object that is put into a bucket of moto's."""
    _at_end_of_request(partial(_plan, backend, key))


def tagged(backend: S3Backend, key: Any) -> None:
    """To be told of each change of an object's tags: replicas get them too, objects without replicas don't."""
    if getattr(key, STATUS, None) in (_PENDING, _DONE):
        _at_end_of_request(partial(_plan_tags, backend, key))


def deleted(backend: S3Backend, bucket: str, name: str) -> None:
    """To be told of each delete without a version; one of a version is never replicated."""
    marker = backend.get_bucket(bucket).keys.get(name)
    if not isinstance(marker, FakeDeleteMarker) or _is_replicating.get():
        return
    for rule in _matching(backend, bucket, name, {}):
        if rule.replicates_delete_markers:
            _replication.do(partial(_mark, rule.target, name, marker.version_id))


def _at_end_of_request(work: Callable[[], None]) -> None:
    if _is_replicating.get():
        return
    pending = _request.get()
    if pending is None:
        work()
    else:
        pending.append(work)


def _plan(backend: S3Backend, key: Any) -> None:
    if not key._is_versioned:
        return
    is_kms = key.encryption in _KMS
    rules = [
        rule
        for rule in _matching(backend, key.bucket_name, key.name, _tags(backend, key))
        if rule.replicates_kms or not is_kms
    ]
    if rules:
        setattr(key, STATUS, _PENDING)
        _replication.do(partial(_replicate, backend, key, rules))


def _plan_tags(backend: S3Backend, key: Any) -> None:
    targets = [rule.target for rule in _matching(backend, key.bucket_name, key.name, _tags(backend, key))]
    _replication.do(partial(_copy_tags, backend, key, targets))


def _matching(backend: S3Backend, bucket: str, name: str, tags: Mapping[str, str]) -> list[_Rule]:
    """The rules for an object, for each target the one of the highest priority."""
    configuration = backend.get_bucket_replication(bucket) or {"Rule": []}
    rules = sorted(map(_Rule, configuration["Rule"]), key=lambda rule: rule.priority)
    return list({rule.target: rule for rule in rules if rule.is_for(name, tags)}.values())


def _replicate(backend: S3Backend, key: Any, rules: list[_Rule]) -> None:
    if key.disposed:
        return
    try:
        for rule in rules:
            _copy(backend, key, rule)
    except _NotReplicatedError:
        setattr(key, STATUS, _FAILED)
    else:
        setattr(key, STATUS, _DONE)


def _copy(backend: S3Backend, key: Any, rule: _Rule) -> None:
    target = _target(rule.target)
    is_kms = key.encryption in _KMS
    with _replicating():
        replica = target.put_object(
            rule.target,
            key.name,
            key.value,
            storage=rule.destination.get("StorageClass") or key.storage_class,
            multipart=key.multipart,
            encryption=key.encryption if is_kms else None,
            kms_key_id=rule.replica_key if is_kms else None,
            lock_mode=key.lock_mode,
            lock_legal_status=key.lock_legal_status,
            lock_until=key.lock_until,
            checksum_value=key.checksum_value,
        )
    for attribute in _COPIED:
        setattr(replica, attribute, getattr(key, attribute))
    replica.set_metadata(dict(key.metadata))
    setattr(replica, STATUS, _REPLICA)
    _tag(target, replica, _tags(backend, key))


def _copy_tags(backend: S3Backend, key: Any, targets: list[str]) -> None:
    for bucket in targets:
        with suppress(_NotReplicatedError):
            target = _target(bucket)
            replica = target.get_object(bucket, key.name, key.version_id)
            if replica is not None:
                _tag(target, replica, _tags(backend, key))


def _mark(bucket: str, name: str, version: str) -> None:
    with suppress(_NotReplicatedError):
        target = _target(bucket)
        if name not in target.get_bucket(bucket).keys:
            return
        with _replicating():
            target.delete_object(bucket, name)
        target.get_bucket(bucket).keys[name]._version_id = version


class _NotReplicatedError(Exception):
    """The target can't take replicas."""


def _target(bucket: str) -> S3Backend:
    """The backend of a bucket that can take replicas; raises _NotReplicatedError."""
    partition, account = s3_backends.bucket_accounts.get(bucket, ("", ""))
    try:
        backend: S3Backend = s3_backends[account][partition]
        is_versioned = backend.get_bucket(bucket).is_versioned
    except (KeyError, MissingBucket) as error:
        raise _NotReplicatedError(f"there is no bucket {bucket}") from error
    if not is_versioned:
        raise _NotReplicatedError(f"{bucket} is not versioned")
    return backend


@contextmanager
def _replicating() -> Iterator[None]:
    token = _is_replicating.set(True)
    try:
        yield
    finally:
        _is_replicating.reset(token)


def _tag(backend: S3Backend, key: Any, tags: Mapping[str, str]) -> None:
    with _replicating():
        backend.put_object_tagging(key, dict(tags))


def _tags(backend: S3Backend, key: Any) -> dict[str, str]:
    tags: dict[str, str] = backend.tagger.get_tag_dict_for_resource(key.arn)
    return tags


def _status(section: Mapping[str, Any] | None, name: str) -> bool:
    return ((section or {}).get(name) or {}).get("Status") == "Enabled"
