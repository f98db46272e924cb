"""Replicas of global tables are as safe as the table they repeat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tapstack.gate.key_manager import ALIAS_TYPE, KEY_TYPES, TABLE_KEY, KeyManager, table_key_manager
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
from tapstack.model.scope import references_of
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, as_bool, is_unset

_TABLE: Final = "aws_dynamodb_table"
_REPLICA: Final = "aws_dynamodb_table_replica"
_RECOVERY: Final = "point_in_time_recovery"
_KEYS: Final = (*KEY_TYPES, ALIAS_TYPE)
_ARN: Final = re.compile(r"arn:[\w-]+:kms:([\w-]+):")
_VIEW: Final = "NEW_AND_OLD_IMAGES"


class DynamodbGlobalTableReplicas(Policy):
    """Streams are on, and each replica has recovery, a key of its own region, and a region of its own."""

    id = "CKV_TAP_105"
    name = "dynamodb_global_table_replicas"
    title = "Replicas of global tables have recovery and a key of their own region"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    resource_types = (_TABLE, _REPLICA)
    rationale = (
        "A replica takes over when the primary's region is gone: one that is decrypted with that region's key, "
        "or can't be put back to a moment before the fault, is no replica. Recovery is set for each replica by "
        "itself, a key works in its own region only, and replication reads the table's stream."
    )
    remediation = (
        "stream_enabled   = true\n"
        f'stream_view_type = "{_VIEW}"\n\n'
        "replica {\n"
        '  region_name            = "us-west-2"\n'
        "  kms_key_arn            = aws_kms_key.west.arn\n"
        "  point_in_time_recovery = true\n"
        "}"
    )
    references = (
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-security.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """The table's stream and regions, then each replica's recovery and key."""
        if resource.type == _REPLICA:
            evidence = list(_separate(resource, stack))
        else:
            replicas = resource.get("replica")
            if isinstance(replicas, Unknown) and not replicas.computed:
                yield unknown("Which replicas there are is not known yet.", "replica", actual=replicas)
                return
            own = replicas if isinstance(replicas, list) else []
            separate = [use.resource for use in stack.users(resource, _REPLICA)]
            if not own and not separate:
                yield not_applicable("The table has no replica.")
                return
            evidence = [*_stream(resource), *_regions(resource, stack, own, separate)]
            evidence += [one for number in range(len(own)) for one in _replica(resource, stack, number)]
        yield from evidence or [passed("Every replica has recovery and a key of its own region.", "replica")]


def _stream(table: Resource) -> Iterable[Evidence]:
    wanted = (("stream_enabled", as_bool(table.get("stream_enabled")), True),)
    for attribute, value, expected in (*wanted, ("stream_view_type", table.get("stream_view_type"), _VIEW)):
        if isinstance(value, Unknown) and not value.computed:
            said = "Whether the table's stream carries what replication needs is not known yet."
            yield unknown(said, attribute, actual=value, expected=expected)
        elif value != expected:
            actual = None if is_unset(value) else value
            said = f"Replication needs a stream with {_VIEW}: {attribute} is {_shown(actual)}."
            yield failed(said, attribute, actual=actual, expected=expected)


def _regions(
    table: Resource, stack: Stack, own: list[Any], separate: Iterable[Resource]
) -> Iterable[Evidence]:
    """Whether a region appears twice, the table's own counted."""
    home = stack.region(table)
    named = [table.get(f"replica.{number}.region_name") for number in range(len(own))]
    named += [stack.region(replica) for replica in separate]
    attribute = "replica.0.region_name" if own else "replica"
    for unclear in [one for one in named if isinstance(one, Unknown)]:
        said = "The region of a replica is not known yet."
        yield unknown(said, attribute, actual=unclear, expected="a region of its own")
    count = Counter(one for one in named if isinstance(one, str))
    for region in sorted(count):
        if region == home:
            said = f"{region} is the table's own region: no replica can be there."
        elif count[region] > 1:
            said = f"{region} has {count[region]} replicas of the table; it can have one."
        else:
            continue
        yield failed(said, attribute, actual=region, expected="a region of its own")
    if isinstance(home, Unknown) and count:
        said = "Whether a replica is in the table's own region can't be told: that region is not known."
        yield unknown(said, attribute, actual=home, expected="another region than the table's")


def _replica(table: Resource, stack: Stack, number: int) -> Iterable[Evidence]:
    path = f"replica.{number}"
    region = table.get(f"{path}.region_name")
    name = f"The replica in {region}" if isinstance(region, str) else "A replica"
    yield from _recovery(table, f"{path}.{_RECOVERY}", name)
    yield from _key(table, f"{path}.kms_key_arn", name, region, table, stack)


