"""Deployed REST APIs can be called: what API Gateway refuses, passes on to a function, and makes of its answer."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tapstack.sandbox.daemon import Sandbox
from tapstack.sandbox.rest_api_routes import Route, match
from tapstack.sandbox.rest_api_usage import KeyRefused, QuotaUsedUp, Throttled, Usage

pytestmark = pytest.mark.real

Clients = Callable[..., Any]
Deploy = Callable[..., str]

ECHO = "import json\ndef handler(event, context):\n    return {'body': json.dumps(event)}\n"
ORDER = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {"id": {"type": "string", "maxLength": 5}, "count": {"type": "integer", "minimum": 1}},
}
KEY = "a-key-of-at-least-twenty-characters"


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def message(self) -> object:
        return json.loads(self.body)["message"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """A REST API of a test's own, deployed to the stage `test`."""

    def __init__(self, sandbox: Sandbox, aws: Clients) -> None:
        self.sandbox, self.gateway = sandbox, aws("apigateway")
        made = self.gateway.create_rest_api(name="orders")
        self.id: str = made["id"]
        self.root: str = made["rootResourceId"]

    def resource(self, *parts: str) -> str:
        parent = self.root
        known = {r["path"]: r["id"] for r in self.gateway.get_resources(restApiId=self.id)["items"]}
        for depth, part in enumerate(parts, 1):
            path = "/" + "/".join(parts[:depth])
            if path not in known:
                known[path] = self.gateway.create_resource(restApiId=self.id, parentId=parent, pathPart=part)[
                    "id"
                ]
            parent = known[path]
        return parent

    def method(self, resource: str, verb: str, function: str, timeout: int = 29000, **fields: Any) -> None:
        where = {"restApiId": self.id, "resourceId": resource, "httpMethod": verb}
        self.gateway.put_method(**where, **{"authorizationType": "NONE", **fields})
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        self.gateway.put_integration(
            **where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri, timeoutInMillis=timeout
        )

    def deploy(self, **stage: Any) -> None:
        deployment = self.gateway.create_deployment(restApiId=self.id)["id"]
        self.gateway.create_stage(restApiId=self.id, stageName="test", deploymentId=deployment, **stage)

    def deploy_again(self) -> None:
        deployment = self.gateway.create_deployment(restApiId=self.id)["id"]
        change = {"op": "replace", "path": "/deploymentId", "value": deployment}
        self.gateway.update_stage(restApiId=self.id, stageName="test", patchOperations=[change])

    def model(self, name: str, schema: dict[str, Any]) -> None:
        self.gateway.create_model(
            restApiId=self.id, name=name, contentType="application/json", schema=json.dumps(schema)
        )

    def validator(self, body: bool, parameters: bool) -> str:
        made = self.gateway.create_request_validator(
            restApiId=self.id, name="v", validateRequestBody=body, validateRequestParameters=parameters
        )
        return str(made["id"])

    def __call__(
        self,
        verb: str,
        path: str,
        body: bytes | str | None = None,
        headers: list[tuple[str, str]] | None = None,
        stage: str = "test",
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=60)
        content = body.encode() if isinstance(body, str) else body or b""
        connection.putrequest(verb, f"/_aws/execute-api/{self.id}/{stage}{path}")
        for name, value in [("Content-Length", str(len(content))), *(headers or [])]:
            connection.putheader(name, value)
        connection.endheaders(content)
        answer = connection.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read())
        connection.close()
        return reply


@pytest.fixture
def api(sandbox: Sandbox, aws: Clients) -> Iterator[Api]:
    made = Api(sandbox, aws)
    yield made
    made.gateway.delete_rest_api(restApiId=made.id)


