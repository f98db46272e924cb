"""Who may call a REST API and how often: API keys, and the quota and throttle of their usage plans."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final


class KeyRefused(Exception):
    """There is no key, or none that a usage plan of the stage knows."""


class QuotaUsedUp(Exception):
    """The key has made all the requests of its period."""


class Throttled(Exception):
    """The key makes requests faster than its usage plan allows."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class Usage:
    """Counts requests by usage plan and key; `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._made: Counter[tuple[str, str, str]] = Counter()
        self._first_period: dict[tuple[str, str], str] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._counting = threading.Lock()

    def admit(self, backend: Any, api_id: str, stage: str, value: str | None) -> Any:
        """Count one request made with the key `value`; the ApiKey of moto's `backend`.

        Raises KeyRefused, Throttled or QuotaUsedUp. A throttled request is not counted.
        """
        key, plan = _key_and_plan(backend, api_id, stage, value)
        with self._counting:
            self._take_token(plan, key)
            self._count(plan, key)
        return key

    def _take_token(self, plan: Any, key: Any) -> None:
        burst, rate = plan.throttle.get("burstLimit"), plan.throttle.get("rateLimit")
        if burst is None or rate is None:
            return
        now = self._clock()
        bucket = self._buckets.setdefault((plan.id, key.id), _Bucket(float(burst), now))
        bucket.tokens = min(float(burst), bucket.tokens + (now - bucket.filled) * float(rate))
        bucket.filled = now
        if bucket.tokens < 1:
            raise Throttled
        bucket.tokens -= 1

    def _count(self, plan: Any, key: Any) -> None:
        if not plan.quota.get("limit"):
            return
        period = _PERIODS[plan.quota["period"]](datetime.fromtimestamp(self._clock(), UTC))
        first = self._first_period.setdefault((plan.id, key.id), period)
        # The offset shortens the first period of all, and that one only.
        offset = int(plan.quota.get("offset") or 0) if period == first else 0
        if self._made[plan.id, key.id, period] >= int(plan.quota["limit"]) - offset:
            raise QuotaUsedUp
        self._made[plan.id, key.id, period] += 1


# https://docs.aws.amazon.com/apigateway/latest/api/API_QuotaSettings.html
_PERIODS: Final[dict[str, Callable[[datetime], str]]] = {
    "DAY": lambda moment: moment.strftime("%Y-%m-%d"),
    "WEEK": lambda moment: moment.strftime("%G-W%V"),
    "MONTH": lambda moment: moment.strftime("%Y-%m"),
}


def _key_and_plan(backend: Any, api_id: str, stage: str, value: str | None) -> tuple[Any, Any]:
    for key in list(backend.keys.values()):
        # moto keeps `enabled` as it was sent: nothing, for a key that was made without.
        if value and key.value == value and key.enabled:
            for plan in list(backend.usage_plans.values()):
                stages = [(entry["apiId"], entry["stage"]) for entry in plan.api_stages]
                if (api_id, stage) in stages and key.id in backend.usage_plan_keys.get(plan.id, {}):
                    return key, plan
    raise KeyRefused
