"""What moto's CloudWatch Logs lacks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.core.common_models import BaseModel
from moto.core.utils import unix_time_millis
from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse
from moto.moto_api._internal import mock_random

from tapstack.sandbox.record import Sandbox


@dataclass
class QueryDefinition(BaseModel):  # type: ignore[misc]  # a model of moto's, so that the inventory counts it
    """A saved query, with the fields of the API."""

    fields: dict[str, Any] = field(default_factory=dict)


def logs_query_definitions(_sandbox: Sandbox) -> None:
    """PutQueryDefinition, DescribeQueryDefinitions and DeleteQueryDefinition are not implemented.

    The apply of an aws_cloudwatch_query_definition fails. Delete when moto implements the three.
    """
    create = LogsBackend.__init__
    if hasattr(LogsResponse, "put_query_definition"):
        raise AttributeError("PutQueryDefinition is implemented")

    def __init__(self: Any, region_name: str, account_id: str) -> None:  # noqa: N807 - the class's own
        create(self, region_name, account_id)
        self.query_definitions = {}

    def put_query_definition(self: Any) -> str:
        held, given = self.logs_backend.query_definitions, json.loads(self.body)
        identity = given.get("queryDefinitionId") or str(mock_random.uuid4())
        if "queryDefinitionId" in given and identity not in held:
            raise _unknown()
        kept = {name: given[name] for name in ("name", "queryString", "logGroupNames") if name in given}
        language = given.get("queryLanguage") or "CWLI"
        made = {
            "queryDefinitionId": identity,
            "queryLanguage": language,
            "lastModified": int(unix_time_millis()),
        }
        held[identity] = QueryDefinition({**made, **kept})
        return json.dumps({"queryDefinitionId": identity})

    def describe_query_definitions(self: Any) -> str:
        given = json.loads(self.body)
        prefix, language = given.get("queryDefinitionNamePrefix") or "", given.get("queryLanguage")
        found = [
            one.fields
            for one in self.logs_backend.query_definitions.values()
            if one.fields["name"].startswith(prefix) and language in (None, one.fields["queryLanguage"])
        ]
        return json.dumps({"queryDefinitions": sorted(found, key=lambda one: str(one["name"]))})

    def delete_query_definition(self: Any) -> str:
        if self.logs_backend.query_definitions.pop(self._get_param("queryDefinitionId"), None) is None:
            raise _unknown()
        return json.dumps({"success": True})

    LogsBackend.__init__ = __init__
    LogsResponse.put_query_definition = put_query_definition
    LogsResponse.describe_query_definitions = describe_query_definitions
    LogsResponse.delete_query_definition = delete_query_definition


def _unknown() -> Exception:
    error: Exception = ResourceNotFoundException("The specified query definition does not exist.")
    return error
