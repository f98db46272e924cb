"""An archive's objects move to cheap storage when nobody asks for them any more, and none is lost before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from tapstack.gate.address import matches
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
from tapstack.gate.s3_subresource import perhaps_about, subresources
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, as_number, is_unset

_TYPE: Final = "aws_s3_bucket_lifecycle_configuration"
# The bucket's own block, which the provider still reads.
_ATTRIBUTE: Final = "lifecycle_rule"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_Transition.html
_GLACIER: Final = frozenset({"GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"})
_STEPS: Final = ("transition", "expiration", "noncurrent_version_expiration")
_EVERY_BUCKET: Final = "*"

_Block = Mapping[str, Any]


class S3LifecycleArchives(Policy):
    """Some rule moves objects to a Glacier class, none of them before `min_days`, and nothing expires sooner."""

    id = "CKV_TAP_203"
    name = "s3_lifecycle_archives"
    title = "Archive buckets move objects to Glacier and don't lose them before"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_s3_bucket",)
    rationale = (
        "An expiration where a transition was meant looks alike in review and deletes the audit trail. Moved "
        "too soon, objects that are still read cost a retrieval each; never moved, they cost four times as "
        "much as they need to."
    )
    remediation = (
        "rule {\n"
        '  id     = "archive"\n'
        '  status = "Enabled"\n\n'
        "  filter {}\n\n"
        "  transition {\n"
        "    days          = 90\n"
        '    storage_class = "GLACIER"\n'
        "  }\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html",
    )

    class Parameters(Policy.Parameters):
        """Addresses of the buckets that are archives (`*` and `?` as usual), and days before they archive.

        "*" stands for every bucket that has a lifecycle configuration; a bucket named otherwise must have one.
        """

        buckets: tuple[Annotated[str, Field(min_length=1)], ...] = (_EVERY_BUCKET,)
        min_days: int = Field(default=90, ge=0)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether the bucket is an archive, then every rule that is enabled."""
        patterns = [one for one in self.parameters.buckets if matches(one, resource.address)]
        if not patterns:
            yield not_applicable("The bucket is not one of the archives.")
            return
        if found := _rules(resource, stack):
            for rules, where in found:
                yield from self._judge(rules, where)
        elif others := perhaps_about(stack, resource, _TYPE):
            yield unknown(
                f"Whether {others[0].address} is about this bucket is not known yet.",
                _ATTRIBUTE,
                actual=others[0].get("bucket"),
            )
        elif patterns == [_EVERY_BUCKET]:
            yield not_applicable("The bucket has no lifecycle configuration.")
        else:
            yield failed(
                "The bucket is an archive, and nothing moves its objects to Glacier: it has no lifecycle "
                "configuration.",
                _ATTRIBUTE,
                expected=self._expected(),
            )

    def _expected(self) -> str:
        return f"a transition to a Glacier class after {self.parameters.min_days} days or more"

    def _judge(self, rules: Any, where: str) -> Iterable[Evidence]:
        read = _read(rules)
        found = [*self._transitions(read, where), *self._expirations(read, where)]
        if read.hidden is not None:
            found.append(
                unknown(
                    f"What {where} does is not known yet.",
                    _ATTRIBUTE,
                    actual=read.hidden,
                    expected=self._expected(),
                )
            )
        elif not read.archiving:
            found.append(
                failed(
                    f"No enabled rule of {where} moves objects to a Glacier class.",
                    _ATTRIBUTE,
                    expected=self._expected(),
                )
            )
        yield from found or [passed(f"{where} archives: {read.words()}.", _ATTRIBUTE)]

    def _transitions(self, read: _Rules, where: str) -> Iterable[Evidence]:
        least = self.parameters.min_days
        for step in read.archiving:
            if isinstance(step.days, Unknown):
                yield unknown(
                    f"When {where} moves objects to {step.what} is not known yet.",
                    _ATTRIBUTE,
                    actual=step.days,
                    expected=self._expected(),
                )
            elif step.days is None or step.days < least:
                yield failed(
                    f"{where} moves objects to {step.what} {step.when()}, sooner than {least} days.",
                    _ATTRIBUTE,
                    actual=step.days,
                    expected=self._expected(),
                )

    def _expirations(self, read: _Rules, where: str) -> Iterable[Evidence]:
        limit = max(self.parameters.min_days, read.first_archiving())
        for step in read.expiring:
            if isinstance(step.days, Unknown):
                yield unknown(
                    f"When {where} deletes {step.what} is not known yet.", _ATTRIBUTE, actual=step.days
                )
            elif step.days is None or step.days <= max(limit, step.archived_after):
                yield failed(
                    f"{where} deletes {step.what} {step.when()}, before they are archived.",
                    _ATTRIBUTE,
                    actual=step.days,
                    expected=f"nothing expires within {max(limit, step.archived_after)} days",
                )


