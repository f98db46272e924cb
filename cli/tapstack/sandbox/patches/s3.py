"""What moto's S3 lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import wraps
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from tapstack.sandbox.record import Sandbox

# What is known of every request. On AWS the stack is reached over TLS, and clients here stand for those there.
_CONTEXT: Final = {"aws:securetransport": "true"}

_MINIMUM_SIZE: Final = "x-amz-transition-default-minimum-object-size"


def s3_bucket_policy(_sandbox: Sandbox) -> None:
    """The Condition and the Principal of a bucket policy's statements are not looked at.

    The statement that denies everything without TLS, which most buckets have, denies every call for an object.
    Of conditions only those on aws:SecureTransport are decided: every request counts as one over TLS. A statement
    with another condition, or for certain principals, is left out: a Deny that can't be decided must not deny
    everything, and an Allow that can't be must not open the bucket to unsigned requests. Delete when moto
    evaluates conditions.
    """

    @wraps(FakeBucket.get_permission)
    def get_permission(self: Any, action: str, resource: str) -> Any:
        document = json.loads(self.policy) if self.policy else {}
        statements = document.get("Statement", [])
        decided = [
            {name: value for name, value in one.items() if name != "Condition"}
            for one in (statements if isinstance(statements, list) else [statements])
            if _holds(one.get("Condition") or {}) and _concerns_everybody(one)
        ]
        if not decided:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps({**document, "Statement": decided})).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def s3_replication_configuration(_sandbox: Sandbox) -> None:
    """GetBucketReplication makes up the filter and the replication of delete markers, and forgets other settings.

    A rule with delete_marker_replication, a filter with a prefix or source_selection_criteria drifts for ever.
    Delete when moto returns the rules that it was given.
    """

    @wraps(S3Response.get_bucket_replication)
    def get_bucket_replication(self: Any) -> Any:
        self.data["Action"] = "GetBucketReplication"
        held = self.backend.get_bucket_replication(self.bucket_name)
        if not held:
            raise ReplicationConfigurationNotFoundError(bucket_name=self.bucket_name)
        rules = [_replication_rule(rule) for rule in held["Rule"]]
        configuration = {"Role": held["Role"], "Rules": rules}
        return self.serialized(ActionResult({"ReplicationConfiguration": configuration}))

    S3Response.get_bucket_replication = get_bucket_replication


def s3_transition_default_minimum_object_size(_sandbox: Sandbox) -> None:
    """PutBucketLifecycleConfiguration ignores TransitionDefaultMinimumObjectSize, and Get makes up AWS's default.

    A lifecycle configuration with varies_by_storage_class is waited for in vain: its apply fails after three
    minutes. Delete when GetBucketLifecycleConfiguration of moto returns the size that was put.
    """
    put, get = S3Response._bucket_response_put, S3Response.get_bucket_lifecycle

    @wraps(put)
    def _bucket_response_put(
        self: Any, request: Any, bucket_name: str, querystring: Mapping[str, Any]
    ) -> Any:
        answer = put(self, request, bucket_name, querystring)
        if "lifecycle" in querystring:
            chosen = request.headers.get(_MINIMUM_SIZE)
            self.backend.get_bucket(bucket_name).transition_default_minimum_object_size = chosen
        return answer

    @wraps(get)
    def get_bucket_lifecycle(self: Any) -> Any:
        status, headers, body = get(self)
        bucket = self.backend.get_bucket(self.bucket_name)
        if chosen := getattr(bucket, "transition_default_minimum_object_size", None):
            headers[_MINIMUM_SIZE] = chosen
        return status, headers, body

    S3Response._bucket_response_put = _bucket_response_put
    S3Response.get_bucket_lifecycle = get_bucket_lifecycle


def _holds(condition: Mapping[str, Any]) -> bool:
    """Whether a Condition is known to hold: all of its operators and keys are decided, and true.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    return all(
        _is_true(operator, key.lower(), wanted)
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _is_true(operator: str, key: str, wanted: object) -> bool:
    if key not in _CONTEXT:
        return False
    values = {str(value).lower() for value in (wanted if isinstance(wanted, list) else [wanted])}
    match operator:
        case "Bool" | "BoolIfExists" | "StringEquals" | "StringEqualsIfExists":
            return _CONTEXT[key] in values
        case "StringNotEquals" | "StringNotEqualsIfExists":
            return _CONTEXT[key] not in values
        case "Null":
            return "false" in values
    return False


def _concerns_everybody(statement: Mapping[str, Any]) -> bool:
    """Whether the principal is "*": the sandbox does not know who calls."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    return named == "*" or (isinstance(named, list) and "*" in named)


def _replication_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as parsed from its XML, where "" is None and lists are bare, in the shape of the API."""
    shaped = _with_empty_prefix(rule)
    if "Filter" in rule:
        shaped["Filter"] = chosen = _with_empty_prefix(rule["Filter"] or {"Prefix": None})
        if chosen.get("And"):
            both = _with_empty_prefix(chosen["And"])
            tags = both.pop("Tag", [])
            chosen["And"] = {**both, "Tags": tags if isinstance(tags, list) else [tags]}
    return shaped


def _with_empty_prefix(parsed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if name == "Prefix" and value is None else value for name, value in parsed.items()}
