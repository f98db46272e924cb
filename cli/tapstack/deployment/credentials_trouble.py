"""What AWS says of credentials that have expired, and what to do about it."""

from __future__ import annotations

import re
from typing import Final

from tapstack.errors import TerraformFailed
from tapstack.terraform.failures import DiagnosedFailure

# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and the codes of S3 and EC2.
_EXPIRED: Final = re.compile(
    r"\b(ExpiredToken(Exception)?|RequestExpired|TokenRefreshRequired|InvalidGrantException)\b"
    r"|security token included in the request is expired|SSO session .* (has )?expired",
    re.IGNORECASE,
)


def has_expired(said: str) -> bool:
    """Whether an error of AWS, or of Terraform about it, is that the credentials are too old."""
    return _EXPIRED.search(said) is not None


def hinted(failure: TerraformFailed) -> TerraformFailed:
    """The failure; where credentials have expired, its hint begins with that."""
    said = failure.message
    if isinstance(failure, DiagnosedFailure):
        said = "\n".join(f"{one.summary} {one.detail}" for one in failure.diagnostics)
    if has_expired(said):
        then = f"; then {failure.hint}" if failure.hint else ", then start again"
        failure.hint = f"the credentials have expired: get new ones{then}"
    return failure
