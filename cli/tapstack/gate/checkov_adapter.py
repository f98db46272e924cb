"""Lets plain checkov run a policy: `checkov -d terraform --external-checks-dir policies`.

Imported only in a process that runs checkov; tap's own never does.
"""

from __future__ import annotations

import argparse
import inspect
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from checkov.common.bridgecrew.severities import Severities
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from pydantic import ValidationError

from tapstack.errors import TapError
from tapstack.gate.address import matches
from tapstack.gate.checkov_block import NotSeen, read
from tapstack.gate.policy import Evidence, Policy, Verdict
from tapstack.settings import SANDBOX, Settings, load

_CATEGORIES: Final = {
    "encryption": CheckCategories.ENCRYPTION,
    "recovery": CheckCategories.BACKUP_AND_RECOVERY,
    "observability": CheckCategories.LOGGING,
    "identity": CheckCategories.IAM,
    "exposure": CheckCategories.NETWORKING,
}


class PolicyCheck(BaseResourceCheck):  # type: ignore[misc]  # checkov ships no types
    """A policy as a check of checkov's, with the parameters of the tap.toml beside what checkov is run on.

    PASSED and FAILED mean PASS and FAIL; UNKNOWN, which checkov leaves out of its report, stands for UNKNOWN,
    NOT_APPLICABLE and whatever can't be told from the one block that checkov shows. A policy that raises, or
    whose parameters can't be used, counts as FAILED: checkov itself would drop it.
    """

    def __init__(self, policy: type[Policy], category: CheckCategories, broken: str = "") -> None:
        self.broken = broken
        self.policy = policy() if broken else policy(_parameters(policy))
        super().__init__(
            name=policy.title,
            id=policy.id,
            categories=[category],
            supported_resources=list(policy.resource_types),
            guideline=policy.references[0],
        )
        self.severity = Severities[self.policy.effective_severity.value]

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Ask the policy about the block that checkov hands over."""
        if self.broken:
            logging.error("%s counts as FAILED everywhere: %s", self.id, self.broken)
            return CheckResult.FAILED
        try:
            resource, stack = read(conf, self.entity_type, self.entity_path.rpartition(":")[2])
            if any(matches(ignored.address, resource.address) for ignored in self.policy.parameters.ignore):
                return CheckResult.UNKNOWN
            evidence, seen = _told(self.policy.evaluate(resource, stack))
        except Exception:
            logging.exception("%s raised on %s; counted as FAILED", self.id, self.entity_path)
            return CheckResult.FAILED
        self.evaluated_keys = sorted({one.attribute.replace(".", "/") for one in evidence if one.attribute})
        self.details = [one.message for one in evidence if one.verdict is Verdict.FAIL]
        return _result(evidence, seen)


def register(policy: type[Policy]) -> None:
    """Make checkov ask a policy: creating a check registers it. One that tap.toml disables is left out."""
    parts = Path(inspect.getfile(policy)).parts
    area = next((part for part in reversed(parts) if part in _CATEGORIES), "")
    category = _CATEGORIES.get(area, CheckCategories.GENERAL_SECURITY)
    try:
        settings = _settings()
        if settings and {policy.id, policy.name} & set(settings.policies.disabled):
            return
        PolicyCheck(policy, category)
    except (TapError, ValidationError) as wrong:
        # Raised, this would only be logged, and the policy missing from the report.
        PolicyCheck(policy, category, broken=str(wrong))


def _told(evidence: Iterable[Evidence]) -> tuple[list[Evidence], bool]:
    """The evidence, as far as it goes without anything that is not seen, and whether that was all."""
    found: list[Evidence] = []
    try:
        found.extend(evidence)
    except NotSeen:
        return found, False
    return found, True


def _result(evidence: Sequence[Evidence], seen: bool) -> CheckResult:
    verdicts = {one.verdict for one in evidence}
    if Verdict.FAIL in verdicts or (seen and not verdicts):
        return CheckResult.FAILED
    settled = verdicts <= {Verdict.PASS, Verdict.NOT_APPLICABLE} and Verdict.PASS in verdicts
    return CheckResult.PASSED if seen and settled else CheckResult.UNKNOWN


def _parameters(policy: type[Policy]) -> Any:
    settings = _settings()
    tables = settings.policy_parameters() if settings else {}
    return policy.Parameters.model_validate(tables.get(policy.id, {}) | tables.get(policy.name, {}))


@cache
def _settings() -> Settings | None:
    """The settings of the stack that checkov's command line names, for the environment TAP_ENV.

    None where it names none or several, or there is no tap.toml: the policies' defaults hold.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-d", "--directory", action="append", default=[])
    parser.add_argument("-f", "--file", nargs="+", action="extend", default=[])
    named, _ = parser.parse_known_args(sys.argv[1:])
    stacks = {*map(Path, named.directory), *(Path(file).parent for file in named.file)}
    if len(stacks) != 1:
        return None
    settings = load(stacks.pop(), os.environ.get("TAP_ENV", SANDBOX))
    return settings if settings.path else None
