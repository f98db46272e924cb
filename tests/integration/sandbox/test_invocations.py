"""Deployed functions run: the answer, the errors, the log and the dead letters are Lambda's."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox

from .conftest import ASSUME, ROLE, client_of, eventually, zipped

pytestmark = pytest.mark.real

Deploy = Callable[..., str]
Clients = Callable[..., Any]

ECHO = "def handler(event, context):\n    return event\n"


def invoke(aws: Clients, name: str, event: object = None, **fields: Any) -> tuple[dict[str, Any], Any]:
    answer = aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}), **fields)
    body = answer["Payload"].read()
    return answer, json.loads(body) if body else None


def log_lines(aws: Clients, group: str) -> list[str]:
    events = aws("logs").filter_log_events(logGroupName=group)["events"]
    return [str(event["message"]) for event in events]


def test_the_result_of_the_handler_is_the_payload(aws: Clients, deployed: Deploy) -> None:
    answer, payload = invoke(aws, deployed(ECHO), {"a": ["ü", 1, None]})
    assert (answer["StatusCode"], payload) == (200, {"a": ["ü", 1, None]})
    assert "FunctionError" not in answer
    assert answer["ExecutedVersion"] == "$LATEST"


def test_the_function_sees_the_deployed_variables_lambdas_own_and_nothing_of_the_machine(
    aws: Clients, deployed: Deploy, sandbox: Sandbox
) -> None:
    source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    name = deployed(
        source, Environment={"Variables": {"TABLE": "t", "AWS_RETRY_MODE": "standard"}}, MemorySize=256
    )
    _, seen = invoke(aws, name)
    assert (seen["TABLE"], seen["AWS_RETRY_MODE"]) == ("t", "standard")
    assert seen["_HANDLER"] == "app.handler"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["AWS_ENDPOINT_URL"] == seen["HTTPS_PROXY"] == sandbox.url
    assert not {"HOME", "VIRTUAL_ENV", "PYTHONPATH", "TF_CLI_CONFIG_FILE", "AWS_CA_BUNDLE"} & set(seen)


def test_the_function_works_on_the_sandbox_it_is_deployed_to(aws: Clients, deployed: Deploy) -> None:
    source = """
import boto3
def handler(event, context):
    boto3.client("sqs").create_queue(QueueName=event["name"])
    return boto3.client("sts").meta.region_name
"""
    _, region = invoke(aws, deployed(source), {"name": "made-by-a-function"})
    assert region == "us-east-1"
    queues = aws("sqs")
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName="made-by-a-function")["QueueUrl"])


def test_the_context_has_lambdas_fields(aws: Clients, deployed: Deploy) -> None:
    source = """
def handler(event, c):
    return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, c.log_group_name,
            len(c.aws_request_id), 0 < c.get_remaining_time_in_millis() <= 7000]
"""
    name = deployed(source, Timeout=7, MemorySize=512)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert invoke(aws, name)[1] == [name, "$LATEST", arn, "512", f"/aws/lambda/{name}", 36, True]


def test_an_exception_is_an_unhandled_error_with_type_message_and_stack(
    aws: Clients, deployed: Deploy
) -> None:
    source = "def handler(event, context):\n    raise KeyError('id')\n"
    answer, payload = invoke(aws, deployed(source))
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (payload["errorType"], payload["errorMessage"]) == ("KeyError", "'id'")
    assert len(payload["stackTrace"]) == 1
    assert "raise KeyError('id')" in payload["stackTrace"][0]


@pytest.mark.parametrize(
    ("source", "fields", "kind", "message"),
    [
        (
            "import leftpad\n",
            {},
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'leftpad'",
        ),
        (
            ECHO,
            {"Handler": "app.other"},
            "Runtime.HandlerNotFound",
            "Handler 'other' missing on module 'app'",
        ),
        (ECHO, {"Handler": "app"}, "Runtime.MalformedHandlerName", "Bad handler 'app'"),
        ("def handler(:\n", {}, "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("def handler(e, c):\n    return {1, 2}\n", {}, "Runtime.MarshalError", "Unable to marshal response"),
        ("import os\ndef handler(e, c):\n    os._exit(3)\n", {}, "Runtime.ExitError", "exit status 3"),
        ("raise ValueError('at import')\n", {}, "ValueError", "at import"),
        (ECHO, {"Runtime": "nodejs22.x"}, "Sandbox.UnsupportedRuntime", "runs Python functions only"),
    ],
)
def test_what_is_wrong_with_a_function_is_said_as_lambda_says_it(
    aws: Clients, deployed: Deploy, source: str, fields: dict[str, Any], kind: str, message: str
) -> None:
    answer, payload = invoke(aws, deployed(source, **fields))
    assert (answer["FunctionError"], payload["errorType"]) == ("Unhandled", kind)
    assert message in payload["errorMessage"]


def test_a_library_that_lambda_does_not_have_is_not_there(aws: Clients, deployed: Deploy) -> None:
    _, payload = invoke(aws, deployed("import pytest\n"))
    assert payload["errorMessage"] == "Unable to import module 'app': No module named 'pytest'"


def test_a_function_is_ended_at_its_timeout_with_all_it_started(
    aws: Clients, deployed: Deploy, tmp_path: Any
) -> None:
    source = """
