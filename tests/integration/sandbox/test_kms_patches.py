"""Multi-region keys through boto3: each region's key is itself, and what ReplicateKey was given is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real

HERE, THERE = "us-east-1", "us-west-2"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Replica",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
)


@pytest.fixture
def keys(aws: Callable[..., Any]) -> tuple[Any, Any, str]:
    """The clients of both regions and the id of a key in them."""
    here, there = aws("kms", HERE), aws("kms", THERE)
    primary = here.create_key(
        MultiRegion=True, Description="primary", Tags=[{"TagKey": "Where", "TagValue": "here"}]
    )["KeyMetadata"]["KeyId"]
    here.replicate_key(
        KeyId=primary,
        ReplicaRegion=THERE,
        Description="replica",
        Policy=POLICY,
        Tags=[{"TagKey": "Where", "TagValue": "there"}],
    )
    return here, there, primary


def test_a_replica_has_its_own_tags_description_and_policy(keys: tuple[Any, Any, str]) -> None:
    here, there, key = keys
    described = {end: end.describe_key(KeyId=key)["KeyMetadata"]["Description"] for end in (here, there)}
    assert list(described.values()) == ["primary", "replica"]
    tags = [end.list_resource_tags(KeyId=key)["Tags"] for end in (here, there)]
    assert tags == [[{"TagKey": "Where", "TagValue": where}] for where in ("here", "there")]
    policy = there.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert json.loads(policy) == json.loads(POLICY)
    assert json.loads(here.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) != json.loads(POLICY)


def test_each_region_knows_what_its_key_is(keys: tuple[Any, Any, str]) -> None:
    here, there, key = keys
    there.describe_key(KeyId=key)
    primary, replica = (end.describe_key(KeyId=key)["KeyMetadata"] for end in (here, there))
    kinds = [one["MultiRegionConfiguration"]["MultiRegionKeyType"] for one in (primary, replica)]
    assert kinds == ["PRIMARY", "REPLICA"]
    assert replica["Arn"] == primary["Arn"].replace(HERE, THERE)
    for one in (primary, replica):
        assert one["MultiRegionConfiguration"]["PrimaryKey"] == {"Arn": primary["Arn"], "Region": HERE}
        assert one["MultiRegionConfiguration"]["ReplicaKeys"] == [{"Arn": replica["Arn"], "Region": THERE}]


def test_aliases_are_of_one_region(keys: tuple[Any, Any, str]) -> None:
    here, there, key = keys
    there.create_alias(AliasName="alias/of-the-replica", TargetKeyId=key)
    assert here.list_aliases(KeyId=key)["Aliases"] == []
    there.delete_alias(AliasName="alias/of-the-replica")
