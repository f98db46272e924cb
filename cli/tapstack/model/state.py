"""A stack as it is: `terraform show -json` of a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from tapstack.model.document import DocumentError, RootValues, check_format, resources_below, validated
from tapstack.model.scope import ModuleScope, backend_of, scope_of_module
from tapstack.model.stack import Kind, Stack

if TYPE_CHECKING:
    from tapstack.model.hcl import HclConfiguration


class _State(TypedDict, total=False):
    format_version: str
    values: RootValues


_ADAPTER: Final = TypeAdapter(_State)


def from_state(document: Any, source: HclConfiguration | None = None) -> Stack:
    """The resources of a state document. Raises DocumentError (a GateFailed) for anything else.

    `source` is the configuration that made it, if at hand: it says what refers to what.
    """
    check_format(document, "state")
    if "planned_values" in document or "resource_changes" in document:
        raise DocumentError("This is a plan, not a state.")
    state: _State = validated(_ADAPTER, document, "state")
    values = state.get("values", {})
    root = scope_of_module(source.root) if source else ModuleScope()
    return Stack(
        Kind.STATE,
        {one.address: one for one in resources_below(values.get("root_module", {}), root)},
        root=root,
        backend=backend_of(source) if source else None,
        output_values={
            name: (output.get("value"), output.get("sensitive", False))
            for name, output in values.get("outputs", {}).items()
        },
    )
