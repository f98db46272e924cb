"""`tap keys new`."""

from __future__ import annotations

from pathlib import Path

import click

from tapstack.commands.group import CommandGroup
from tapstack.errors import EnvironmentFailure, ExitCode
from tapstack.report.screen import Screen
from tapstack.seal.signature import new_pair


@click.group("keys", cls=CommandGroup)
def command() -> None:
    """Keys that sign seals: ed25519, in PEM files.

    \b
    Examples:
      tap keys new release.key
      tap plan --env prod --sign release.key
    """


@command.command("new")
@click.argument("private", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
def new(private: Path) -> int:
    """Write a private key to FILE (mode 0600) and its public key to FILE.pub.

    The public one goes into the repository and into trusted_keys of tap.toml; the private one into the secrets of the
    CI that plans, as TAP_SIGNING_KEY.

    \b
    Examples:
      tap keys new release.key
      tap keys new /run/secrets/tap.key
    """
    public = private.with_name(f"{private.name}.pub")
    try:
        identity = new_pair(private, public)
    except OSError as failure:
        raise EnvironmentFailure(f"{failure.filename} can't be written: {failure.strerror}.") from failure
    screen = Screen()
    screen.result(f"Private key: {private} (keep it secret)")
    screen.result(f"Public key:  {public} (id {identity[:16]})")
    return int(ExitCode.DONE)
