"""How answers go over the wire: in one piece, and not before they are asked for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tapstack.sandbox.daemon import Sandbox

pytestmark = pytest.mark.real

_ASK = "Action=ListTopics&Version=2010-03-31"
_HEADERS = (
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/sns/aws4_request, SignedHeaders=host, "
    "Signature=0",
    "Content-Type: application/x-www-form-urlencoded",
)


@contextmanager
def _asking(sandbox: Sandbox, line: str, *headers: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as connection:
        head = (line, f"Host: 127.0.0.1:{sandbox.port}", *headers, "", "")
        connection.sendall("\r\n".join(head).encode())
        yield connection


def test_an_answer_comes_in_one_piece(sandbox: Sandbox) -> None:
    for _ in range(30):
        with _asking(sandbox, "POST / HTTP/1.1", *_HEADERS, f"Content-Length: {len(_ASK)}") as connection:
            connection.sendall(_ASK.encode())
            answer = connection.recv(1 << 16)
        # Go's client drops a connection now and then whose answer has no body yet, and asks again.
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.rstrip().endswith(b"</ListTopicsResponse>")


def test_who_asks_before_sending_is_answered_at_once(sandbox: Sandbox, aws: Callable[..., Any]) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="continue")
    body = b"x" * 10
    headers = (f"Content-Length: {len(body)}", "Expect: 100-continue", _HEADERS[0].replace("/sns/", "/s3/"))
    with _asking(sandbox, "PUT /continue/key HTTP/1.1", *headers) as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(body)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
    assert s3.get_object(Bucket="continue", Key="key")["Body"].read() == body
    s3.delete_object(Bucket="continue", Key="key")
    s3.delete_bucket(Bucket="continue")
