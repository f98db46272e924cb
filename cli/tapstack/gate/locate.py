"""Where in the code a finding stands: what the gate asks for every statement it keeps."""

from __future__ import annotations

from tapstack.gate.engine import BACKEND, Locate
from tapstack.model.stack import Resource
from tapstack.terraform.source import Configuration, Position, position


def locator(source: Configuration | None) -> Locate:
    """Looks resources and their attributes up in `source`; without one, nothing has a place."""

    def locate(resource: Resource, attribute: str | None) -> Position | None:
        if source is None:
            return None
        if resource.type == BACKEND:
            return next((block.position for block in source.root.blocks if block.type == "terraform"), None)
        return position(
            source,
            resource.module_path,
            resource.type,
            resource.name,
            mode=resource.mode,
            attribute=attribute,
        )

    return locate
