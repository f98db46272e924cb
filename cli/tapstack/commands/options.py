"""The options that every command has, declared once."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tapstack.commands import candidates
from tapstack.deployment import known_secrets
from tapstack.report.screen import Screen
from tapstack.settings import SANDBOX, Settings, load

if TYPE_CHECKING:
    # Loaded where it is asked for only: it costs every other start a tenth of a second.
    from tapstack.gate.checkov_run import Checkov

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Common:
    """What the common options say: the stack, its settings, and where words go."""

    directory: Path
    environment: str
    screen: Screen
    as_json: bool
    verbose: int

    @functools.cached_property
    def settings(self) -> Settings:
        """tap.toml as the environment sees it; raises InputError at the first look."""
        known_secrets.of_stack(self.directory, os.environ)
        settings = load(self.directory, self.environment)
        known_secrets.of_variables(self.directory, settings.where.variables)
        known_secrets.of_files(self.directory, [self.directory / name for name in settings.where.var_files])
        return settings

    def of(self, directory: Path) -> Common:
        """The same options for the stack in another directory."""
        return replace(self, directory=directory)


def common(function: _F) -> _F:
    """Give a command -C, --env, --json, -q and -v, and hand it a `Common` as its first argument."""

    @click.option(
        "-C",
        "--chdir",
        "directory",
        envvar="TAP_CHDIR",
        default=".",
        metavar="DIR",
        shell_complete=candidates.directories,
        help="The stack's directory.",
    )
    @click.option(
        "--env",
        "environment",
        envvar="TAP_ENV",
        default=SANDBOX,
        show_default=True,
        metavar="NAME",
        shell_complete=candidates.environments,
        help="An environment of tap.toml.",
    )
    @click.option("--json", "as_json", envvar="TAP_JSON", is_flag=True, help="One JSON document on stdout.")
    @click.option("-q", "--quiet", envvar="TAP_QUIET", is_flag=True, help="Results and errors only.")
    @click.option("-v", "--verbose", count=True, help="More detail.")
    @functools.wraps(function)
    def command(
        *args: Any, directory: str, environment: str, as_json: bool, quiet: bool, verbose: int, **kwargs: Any
    ) -> Any:
        shared = Common(Path(directory), environment, Screen(quiet=quiet), as_json, verbose)
        return function(shared, *args, **kwargs)

    return command  # type: ignore[return-value]  # click's decorators keep the callable, mypy can't see it


def lock_timeout(function: _F) -> _F:
    """--lock-timeout, for what must not run twice at once."""
    return click.option(
        "--lock-timeout",
        envvar="TAP_LOCK_TIMEOUT",
        type=click.FloatRange(min=0),
        default=0.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for another tap or Terraform.",
    )(function)


only_policies = click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME",
    shell_complete=candidates.policies,
    help="Only this policy, by name or id.",
)

with_checkov = click.option(
    "--with-checkov", is_flag=True, help="Ask checkov's own checks as well, in a process of their own."
)


def checkov_if(wanted: bool) -> contextlib.AbstractContextManager[Checkov | None]:
    """Checkov, which begins to load at once, where it is wanted."""
    if not wanted:
        return contextlib.nullcontext()
    from tapstack.gate.checkov_run import warmed_up

    return warmed_up()
