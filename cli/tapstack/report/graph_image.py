"""A stack's picture as SVG or PNG, laid out by Graphviz's `dot`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from tapstack.errors import EnvironmentFailure, Interrupted
from tapstack.masking import MASK
from tapstack.report import graph_dot
from tapstack.report.graph_colours import DARK, DIRECTION, css_class
from tapstack.report.stack_graph import StackGraph, Standing
from tapstack.terraform import process

_SVG: Final = "http://www.w3.org/2000/svg"
_TIMEOUT_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 5.0
# Sharp on today's screens.
_DOTS_PER_INCH: Final = 144
_NIGHT: Final = """
@media (prefers-color-scheme: dark) {{
.graph polygon, .cluster path {{ fill: #0d1117 }}
.graph text {{ fill: #f0f6fc }}
.edge path, .edge polygon {{ stroke: #9198a1 }}
.edge polygon {{ fill: #9198a1 }}
{verdicts}
}}
"""


def png(graph: StackGraph, environ: Mapping[str, str]) -> bytes:
    """The picture on white. Raises EnvironmentFailure where there is no `dot`."""
    return _laid_out(graph, environ, "-Tpng", f"-Gdpi={_DOTS_PER_INCH}")


def svg(graph: StackGraph, environ: Mapping[str, str]) -> str:
    """The picture as one file that needs no other, is told to a screen reader and follows the reader's theme.

    Raises EnvironmentFailure where there is no `dot`.
    """
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(_laid_out(graph, environ, "-Tsvg"))  # noqa: S314 - dot's own output
    titles = _titles(graph)
    for title in root.iter(f"{{{_SVG}}}title"):
        # dot has its names for boxes and arrows there.
        title.text = titles.get(title.text or "", graph.caption)
    root.set("role", "img")
    root.set("aria-labelledby", "stack-title stack-description")
    worse = [node for node in graph.nodes if node.standing not in (Standing.PASS, Standing.NOT_JUDGED)]
    said = [DIRECTION, *(f"{node.description}." for node in worse)]
    for place, (name, content) in enumerate((("title", graph.caption), ("desc", " ".join(said)))):
        element = ElementTree.Element(f"{{{_SVG}}}{name}")
        element.set("id", "stack-title" if name == "title" else "stack-description")
        element.text = content
        root.insert(place, element)
    style = ElementTree.Element(f"{{{_SVG}}}style")
    style.text = _style()
    root.insert(2, style)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _titles(graph: StackGraph) -> dict[str, str]:
    """What dot's names stand for."""
    ids = graph_dot.names(graph)
    found = {ids[node.address]: node.description for node in graph.nodes}
    for edge in graph.edges:
        verb = "names" if edge.by_name else "needs"
        found[f"{ids[edge.source]}->{ids[edge.target]}"] = f"{edge.source} {verb} {edge.target}"
    for number, path in enumerate(graph.modules, 1):
        found[f"cluster_m{number}"] = ".".join(f"module.{name}" for name in path)
    return found


def _style() -> str:
    verdicts = []
    for standing, colours in DARK.items():
        box = f".{css_class(standing)}"
        verdicts.append(f"{box} path, {box} ellipse {{ fill: {colours.fill}; stroke: {colours.border} }}")
        verdicts.append(f"{box} text {{ fill: {colours.text} }}")
    return _NIGHT.format(verdicts="\n".join(verdicts))


def _laid_out(graph: StackGraph, environ: Mapping[str, str], *options: str) -> bytes:
    dot = shutil.which("dot", path=environ.get("PATH"))
    if dot is None:
        raise EnvironmentFailure(
            "SVG and PNG are laid out by Graphviz, and there is no `dot` on PATH.",
            hint="install the package graphviz (apt, dnf, brew), or take --format mermaid or dot, which need nothing",
        )
    done = process.run(
        [dot, *options],
        cwd=Path("/"),
        env=environ,
        stdin=MASK.text(graph_dot.render(graph)).encode(),
        timeout=_TIMEOUT_SECONDS,
        grace=_GRACE_SECONDS,
    )
    if done.signals:
        raise Interrupted("Interrupted; no picture was written.")
    if done.timed_out:
        raise EnvironmentFailure(
            f"Graphviz has not laid out the picture in {_TIMEOUT_SECONDS:g} seconds.",
            hint="--focus ADDRESS draws one resource with what it needs and what needs it",
        )
    if done.returncode or not done.stdout:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise EnvironmentFailure(f"Graphviz failed: {said[0]}.")
    return done.stdout
