"""`tap fmt`."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson

from tapstack.commands.options import Common, common
from tapstack.errors import ExitCode, InputError, TerraformFailed
from tapstack.terraform import binary, process
from tapstack.terraform.environment import terraform_environment

# What Terraform ends with where -check finds a file that would change.
_WOULD_CHANGE = 3


@click.command("fmt")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@common
@click.option("--check", is_flag=True, help="Change nothing; exit 1 where a file is not in the format.")
def command(common: Common, paths: tuple[Path, ...], check: bool) -> int:
    """Rewrite files to Terraform's format: those named, or all below the stack's directory.

    This is `terraform fmt -recursive`, by the Terraform that tap finds. It lists the files that it rewrites; with
    --check, those that it would.

    \b
    Examples:
      tap fmt
      tap fmt --check -C terraform
      tap fmt terraform/main.tf
    """
    targets = paths or (common.directory,)
    for path in targets:
        if not path.exists():
            raise InputError(f"{path} does not exist; a file or a directory was expected.")
    argv = [*binary.find(os.environ).prefix, "fmt", "-recursive", "-no-color", *(["-check"] if check else [])]
    # Absolute, so that none is taken for an option.
    argv += [str(path.absolute()) for path in targets]
    env = terraform_environment(os.environ, data_dir=Path(os.devnull), cli_config=Path(os.devnull))
    done = process.run(argv, cwd=Path.cwd(), env=env, timeout=300)
    if done.returncode not in (0, _WOULD_CHANGE):
        raise TerraformFailed(f"terraform fmt failed: {done.stderr.strip().removeprefix('Error: ')}")
    # One file a line; Terraform names them from its working directory.
    changed = done.stdout.decode().splitlines()
    if common.as_json:
        document = {"schema": "tap.fmt/1", "check": check, "files": changed}
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        for name in changed:
            common.screen.result(name)
    return int(ExitCode.FAILED if check and changed else ExitCode.DONE)
