"""`tap lsp`."""

from __future__ import annotations

import os
import sys

import click

from tapstack import __version__
from tapstack.commands.options import Common, common
from tapstack.errors import EnvironmentFailure


@click.command("lsp")
@common
def command(common: Common) -> int:
    """The language server, for editors: diagnostics, hover and quick fixes in Terraform files.

    It speaks the Language Server Protocol on stdin and stdout. A file is judged with the stack that its directory
    belongs to, as `tap check` does, with what the editor has not saved; neither Terraform nor AWS is asked.

    \b
    Examples:
      tap lsp
      tap lsp --env prod
    """
    try:
        from tapstack.commands.language_server import serve
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "cattrs"):
            raise
        raise EnvironmentFailure(
            "The language server needs pygls, which is not installed.", hint="pip install 'tapstack[lsp]'"
        ) from None
    # stdout is the protocol's alone: what anybody prints goes to stderr.
    protocol = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(protocol, "wb") as out:
        return serve(sys.stdin.buffer, out, common.environment, __version__)