@pytest.fixture
def keyed(api: Api, aws: Clients, deployed: Deploy) -> Iterator[Callable[..., str]]:
    """Deploys GET / with a key, and makes a usage plan of `quota` and `throttle`; returns the key."""
    plans: list[str] = []
    keys: list[str] = []

    def make(value: str = KEY, **limits: Any) -> str:
        if not plans:
            api.method(api.root, "GET", deployed(ECHO), apiKeyRequired=True)
            api.deploy()
            stages = [{"apiId": api.id, "stage": "test"}]
            plans.append(api.gateway.create_usage_plan(name="plan", apiStages=stages, **limits)["id"])
        keys.append(api.gateway.create_api_key(name="key", value=value, enabled=True)["id"])
        api.gateway.create_usage_plan_key(usagePlanId=plans[0], keyId=keys[-1], keyType="API_KEY")
        return value

    yield make
    for key in keys:
        api.gateway.delete_api_key(apiKey=key)
    for plan in plans:
        api.gateway.delete_usage_plan(usagePlanId=plan)


def get(api: Api, key: str | None) -> Reply:
    return api("GET", "/", headers=[("X-Api-Key", key)] if key else [])


def test_the_event_is_that_of_format_1_0(api: Api, deployed: Deploy) -> None:
    api.method(api.resource("orders", "{kind}"), "POST", deployed(ECHO))
    api.deploy(variables={"colour": "green"})
    headers = [("Content-Type", "application/json"), ("X-List", "a"), ("X-List", "b"), ("User-Agent", "me")]
    reply = api("POST", "/orders/a%20b?q=1&q=2&empty=", '{"id": "é"}', headers)
    assert reply.status == 200
    event = reply.json
    assert event.keys() == {
        "resource",
        "path",
        "httpMethod",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "requestContext",
        "body",
        "isBase64Encoded",
    }
    assert (event["resource"], event["path"], event["httpMethod"]) == (
        "/orders/{kind}",
        "/orders/a b",
        "POST",
    )
    assert event["pathParameters"] == {"kind": "a b"}
    assert event["queryStringParameters"] == {"q": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "empty": [""]}
    assert event["headers"]["X-List"] == "b"
    assert event["multiValueHeaders"]["X-List"] == ["a", "b"]
    assert event["headers"]["Host"] == f"{api.id}.execute-api.us-east-1.amazonaws.com"
    assert event["headers"]["X-Forwarded-Proto"] == "https"
    assert "Content-Length" not in event["headers"]
    assert event["stageVariables"] == {"colour": "green"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"id": "é"}', False)
    context = event["requestContext"]
    assert (context["stage"], context["apiId"], context["accountId"]) == ("test", api.id, "123456789012")
    assert (context["resourcePath"], context["path"]) == ("/orders/{kind}", "/test/orders/a b")
    assert abs(context["requestTimeEpoch"] / 1000 - time.time()) < 60
    assert datetime.strptime(context["requestTime"], "%d/%b/%Y:%H:%M:%S %z").tzinfo == UTC
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "me"
    assert context["requestId"] == reply.headers["x-amzn-RequestId"]


def test_what_a_request_does_not_have_is_null(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "GET", deployed(ECHO))
    api.deploy()
    event = api("GET", "/").json
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
    assert {event[name] for name in (*absent, "body")} == {None}


def test_a_body_of_a_binary_type_is_base64_both_ways(api: Api, deployed: Deploy) -> None:
    source = (
        "def handler(event, context):\n"
        "    assert event['isBase64Encoded']\n"
        "    return {'body': event['body'], 'isBase64Encoded': True, 'headers': {'Content-Type': 'image/png'}}\n"
    )
    change = {"op": "replace", "path": "/binaryMediaTypes", "value": "image/png"}
    api.gateway.update_rest_api(restApiId=api.id, patchOperations=[change])
    api.method(api.root, "PUT", deployed(source))
    api.deploy()
    reply = api("PUT", "/", b"\x89PNG\xff", [("Content-Type", "image/png"), ("Accept", "image/png")])
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, b"\x89PNG\xff", "image/png")
    reply = api("PUT", "/", b"\x89PNG\xff", [("Content-Type", "image/png"), ("Accept", "text/html")])
    assert reply.body == base64.b64encode(b"\x89PNG\xff")


