"""Objects that were overwritten or deleted can be had back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.gate.s3_subresource import perhaps_about, subresources
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, is_unset

_TYPE: Final = "aws_s3_bucket_versioning"
_STATUS: Final = "versioning_configuration.0.status"
# The bucket's own block, which the provider still reads, and in which a state shows what S3 says.
_ATTRIBUTE: Final = "versioning"
_ENABLED: Final = "Enabled"


class S3BucketVersioning(Policy):
    """An `aws_s3_bucket_versioning` for this very bucket says Enabled."""

    id = "CKV_TAP_202"
    name = "s3_bucket_versioning"
    title = "S3 buckets keep the versions of their objects"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_s3_bucket",)
    rationale = (
        "Without versions, an overwrite or a delete is final, be it a mistake, a faulty release or an "
        "attacker's. Replication and object lock need them as well. Sharpens checkov's CKV_AWS_21, which does "
        "not tell one bucket's versioning from another's where references lead through variables."
    )
    remediation = (
        'resource "aws_s3_bucket_versioning" "this" {\n'
        "  bucket = aws_s3_bucket.this.id\n\n"
        "  versioning_configuration {\n"
        '    status = "Enabled"\n'
        "  }\n"
        "}"
    )
    references = ("https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """What the versioning resource of this bucket says, else the bucket's own block."""
        own = as_bool(resource.get("versioning.0.enabled"))
        if found := subresources(stack, resource, _TYPE):
            yield from (_said(one.get(_STATUS), f"{one.address} says") for one in found)
        elif isinstance(own, bool) or (isinstance(own, Unknown) and not own.computed):
            yield _said(own if isinstance(own, Unknown) else _ENABLED if own else "Disabled", "It says")
        elif others := perhaps_about(stack, resource, _TYPE):
            yield unknown(
                f"Whether {others[0].address} is about this bucket is not known yet.",
                _ATTRIBUTE,
                actual=others[0].get("bucket"),
                expected=_ENABLED,
            )
        else:
            yield failed(
                f"The bucket keeps no versions: no {_TYPE} is about it.", _ATTRIBUTE, expected=_ENABLED
            )


def _said(status: Any, who: str) -> Evidence:
    if isinstance(status, Unknown):
        return unknown(
            "Whether the bucket keeps versions is not known yet.",
            _ATTRIBUTE,
            actual=status,
            expected=_ENABLED,
        )
    if status == _ENABLED:
        return passed(f"The bucket keeps versions: {who} {status}.", _ATTRIBUTE, status)
    actual = None if is_unset(status) else status
    return failed(
        f"The bucket keeps no versions: {who} {actual or 'nothing'}.",
        _ATTRIBUTE,
        actual=actual,
        expected=_ENABLED,
    )
