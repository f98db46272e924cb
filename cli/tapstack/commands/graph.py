"""`tap graph`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from tapstack.commands import candidates
from tapstack.commands.options import Common, common, lock_timeout, only_policies
from tapstack.commands.reading import configuration_beside, read_plan_or_state
from tapstack.deployment.judge import judge_directory_with_stack, judge_with_stack, shown
from tapstack.deployment.variables import given_variables
from tapstack.errors import ExitCode, GateFailed, InputError
from tapstack.gate.ledger import Ledger
from tapstack.masking import MASK
from tapstack.model.stack import Stack
from tapstack.report import files, graph_dot, graph_image, graph_json, graph_mermaid, stack_graph
from tapstack.report.stack_graph import StackGraph

_SUFFIXES: Final = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".svg": "svg",
    ".png": "png",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
}


@click.command("graph")
@click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@common
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable, for a directory.")
@lock_timeout
@only_policies
@click.option(
    "--format",
    "format_",
    type=click.Choice(["mermaid", "svg", "png", "dot"]),
    help="Otherwise that of FILE's suffix, or mermaid. SVG and PNG need Graphviz.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to write it."
)
@click.option(
    "--focus",
    metavar="ADDRESS",
    shell_complete=candidates.addresses,
    help="Only this resource, what it needs and what needs it.",
)
@click.option("--data", is_flag=True, help="Data sources too.")
def command(
    common: Common,
    path: Path | None,
    variables: tuple[str, ...],
    lock_timeout: float,
    policies: tuple[str, ...],
    format_: str | None,
    out: Path | None,
    focus: str | None,
    data: bool,
) -> int:
    """Draw the stack: what needs what, and the worst that the policies say about each resource.

    PATH is a directory, a saved plan, or the JSON of a plan or a state, as for `tap check`. The instances of a
    resource are one box; what it needs only through something else that it needs has no arrow of its own. A dashed
    arrow is a name that Terraform knows nothing of, such as that of an alarm's function. The exit code says whether
    the picture could be drawn; `tap check` says whether the gate is open.

    \b
    Examples:
      tap graph terraform --out stack.svg
      tap graph plan.json --focus aws_kms_key.main
      tap graph --format mermaid
    """
    format_ = _format(common, format_, out)
    ledger, stack = _judged(common, path, variables, policies, lock_timeout)
    if stack is None:
        raise GateFailed(ledger.errors[0].message)
    if ledger.errors:
        common.screen.note("The gate could not decide everything: `tap check` says why.")
    graph = stack_graph.build(stack, ledger, data=data, focus=focus)
    drawn = _drawn(graph, format_)
    if out is None:
        common.screen.result(drawn.decode().rstrip("\n"))
    else:
        files.write(out, drawn)
        common.screen.note(f"{out}: {graph.caption}")
    return int(ExitCode.DONE)


def _format(common: Common, given: str | None, out: Path | None) -> str:
    """The format that the options ask for. Raises InputError where they contradict each other."""
    if out is not None and not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no directory {out.parent}.")
    if common.as_json and given:
        raise InputError(f"--json and --format {given}: only one of them can be had.")
    by_suffix = _SUFFIXES.get(out.suffix.lower()) if out else None
    wanted = "json" if common.as_json else given or by_suffix
    if out is not None and wanted is None:
        raise InputError(
            f"--out {out}: no picture has the suffix {out.suffix!r}.",
            hint=f"use one of {', '.join(_SUFFIXES)}, or say --format",
        )
    if by_suffix and wanted != by_suffix:
        raise InputError(f"--out {out} is {by_suffix} by its suffix, and {wanted} was asked for.")
    if wanted == "png" and out is None:
        raise InputError("A PNG is not written to the terminal: say --out FILE.png.")
    return wanted or "mermaid"


def _judged(
    common: Common,
    path: Path | None,
    variables: tuple[str, ...],
    policies: tuple[str, ...],
    lock_timeout: float,
) -> tuple[Ledger, Stack | None]:
    if path and path.is_dir():
        # The stack that is drawn is the one whose tap.toml holds.
        common = common.of(path)
    target = path or common.settings.directory
    if not target.exists():
        raise InputError(f"{target} does not exist; a directory, a plan or a state was expected.")
    if target.is_dir():
        given = given_variables(common.settings, variables)
        return judge_directory_with_stack(target, common.settings, given, policies)
    document, where = read_plan_or_state(common, target, "graph", lock_timeout)
    source = configuration_beside(common)
    if source is None and where.kind == "plan":
        common.screen.note(
            f"There is no configuration in {shown(common.settings.directory)} (-C says where it is): "
            "what is needed through its locals is not drawn."
        )
    return judge_with_stack(document, common.settings, source, where, policies)


def _drawn(graph: StackGraph, format_: str) -> bytes:
    if format_ == "png":
        return graph_image.png(graph, os.environ)
    if format_ == "svg":
        text = graph_image.svg(graph, os.environ)
    elif format_ == "json":
        text = graph_json.render(graph).decode()
    else:
        text = graph_dot.render(graph) if format_ == "dot" else graph_mermaid.render(graph)
    return MASK.output(text).encode()
