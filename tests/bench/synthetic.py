"""Large plans out of a real one: its resources again and again, in the root and in modules, with their references."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

Document = dict[str, Any]
_PREFIX = b"acme-dev"


def replicated(plan: Mapping[str, Any], resources: int) -> Document:
    """`plan` (of `terraform show -json`) repeated until it has at least that many resources.

    Every second copy is a module of its own, the others stand in the root under new names; references inside a
    copy lead to that copy.
    """
    each = sum(change["mode"] == "managed" for change in plan["resource_changes"])
    large: Document = copy.deepcopy(dict(plan))
    root = large["configuration"]["root_module"]
    values = large["planned_values"]["root_module"]
    root.setdefault("module_calls", {})
    values.setdefault("child_modules", [])
    for number in range(1, -(-resources // each)):
        if number % 2:
            _add_module(large, plan, f"copy{number}")
        else:
            _add_to_root(large, plan, number)
    return large


def _add_module(large: Document, plan: Mapping[str, Any], name: str) -> None:
    address = f"module.{name}"
    source = plan["configuration"]["root_module"]
    call = {
        "source": "./copy",
        "module": {key: source[key] for key in ("resources", "variables", "outputs") if key in source},
        "expressions": {key: {"references": [f"var.{key}"]} for key in source.get("variables", {})},
    }
    large["configuration"]["root_module"]["module_calls"][name] = call
    for change in _own_names(plan["resource_changes"], name.removeprefix("copy")):
        moved = {**change, "address": f"{address}.{change['address']}", "module_address": address}
        large["resource_changes"].append(moved)
    inside = _own_names(plan["planned_values"]["root_module"].get("resources", []), name.removeprefix("copy"))
    resources = [{**entry, "address": f"{address}.{entry['address']}"} for entry in inside]
    large["planned_values"]["root_module"]["child_modules"].append(
        {"address": address, "resources": resources}
    )


def _add_to_root(large: Document, plan: Mapping[str, Any], number: int) -> None:
    source = plan["configuration"]["root_module"]["resources"]
    names = {f"{entry['type']}.{entry['name']}" for entry in source}
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(names, key=len, reverse=True)))

    def renamed(node: Any) -> Any:
        if isinstance(node, str):
            return pattern.sub(lambda match: f"{match.group()}_{number}", node)
        if isinstance(node, list):
            return [renamed(item) for item in node]
        if isinstance(node, dict):
            return {key: renamed(item) for key, item in node.items()}
        return node

    large["configuration"]["root_module"]["resources"] += [
        {**renamed(entry), "name": f"{entry['name']}_{number}"} for entry in source
    ]
    large["resource_changes"] += list(_named(plan["resource_changes"], renamed, number))
    inside = plan["planned_values"]["root_module"].get("resources", [])
    large["planned_values"]["root_module"]["resources"] += list(_named(inside, renamed, number))


def _own_names(entries: Iterable[Document], number: int | str) -> list[Document]:
    """The entries with names of their own in AWS: two resources never share one in a real account."""
    named: list[Document] = orjson.loads(
        orjson.dumps(entries).replace(_PREFIX, _PREFIX + f"-{number}".encode())
    )
    return named


def _named(entries: Iterable[Document], renamed: Any, number: int) -> Iterable[Document]:
    for entry in _own_names(entries, number):
        yield {**entry, "address": renamed(entry["address"]), "name": f"{entry['name']}_{number}"}


if __name__ == "__main__":
    # A process of its own, because what it needs would be counted as its caller's children's memory.
    read, size, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    out.write_bytes(orjson.dumps(replicated(orjson.loads(read.read_bytes()), size)))
