"""Runs a deployed Lambda function, its very zip and environment, in a child process of its own."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# Init may take ten seconds before the function's own timeout starts to count:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
INIT_SECONDS: Final = 10.0

# A function that prints without end must not fill memory; the rest of its output is dropped.
_LOG_BYTES: Final = 1024 * 1024

# What Lambda's Python runtimes carry beside the standard library: boto3 and what it needs. Whatever else is
# installed next to tap is hidden, or a zip that forgot a dependency would work here and fail in AWS.
_RUNTIME_LIBRARIES: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

# Workspace -> process group (None before its start) of every function under way; nothing starts after the end.
_running: dict[Path, int | None] = {}
_running_lock = threading.Lock()
_ended = threading.Event()


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one invocation gave: JSON `payload`, `function_error` ("Unhandled" or None), lines of `log`."""

    payload: bytes
    function_error: str | None
    log: str
    request_id: str
    log_stream: str


def run(
    configuration: Mapping[str, Any],
    code_zip: bytes,
    event: object,
    *,
    environment: Mapping[str, str],
    request_id: str | None = None,
) -> Invocation:
    """Invoke the function once and wait for its end.

    `configuration` has the shape of GetFunctionConfiguration, `code_zip` is the deployed archive, `event`
    anything JSON can carry. The child sees the deployed variables, Lambda's own and `environment` (the way
    to the sandbox), the later ones winning, and nothing else. Only Python runtimes; the interpreter is the
    one tap runs on, which the log says. Errors of the function are in the result, never raised.
    """
    request = request_id or str(uuid.uuid4())
    stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{configuration['Version']}]{uuid.uuid4().hex}"
    runtime = str(configuration.get("Runtime") or "container image")
    if not runtime.startswith("python"):
        return _refused(configuration, runtime, request, stream)
    with _starting():
        workspace = Path(tempfile.mkdtemp(prefix="tap-function-"))
        _running[workspace] = None
    try:
        started = time.monotonic()
        outcome = _execute(workspace, configuration, code_zip, event, environment, request, stream)
        elapsed = (time.monotonic() - started) * 1000
        output = _output(workspace)
    finally:
        with _running_lock:
            _running.pop(workspace, None)
        shutil.rmtree(workspace, ignore_errors=True)
    error = outcome.get("error")
    payload = json.dumps(error) if error else outcome["payload"]
    log = _log(configuration, runtime, request, output, elapsed, outcome.get("max_rss"))
    return Invocation(payload.encode(), "Unhandled" if error else None, log, request, stream)


def end_all() -> None:
    """Kill every function under way and its files: the server that started them is about to end."""
    with _running_lock:
        _ended.set()
        ending = dict(_running)
    for workspace, group in ending.items():
        if group is not None:
            _kill_group(group)
        shutil.rmtree(workspace, ignore_errors=True)


@contextmanager
def _starting() -> Iterator[None]:
    with _running_lock:
        if _ended.is_set():
            # Ends the thread, quietly, as the end of the server would a moment later.
            raise SystemExit
        yield


def log_group(configuration: Mapping[str, Any]) -> str:
    """The name of the log group the function writes to."""
    chosen = (configuration.get("LoggingConfig") or {}).get("LogGroup")
    return str(chosen or f"/aws/lambda/{configuration['FunctionName']}")


def _refused(configuration: Mapping[str, Any], runtime: str, request: str, stream: str) -> Invocation:
    message = (
        f"the sandbox runs Python functions only; {configuration['FunctionName']} is of runtime {runtime}"
    )
    payload = {"errorMessage": message, "errorType": "Sandbox.UnsupportedRuntime", "requestId": request}
    return Invocation(json.dumps(payload).encode(), "Unhandled", message + "\n", request, stream)


def _execute(
    workspace: Path,
    configuration: Mapping[str, Any],
    code_zip: bytes,
    event: object,
    environment: Mapping[str, str],
    request: str,
    stream: str,
) -> dict[str, Any]:
    task = workspace / "task"
    try:
        with zipfile.ZipFile(io.BytesIO(code_zip)) as archive:
            archive.extractall(task)
    except zipfile.BadZipFile as error:
        return {"error": _platform_error("InvalidZipFileException", f"the code is no zip: {error}", request)}
    timeout = float(configuration.get("Timeout") or 3)
    invocation = {
        "event": event,
        "request_id": request,
        "function_arn": configuration["FunctionArn"],
        "timeout": timeout,
        "server": os.getpid(),
    }
    (workspace / "invocation.json").write_text(json.dumps(invocation), encoding="utf-8")
    variables = {
        **((configuration.get("Environment") or {}).get("Variables") or {}),
        **_lambda_variables(configuration, task, stream),
        **environment,
    }
    return _supervise(workspace, task, _libraries(workspace), variables, timeout, request)


