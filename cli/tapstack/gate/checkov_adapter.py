"""Lets plain checkov run a policy: `checkov -d terraform --external-checks-dir policies`.

Imported only in a process that runs checkov; tap's own never does.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from tapstack.gate.policy import Evidence, Policy, Verdict
from tapstack.model import template
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import Unknown

_CATEGORIES: Final = {
    "encryption": CheckCategories.ENCRYPTION,
    "recovery": CheckCategories.BACKUP_AND_RECOVERY,
    "observability": CheckCategories.LOGGING,
    "identity": CheckCategories.IAM,
    "exposure": CheckCategories.NETWORKING,
}
_META: Final = frozenset({"count", "for_each", "provider", "depends_on", "lifecycle", "dynamic"})
# These are maps of texts, never blocks; checkov's form of `{}` doesn't tell.
_MAPS: Final = frozenset({"tags", "tags_all"})
# What checkov leaves of a reference that it could not follow has lost its `${}`.
_BARE_REFERENCE: Final = re.compile(
    r"(?:var|local|module|data|each|count|self|path|terraform|[a-z]\w*_\w*)(?:\.[\w*-]+|\[[^\]]*\])+|[a-z]\w*\(.*\)",
    re.DOTALL,
)
_AFTER_APPLY: Final = "true_after_unknown"


class PolicyCheck(BaseResourceCheck):  # type: ignore[misc]  # checkov ships no types
    """A policy, with its default parameters, as a check of checkov's.

    PASSED and FAILED mean PASS and FAIL; UNKNOWN, which checkov leaves out of its report, stands for UNKNOWN
    and NOT_APPLICABLE. A policy that raises counts as FAILED: checkov itself would drop it.
    """

    def __init__(self, policy: Policy, category: CheckCategories) -> None:
        self.policy = policy
        super().__init__(
            name=policy.title,
            id=policy.id,
            categories=[category],
            supported_resources=list(policy.resource_types),
            guideline=policy.references[0],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Ask the policy about the block that checkov hands over."""
        try:
            resource = resource_of(conf, self.entity_type, self.entity_path.rpartition(":")[2])
            # Checkov shows a check one block: whether a provider adds tags can't be seen.
            unseen = {resource.provider_key or "": Unknown(("provider default_tags",))}
            stack = Stack(Kind.HCL, {resource.address: resource}, unseen, declared=1)
            evidence = list(self.policy.evaluate(resource, stack))
            self.evaluated_keys = sorted({one.attribute for one in evidence if one.attribute})
            return _result(evidence)
        except Exception:
            logging.exception("%s raised on %s; counted as FAILED", self.id, self.entity_path)
            return CheckResult.FAILED


def register(policy: type[Policy]) -> None:
    """Make checkov ask a policy: creating a check registers it."""
    area = next((part for part in reversed(_path_of(policy)) if part in _CATEGORIES), "")
    PolicyCheck(policy(), _CATEGORIES.get(area, CheckCategories.GENERAL_SECURITY))


def resource_of(conf: Mapping[str, Any], type_: str, name: str) -> Resource:
    """A Resource from checkov's form of a block, in which every attribute is a list that holds its value."""
    bare = name.removeprefix(f"{type_}.")
    values = {
        key: _attribute(key, value)
        for key, value in conf.items()
        if key not in _META and not key.startswith("__")
    }
    for dynamic in conf.get("dynamic", ()):
        # checkov copies the content of a dynamic block in as if it were always there, once.
        if isinstance(dynamic, Mapping):
            values.update({label: Unknown((f"dynamic {label}",)) for label in dynamic})
    return Resource(
        address=f"{type_}.{bare}", type=type_, name=bare, provider_key=type_.partition("_")[0], values=values
    )


def _path_of(policy: type[Policy]) -> tuple[str, ...]:
    return Path(inspect.getfile(policy)).parts


def _result(evidence: Iterable[Evidence]) -> CheckResult:
    verdicts = {one.verdict for one in evidence}
    if not verdicts or Verdict.FAIL in verdicts:
        return CheckResult.FAILED
    settled = verdicts <= {Verdict.PASS, Verdict.NOT_APPLICABLE} and Verdict.PASS in verdicts
    return CheckResult.PASSED if settled else CheckResult.UNKNOWN


def _attribute(name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return _value(value)
    if name not in _MAPS and value and all(_is_block(item) for item in value):
        return [{k: _attribute(k, v) for k, v in item.items() if not k.startswith("__")} for item in value]
    return _value(value[0]) if len(value) == 1 else [_value(item) for item in value]


def _is_block(value: Any) -> bool:
    """A block's attributes are lists; those of an object are not."""
    return isinstance(value, Mapping) and all(
        isinstance(item, list) for key, item in value.items() if not key.startswith("__")
    )


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if not isinstance(value, str):
        return value
    if value == _AFTER_APPLY:
        return Unknown()
    if "${" in value or "%{" in value:
        return Unknown(template.references(value))
    if _BARE_REFERENCE.fullmatch(value):
        return Unknown(template.references(f"${{{value}}}"))
    return value
