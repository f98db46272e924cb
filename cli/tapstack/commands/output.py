"""`tap output`."""

from __future__ import annotations

import click
import orjson

from tapstack.commands import planning
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.errors import ExitCode, InputError

_MASK = "(sensitive)"


@click.command("output")
@click.argument("name", required=False)
@common
@lock_timeout
@click.option("--reveal", "reveal", multiple=True, metavar="NAME", help="Show this sensitive output.")
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
    for key, output in outputs.items():
        if output.get("sensitive") and key not in reveal:
            output["value"] = _MASK
    if name:
        common.screen.result(_text(outputs[name]["value"]))
    elif common.as_json:
        common.screen.result(
            orjson.dumps(outputs, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        )
    else:
        width = max(map(len, outputs), default=0)
        for key in sorted(outputs):
            common.screen.result(f"{key:<{width}}  {_text(outputs[key]['value'])}")
    return int(ExitCode.DONE)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