def _supervise(
    workspace: Path, task: Path, libraries: Path, variables: Mapping[str, str], timeout: float, request: str
) -> dict[str, Any]:
    reading, writing = os.pipe()
    with (workspace / "output").open("ab") as output, _starting():
        process = subprocess.Popen(
            [
                sys.executable,
                "-S",
                "-P",
                str(Path(__file__).with_name("runtime.py")),
                str(workspace),
                str(task),
                str(libraries),
                str(writing),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(variables),
            cwd=task,
            pass_fds=(writing,),
            start_new_session=True,
        )
        _running[workspace] = process.pid
    os.close(writing)
    try:
        if not _initialised(reading):
            return {"error": _timed_out(INIT_SECONDS, request)}
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        return {"error": _timed_out(timeout, request)}
    finally:
        os.close(reading)
        _kill_group(process.pid)
        process.wait()
    return _result(workspace, process.returncode, request)


def _initialised(reading: int) -> bool:
    """Whether the handler was loaded, or the child ended trying, within the time for that."""
    poll = select.poll()
    poll.register(reading, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(INIT_SECONDS * 1000))


def _result(workspace: Path, status: int, request: str) -> dict[str, Any]:
    try:
        outcome: dict[str, Any] = json.loads((workspace / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        how = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        message = f"RequestId: {request} Error: Runtime exited with error: {how}"
        return {"error": _platform_error("Runtime.ExitError", message, request)}
    return outcome


def _timed_out(seconds: float, request: str) -> dict[str, Any]:
    message = f"RequestId: {request} Error: Task timed out after {seconds:.2f} seconds"
    return _platform_error("Sandbox.Timedout", message, request)


def _platform_error(kind: str, message: str, request: str) -> dict[str, Any]:
    return {"errorType": kind, "errorMessage": message, "requestId": request, "stackTrace": []}


def _lambda_variables(configuration: Mapping[str, Any], task: Path, stream: str) -> dict[str, str]:
    """Lambda's own: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
    logging = configuration.get("LoggingConfig") or {}
    variables = {
        "_HANDLER": str(configuration["Handler"]),
        "_X_AMZN_TRACE_ID": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration['Runtime']}",
        "AWS_LAMBDA_FUNCTION_NAME": str(configuration["FunctionName"]),
        "AWS_LAMBDA_FUNCTION_VERSION": str(configuration["Version"]),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.get("MemorySize") or 128),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(configuration),
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_LOG_FORMAT": str(logging.get("LogFormat") or "Text"),
        "LAMBDA_TASK_ROOT": str(task),
        "LAMBDA_RUNTIME_DIR": str(Path(__file__).parent),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "TZ": ":UTC",
    }
    level = logging.get("ApplicationLogLevel")
    return {**variables, "AWS_LAMBDA_LOG_LEVEL": str(level)} if level else variables


def _libraries(workspace: Path) -> Path:
    """A directory with links to the libraries of Lambda's runtime that are installed here."""
    libraries = workspace / "libraries"
    libraries.mkdir()
    for name in _RUNTIME_LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (libraries / source.name).symlink_to(source)
    return libraries


def _output(workspace: Path) -> str:
    try:
        with (workspace / "output").open("rb") as stream:
            return stream.read(_LOG_BYTES).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _log(
    configuration: Mapping[str, Any],
    runtime: str,
    request: str,
    output: str,
    elapsed: float,
    max_rss: int | None,
) -> str:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # ru_maxrss is in KiB on Linux, in bytes on macOS.
    mebibyte = 1024 if sys.platform == "linux" else 1024 * 1024
    used = "" if max_rss is None else f"\tMax Memory Used: {max_rss // mebibyte} MB"
    lines = [
        f"INIT_START Runtime Version: {here} (tap's interpreter; the function asks for {runtime})",
        f"START RequestId: {request} Version: {configuration['Version']}",
        *output.splitlines(),
        f"END RequestId: {request}",
        f"REPORT RequestId: {request}\tDuration: {elapsed:.2f} ms\tBilled Duration: {int(elapsed) + 1} ms"
        f"\tMemory Size: {configuration.get('MemorySize') or 128} MB{used}",
    ]
    return "\n".join(lines) + "\n"


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