@dataclass(frozen=True, slots=True)
class _Step:
    """What a rule does to objects (a storage class, or what it deletes), and after how many days.

    `days` is None for a date, which takes objects of any age. `archived_after` are the days after which the
    same rule archives, 0 where it doesn't.
    """

    what: str
    days: float | Unknown | None
    archived_after: float = 0

    def when(self) -> str:
        return "at a date, whatever their age" if self.days is None else f"after {self.days} days"


@dataclass(frozen=True, slots=True)
class _Rules:
    """The steps of every enabled rule. `hidden` is what isn't known of them, if anything isn't."""

    archiving: list[_Step]
    expiring: list[_Step]
    hidden: Unknown | None

    def first_archiving(self) -> float:
        return min((step.days for step in self.archiving if isinstance(step.days, (int, float))), default=0)

    def words(self) -> str:
        return ", ".join(f"{step.what} {step.when()}" for step in self.archiving)


def _rules(bucket: Resource, stack: Stack) -> list[tuple[Any, str]]:
    """The rules for a bucket, and where they stand."""
    configurations = subresources(stack, bucket, _TYPE)
    if configurations:
        return [(configuration.get("rule"), configuration.address) for configuration in configurations]
    own = bucket.get(_ATTRIBUTE)
    return [] if is_unset(own) or own == [] else [(own, f"{bucket.address}'s {_ATTRIBUTE}")]


def _read(rules: Any) -> _Rules:
    archiving: list[_Step] = []
    expiring: list[_Step] = []
    hidden = [rules] if isinstance(rules, Unknown) else []
    for rule in rules if isinstance(rules, list) else ():
        enabled = _enabled(rule)
        if isinstance(enabled, Unknown):
            hidden.append(enabled)
        elif enabled:
            hidden += [rule[key] for key in _STEPS if isinstance(rule.get(key), Unknown)]
            moves = [move for move in _moves(rule) if isinstance(move, _Step)]
            hidden += [move for move in _moves(rule) if isinstance(move, Unknown)]
            archiving += moves
            after = max((move.days for move in moves if isinstance(move.days, (int, float))), default=0)
            expiring += _deletions(rule, after)
    return _Rules(archiving, expiring, hidden[0] if hidden else None)


def _enabled(rule: Any) -> bool | Unknown:
    """By `status`, or by `enabled` of the bucket's own block."""
    if not isinstance(rule, Mapping):
        return rule if isinstance(rule, Unknown) else Unknown()
    value = as_bool(rule.get("status", rule.get("enabled")))
    return value if isinstance(value, Unknown) else value in ("Enabled", True)


def _moves(rule: _Block) -> Iterable[_Step | Unknown]:
    for block in _blocks(rule, "transition"):
        storage_class = block.get("storage_class")
        if isinstance(storage_class, Unknown):
            yield storage_class
        elif storage_class in _GLACIER:
            yield _Step(storage_class, _days(block, "days"))


def _deletions(rule: _Block, archived_after: float) -> Iterable[_Step]:
    for name, what in (("expiration", "objects"), ("noncurrent_version_expiration", "old versions")):
        for block in _blocks(rule, name):
            days = _days(block, "noncurrent_days" if "noncurrent_days" in block else "days")
            # 0 is how the provider says that a block is only about delete markers or a number of versions.
            if days != 0:
                yield _Step(what, days, archived_after)


def _blocks(rule: _Block, name: str) -> list[_Block]:
    blocks = rule.get(name)
    return [block for block in blocks if isinstance(block, Mapping)] if isinstance(blocks, list) else []


def _days(block: _Block, name: str) -> float | Unknown | None:
    """None for a date; 0 where nothing is set, as S3 takes it."""
    days = as_number(block.get(name))
    if isinstance(days, Unknown) and not days.computed:
        return days
    if isinstance(days, (int, float)) and days:
        return days
    return None if block.get("date") else 0
