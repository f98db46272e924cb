"""Every resource says whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

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
from tapstack.model.taggable import PROVIDER, is_taggable
from tapstack.model.values import MISSING, Unknown, is_unset

_Key = Annotated[str, Field(min_length=1, max_length=128)]


class RequiredTags(Policy):
    """Every key of `keys` is there and not empty, the provider's default tags counted."""

    id = "CKV_TAP_501"
    name = "required_tags"
    title = "Taggable resources carry the required tags"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("*",)
    rationale = (
        "Cost, ownership and clean-up all start from tags; a resource without them is found only when it "
        "hurts. Tags that the provider adds by default count."
    )
    remediation = (
        'provider "aws" {\n'
        "  default_tags {\n"
        "    tags = {\n"
        "      Environment = var.environment\n"
        '      Project     = "..."\n'
        '      ManagedBy   = "terraform"\n'
        "    }\n"
        "  }\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html",
        "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/resource-tagging",
    )

    class Parameters(Policy.Parameters):
        """Required keys, and for any key the values it may have."""

        keys: tuple[_Key, ...] = ("Environment", "Project", "ManagedBy")
        allowed_values: dict[_Key, tuple[str, ...]] = Field(default_factory=dict)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """One piece of evidence per key that fails or isn't known; one for all that pass."""
        taggable = is_taggable(resource, stack.kind)
        if resource.type == "aws_autoscaling_group":
            tags = _of_group(resource)
        elif taggable is None and is_unset(resource.get("tags")):
            yield unknown(f"Whether {resource.type} takes tags is not known: {PROVIDER} has no such type.")
            return
        elif taggable is False:
            yield not_applicable(f"{resource.type} takes no tags.")
            return
        else:
            tags = _effective(resource, stack)
        evidence = [one for key in self._keys() if (one := self._judge(key, tags)) is not None]
        yield from evidence or [passed("Every required tag is there.", "tags", tags.known)]

    def _keys(self) -> Iterable[str]:
        return dict.fromkeys((*self.parameters.keys, *self.parameters.allowed_values))

    def _judge(self, key: str, tags: _Tags) -> Evidence | None:
        """What is wrong with one key; None where nothing is."""
        value, attribute = tags.get(key), f"tags.{key}"
        allowed = self.parameters.allowed_values.get(key)
        expected = f"one of {', '.join(allowed)}" if allowed else None
        if value is MISSING and key not in self.parameters.keys:
            return None
        if isinstance(value, Unknown):
            return unknown(f"The tag {key} is not known yet.", attribute, actual=value, expected=expected)
        if value is MISSING:
            return failed(f"The tag {key} is missing.", attribute, expected=expected)
        if not str(value).strip():
            return failed(f"The tag {key} is empty.", attribute, actual=value, expected=expected)
        if allowed and str(value) not in allowed:
            return failed(f"The tag {key} has another value.", attribute, actual=value, expected=expected)
        return None


@dataclass(frozen=True, slots=True)
class _Tags:
    """Tags as far as they are known. `rest` is Unknown where there may be more, or others in their place."""

    known: Mapping[str, Any]
    rest: Unknown | None = None

    def get(self, key: str) -> Any:
        value = self.known.get(key)
        return (self.rest or MISSING) if value is None else value


def _effective(resource: Resource, stack: Stack) -> _Tags:
    """`tags_all` where it is known; else the resource's tags over its provider's default tags."""
    every = resource.get("tags_all")
    if isinstance(every, Mapping):
        return _Tags(every)
    own, default = resource.get("tags"), stack.default_tags_of(resource)
    if not is_unset(own) and not isinstance(own, Mapping):
        # Tags that aren't known may replace any default with an empty one.
        return _Tags({}, own if isinstance(own, Unknown) else Unknown())
    known = {} if is_unset(own) else own
    if isinstance(default, Unknown):
        return _Tags(known, default)
    return _Tags({**(default if isinstance(default, Mapping) else {}), **known})


def _of_group(resource: Resource) -> _Tags:
    """An Auto Scaling group has a block per tag, and no default tags."""
    blocks = resource.get("tag")
    if isinstance(blocks, Unknown) and not blocks.computed:
        return _Tags({}, blocks)
    listed = blocks if isinstance(blocks, list) else []
    known: dict[str, Any] = {}
    rest: Unknown | None = None
    for block in listed:
        key = block.get("key") if isinstance(block, Mapping) else Unknown()
        if isinstance(key, str):
            known[key] = block.get("value")
        else:
            rest = key if isinstance(key, Unknown) else Unknown()
    return _Tags(known, rest)
