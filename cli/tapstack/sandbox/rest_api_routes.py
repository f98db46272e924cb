"""What a REST API answers to: its methods with all that is needed to serve them, as they were deployed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

_INTEGRATION_TIMEOUT: Final = 29_000


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one resource; `path` as in the API (``/webhooks/{currency}``), timeouts in milliseconds.

    `models` are JSON Schemas by content type, `required` parameters such as ``method.request.path.currency``;
    both are empty where the method's validator does not look at them. `schemas` are all the API's models by name.
    """

    resource_id: str
    path: str
    method: str
    authorization: str
    needs_key: bool
    validates_body: bool
    required: tuple[str, ...]
    models: Mapping[str, Any]
    schemas: Mapping[str, Any]
    integration: str
    uri: str
    timeout: int


def routes_of(api: Any) -> tuple[Route, ...]:
    """The methods that moto's RestAPI has now, those without an integration left out."""
    schemas = {name: json.loads(model.schema) for name, model in api.models.items() if model.schema}
    return tuple(
        _route(api, resource, method, schemas)
        for resource in list(api.resources.values())
        for method in list(resource.resource_methods.values())
        if method.method_integration is not None
    )


def _route(api: Any, resource: Any, method: Any, schemas: dict[str, Any]) -> Route:
    validator = api.request_validators.get(method.request_validator_id)
    parameters = (
        method.request_parameters or {} if validator and validator.validate_request_parameters else {}
    )
    integration = method.method_integration
    return Route(
        resource_id=resource.id,
        path=resource.get_path(),
        method=method.http_method,
        authorization=method.authorization_type or "NONE",
        needs_key=str(method.api_key_required).lower() == "true",
        validates_body=bool(validator and validator.validate_request_body),
        required=tuple(name for name, needed in parameters.items() if str(needed).lower() == "true"),
        models={kind: schemas.get(name, {}) for kind, name in (method.request_models or {}).items()},
        schemas=schemas,
        integration=integration.integration_type,
        uri=integration.uri or "",
        timeout=int(integration.timeout_in_millis or _INTEGRATION_TIMEOUT),
    )


def match(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a request and its path parameters, decoded; None if the API has none.

    `path` is as it was sent, after the stage. A literal part is preferred to a parameter, a parameter to a
    greedy one, the method's own name to ANY:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-set-up-simple-proxy.html
    """
    parts = path.strip("/").split("/")
    found = [
        (rank, route.method == "ANY", route, values)
        for route in routes
        if route.method in (method, "ANY")
        for rank, values in _matched(route.path.strip("/").split("/"), parts)
    ]
    if not found:
        return None
    _, _, route, values = min(found, key=lambda entry: entry[:2])
    return route, values


def _matched(pattern: list[str], parts: list[str]) -> list[tuple[list[int], dict[str, str]]]:
    """How particular the pattern is for these parts (less is more) and its parameters; empty if it does not fit."""
    rank: list[int] = []
    values: dict[str, str] = {}
    for position, piece in enumerate(pattern):
        if piece.endswith("+}") and len(parts) > position and parts[position]:
            values[piece[1:-2]] = unquote("/".join(parts[position:]))
            return [([*rank, 2], values)]
        if position >= len(parts):
            return []
        if piece.startswith("{") and parts[position]:
            values[piece[1:-1]] = unquote(parts[position])
            rank.append(1)
        elif piece == unquote(parts[position]):
            rank.append(0)
        else:
            return []
    return [(rank, values)] if len(pattern) == len(parts) else []
