"""Runs inside the child process of one invocation: imports the handler and calls it as Lambda would.

Started by path, with nothing of tapstack importable: python -S -P runtime.py WORKSPACE TASK LIBRARIES FD
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The attributes that logging gives every record itself.
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({})))


class Context:
    """The second argument of a handler.

    Fields: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self.aws_request_id: str = fields["request_id"]
        self.function_name: str = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version: str = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.invoked_function_arn: str = fields["function_arn"]
        self.memory_limit_in_mb: str = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name: str = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name: str = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = None
        self.identity = None
        self._deadline = time.monotonic() + float(fields["timeout"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


class _LineFormatter(logging.Formatter):
    """The format of Lambda's own handler on the root logger, for LogFormat Text and JSON.

    https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html#python-logging-advanced
    """

    converter = staticmethod(time.gmtime)

    def __init__(self, request_id: str, as_json: bool) -> None:
        super().__init__("%(message)s")
        self._request_id = request_id
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        moment = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"
        if self._as_json:
            return self._json(record, moment)
        return f"[{record.levelname}]\t{moment}\t{self._request_id}\t{super().format(record)}"

    def _json(self, record: logging.LogRecord, moment: str) -> str:
        line: dict[str, Any] = {
            "timestamp": moment,
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            line["stackTrace"] = traceback.format_tb(record.exc_info[2])
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        line["requestId"] = self._request_id
        # What the call gave as `extra`; it can't take the place of Lambda's own fields.
        extra = {k: v for k, v in vars(record).items() if k not in _OF_EVERY_RECORD and k not in line}
        given = {name: value for name, value in extra.items() if value is not None}
        return json.dumps({**line, **given}, ensure_ascii=False)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """As Lambda's own: a record that can't be written fails the function instead of being lost quietly."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        raise


def _failure(kind: str, message: str, request_id: str, trace: list[str] | None = None) -> dict[str, Any]:
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace or []}


def _raised(error: BaseException, request_id: str) -> dict[str, Any]:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    return _failure(type(error).__name__, str(error), request_id, traceback.format_list(frames))


def _load(handler: str, request_id: str) -> Callable[[Any, Any], Any] | dict[str, Any]:
    module_name, dot, name = handler.rpartition(".")
    if not dot:
        return _failure("Runtime.MalformedHandlerName", f"Bad handler '{handler}'", request_id)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return _failure("Runtime.ImportModuleError", message, request_id)
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        return _failure("Runtime.UserCodeSyntaxError", message, request_id)
    function = getattr(module, name, None)
    if function is None:
        message = f"Handler '{name}' missing on module '{module_name}'"
        return _failure("Runtime.HandlerNotFound", message, request_id)
    return function  # type: ignore[no-any-return]


def _call(function: Callable[[Any, Any], Any], event: object, context: Context) -> dict[str, Any]:
    result = function(event, context)
    try:
        return {"payload": json.dumps(result)}
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return {"error": _failure("Runtime.MarshalError", message, context.aws_request_id)}


def _limit_memory() -> None:
    # The address space is larger than the memory used: 512 MiB of room for the interpreter and libraries.
    size = (int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) + 512) * 1024 * 1024
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ValueError, OSError):
        sys.stderr.write("sandbox: this system does not limit memory\n")


def _end_with_the_server(server: int) -> None:
    while os.getppid() == server:
        time.sleep(0.5)
    os._exit(1)


def _prepare_logging(request_id: str) -> None:
    handler = _Handler(sys.stdout)
    handler.setFormatter(_LineFormatter(request_id, os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"))
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "WARNING")
    root.setLevel({"TRACE": "DEBUG"}.get(level, level))


def _outcome(fields: dict[str, Any], ready: Callable[[], object]) -> dict[str, Any]:
    request_id = fields["request_id"]
    try:
        function = _load(os.environ["_HANDLER"], request_id)
        if isinstance(function, dict):
            return {"error": function}
        ready()
        return _call(function, fields["event"], Context(fields))
    except Exception as error:  # whatever the handler raises is its answer
        return {"error": _raised(error, request_id)}


def _log_error(error: dict[str, Any]) -> None:
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
    if error["stackTrace"]:
        lines += ["Traceback (most recent call last):", *error["stackTrace"]]
    sys.stdout.write("\n".join(line.rstrip("\n") for line in lines) + "\n")


def main(workspace: str, task: str, libraries: str, descriptor: str) -> None:
    """One invocation: `invocation.json` of the workspace in, `result.json` out."""
    sys.path[:0] = [task]
    sys.path.append(libraries)
    fields = json.loads(Path(workspace, "invocation.json").read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_the_server, args=(fields["server"],), daemon=True).start()
    _limit_memory()
    _prepare_logging(fields["request_id"])
    ready = int(descriptor)
    os.set_inheritable(ready, False)
    outcome = _outcome(fields, lambda: os.write(ready, b"\n"))
    if "error" in outcome:
        _log_error(outcome["error"])
    outcome["max_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    Path(workspace, "result.json").write_text(json.dumps(outcome), encoding="utf-8")
    sys.stdout.flush()
    # Lambda does not wait for threads that a handler left behind.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
