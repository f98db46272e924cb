"""Each gap of moto that tap closes, seen through boto3; a test here fails when its patch is left out."""

from __future__ import annotations

import base64
import hashlib
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import zipped

pytestmark = pytest.mark.real

QUEUE = "arn:aws:sqs:us-east-1:123456789012:dead"
SOURCE = "def handler(event, context):\n    return event\n"


def test_a_keys_rotation_period_is_kept(aws: Callable[..., Any]) -> None:
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 180
    kms.disable_key_rotation(KeyId=key)
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)


def test_a_key_rotates_every_365_days_unless_told_otherwise(aws: Callable[..., Any]) -> None:
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 365


def test_a_functions_dead_letter_queue_and_logging_are_kept(
    aws: Callable[..., Any], deployed: Callable[..., str]
) -> None:
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "/aws/lambda/mine"}
    name = deployed(SOURCE, DeadLetterConfig={"TargetArn": QUEUE}, LoggingConfig=logging)
    configuration = aws("lambda").get_function_configuration(FunctionName=name)
    assert configuration["DeadLetterConfig"] == {"TargetArn": QUEUE}
    assert configuration["LoggingConfig"] == logging


def test_a_function_without_them_has_text_logs_in_its_own_group_and_no_queue(
    aws: Callable[..., Any], deployed: Callable[..., str]
) -> None:
    name = deployed(SOURCE)
    configuration = aws("lambda").get_function_configuration(FunctionName=name)
    assert "DeadLetterConfig" not in configuration
    assert configuration["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}


def test_an_update_changes_queue_logging_tracing_and_key(
    aws: Callable[..., Any], deployed: Callable[..., str]
) -> None:
    name = deployed(SOURCE, DeadLetterConfig={"TargetArn": QUEUE})
    key = "arn:aws:kms:us-east-1:123456789012:key/other"
    changed = {
        "DeadLetterConfig": {"TargetArn": f"{QUEUE}-2"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "elsewhere"},
        "TracingConfig": {"Mode": "Active"},
        "KMSKeyArn": key,
    }
    aws("lambda").update_function_configuration(FunctionName=name, **changed)
    configuration = aws("lambda").get_function_configuration(FunctionName=name)
    assert {field: configuration[field] for field in changed} == changed


def test_a_queue_can_be_taken_away_again(aws: Callable[..., Any], deployed: Callable[..., str]) -> None:
    name = deployed(SOURCE, DeadLetterConfig={"TargetArn": QUEUE})
    aws("lambda").update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": ""})
    assert "DeadLetterConfig" not in aws("lambda").get_function_configuration(FunctionName=name)


def test_the_deployed_zip_can_be_downloaded(aws: Callable[..., Any], deployed: Callable[..., str]) -> None:
    code = zipped(app=SOURCE)
    name = deployed("", code=code)
    function = aws("lambda").get_function(FunctionName=name)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(function["Code"]["Location"], timeout=10) as answer:
        downloaded = answer.read()
    assert downloaded == code
    digest = base64.b64encode(hashlib.sha256(downloaded).digest()).decode()
    assert digest == function["Configuration"]["CodeSha256"]
