"""What moto's API Gateway lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from moto.apigateway.models import RestAPI, UsagePlan
from moto.apigateway.responses import APIGatewayResponse

from tapstack.sandbox.record import Sandbox
from tapstack.sandbox.rest_api import invoke_as_test
from tapstack.sandbox.rest_api_routes import routes_of

# Paths of patch operations and the attributes of moto's objects behind them:
# https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
_MODEL: Final = {"description": "description", "schema": "schema"}
_METHOD: Final = {
    "apiKeyRequired": "api_key_required",
    "authorizationType": "authorization_type",
    "authorizerId": "authorizer_id",
    "operationName": "operation_name",
    "requestModels": "request_models",
    "requestParameters": "request_parameters",
    "requestValidatorId": "request_validator_id",
}
_INTEGRATION: Final = {
    "connectionType": "connection_type",
    "contentHandling": "content_handling",
    "credentials": "credentials",
    "httpMethod": "http_method",
    "passthroughBehavior": "passthrough_behaviour",
    "requestParameters": "request_parameters",
    "requestTemplates": "request_templates",
    "timeoutInMillis": "timeout_in_millis",
    "uri": "uri",
}
_MAPS: Final = frozenset({"requestModels", "requestParameters", "requestTemplates"})
_BOOLEANS: Final = frozenset({"apiKeyRequired", "requestParameters"})


def apigateway_deployment(_sandbox: Sandbox) -> None:
    """A deployment does not keep the API as it was when it was made.

    A stage would serve changes that nobody deployed, and a missing trigger of aws_api_gateway_deployment would
    never be found. Delete when a deployment of moto keeps the methods, and the sandbox can read them there.
    """
    create = RestAPI.create_deployment

    @wraps(create)
    def create_deployment(self: Any, *args: Any, **named: Any) -> Any:
        deployment = create(self, *args, **named)
        deployment.routes = routes_of(self)
        return deployment

    RestAPI.create_deployment = create_deployment


def apigateway_updates(_sandbox: Sandbox) -> None:
    """UpdateModel, UpdateMethod and UpdateIntegration are not implemented.

    A changed aws_api_gateway_model, _method or _integration can't be applied. Delete when moto has all three.
    """
    get_model, get_method = APIGatewayResponse.get_model, APIGatewayResponse.get_method
    get_integration = APIGatewayResponse.get_integration

    def method(self: Any) -> Any:
        _, _, api_id, _, resource_id, _, name, *_ = self.path.split("/")
        return self.backend.get_method(api_id, resource_id, name)

    def update_model(self: Any) -> Any:
        _, _, api_id, _, name = self.path.split("/")
        _change(self, self.backend.get_model(api_id, name), _MODEL)
        return get_model(self)

    def update_method(self: Any) -> Any:
        _change(self, method(self), _METHOD)
        return get_method(self)

    def update_integration(self: Any) -> Any:
        _change(self, method(self).method_integration, _INTEGRATION)
        return get_integration(self)

    APIGatewayResponse.update_model = update_model
    APIGatewayResponse.update_method = update_method
    APIGatewayResponse.update_integration = update_integration


def _change(response: Any, changed: Any, attributes: dict[str, str]) -> None:
    for operation in response._get_param("patchOperations"):
        field, _, entry = operation["path"].removeprefix("/").partition("/")
        if field not in attributes:
            raise NotImplementedError(f"the patch operation {operation['op']} of {operation['path']}")
        value = operation.get("value")
        if field in _BOOLEANS:
            value = value == "true"
        elif field == "timeoutInMillis":
            value = int(value)
        if field not in _MAPS:
            setattr(changed, attributes[field], None if operation["op"] == "remove" else value)
            continue
        # ~1 and ~0 stand for / and ~, as in every JSON pointer.
        entry = entry.replace("~1", "/").replace("~0", "~")
        kept = {**(getattr(changed, attributes[field]) or {}), entry: value}
        if operation["op"] == "remove":
            del kept[entry]
        setattr(changed, attributes[field], kept)


def apigateway_usage_plan_numbers(_sandbox: Sandbox) -> None:
    """UpdateUsagePlan keeps limit and offset as text and cuts a rate to a whole number.

    A changed aws_api_gateway_usage_plan can't be read any more. Delete when GetUsagePlan of moto returns the
    numbers that UpdateUsagePlan got.
    """
    change = UsagePlan.apply_patch_operations
    numbers: dict[str, tuple[str, str, Callable[[str], float]]] = {
        "/quota/limit": ("quota", "limit", int),
        "/quota/offset": ("quota", "offset", int),
        "/throttle/rateLimit": ("throttle", "rateLimit", float),
        "/throttle/burstLimit": ("throttle", "burstLimit", int),
    }

    @wraps(change)
    def apply_patch_operations(self: Any, operations: list[dict[str, Any]]) -> None:
        change(self, [operation for operation in operations if operation["path"] not in numbers])
        for operation in operations:
            if operation["path"] in numbers and operation["op"] in ("add", "replace"):
                part, name, number = numbers[operation["path"]]
                getattr(self, part)[name] = number(operation["value"])

    UsagePlan.apply_patch_operations = apply_patch_operations


def apigateway_test_invoke(_sandbox: Sandbox) -> None:
    """TestInvokeMethod is not implemented.

    A method can't be tried without a key and a stage. Delete when moto's TestInvokeMethod invokes functions.
    """

    def test_invoke_method(self: Any) -> Any:
        _, _, api_id, _, resource_id, _, method, *_ = self.path.split("/")
        api = self.backend.get_rest_api(api_id)
        return json.dumps(invoke_as_test(api, resource_id, method, json.loads(self.body or "{}")))

    APIGatewayResponse.test_invoke_method = test_invoke_method