def _separate(replica: Resource, stack: Stack) -> Iterable[Evidence]:
    region = stack.region(replica)
    name = f"The replica in {region}" if isinstance(region, str) else "The replica"
    table = stack.target(replica, "global_table_arn", _TABLE)
    yield from _recovery(replica, _RECOVERY, name)
    yield from _key(replica, "kms_key_arn", name, region, table, stack)


def _recovery(owner: Resource, path: str, name: str) -> Iterable[Evidence]:
    enabled = as_bool(owner.get(path))
    if isinstance(enabled, Unknown) and not enabled.computed:
        said = f"Whether {name[0].lower()}{name[1:]} has point-in-time recovery is not known yet."
        yield unknown(said, path, actual=enabled, expected=True)
    elif enabled is not True:
        actual = False if is_unset(enabled) else enabled
        yield failed(f"{name} has no point-in-time recovery.", path, actual=actual, expected=True)


def _key(owner: Resource, path: str, name: str, region: Any, table: Any, stack: Stack) -> Iterable[Evidence]:
    """What is wrong with a replica's key; `table` is what its table was found to be."""
    found = _keys(owner, stack, path, region)
    primary = stack.target(table, TABLE_KEY, *_KEYS) if isinstance(table, Resource) else MISSING
    wanted = f"a key in {region}" if isinstance(region, str) else "a key in the replica's own region"
    shown = [_shown(one) for one in found]
    if not found:
        yield from _without_key(path, name, wanted, table, stack)
    elif isinstance(primary, Resource) and found == (primary,) and stack.region(primary) != region:
        said = f"{name} has the key of the table itself, {shown[0]}, which works in the table's region only."
        yield failed(said, path, actual=shown[0], expected=wanted)
    elif isinstance(region, Unknown) or any(isinstance(_region(one, stack), Unknown) for one in found):
        said = f"Whether the key of {name[0].lower()}{name[1:]} is in the same region is not known yet."
        yield unknown(said, path, actual=shown[0], expected=wanted)
    elif region not in (regions := [_region(one, stack) for one in found]):
        regions_shown = " or ".join(map(str, regions))
        said = f"{name} has a key in {regions_shown}, {' or '.join(shown)}: a key works in its region only."
        yield failed(said, path, actual=shown[0], expected=wanted)
    elif len(found) > 1:
        said = f"Which key {name[0].lower()}{name[1:]} has is not known yet: one of {', '.join(shown)}."
        yield unknown(said, path, actual=shown, expected=wanted)


def _without_key(path: str, name: str, wanted: str, table: Any, stack: Stack) -> Iterable[Evidence]:
    manager = table_key_manager(table, stack) if isinstance(table, Resource) else MISSING
    if manager is KeyManager.CUSTOMER:
        said = f"{name} names no key, while the table is encrypted with a customer-managed one."
        yield failed(said, path, expected=wanted)
    elif isinstance(manager, Unknown) and not isinstance(table.get(TABLE_KEY), str):
        said = f"{name} names no key, and whether its table has one is not known yet."
        yield unknown(said, path, expected=wanted)


def _keys(owner: Resource, stack: Stack, path: str, region: Any) -> tuple[Resource | str | Unknown, ...]:
    """What the key at `path` may be: one where that is settled, none where no key is set."""
    found = stack.target(owner, path, *_KEYS)
    if is_unset(found) or found == "":
        return ()
    if not isinstance(found, Unknown):
        return (found,) if isinstance(found, (Resource, str)) else ()
    if (block := _block(owner, region)) is not None:
        if "kms_key_arn" not in block:
            return ()
        found = Unknown(references_of(block["kms_key_arn"]))
    resolved = dict.fromkeys(one.resource for one in stack.resolve(owner, found))
    return tuple(one for one in resolved if one.type in _KEYS) or (found,)


def _block(owner: Resource, region: Any) -> Mapping[str, Any] | None:
    """The block of a replica as a plan's configuration has it: there, blocks stand in another order."""
    blocks = (owner.expressions or {}).get("replica")
    for block in blocks if isinstance(blocks, list) else ():
        name = block.get("region_name") if isinstance(block, dict) else None
        if isinstance(block, dict) and isinstance(name, dict) and name.get("constant_value") == region:
            return block
    return None


def _region(key: Resource | str | Unknown, stack: Stack) -> str | Unknown:
    """The region of a key, by its provider or its ARN."""
    if isinstance(key, Resource):
        return stack.region(key)
    match = _ARN.match(key) if isinstance(key, str) else None
    return match[1] if match else Unknown()


def _shown(value: Any) -> Any:
    if isinstance(value, Resource):
        return value.address
    return "not set" if value is None else str(value)