import subprocess, sys, time
def handler(event, context):
    write = f"import time; time.sleep(3); open({event['file']!r}, 'w')"
    subprocess.Popen([sys.executable, "-c", write])
    time.sleep(60)
"""
    started = time.monotonic()
    answer, payload = invoke(aws, deployed(source, Timeout=1), {"file": str(tmp_path / "late")})
    assert time.monotonic() - started < 5
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    time.sleep(3)
    assert not (tmp_path / "late").exists()


def test_a_function_can_not_take_more_memory_than_its_size_and_the_interpreters(
    aws: Clients, deployed: Deploy
) -> None:
    source = "def handler(event, context):\n    return len(bytearray(2 * 1024 ** 3))\n"
    _, payload = invoke(aws, deployed(source, MemorySize=128))
    assert payload["errorType"] == "MemoryError"


def test_output_and_logging_are_in_the_functions_log_group(aws: Clients, deployed: Deploy) -> None:
    source = """
import logging
def handler(event, context):
    print("printed")
    logging.getLogger("orders").error("logged")
    logging.getLogger("orders").info("too quiet")
"""
    name = deployed(source)
    answer, _ = invoke(aws, name, LogType="Tail")
    lines = log_lines(aws, f"/aws/lambda/{name}")
    marks = [line.split(" ")[0] for line in lines]
    assert marks[:2] == ["INIT_START", "START"]
    assert marks[-2:] == ["END", "REPORT"]
    assert "the function asks for python3.13" in lines[0]
    assert "printed" in lines
    assert [line.split("\t")[0::3] for line in lines if "logged" in line] == [["[ERROR]", "logged"]]
    assert not [line for line in lines if "too quiet" in line]
    assert "printed" in base64.b64decode(answer["LogResult"]).decode()
    aws("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")


def test_json_logs_go_to_the_configured_group(aws: Clients, deployed: Deploy) -> None:
    source = "import logging\ndef handler(event, context):\n    logging.info('hello %s', 'world')\n"
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "chosen"}
    invoke(aws, deployed(source, LoggingConfig=logging))
    [line] = [json.loads(line) for line in log_lines(aws, "chosen") if line.startswith("{")]
    assert (line["level"], line["message"]) == ("INFO", "hello world")
    aws("logs").delete_log_group(logGroupName="chosen")


def json_lines(aws: Clients, deployed: Deploy, source: str) -> tuple[Any, list[dict[str, Any]]]:
    """The payload of a function, and what it logged as JSON."""
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "as-json"}
    _, payload = invoke(aws, deployed(source, LoggingConfig=logging))
    lines = [json.loads(line) for line in log_lines(aws, "as-json") if line.startswith("{")]
    aws("logs").delete_log_group(logGroupName="as-json")
    return payload, lines


def test_json_logs_keep_what_is_given_as_extra(aws: Clients, deployed: Deploy) -> None:
    source = """
import logging
def handler(event, context):
    extra = {"order": "1", "lines": [{"sku": "ü"}], "nothing": None, "level": "mine", "requestId": "mine"}
    logging.getLogger("orders").info("stored", extra=extra)
    return context.aws_request_id
"""
    request_id, [line] = json_lines(aws, deployed, source)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "INFO",
        "message": "stored",
        "logger": "orders",
        "requestId": request_id,
        "order": "1",
        "lines": [{"sku": "ü"}],
    }


def test_json_logs_tell_an_exception_in_fields_of_its_own(aws: Clients, deployed: Deploy) -> None:
    source = """
import logging
def handler(event, context):
    try:
        {}["id"]
    except KeyError:
        logging.exception("no id")
