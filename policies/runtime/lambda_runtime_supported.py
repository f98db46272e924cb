"""Functions run on runtimes that AWS still patches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from pydantic import Field

from tapstack.errors import GateFailed
from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, is_unset

# Kept up to date from https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html by its maintainers, AWS.
_LIBRARY: Final = "cfn-lint"
_TABLE: Final = "cfnlint/data/AdditionalSpecs/LmbdRuntimeLifecycle.json"
_ATTRIBUTE: Final = "runtime"


class LambdaRuntimeSupported(Policy):
    """`runtime` is not deprecated today; deprecation within `warn_days` is an advisory finding."""

    id = "CKV_TAP_601"
    name = "lambda_runtime_supported"
    title = "Lambda functions run on supported runtimes"
    severity = Severity.HIGH
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_lambda_function",)
    rationale = (
        "After its deprecation date a runtime gets no security patches, and later the function can be neither "
        "created nor updated, not even to fix it. Sharpens checkov's CKV_AWS_363, whose list is fixed: this "
        "policy asks cfn-lint's table of dates about today, and says what is deprecated soon."
    )
    remediation = 'runtime = "python3.13"'
    references = (
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtime-support-policy",
        "https://github.com/aws-cloudformation/cfn-lint",
    )

    class Parameters(Policy.Parameters):
        """Days ahead of its deprecation from which a runtime is spoken of."""

        warn_days: int = Field(default=180, ge=0)

    @staticmethod
    def today() -> date:
        """The day the verdict is about, in UTC; a test replaces this."""
        return datetime.now(UTC).date()

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the function has a runtime at all, then how long AWS supports it.

        Raises GateFailed where cfn-lint's table isn't there: without dates every runtime would pass.
        """
        runtime, package = resource.get(_ATTRIBUTE), resource.get("package_type")
        if package == "Image":
            yield not_applicable("A container image brings its own runtime.")
        elif isinstance(package, Unknown) and not package.computed:
            yield unknown(
                "Whether this is a container image is not known yet.", "package_type", actual=package
            )
        elif is_unset(runtime) or runtime == "":
            yield failed("The function names no runtime, and is no container image.", _ATTRIBUTE)
        elif isinstance(runtime, Unknown):
            yield unknown(
                "The runtime is not known yet.", _ATTRIBUTE, actual=runtime, expected="a supported runtime"
            )
        else:
            yield self._supported(str(runtime))

    def _supported(self, runtime: str) -> Evidence:
        lifecycle = _lifecycles().get(runtime)
        if lifecycle is None:
            return unknown(
                f"{_LIBRARY} {metadata.version(_LIBRARY)} has no dates for {runtime}: a newer {_LIBRARY} may.",
                _ATTRIBUTE,
                actual=runtime,
                expected="a supported runtime",
            )
        days = (lifecycle.deprecated - self.today()).days
        if days <= 0:
            return failed(
                f"{runtime} has been deprecated since {lifecycle.deprecated}: AWS no longer patches it"
                f"{lifecycle.instead}.",
                _ATTRIBUTE,
                actual=runtime,
                expected=lifecycle.successor or "a supported runtime",
            )
        if days <= self.parameters.warn_days:
            span = "1 day" if days == 1 else f"{days} days"
            return failed(
                f"{runtime} is deprecated in {span}, on {lifecycle.deprecated}{lifecycle.instead}.",
                _ATTRIBUTE,
                actual=runtime,
                expected=lifecycle.successor or "a supported runtime",
                advisory=True,
            )
        return passed(f"{runtime} is supported until {lifecycle.deprecated}.", _ATTRIBUTE, runtime)


@dataclass(frozen=True, slots=True)
class _Lifecycle:
    """When AWS ends the support of a runtime, and what it suggests instead."""

    deprecated: date
    successor: str | None

    @property
    def instead(self) -> str:
        return f"; its successor is {self.successor}" if self.successor else ""


@cache
def _lifecycles() -> Mapping[str, _Lifecycle]:
    """The lifecycle of each runtime, from the library's data alone: importing cfnlint takes a second."""
    try:
        file = Path(str(metadata.distribution(_LIBRARY).locate_file(_TABLE)))
        table = json.loads(file.read_text("utf-8"))
        return {
            runtime: _Lifecycle(date.fromisoformat(entry["deprecated"]), entry.get("successor"))
            for runtime, entry in table.items()
        }
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GateFailed(
            f"The deprecation dates of Lambda's runtimes can't be read from {_LIBRARY} "
            f"({type(error).__name__}: {error}).",
            hint=f"install {_LIBRARY}: pip install {_LIBRARY}",
        ) from error
