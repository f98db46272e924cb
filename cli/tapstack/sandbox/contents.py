"""Counts what exists in the sandbox: moto's own objects, less what a fresh account has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import BaseModel
from moto.iam.models import AccessKey
from moto.kms.models import Key
from moto.kms.utils import RESERVED_ALIASES

# Sessions and the server's own interface are no resources.
_NO_RESOURCES: Final = frozenset({"sts", "moto_api", "instance_metadata"})
# Records of what happened, not things that were created; they go with the account, not with an owner.
_BOOKKEEPING: Final = frozenset(
    {
        "AccountSummary",
        "LogEvent",
        "LogQuery",
        "LogStream",
        "Message",
        "MetricAggregatedDatum",
        "MetricDatum",
        "SMS",
        "ShardIterator",
    }
)
# Deep enough for region -> name -> versions -> object in a storage object of its own.
_DEPTH: Final = 6


def contents() -> dict[str, dict[str, int]]:
    """What exists in any account and region: service -> kind -> count, without empty services."""
    found: dict[str, Counter[str]] = {}
    seen: set[int] = set()
    for backends in list(BackendDict._instances):
        if backends.service_name in _NO_RESOURCES:
            continue
        for _, region, backend in list(backends.iter_backends()):
            kinds = Counter(_kind(model) for model in _models(backend, seen) if _counts(model))
            kinds.subtract(_fresh(type(backend), region, backend.account_id))  # type: ignore[arg-type]
            found.setdefault(backends.service_name, Counter()).update(+kinds)
    return {service: dict(sorted(kinds.items())) for service, kinds in sorted(found.items()) if kinds}


@cache
def _fresh(backend: type[BaseBackend], region: str, account: str) -> Counter[str]:
    return Counter(_kind(model) for model in _models(backend(region, account), set()) if _counts(model))


def _kind(model: object) -> str:
    return type(model).__name__.removeprefix("Fake")


def _counts(model: object) -> bool:
    if isinstance(model, Key):
        # Deleting a key only schedules it, as in AWS; and the keys behind alias/aws/... are AWS's own.
        managed = bool(model.aliases) and set(model.aliases) <= set(RESERVED_ALIASES)
        return model.key_state != "PendingDeletion" and not managed
    if isinstance(model, AccessKey):
        # The keys of an assumed role; AWS's prefix for what expires by itself.
        return not model.access_key_id.startswith("ASIA")
    return _kind(model) not in _BOOKKEEPING


def _models(backend: BaseBackend, seen: set[int]) -> Iterator[object]:
    for value in list(vars(backend).values()):
        yield from _within(value, seen, _DEPTH)


def _within(value: object, seen: set[int], depth: int) -> Iterator[object]:
    """The models in `value`, each once; a model's own parts are not looked at."""
    if depth == 0 or isinstance(value, (str, bytes, int, float, type(None), type, BaseBackend, BackendDict)):
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, BaseModel):
        yield value
        return
    for part in _parts(value):
        yield from _within(part, seen, depth - 1)


def _parts(value: object) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if type(value).__module__.startswith("moto."):
        return list(getattr(value, "__dict__", {}).values())
    return []