"""
    _, [line] = json_lines(aws, deployed, source)
    assert (line["level"], line["message"]) == ("ERROR", "no id")
    assert (line["errorType"], line["errorMessage"]) == ("KeyError", "'id'")
    assert '{}["id"]' in "".join(line["stackTrace"])
    assert line["location"].endswith("app.py:handler:7")


def test_an_extra_that_json_can_not_carry_fails_the_function(aws: Clients, deployed: Deploy) -> None:
    source = "import logging\ndef handler(event, context):\n    logging.info('x', extra={'ids': {1}})\n"
    payload, lines = json_lines(aws, deployed, source)
    assert (payload["errorType"], lines) == ("TypeError", [])


def test_a_dry_run_runs_nothing(aws: Clients, deployed: Deploy) -> None:
    name = deployed(ECHO)
    assert invoke(aws, name, InvocationType="DryRun")[0]["StatusCode"] == 204
    assert not aws("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]


def test_an_event_that_is_no_json_is_refused(aws: Clients, deployed: Deploy) -> None:
    name = deployed(ECHO)
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        aws("lambda").invoke(FunctionName=name, Payload=b"{")


def test_an_asynchronous_event_is_answered_at_once_and_done_once(
    aws: Clients, deployed: Deploy, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    name = deployed(
        "import os, time\n"
        "def handler(event, context):\n"
        f"    while not os.path.exists({str(gate)!r}):\n"
        "        time.sleep(0.02)\n"
        "    print('done')\n"
    )
    answer, payload = invoke(aws, name, InvocationType="Event")
    # It waits still: the answer did not wait for it.
    assert (answer["StatusCode"], payload) == (202, None)
    gate.touch()
    groups = aws("logs")
    assert eventually(
        lambda: groups.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    )
    assert eventually(lambda: "done" in log_lines(aws, f"/aws/lambda/{name}"))
    time.sleep(1.5)
    assert log_lines(aws, f"/aws/lambda/{name}").count("done") == 1
    groups.delete_log_group(logGroupName=f"/aws/lambda/{name}")


@pytest.mark.parametrize("orderly", [True, False])
def test_no_function_outlives_its_sandbox(
    own_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orderly: bool
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sandbox = daemon.start(own_directory)
    client_of(sandbox, "iam").create_role(RoleName="tests", AssumeRolePolicyDocument=ASSUME)
    source = """
import time
def handler(event, context):
    open(event["file"], "w").write("began ")
    time.sleep(2)
    open(event["file"], "a").write("ended")
"""
    lambdas, trace = client_of(sandbox, "lambda"), tmp_path / "trace"
    code = {"ZipFile": zipped(app=source)}
    lambdas.create_function(
        FunctionName="f", Code=code, Runtime="python3.13", Handler="app.handler", Role=ROLE, Timeout=10
    )
    lambdas.invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps({"file": str(trace)}))
    assert eventually(lambda: trace.exists() and trace.read_text())
    if orderly:
        daemon.stop(own_directory)
        assert not list(tmp_path.glob("tap-function-*"))
    else:
        os.kill(sandbox.pid, signal.SIGKILL)
    time.sleep(2.5)
    assert trace.read_text() == "began "


def received(aws: Clients, url: str) -> list[dict[str, Any]]:
    answer = aws("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_an_asynchronous_event_that_fails_three_times_is_a_dead_letter(
    aws: Clients, deployed: Deploy
) -> None:
    queues = aws("sqs")
    url = queues.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = (
        "def handler(event, context):\n    print('try', context.aws_request_id)\n    raise ValueError('no')\n"
    )
    name = deployed(source, DeadLetterConfig={"TargetArn": arn})
    invoke(aws, name, {"id": "1"}, InvocationType="Event")
    [letter] = eventually(lambda: received(aws, url))
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"]) == {"id": "1"}
    assert (attributes["ErrorCode"], attributes["ErrorMessage"]) == ("200", "no")
    tries = [line for line in log_lines(aws, f"/aws/lambda/{name}") if line.startswith("try")]
    assert tries == [f"try {attributes['RequestID']}"] * 3
    queues.delete_queue(QueueUrl=url)
    aws("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")


def test_the_configured_number_of_retries_is_kept(aws: Clients, deployed: Deploy) -> None:
    queues = aws("sqs")
    url = queues.create_queue(QueueName="not-tried-again")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = "def handler(event, context):\n    print('try')\n    raise ValueError('no')\n"
    name = deployed(source, DeadLetterConfig={"TargetArn": arn})
    aws("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    invoke(aws, name, InvocationType="Event")
    assert eventually(lambda: received(aws, url))
    assert log_lines(aws, f"/aws/lambda/{name}").count("try") == 1
    queues.delete_queue(QueueUrl=url)
    aws("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")
