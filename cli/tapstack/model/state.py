"""A stack as it is: `terraform show -json` of a state."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from tapstack.model.document import DocumentError, RootValues, check_format, resources_below, validated
from tapstack.model.stack import Kind, Stack


class _State(TypedDict, total=False):
    format_version: str
    values: RootValues


_ADAPTER: Final = TypeAdapter(_State)


def from_state(document: Any) -> Stack:
    """The resources of a state document. Raises DocumentError (a GateFailed) for anything else."""
    check_format(document, "state")
    if "planned_values" in document or "resource_changes" in document:
        raise DocumentError("This is a plan, not a state.")
    state: _State = validated(_ADAPTER, document, "state")
    root = state.get("values", {}).get("root_module", {})
    return Stack(Kind.STATE, {resource.address: resource for resource in resources_below(root)})
