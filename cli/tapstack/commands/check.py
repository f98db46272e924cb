"""`tap check`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapstack.commands import reporting
from tapstack.commands.options import Common, checkov_if, common, lock_timeout, only_policies, with_checkov
from tapstack.commands.reading import configuration_beside, read_plan_or_state
from tapstack.deployment.judge import judge_directory_with_stack, judge_with_stack, shown
from tapstack.deployment.variables import given_variables
from tapstack.errors import InputError
from tapstack.gate.ledger import Ledger
from tapstack.model.stack import Stack
from tapstack.report.report import Page, Report

if TYPE_CHECKING:
    # Loaded where it is asked for only: it costs every other start a tenth of a second.
    from tapstack.gate.checkov_run import Checkov


@click.command("check")
@click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@common
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable, for a directory.")
@lock_timeout
@only_policies
@reporting.report_options
@click.option("--all", "everything", is_flag=True, help="Also what passed and what does not apply.")
@with_checkov
@click.option("--watch", is_flag=True, help="Judge a directory again after each change, until Ctrl-C.")
def command(
    common: Common,
    path: Path | None,
    variables: tuple[str, ...],
    lock_timeout: float,
    policies: tuple[str, ...],
    formats: reporting.Wanted,
    full: bool,
    everything: bool,
    with_checkov: bool,
    watch: bool,
) -> int:
    """Judge without applying: a directory, a saved plan, or the JSON of a plan or a state.

    PATH is the stack's directory unless given; a directory is judged by its own tap.toml. A saved plan or a
    raw state file is read by Terraform; everything else needs neither Terraform nor AWS. With --watch, a directory
    is judged again whenever its files, its modules, tap.toml, variables or policies of your own change; --json then
    prints one document a line. Ctrl-C ends it, with code 130.

    \b
    Examples:
      tap check terraform
      tap check plan.json --policy log_group_retention --json
      tap check terraform --with-checkov
      tap check --format text --format sarif=tap.sarif --format junit=tap.xml
      tap check --watch
    """
    reporting.refuse_two_documents(common, formats)
    if path and path.is_dir():
        # The stack that is judged is the one whose tap.toml holds.
        common = common.of(path)
    judge = partial(
        _judge,
        path=path,
        variables=variables,
        lock_timeout=lock_timeout,
        policies=policies,
        formats=formats,
        full=full,
        everything=everything,
        with_checkov=with_checkov,
    )
    return _watch(common, path, with_checkov, judge) if watch else judge(common)


def _watch(common: Common, path: Path | None, with_checkov: bool, judge: Callable[[Common], int]) -> int:
    if with_checkov:
        raise InputError("--watch can't wait for checkov.", hint="leave out --with-checkov")
    directory = path or common.directory
    if not directory.is_dir():
        raise InputError(f"{directory} is no directory: --watch judges a directory again when it changes.")
    # It costs every other start a twentieth of a second.
    from tapstack.commands.watching import watch

    return watch(common, directory, judge)


def _judge(
    common: Common,
    *,
    path: Path | None,
    variables: tuple[str, ...],
    lock_timeout: float,
    policies: tuple[str, ...],
    formats: reporting.Wanted,
    full: bool,
    everything: bool,
    with_checkov: bool,
) -> int:
    target = path or common.settings.directory
    if not target.exists():
        raise InputError(f"{target} does not exist; a directory, a plan or a state was expected.")
    if target.is_dir() and common.settings.path is None and not common.as_json:
        common.screen.note(f"No tap.toml in {common.settings.directory}: defaults hold.")
    with checkov_if(with_checkov) as checkov:
        if target.is_dir():
            given = given_variables(common.settings, variables)
            ledger, stack = judge_directory_with_stack(target, common.settings, given, policies, checkov)
        else:
            ledger, stack = _judge_file(common, target, policies, lock_timeout, checkov)
    report = Report(
        ledger,
        shown(common.settings.directory),
        common.settings.environment,
        common.settings.env_option,
        page=Page(full=full),
        everything=everything,
        model=stack,
    )
    return reporting.deliver(common, report, formats, ledger.exit_code)


def _judge_file(
    common: Common, path: Path, policies: tuple[str, ...], lock_timeout: float, checkov: Checkov | None
) -> tuple[Ledger, Stack | None]:
    document, where = read_plan_or_state(common, path, "check", lock_timeout)
    source = configuration_beside(common)
    return judge_with_stack(document, common.settings, source, where, policies, checkov)
