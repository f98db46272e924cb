"""What a method's request validator says about a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tapstack.sandbox.rest_api_routes import Route

# How a model refers to another one:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
_MODELS: Final = "https://apigateway.amazonaws.com/restapis/{api}/models/{name}"


def fault(
    route: Route, api_id: str, given: Mapping[str, Mapping[str, Any]], content_type: str, body: bytes
) -> str | None:
    """The message of the answer 400, None for a request that may pass.

    `given` are the request's parameters by place: path, querystring and header (its names in lower case).
    """
    missing = [name for name in route.required if not _is_given(name, given)]
    if missing:
        names = ", ".join(name.removeprefix("method.request.").partition(".")[2] for name in missing)
        return f"Missing required request parameters: [{names}]"
    if route.validates_body and not _fits(route, api_id, content_type, body):
        return "Invalid request body"
    return None


def _is_given(parameter: str, given: Mapping[str, Mapping[str, Any]]) -> bool:
    place, _, name = parameter.removeprefix("method.request.").partition(".")
    return bool(given[place].get(name.lower() if place == "header" else name))


def _fits(route: Route, api_id: str, content_type: str, body: bytes) -> bool:
    media_type = content_type.partition(";")[0].strip().lower() or "application/json"
    schema = route.models.get(media_type, route.models.get("$default"))
    # A content type without a model passes unread: that is what AWS does.
    if schema is None:
        return True
    try:
        document = json.loads(body, parse_constant=_not_json)
    except (ValueError, RecursionError):
        return False
    resources = [
        (_MODELS.format(api=api_id, name=name), DRAFT4.create_resource(other))
        for name, other in route.schemas.items()
    ]
    return bool(Draft4Validator(schema, registry=Registry().with_resources(resources)).is_valid(document))


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
