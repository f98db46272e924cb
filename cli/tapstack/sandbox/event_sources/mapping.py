"""A mapping as its pollers see it: always in its present state, gone as soon as it is deleted."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends

# How often a source is looked at, in seconds. AWS looks four times a second at a shard of DynamoDB.
POLL_SECONDS: Final = 0.2
# How long a poller waits after a fault of its own.
_FAULT_SECONDS: Final = 2.0

NO_RECORDS: Final = "No records processed"
OK: Final = "OK"
CALL_FAILED: Final = "PROBLEM: Function call failed"
THROTTLED: Final = "PROBLEM: Function call throttled"
NO_FUNCTION: Final = "PROBLEM: Function not found"


class Mapping:
    """One event source mapping of moto; its settings are read anew each time, since updates change them."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.region: str = model.region
        self.account: str = model.account_id
        self.source: str = model.event_source_arn

    @property
    def exists(self) -> bool:
        """Whether it is still the mapping that this server knows by its identity."""
        backend = lambda_backends[self.account][self.region]
        return backend.get_event_source_mapping(self._model.uuid) is self._model

    @property
    def active(self) -> bool:
        """Whether it exists and is enabled."""
        return self.exists and bool(self._model.enabled)

    @property
    def batch_size(self) -> int:
        """The most items in one batch."""
        return int(self._model.batch_size)

    @property
    def window(self) -> float:
        """For how long a batch that is not full may wait for more, in seconds."""
        return float(self._model.max_batch_window or 0)

    @property
    def lanes(self) -> int:
        """How many batches of one shard may be processed at a time."""
        return int(self._model.parallelization_factor or 1)

    @property
    def bisects(self) -> bool:
        """Whether a batch that failed is split in two."""
        return bool(self._model.bisect_on_error)

    @property
    def reports(self) -> bool:
        """Whether the function's response names the items that failed."""
        return "ReportBatchItemFailures" in (self._model.function_response_types or ())

    @property
    def retries(self) -> int | None:
        """How often a batch is tried again; None without a limit."""
        return _limit(self._model.max_retry_attempts)

    @property
    def record_age(self) -> int | None:
        """The age in seconds from which a record is discarded; None without a limit."""
        return _limit(self._model.max_record_age)

    @property
    def concurrency(self) -> int | None:
        """The most batches of a queue to be processed at a time; None without a limit."""
        maximum = (self._model.scaling_config or {}).get("MaximumConcurrency")
        return None if maximum is None else int(maximum)

    @property
    def patterns(self) -> list[str]:
        """The JSON texts of the event patterns; an item passes when it matches one, or when there is none."""
        filters = (self._model.filter_criteria or {}).get("Filters") or []
        return [str(one["Pattern"]) for one in filters if one.get("Pattern")]

    @property
    def failure_target(self) -> str | None:
        """The ARN of the queue or topic for records that are discarded."""
        on_failure = (self._model.destination_config or {}).get("OnFailure") or {}
        return on_failure.get("Destination") or None

    @property
    def function_arn(self) -> str:
        """The function's ARN, with the version or alias that the mapping names."""
        return str(self._model.function_arn)

    def function(self) -> Any | None:
        """moto's function; None when it was deleted."""
        try:
            return lambda_backends[self.account][self.region].get_function(self.function_arn)
        except LambdaClientError:
            self.report(NO_FUNCTION)
            return None

    def report(self, result: str) -> None:
        """Let LastProcessingResult say `result`."""
        self._model.last_result = result

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the mapping is active."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))
            if not self.active:
                return

    def start(self, work: Callable[[], None], wanted: Callable[[], bool] = lambda: True) -> threading.Thread:
        """Call `work` in a thread of its own, again and again, while it is `wanted` and the mapping exists.

        `work` does what there is to do and returns; between two calls is POLL_SECONDS. An exception is told
        in the server's log, and work goes on. The thread ends with the server.
        """

        def run() -> None:
            while wanted() and self.exists:
                try:
                    work()
                    time.sleep(POLL_SECONDS)
                except Exception:  # a thread of its own: nobody else would tell, and the others go on
                    traceback.print_exc(file=sys.stderr)
                    time.sleep(_FAULT_SECONDS)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def _limit(value: int | None) -> int | None:
    return None if value is None or value < 0 else int(value)
