"""One sandbox for all tests of a session, and clients and functions for it."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox

from .sources import Sources

ROLE = "arn:aws:iam::123456789012:role/tests"
ASSUME = '{"Version": "2012-10-17", "Statement": []}'


def client_of(sandbox: Sandbox, service: str, region: str = "us-east-1") -> Any:
    # `verify`: the caller's AWS_CA_BUNDLE is none of these tests' business.
    return boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=sandbox.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        verify=False,
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=30),
    )


def zipped(**modules: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in modules.items():
            archive.writestr(f"{name}.py", source)
    return buffer.getvalue()


def eventually(question: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true answer; the last answer when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("shared") / ".tap" / "sandbox"
    yield daemon.start(directory)
    daemon.stop(directory)


@pytest.fixture
def own_directory(tmp_path: Path) -> Iterator[Path]:
    """The directory of a sandbox that a test may start and break as it likes."""
    directory = tmp_path / ".tap" / "sandbox"
    yield directory
    daemon.stop(directory)


@pytest.fixture
def aws(sandbox: Sandbox) -> Callable[..., Any]:
    return lambda service, region="us-east-1": client_of(sandbox, service, region)


@pytest.fixture
def deployed(aws: Callable[..., Any], request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Deploys `source` as app.handler and returns the function's name; deletes it afterwards."""
    made: list[str] = []
    functions = aws("lambda")
    if not any(role["Arn"] == ROLE for role in aws("iam").list_roles()["Roles"]):
        aws("iam").create_role(RoleName="tests", AssumeRolePolicyDocument=ASSUME)

    def deploy(source: str, **fields: Any) -> str:
        name = f"{request.node.name[:50].replace('[', '-').replace(']', '')}-{len(made)}"
        code = fields.pop("code", None) or zipped(app=source)
        defaults = {"Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE, "Timeout": 10}
        functions.create_function(FunctionName=name, Code={"ZipFile": code}, **{**defaults, **fields})
        made.append(name)
        return name

    yield deploy
    for name in made:
        functions.delete_function(FunctionName=name)


@pytest.fixture
def sources(
    aws: Callable[..., Any], deployed: Callable[..., str], request: pytest.FixtureRequest
) -> Iterator[Sources]:
    """Makes what functions are fed from; gone before the functions are."""
    made = Sources(aws, request.node.name.partition("[")[0])
    yield made
    made.close()
