"""What tap mends in moto's CloudWatch Logs, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real


def test_a_query_definition_is_made_changed_found_and_deleted(aws: Callable[..., Any]) -> None:
    logs = aws("logs")
    given = {"name": "shop/errors", "queryString": "fields @message", "logGroupNames": ["/a", "/b"]}
    identity = logs.put_query_definition(**given)["queryDefinitionId"]
    other = logs.put_query_definition(name="other", queryString="stats count(*)")["queryDefinitionId"]
    changed = {**given, "queryString": "filter @message like /ERROR/"}
    assert logs.put_query_definition(queryDefinitionId=identity, **changed)["queryDefinitionId"] == identity

    [found] = logs.describe_query_definitions(queryDefinitionNamePrefix="shop/")["queryDefinitions"]
    assert changed.items() <= found.items()
    assert (found["queryDefinitionId"], found["queryLanguage"]) == (identity, "CWLI")
    assert [one["name"] for one in logs.describe_query_definitions()["queryDefinitions"]] == [
        "other",
        "shop/errors",
    ]

    for one in (identity, other):
        assert logs.delete_query_definition(queryDefinitionId=one)["success"] is True
    assert logs.describe_query_definitions()["queryDefinitions"] == []


def test_a_query_definition_that_is_not_there_is_neither_changed_nor_deleted(aws: Callable[..., Any]) -> None:
    logs = aws("logs")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.put_query_definition(queryDefinitionId="x", name="n", queryString="q")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_query_definition(queryDefinitionId="x")
