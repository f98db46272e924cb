"""What `tap sandbox coverage` tells of a call is what the server answers to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from tapstack.sandbox import daemon
from tapstack.sandbox.coverage import Standing, cover
from tapstack.sandbox.coverage_calls import CALLS
from tapstack.sandbox.daemon import Sandbox

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of this test alone: some of the calls succeed."""
    directory = tmp_path_factory.mktemp("coverage")
    yield daemon.start(directory)
    daemon.stop(directory)


def required(operation: Any) -> dict[str, str]:
    """Something for each part of the call's address; nothing else is needed to learn whether it is there."""
    members = operation.input_shape.members if operation.input_shape else {}
    return {
        name: "200" if name == "statusCode" else "x"
        for name, member in members.items()
        if member.serialization.get("location") == "uri"
    }


def test_a_call_is_refused_as_unimplemented_where_coverage_says_so_and_only_there(apart: Sandbox) -> None:
    services = {name.replace("-", ""): name for name in Session().get_available_services()}
    config = Config(
        retries={"total_max_attempts": 1},
        parameter_validation=False,
        inject_host_prefix=False,
        read_timeout=30,
        proxies={},
    )

    @cache
    def client(service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        name = services[service.replace("-", "")]
        return boto3.client(
            name, endpoint_url=apart.url, region_name="us-east-1", verify=False, config=config, **keys
        )

    def is_refused(service: str, call: str) -> bool:
        given = required(client(service).meta.service_model.operation_model(call))
        try:
            getattr(client(service), xform_name(call))(**given)
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "NotImplementedInSandbox")
        return False

    # boto3 puts the account in front of the host of S3 Control, where no resolver finds it.
    asked = {kind: call for kind, call in CALLS.items() if call[0] != "s3control"}
    told = {one.type: one.standing is Standing.UNSUPPORTED for one in cover(dict.fromkeys(asked, 1))}
    assert 20 < sum(told.values()) < len(told)
    answered = {kind: is_refused(service, call) for kind, (service, call) in asked.items()}
    assert {kind for kind in asked if answered[kind] != told[kind]} == set()
    assert Path(apart.log).read_text().count("unimplemented: ") >= sum(told.values())
