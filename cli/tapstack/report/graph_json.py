"""A stack's picture as JSON, schema tap.graph/1, for those who draw it themselves."""

from __future__ import annotations

from typing import Final

import orjson

from tapstack.report.stack_graph import StackGraph

SCHEMA: Final = "tap.graph/1"


def render(graph: StackGraph) -> bytes:
    """UTF-8 JSON with a final newline; `instances` maps addresses to verdicts. The same graph gives the same bytes."""
    document = {
        "schema": SCHEMA,
        "decision": graph.decision,
        "nodes": [
            {
                "address": node.address,
                "mode": node.resource.mode,
                "module": list(node.module),
                "verdict": node.standing,
                "policies": list(node.policies),
                "instances": dict(zip(node.instances, node.standings, strict=True)),
            }
            for node in graph.nodes
        ],
        "edges": [{"from": edge.source, "to": edge.target, "by_name": edge.by_name} for edge in graph.edges],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
