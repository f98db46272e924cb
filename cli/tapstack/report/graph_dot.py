"""A stack's picture in Graphviz's language, for its `dot` to lay out."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Final

from tapstack.report.graph_colours import DIRECTION, LIGHT, css_class
from tapstack.report.stack_graph import Node, StackGraph, Standing, visible

_BORDERS: Final = {
    Standing.WAIVED: 'style="rounded,filled,dotted" penwidth=2',
    Standing.UNKNOWN: 'style="rounded,filled,dashed" penwidth=1.5',
    Standing.FAIL: "penwidth=3",
    Standing.ERROR: "penwidth=3",
}
_FRAME: Final = 'labelloc=t margin=10 style=rounded color="#8b949e"'
_HEAD: Final = """\
digraph stack {
  graph [rankdir=LR ranksep=0.6 nodesep=0.2 fontname="Helvetica" fontsize=12 bgcolor="white" pad=0.1]
  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11 margin="0.14,0.07" height=0]
  edge [color="#6e7781" arrowsize=0.7]
"""


def render(graph: StackGraph) -> str:
    """The digraph, with a final newline. The same graph gives the same text."""
    ids = names(graph)
    lines = [f'{_HEAD}  label="{graph.caption}\\l{DIRECTION}\\l" labelloc=b labeljust=l']
    lines += _module(graph, (), ids)
    for edge in graph.edges:
        style = ' [style=dashed class="by_name"]' if edge.by_name else ""
        lines.append(f"  {ids[edge.source]} -> {ids[edge.target]}{style}")
    return "\n".join([*lines, "}"]) + "\n"


def names(graph: StackGraph) -> dict[str, str]:
    """What the nodes are called there, by their addresses."""
    return {node.address: f"n{number}" for number, node in enumerate(graph.nodes, 1)}


def _module(graph: StackGraph, path: tuple[str, ...], ids: Mapping[str, str]) -> Iterator[str]:
    """The boxes of a module, and the frames of those that it calls."""
    indent = "  " * (len(path) + 1)
    for node in graph.nodes:
        if node.module == path:
            yield f"{indent}{ids[node.address]} {_box(node)}"
    for number, below in enumerate(graph.modules, 1):
        if below[:-1] == path:
            yield f"{indent}subgraph cluster_m{number} {{"
            yield f"{indent}  graph [label=<{_text(f'module.{below[-1]}')}> {_FRAME}]"
            yield from _module(graph, below, ids)
            yield f"{indent}}}"


def _box(node: Node) -> str:
    (type_,), (name, *verdict), *rest = ([_text(part) for part in line] for line in node.lines)
    lines = [f'<font point-size="9">{type_}</font>', " ".join([f"<b>{name}</b>", *verdict])]
    text = "<br/>".join([*lines, *(" ".join(line) for line in rest)])
    colours = LIGHT[node.standing]
    attributes = [
        f'label=<{text}> class="{css_class(node.standing)}"',
        f'fillcolor="{colours.fill}" color="{colours.border}" fontcolor="{colours.text}"',
    ]
    if node.is_data:
        attributes.append("shape=ellipse style=filled")
    elif node.standing in _BORDERS:
        attributes.append(_BORDERS[node.standing])
    return f"[{' '.join(attributes)}]"


def _text(text: str) -> str:
    # Even here a backslash begins one of dot's own escapes: \N is the name of the box.
    return html.escape(visible(text)).replace("\\", "&#92;" * 2)
