"""`tap unlock`."""

from __future__ import annotations

import click

from tapstack.commands import planning
from tapstack.commands.apply import confirm
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment import state_lock
from tapstack.errors import ExitCode, InputError


@click.command("unlock")
@click.argument("lock_id", metavar="LOCK_ID")
@common
@lock_timeout
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(common: Common, lock_id: str, lock_timeout: float, yes: bool) -> int:
    """Take away a lock of the state whose owner is gone, after a look at whose it is.

    Only for a lock that nobody holds any more: two runs that write at once lose resources from the state.

    \b
    Examples:
      tap unlock 365e2e05-6970-7a66-4962-5b9a0d5acac9 --env prod
      tap unlock 365e2e05-6970-7a66-4962-5b9a0d5acac9 --env prod --yes
    """
    with planning.prepared(common, "unlock", lock_timeout=lock_timeout, package=False) as (stack, display):
        stack.ensure_initialised()
        lock = state_lock.current(stack)
        if lock is None:
            common.screen.result("The state is not locked: nothing to do.")
            return int(ExitCode.DONE)
        if lock.id != lock_id:
            raise InputError(
                f"There is no lock {lock_id}: the state is locked by {lock.said()}.",
                hint="that lock may be held by somebody at work; look before you take it away",
            )
        common.screen.note(f"Held by {lock.said()}.")
        if not yes:
            confirm(display, "Is its owner gone, and shall it be taken away?", hint="give --yes")
        state_lock.release(stack, lock_id)
    common.screen.result(f"Took away the lock {lock_id} of {lock.who}.")
    return int(ExitCode.DONE)
