"""`tap output`."""

from __future__ import annotations

import click
import orjson

from tapstack.commands import candidates, planning
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment.outputs import masked
from tapstack.errors import ExitCode, InputError
from tapstack.masking import MASK


@click.command("output")
@click.argument("name", required=False, shell_complete=candidates.outputs)
@common
@lock_timeout
@click.option(
    "--reveal",
    "reveal",
    multiple=True,
    metavar="NAME",
    shell_complete=candidates.outputs,
    help="Show this sensitive output.",
)
def command(common: Common, name: str | None, lock_timeout: float, reveal: tuple[str, ...]) -> int:
    """Show the stack's outputs; sensitive ones are masked unless revealed by name.

    With NAME, print that value alone. With --json, print what `terraform output -json` prints.

    \b
    Examples:
      tap output table_name
      tap output --json --reveal admin_password
    """
    with planning.prepared(common, "output", lock_timeout=lock_timeout, package=False) as (stack, _):
        stack.ensure_initialised()
        outputs = stack.driver.output()
    for unknown in sorted({*reveal, *([name] if name else [])} - outputs.keys()):
        known = ", ".join(sorted(outputs)) or "none; has the stack been applied?"
        raise InputError(f"There is no output {unknown!r}; outputs: {known}")
    # Masked here as well, because what was revealed goes past the mask.
    outputs = {
        key: output if key in reveal else MASK.tree(output) for key, output in masked(outputs, reveal).items()
    }
    show = common.screen.revealed if reveal else common.screen.result
    if name:
        show(_text(outputs[name]["value"]))
    elif common.as_json:
        show(orjson.dumps(outputs, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())
    else:
        width = max(map(len, outputs), default=0)
        for key in sorted(outputs):
            show(f"{key:<{width}}  {_text(outputs[key]['value'])}")
    return int(ExitCode.DONE)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
