"""A stack's picture as a Mermaid flowchart, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tapstack.report.graph_colours import DIRECTION, LIGHT, css_class
from tapstack.report.stack_graph import Node, StackGraph, Standing, visible

# What could mean something to Mermaid or to HTML is written as `#number;`. Mermaid takes the semicolon away
# where a colon stands right before such a number, so a colon is written so as well.
# https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
_MEANS_SOMETHING: Final = re.compile(r"""["#$%&'*;<>\\^`{|}]|:(?! )""")
_HEAD: Final = """\
---
title: '{caption}'
config:
  flowchart:
    nodeSpacing: 20
    rankSpacing: 60
    padding: 8
    wrappingWidth: 600
---
flowchart LR
  accTitle: {caption}
  accDescr: {direction}"""
_BORDERS: Final = {
    Standing.WAIVED: "stroke-dasharray:2 3",
    Standing.UNKNOWN: "stroke-dasharray:6 3",
    Standing.FAIL: "stroke-width:3px",
    Standing.ERROR: "stroke-width:3px",
}


def render(graph: StackGraph) -> str:
    """The flowchart, with a final newline. The same graph gives the same text."""
    ids = {node.address: f"n{number}" for number, node in enumerate(graph.nodes, 1)}
    lines = [_HEAD.format(caption=graph.caption, direction=DIRECTION)]
    lines += _module(graph, (), ids)
    for edge in graph.edges:
        lines.append(f"  {ids[edge.source]} {'-.->' if edge.by_name else '-->'} {ids[edge.target]}")
    lines += [f"  classDef {css_class(one)} {_style(one)}" for one in Standing if _is_used(one, graph)]
    return "\n".join(lines) + "\n"


def _module(graph: StackGraph, path: tuple[str, ...], ids: Mapping[str, str]) -> Iterator[str]:
    """The boxes of a module, and the frames of those that it calls."""
    indent = "  " * (len(path) + 1)
    for node in graph.nodes:
        if node.module == path:
            yield f"{indent}{_box(ids[node.address], node)}"
    for number, below in enumerate(graph.modules, 1):
        if below[:-1] == path:
            yield f'{indent}subgraph m{number}["{escaped(f"module.{below[-1]}")}"]'
            yield from _module(graph, below, ids)
            yield f"{indent}end"


def _box(name: str, node: Node) -> str:
    text = "<br/>".join(escaped(" ".join(line)) for line in node.lines)
    shape = f'(["{text}"])' if node.is_data else f'["{text}"]'
    return f"{name}{shape}:::{css_class(node.standing)}"


def escaped(text: str) -> str:
    """`text` as a Mermaid label, in quotation marks, shows it."""
    numbers = _MEANS_SOMETHING.sub(lambda match: f"#{ord(match[0])};", visible(text))
    # Mermaid breaks the line at a backslash before n, however it is written: something invisible goes between.
    return numbers.replace("#92;", "#92;#8203;")


def _is_used(standing: Standing, graph: StackGraph) -> bool:
    return any(node.standing is standing for node in graph.nodes)


def _style(standing: Standing) -> str:
    colours = LIGHT[standing]
    style = [f"fill:{colours.fill}", f"stroke:{colours.border}", f"color:{colours.text}"]
    return ",".join([*style, _BORDERS.get(standing, "stroke-width:1px")])
