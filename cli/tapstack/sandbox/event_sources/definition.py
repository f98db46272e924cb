"""What CreateEventSourceMapping and UpdateEventSourceMapping accept, refuse and fill in, as Lambda does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.sqs.models import sqs_backends

from tapstack.sandbox.event_sources import filters

Fields = Mapping[str, Any]

# Field -> smallest and largest value:
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
_RANGES: Final = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "ParallelizationFactor": (1, 10),
    "TumblingWindowInSeconds": (0, 900),
}
_CONCURRENCY: Final = (2, 1000)

# What Lambda returns for what was not asked for.
_EVERYWHERE: Final[Fields] = {"MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []}
_OF_STREAMS: Final[Fields] = {
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
_OF_QUEUES: Final = ("ScalingConfig",)
_POSITIONS: Final = {
    "dynamodb": ("TRIM_HORIZON", "LATEST"),
    "kinesis": ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"),
}


def service(arn: str) -> str:
    """The service of the source with `arn`: dynamodb, kinesis or sqs, or whatever else it names."""
    return arn.split(":")[2] if arn.count(":") >= 5 else ""


def check(fields: Fields, source: str, function: Any) -> None:
    """Refuse what Lambda refuses; `fields` are the request's, or the mapping's with an update applied.

    `source` is the ARN of the source, `function` moto's function. Raises InvalidParameterValueException.
    """
    _check_ranges(fields)
    _check_patterns(fields)
    kind = service(source)
    foreign = _OF_STREAMS if kind == "sqs" else _OF_QUEUES
    for name in foreign:
        if fields.get(name) and fields[name] != _OF_STREAMS.get(name):
            raise InvalidParameterValueException(
                f"Unsupported {name} parameter for given event source mapping type."
            )
    if kind == "sqs":
        _check_queue(fields, source, function)


def check_start(fields: Fields, source: str) -> None:
    """Refuse a missing or unknown StartingPosition of a stream, and any of a queue."""
    position, allowed = fields.get("StartingPosition"), _POSITIONS.get(service(source), ())
    if position is None and not allowed:
        return
    if position not in allowed:
        expected = f"one of {', '.join(allowed)}" if allowed else "none for a queue"
        raise InvalidParameterValueException(f"StartingPosition is {position}; expected {expected}.")
    if position == "AT_TIMESTAMP" and fields.get("StartingPositionTimestamp") is None:
        raise InvalidParameterValueException("StartingPositionTimestamp is required with AT_TIMESTAMP.")


def completed(configuration: Fields, source: str) -> dict[str, Any]:
    """moto's answer with what Lambda adds to it, and without what it leaves out."""
    defaults = _EVERYWHERE if service(source) == "sqs" else {**_EVERYWHERE, **_OF_STREAMS}
    answer = {**defaults, **configuration}
    if not answer["FunctionResponseTypes"]:
        answer["FunctionResponseTypes"] = []
    if "DestinationConfig" in answer and not _destination(answer):
        answer["DestinationConfig"] = _OF_STREAMS["DestinationConfig"]
    for name, content in (("FilterCriteria", "Filters"), ("ScalingConfig", "MaximumConcurrency")):
        if not (answer.get(name) or {}).get(content):
            answer.pop(name, None)
    return answer


def _destination(fields: Fields) -> str:
    """The ARN for what is discarded; "" without one, which is also how an update takes it away."""
    on_failure = (fields.get("DestinationConfig") or {}).get("OnFailure") or {}
    return str(on_failure.get("Destination") or "")


def _check_ranges(fields: Fields) -> None:
    concurrency = (fields.get("ScalingConfig") or {}).get("MaximumConcurrency")
    for name, value, (low, high) in [
        *((name, fields.get(name), limits) for name, limits in _RANGES.items()),
        ("ScalingConfig.MaximumConcurrency", concurrency, _CONCURRENCY),
    ]:
        if value is not None and not low <= value <= high:
            raise InvalidParameterValueException(f"{name} is {value}; expected {low} to {high}.")
    if 0 <= fields.get("MaximumRecordAgeInSeconds", -1) < 60:
        raise InvalidParameterValueException("MaximumRecordAgeInSeconds is -1, or 60 and more.")


def _check_patterns(fields: Fields) -> None:
    for one in (fields.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            filters.compiled((one.get("Pattern") or "",))
        except filters.InvalidPattern as error:
            raise InvalidParameterValueException(f"Invalid filter pattern definition. ({error})") from error


def _check_queue(fields: Fields, source: str, function: Any) -> None:
    region, account, name = source.split(":")[3:6]
    queue = sqs_backends[account][region].queues.get(name)
    if queue is None:
        raise InvalidParameterValueException(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        )
    size, window = fields.get("BatchSize") or 10, fields.get("MaximumBatchingWindowInSeconds") or 0
    if queue.fifo_queue and (size > 10 or window):
        raise InvalidParameterValueException(
            "A FIFO queue takes a BatchSize of 10 at most and no MaximumBatchingWindowInSeconds."
        )
    if size > 10 and not window:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    timeout, visibility = int(function.timeout or 3), int(queue.visibility_timeout)
    if visibility < timeout:
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )
