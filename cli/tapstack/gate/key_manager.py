"""Who manages the KMS key that an attribute names: AWS, or the customer ("key manager" is KMS's own term).

https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Missing, Unknown, is_unset

KEY_TYPES: Final = (
    "aws_kms_key",
    "aws_kms_replica_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
)
ALIAS_TYPE: Final = "aws_kms_alias"
TABLE_KEY: Final = "server_side_encryption.0.kms_key_arn"
_ARN: Final = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d{12}:.+")
_ALIAS: Final = re.compile(r"(?:arn:[\w-]+:kms:[\w-]+:\d{12}:)?alias/.+")
_OF_AWS: Final = re.compile(r"(?:arn:[\w-]+:kms:[\w-]+:\d{12}:)?alias/aws/.+")
_OF_A_KEY: Final = re.compile(
    rf"(?:module\..*\.)?(?:{'|'.join((*KEY_TYPES, ALIAS_TYPE))})\.[\w\[\]\"-]+\.\w+"
)


class KeyManager(StrEnum):
    """Who manages a key."""

    AWS = "AWS"
    CUSTOMER = "CUSTOMER"


def key_manager(resource: Resource, stack: Stack, path: str) -> KeyManager | Unknown | Missing:
    """The manager of the key at `path`; MISSING where none is set, Unknown where it can't be told.

    A key that only its ARN or id identifies counts as the customer's.
    """
    value = resource.get(path)
    if is_unset(value) or value == "":
        return MISSING
    if isinstance(value, Unknown):
        # What refers to nothing but a managed key is one, whichever it is.
        if len(value.references) == 1 and _OF_A_KEY.fullmatch(value.references[0]):
            return KeyManager.CUSTOMER
    elif _OF_AWS.fullmatch(str(value)):
        return KeyManager.AWS
    elif _ALIAS.fullmatch(str(value)) or (stack.kind is Kind.HCL and _ARN.fullmatch(str(value))):
        return KeyManager.CUSTOMER
    # A key's ARN may have come from a data source that knows whose it is.
    found = stack.target(resource, path, *KEY_TYPES, ALIAS_TYPE)
    if isinstance(found, Resource):
        return _manager_of(found)
    return found if isinstance(found, Unknown) else KeyManager.CUSTOMER


def _manager_of(key: Resource) -> KeyManager | Unknown:
    if key.mode == "managed":
        return KeyManager.CUSTOMER
    manager = key.get("key_manager")
    if manager in set(KeyManager):
        return KeyManager(manager)
    name = key.get("name" if key.type == ALIAS_TYPE else "key_id")
    if not isinstance(name, str):
        return name if isinstance(name, Unknown) else Unknown((f"{key.address}.arn",))
    if _OF_AWS.fullmatch(name):
        return KeyManager.AWS
    return KeyManager.CUSTOMER if "alias/" in name else Unknown((f"{key.address}.key_manager",))


def table_key_manager(table: Resource, stack: Stack) -> KeyManager | Unknown | Missing:
    """The manager of the key that an aws_dynamodb_table names; MISSING where it names none.

    AWS answers with the ARN of its own key where a table names no other, so that `kms_key_arn` is set after the
    first apply, whoever chose it. Unknown where only such an ARN is left to go by.
    """
    configured = _names_a_key(table)
    if configured is False:
        return MISSING
    manager = key_manager(table, stack, TABLE_KEY)
    if manager is not KeyManager.CUSTOMER or configured or stack.kind is Kind.HCL:
        return manager
    known = stack.target(table, TABLE_KEY, *KEY_TYPES)
    return Unknown() if isinstance(known, str) else manager


def _names_a_key(table: Resource) -> bool | None:
    """Whether the configuration of a table sets the key; None where it can't be told."""
    blocks = (table.expressions or {}).get("server_side_encryption")
    first = blocks[0] if isinstance(blocks, list) and blocks else blocks
    return "kms_key_arn" in first if isinstance(first, Mapping) and first else None