def test_status_headers_and_body_are_the_functions(api: Api, deployed: Deploy) -> None:
    answer = {
        "statusCode": "207",
        "headers": {"X-One": "1", "X-Two": "no"},
        "multiValueHeaders": {"X-Two": ["a", "b"]},
        "body": "é",
    }
    api.method(api.root, "GET", deployed(f"def handler(e, c):\n    return {answer!r}\n"))
    api.deploy()
    reply = api("GET", "/")
    assert (reply.status, reply.body.decode()) == (207, "é")
    assert (reply.headers["X-One"], reply.headers.get_all("X-Two")) == ("1", ["a", "b"])
    assert reply.headers["Content-Type"] == "application/json"


# Answers with what the request's body says, in Python.
SAID = "def handler(event, context):\n    return eval(event['body'])\n"


def test_no_field_of_an_answer_must_be_there(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "POST", deployed(SAID))
    api.deploy()
    for answer in ("{}", "{'statusCode': None, 'body': None}", "{'headers': {}, 'multiValueHeaders': None}"):
        reply = api("POST", "/", answer)
        assert (reply.status, reply.body) == (200, b""), answer


def test_a_malformed_answer_and_an_error_are_502(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "POST", deployed(SAID))
    api.deploy()
    for answer in (
        "None",
        "'done'",
        "[]",
        "{'statusCode': 200, 'message': 'hello'}",
        "{'statusCode': 200, 'body': {'a': 1}}",
        "{'statusCode': 'fine'}",
        "{'statusCode': True}",
        "{'statusCode': 99}",
        "{'headers': ['a']}",
        "{'headers': {'a': ['b']}}",
        "{'headers': {'a': 'b\\r\\nX: y'}}",
        "1 / 0",
    ):
        reply = api("POST", "/", answer)
        assert (reply.status, reply.json) == (502, {"message": "Internal server error"}), answer
        assert reply.headers["x-amzn-ErrorType"] == "InternalServerErrorException"


def test_a_function_that_is_too_slow_is_504_and_goes_on(api: Api, aws: Clients, deployed: Deploy) -> None:
    name = deployed("import time\ndef handler(e, c):\n    time.sleep(3)\n    print('done after all')\n")
    api.method(api.root, "GET", name, timeout=1000)
    api.deploy()
    started = time.monotonic()
    reply = api("GET", "/")
    assert (reply.status, reply.json) == (504, {"message": "Endpoint request timed out"})
    assert time.monotonic() - started < 3
    group, deadline = f"/aws/lambda/{name}", time.monotonic() + 15
    lines: list[str] = []
    while "done after all" not in lines and time.monotonic() < deadline:
        time.sleep(0.2)
        if aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            lines = [e["message"] for e in aws("logs").filter_log_events(logGroupName=group)["events"]]
    assert "done after all" in lines


def test_a_function_that_is_gone_is_500(api: Api) -> None:
    api.method(api.root, "GET", "nobody")
    api.deploy()
    reply = api("GET", "/")
    assert (reply.status, reply.json) == (500, {"message": "Internal server error"})


def test_a_throttled_function_is_500(api: Api, aws: Clients, deployed: Deploy) -> None:
    name = deployed(ECHO)
    api.method(api.root, "GET", name)
    api.deploy()
    aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    reply = api("GET", "/")
    assert (reply.status, reply.json) == (500, {"message": "Internal server error"})
    aws("lambda").delete_function_concurrency(FunctionName=name)
    assert api("GET", "/").status == 200


