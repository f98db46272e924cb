"""What tap mends in moto's API Gateway, seen through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.real

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:{}"
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"


@pytest.fixture
def gateway(aws: Callable[..., Any]) -> Any:
    return aws("apigateway")


@pytest.fixture
def api(gateway: Any) -> Iterator[str]:
    made: str = gateway.create_rest_api(name="changing")["id"]
    yield made
    gateway.delete_rest_api(restApiId=made)


@pytest.fixture
def method(gateway: Any, api: str) -> dict[str, str]:
    """Where a method is that a function is behind."""
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(
        **where,
        authorizationType="NONE",
        requestModels={"application/json": "Old"},
        requestParameters={"method.request.querystring.page": True},
    )
    gateway.put_integration(
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=URI.format(FUNCTION.format("old")),
        timeoutInMillis=29000,
    )
    return where


def replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def test_a_model_can_be_changed(gateway: Any, api: str) -> None:
    gateway.create_model(restApiId=api, name="M", contentType="application/json", schema='{"type":"object"}')
    changes = [replace("/schema", '{"type":"array"}'), replace("/description", "A list")]
    gateway.update_model(restApiId=api, modelName="M", patchOperations=changes)
    model = gateway.get_model(restApiId=api, modelName="M")
    assert (json.loads(model["schema"]), model["description"]) == ({"type": "array"}, "A list")


def test_a_method_can_be_changed(gateway: Any, method: dict[str, str]) -> None:
    changes = [
        replace("/apiKeyRequired", "true"),
        {"op": "add", "path": "/requestModels/text~1json", "value": "New"},
        {"op": "remove", "path": "/requestModels/application~1json"},
        replace("/requestParameters/method.request.querystring.page", "false"),
        replace("/requestValidatorId", "abc"),
    ]
    gateway.update_method(**method, patchOperations=changes)
    found = gateway.get_method(**method)
    assert (found["apiKeyRequired"], found["requestValidatorId"]) == (True, "abc")
    assert found["requestModels"] == {"text/json": "New"}
    assert found["requestParameters"] == {"method.request.querystring.page": False}


def test_an_integration_can_be_changed(gateway: Any, method: dict[str, str]) -> None:
    uri = URI.format(FUNCTION.format("new"))
    changes = [replace("/uri", uri), replace("/timeoutInMillis", "5000")]
    gateway.update_integration(**method, patchOperations=changes)
    found = gateway.get_integration(**method)
    assert (found["uri"], found["timeoutInMillis"]) == (uri, 5000)


def test_a_change_that_the_sandbox_does_not_know_is_refused(gateway: Any, method: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=r"NotImplementedInSandbox.*/responseTransferMode"):
        gateway.update_integration(**method, patchOperations=[replace("/responseTransferMode", "STREAM")])


def test_the_numbers_of_a_usage_plan_stay_numbers(gateway: Any) -> None:
    plan = gateway.create_usage_plan(
        name="plan", quota={"limit": 10, "period": "DAY"}, throttle={"burstLimit": 1, "rateLimit": 1}
    )["id"]
    changes = [
        replace("/name", "changed"),
        replace("/quota/limit", "20"),
        replace("/quota/offset", "1"),
        replace("/throttle/rateLimit", "0.5"),
        replace("/throttle/burstLimit", "3"),
    ]
    gateway.update_usage_plan(usagePlanId=plan, patchOperations=changes)
    found = gateway.get_usage_plan(usagePlanId=plan)
    assert (found["name"], found["quota"]) == ("changed", {"limit": 20, "offset": 1, "period": "DAY"})
    assert found["throttle"] == {"rateLimit": 0.5, "burstLimit": 3}
    gateway.delete_usage_plan(usagePlanId=plan)
