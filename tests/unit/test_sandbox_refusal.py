"""An AWS call that can't be served is named and answered in its service's own protocol."""

import json
import xml.etree.ElementTree as ElementTree
from http import HTTPStatus

import pytest

from tapstack.sandbox.refusal import Call, answer, call_of, signed_service

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
)


def call(
    service: str, *, target: str = "", content_type: str = "", route: str = "GET /", body: bytes = b""
) -> Call:
    authorization = SIGNED.format(service)
    return call_of(
        authorization=authorization, target=target, content_type=content_type, route=route, body=body
    )


def test_the_service_is_read_from_the_credential_scope() -> None:
    assert signed_service(SIGNED.format("States")) == "states"
    assert signed_service("AWS test:signature") == ""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (call("kms", target="TrentService.CreateKey"), Call("kms", "CreateKey", "json")),
        (
            call(
                "iam", content_type="application/x-www-form-urlencoded", body=b"Action=CreateRole&Version=1"
            ),
            Call("iam", "CreateRole", "query"),
        ),
        (
            call("ec2", content_type="application/x-www-form-urlencoded", body=b"Action=RunInstances"),
            Call("ec2", "RunInstances", "ec2"),
        ),
        (call("s3", route="PUT /bucket"), Call("s3", "PUT /bucket", "s3")),
        (call("route53", route="GET /2013-04-01/x"), Call("route53", "GET /2013-04-01/x", "rest-xml")),
        (call("lambda", route="GET /2015-03-31/x"), Call("lambda", "GET /2015-03-31/x", "rest-json")),
    ],
)
def test_a_call_is_named_by_what_its_protocol_carries(found: Call, expected: Call) -> None:
    assert found == expected


@pytest.mark.parametrize("protocol", ["json", "rest-json"])
def test_json_clients_find_code_and_message(protocol: str) -> None:
    refused = answer(Call("kms", "CreateKey", protocol), "Code", "why <&>")
    assert json.loads(refused.body) == {"__type": "Code", "message": "why <&>"}
    assert dict(refused.headers)["x-amzn-ErrorType"] == "Code"
    assert refused.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("protocol", "path"),
    [("query", "Error/"), ("rest-xml", "Error/"), ("s3", ""), ("ec2", "Errors/Error/")],
)
def test_xml_clients_find_code_and_message(protocol: str, path: str) -> None:
    refused = answer(Call("x", "y", protocol), "Code", "why <&>")
    document = ElementTree.fromstring(refused.body)  # noqa: S314 - our own answer
    assert (document.findtext(f"{path}Code"), document.findtext(f"{path}Message")) == ("Code", "why <&>")
