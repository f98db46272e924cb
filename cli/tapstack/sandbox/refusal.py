"""Answers a call the sandbox can't serve with an error in the shape that the service's clients read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

NOT_IMPLEMENTED: Final = "NotImplementedInSandbox"
BROKEN: Final = "SandboxInternalError"
BLOCKED: Final = "BlockedBySandbox"

_SCOPE: Final = re.compile(r"Credential=[^/,]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
# Error documents: https://smithy.io/2.0/aws/protocols/index.html
_BARE_XML: Final = frozenset({"s3", "s3express"})
_XML: Final = frozenset({"route53", "cloudfront", "s3control"})


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call as far as its request names it; `service` is the signing name, "" if unsigned."""

    service: str
    action: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...]
    body: bytes


def signed_service(authorization: str) -> str:
    """The service in the credential scope of a Signature Version 4 header, lower case; "" without one."""
    scope = _SCOPE.search(authorization)
    return scope["service"].lower() if scope else ""


def call_of(*, authorization: str, target: str, content_type: str, route: str, body: bytes) -> Call:
    """Name the call of a request; `route` is its method and path, or its operation where that is known."""
    service = signed_service(authorization)
    if target:
        return Call(service, target.rpartition(".")[2], "json")
    if content_type.startswith("application/x-www-form-urlencoded"):
        action = parse_qs(body.decode("utf-8", errors="replace")).get("Action", [""])[0]
        if action:
            return Call(service, action, "ec2" if service == "ec2" else "query")
    protocol = "s3" if service in _BARE_XML else "rest-xml" if service in _XML else "rest-json"
    return Call(service, route, protocol)


def answer(call: Call, code: str, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Answer:
    """The error `code` with `message` in the protocol of `call`."""
    if call.protocol in ("json", "rest-json"):
        kind = "application/x-amz-json-1.1" if call.protocol == "json" else "application/json"
        document = json.dumps({"__type": code, "message": message})
        headers = [("Content-Type", kind), ("x-amzn-ErrorType", code)]
    else:
        document, headers = _xml(call.protocol, code, message), [("Content-Type", "text/xml")]
    body = document.encode()
    return Answer(status, (*headers, ("Content-Length", str(len(body)))), body)


def _xml(protocol: str, code: str, message: str) -> str:
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "s3":
        return f"<Error>{error}<RequestId>tap</RequestId></Error>"
    if protocol == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>tap</RequestID></Response>"
    return (
        f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>tap</RequestId></ErrorResponse>"
    )