def test_more_requests_than_the_reserved_concurrency_are_500(
    api: Api, aws: Clients, deployed: Deploy
) -> None:
    name = deployed("import time\ndef handler(e, c):\n    time.sleep(2)\n    return {}\n")
    api.method(api.root, "GET", name)
    api.deploy()
    aws("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    together = threading.Barrier(6)

    def one(_: int) -> int:
        together.wait()
        return api("GET", "/").status

    with ThreadPoolExecutor(6) as pool:
        assert Counter(pool.map(one, range(6))) == {200: 2, 500: 4}


def test_a_path_or_method_that_is_not_there_is_403(api: Api, deployed: Deploy) -> None:
    api.method(api.resource("orders"), "POST", deployed(ECHO))
    api.deploy()
    for verb, path in (("GET", "/orders"), ("POST", "/"), ("POST", "/orders/1"), ("POST", "/other")):
        reply = api(verb, path)
        assert (reply.status, reply.message) == (403, "Missing Authentication Token"), (verb, path)
    assert api("POST", "/orders").status == 200
    assert api("POST", "/orders/").status == 200
    assert (api("POST", "/orders", stage="live").status, api("POST", "/orders", stage="live").message) == (
        403,
        "Forbidden",
    )


def test_an_api_that_is_not_there_is_named(api: Api) -> None:
    api.id, known = "nothere", api.id
    reply = api("GET", "/")
    api.id = known
    assert (reply.status, reply.message) == (404, "the sandbox has no REST API nothere")


def test_an_authorizer_is_not_passed_over(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "GET", deployed(ECHO), authorizationType="AWS_IAM")
    api.deploy()
    reply = api("GET", "/")
    assert reply.status == 501
    assert "AWS_IAM" in str(reply.message)


def test_a_stage_serves_what_was_deployed_until_the_next_deployment(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "GET", deployed("def handler(e, c):\n    return {'body': 'old'}\n"))
    api.deploy()
    api.method(api.root, "GET", deployed("def handler(e, c):\n    return {'body': 'new'}\n"))
    assert api("GET", "/").body == b"old"
    api.deploy_again()
    assert api("GET", "/").body == b"new"


def a_route(path: str, method: str = "GET") -> Route:
    return Route(path, path, method, "NONE", False, False, (), {}, {}, "AWS_PROXY", "", 29000)


@pytest.mark.parametrize(
    ("path", "found", "parameters"),
    [
        ("/a/b", "/a/b", {}),
        ("/a/c", "/a/{x}", {"x": "c"}),
        ("/a/c%2Fd", "/a/{x}", {"x": "c/d"}),
        ("/a/b/c", "/a/{rest+}", {"rest": "b/c"}),
        ("/z/b", "/{x}/b", {"x": "z"}),
        ("/z/y", "/{all+}", {"all": "z/y"}),
        ("/", "/", {}),
    ],
)
def test_the_most_particular_resource_is_taken(path: str, found: str, parameters: dict[str, str]) -> None:
    paths = ("/{all+}", "/{x}/b", "/a/{rest+}", "/a/{x}", "/a/b", "/")
    route, values = match([a_route(p) for p in paths], "GET", path) or (None, None)
    assert route is not None
    assert (route.path, values) == (found, parameters)


def test_a_method_of_its_own_is_preferred_to_any() -> None:
    routes = [a_route("/a", "ANY"), a_route("/a", "GET")]
    assert [match(routes, verb, "/a") for verb in ("GET", "PUT")] == [(routes[1], {}), (routes[0], {})]
    assert match([a_route("/a")], "PUT", "/a") is None


def test_a_body_that_does_not_fit_the_model_is_400(api: Api, deployed: Deploy) -> None:
    api.model("Order", ORDER)
    models = {"application/json": "Order"}
    api.method(
        api.root, "POST", deployed(ECHO), requestModels=models, requestValidatorId=api.validator(True, False)
    )
    api.deploy()
    kind = [("Content-Type", "application/json; charset=utf-8")]
    for body in ('{"id": "1"}', '{"id": "1", "count": 2}'):
        assert api("POST", "/", body, kind).status == 200, body
    for body in (
        '{"id": "123456"}',
        '{"id": "1", "count": 0}',
        '{"id": "1", "count": true}',
        '{"id": "1", "colour": "red"}',
        '{"count": 1}',
        "[]",
        "{",
        '{"id": NaN}',
        "[" * 100_000,
        "",
    ):
        reply = api("POST", "/", body, kind)
        assert (reply.status, reply.json) == (400, {"message": "Invalid request body"}), body[:50]
        assert reply.headers["x-amzn-ErrorType"] == "BadRequestException"


def test_a_model_may_refer_to_another_one(api: Api, deployed: Deploy) -> None:
    api.model("Order", ORDER)
    reference = f"https://apigateway.amazonaws.com/restapis/{api.id}/models/Order"
    api.model("Orders", {"type": "array", "items": {"$ref": reference}})
    models = {"application/json": "Orders"}
    api.method(
        api.root, "POST", deployed(ECHO), requestModels=models, requestValidatorId=api.validator(True, False)
    )
    api.deploy()
    assert [api("POST", "/", body).status for body in ('[{"id": "1"}]', '[{"id": 1}]')] == [200, 400]


def test_a_content_type_without_a_model_passes_as_on_aws(api: Api, deployed: Deploy) -> None:
    api.model("Order", ORDER)
    models = {"application/json": "Order"}
    api.method(
        api.root, "POST", deployed(ECHO), requestModels=models, requestValidatorId=api.validator(True, False)
    )
    api.deploy()
    assert api("POST", "/", "[]", [("Content-Type", "text/plain")]).status == 200
    assert api("POST", "/", "[]").status == 400


def test_required_parameters_are_asked_for(api: Api, deployed: Deploy) -> None:
    required = {
        "method.request.querystring.page": True,
        "method.request.header.X-Tenant": True,
        "method.request.querystring.size": False,
    }
    api.method(
        api.root,
        "GET",
        deployed(ECHO),
        requestParameters=required,
        requestValidatorId=api.validator(False, True),
    )
    api.deploy()
    reply = api("GET", "/", headers=[("x-tenant", "me")])
    assert (reply.status, reply.message) == (400, "Missing required request parameters: [page]")
    assert api("GET", "/?page=1", headers=[("x-tenant", "me")]).status == 200


def test_ten_megabytes_and_no_more(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "POST", deployed("def handler(e, c):\n    return {'body': str(len(e['body']))}\n"))
    api.deploy()
    limit = 10 * 1024 * 1024
    reply = api("POST", "/", b"a" * (limit + 1))
    assert (reply.status, reply.body) == (413, b"HTTP content length exceeded 10485760 bytes.")
    # What API Gateway lets in may still be too much for Lambda, which takes six.
    reply = api("POST", "/", b"a" * limit)
    assert (reply.status, reply.message) == (413, "Request Too Long")
    assert api("POST", "/", b"a" * 5_000_000).body == b"5000000"


def test_a_key_is_asked_for(api: Api, keyed: Callable[..., str]) -> None:
    key = keyed()
    for given in (None, "another-key-of-twenty-characters", ""):
        reply = get(api, given)
        assert (reply.status, reply.json) == (403, {"message": "Forbidden"})
    reply = get(api, key)
    assert reply.status == 200
    assert reply.json["requestContext"]["identity"]["apiKey"] == key


def test_a_key_without_a_usage_plan_of_the_stage_is_refused(api: Api, keyed: Callable[..., str]) -> None:
    keyed()
    lonely = api.gateway.create_api_key(name="lonely", value="lonely-key-of-twenty-characters", enabled=True)
    assert get(api, lonely["value"]).status == 403
    api.gateway.delete_api_key(apiKey=lonely["id"])


def test_a_disabled_key_is_refused(api: Api, keyed: Callable[..., str]) -> None:
    key = keyed()
    (entry,) = api.gateway.get_api_keys(nameQuery="key")["items"]
    change = {"op": "replace", "path": "/enabled", "value": "false"}
    api.gateway.update_api_key(apiKey=entry["id"], patchOperations=[change])
    assert get(api, key).status == 403


def test_the_quota_is_that_of_each_key(api: Api, keyed: Callable[..., str]) -> None:
    first = keyed(quota={"limit": 3, "period": "DAY"})
    second = keyed("second-key-of-at-least-twenty-characters")
    assert [get(api, first).status for _ in range(5)] == [200, 200, 200, 429, 429]
    reply = get(api, first)
    assert reply.json == {"message": "Limit Exceeded"}
    assert reply.headers["x-amzn-ErrorType"] == "LimitExceededException"
    assert get(api, second).status == 200


def test_the_quota_holds_among_requests_at_the_same_time(api: Api, keyed: Callable[..., str]) -> None:
    key = keyed(quota={"limit": 5, "period": "DAY"})
    with ThreadPoolExecutor(12) as pool:
        statuses = Counter(pool.map(lambda _: get(api, key).status, range(12)))
    assert statuses == {200: 5, 429: 7}


def test_what_comes_too_fast_is_429(api: Api, keyed: Callable[..., str]) -> None:
    key = keyed(throttle={"burstLimit": 1, "rateLimit": 0.01})
    assert [get(api, key).status for _ in range(3)] == [200, 429, 429]
    assert get(api, key).json == {"message": "Too Many Requests"}


def a_backend(**limits: Any) -> Any:
    plan = SimpleNamespace(
        id="plan",
        api_stages=[{"apiId": "api", "stage": "test"}],
        throttle=limits.get("throttle", {}),
        quota=limits.get("quota", {}),
    )
    key = SimpleNamespace(id="key", value=KEY, enabled=True)
    return SimpleNamespace(
        keys={"key": key}, usage_plans={"plan": plan}, usage_plan_keys={"plan": {"key": key}}
    )


@pytest.mark.parametrize(
    ("period", "before", "after"),
    [
        ("DAY", "2026-11-21T23:59:59", "2026-11-22T00:00:00"),
        ("WEEK", "2026-11-22T23:59:59", "2026-11-23T00:00:00"),
        ("MONTH", "2026-11-30T23:59:59", "2026-12-01T00:00:00"),
    ],
)
def test_a_quota_begins_anew_with_its_period(period: str, before: str, after: str) -> None:
    now = [datetime.fromisoformat(f"{before}+00:00").timestamp()]
    usage = Usage(clock=lambda: now[0])
    backend = a_backend(quota={"limit": 3, "offset": 1, "period": period})
    for _ in range(2):  # the offset counts in the first period
        usage.admit(backend, "api", "test", KEY)
    with pytest.raises(QuotaUsedUp):
        usage.admit(backend, "api", "test", KEY)
    now[0] = datetime.fromisoformat(f"{after}+00:00").timestamp()
    for _ in range(3):
        usage.admit(backend, "api", "test", KEY)
    with pytest.raises(QuotaUsedUp):
        usage.admit(backend, "api", "test", KEY)


def test_a_bucket_fills_at_its_rate_and_no_higher_than_its_burst() -> None:
    now = [0.0]
    usage = Usage(clock=lambda: now[0])
    backend = a_backend(throttle={"burstLimit": 2, "rateLimit": 0.5}, quota={"limit": 5, "period": "DAY"})

    def admitted() -> bool:
        try:
            usage.admit(backend, "api", "test", KEY)
        except Throttled:
            return False
        return True

    assert [admitted() for _ in range(3)] == [True, True, False]
    now[0] = 2.0
    assert [admitted() for _ in range(2)] == [True, False]
    now[0] = 1000.0
    # What was throttled did not count for the quota of five.
    assert [admitted() for _ in range(2)] == [True, True]


def test_a_key_is_good_for_its_plans_stages_only() -> None:
    with pytest.raises(KeyRefused):
        Usage().admit(a_backend(), "api", "live", KEY)


def test_a_method_can_be_tried_without_key_and_deployment(api: Api, deployed: Deploy) -> None:
    resource = api.resource("orders", "{kind}")
    api.model("Order", ORDER)
    api.method(
        resource,
        "POST",
        deployed(ECHO),
        apiKeyRequired=True,
        requestModels={"application/json": "Order"},
        requestValidatorId=api.validator(True, False),
    )
    where = {"restApiId": api.id, "resourceId": resource, "httpMethod": "POST"}
    tried = api.gateway.test_invoke_method(
        **where, pathWithQueryString="/orders/a?q=1", body='{"id": "1"}', headers={"X-A": "b"}
    )
    event = json.loads(tried["body"])
    assert (tried["status"], event["pathParameters"], event["headers"]["X-A"]) == (200, {"kind": "a"}, "b")
    assert event["requestContext"]["stage"] == "test-invoke-stage"
    tried = api.gateway.test_invoke_method(**where, pathWithQueryString="/orders/a", body="{}")
    assert (tried["status"], json.loads(tried["body"])) == (400, {"message": "Invalid request body"})


def test_a_browsers_page_may_not_call_it(api: Api, deployed: Deploy) -> None:
    api.method(api.root, "GET", deployed(ECHO))
    api.deploy()
    assert api("GET", "/", headers=[("Origin", "https://example.com")]).status == 403
