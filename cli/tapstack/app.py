"""The `tap` command: which commands there are, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from tapstack import __version__
from tapstack.commands.group import CommandGroup
from tapstack.errors import EnvironmentFailure, ExitCode, InputError, Interrupted, TapError
from tapstack.masking import MASK
from tapstack.report.screen import Screen, drop, mask_streams
from tapstack.sensitive import of_environment

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# By section: name, module, one line of help. Kept here so that `tap --help` imports no command.
_SECTIONS = {
    "Main": {
        "plan": ("plan", "plan, judge and seal what Terraform is about to do"),
        "apply": ("apply", "apply exactly what was judged"),
        "destroy": ("destroy", "plan a destroy, ask, and carry it out"),
        "check": ("check", "judge a directory, a plan or a state without applying"),
        "fmt": ("fmt", "Terraform's format: rewrite files, or say which lack it"),
        "output": ("output", "the outputs of the stack"),
    },
    "Policies": {
        "policies": ("policies", "the policies: list, show, test, new"),
        "waive": ("waive", "accept a finding until a day, by name"),
    },
    "Trust": {
        "verify": ("verify", "whether a seal still holds"),
        "keys": ("keys", "keys that sign seals"),
    },
    "Operations": {
        "drift": ("drift", "what changed outside Terraform, by the policies it breaks"),
        "recover": ("recover", "after an interrupted apply: bring back, adopt, complete"),
        "backend": ("backend", "where the state is kept: create, migrate, check"),
        "unlock": ("unlock", "take away a lock of the state whose owner is gone"),
    },
    "Sandbox": {
        "sandbox": ("sandbox", "the embedded AWS: start, stop, status, env, coverage"),
        "rehearse": ("rehearse", "the stack's whole life on a fresh embedded AWS, and nothing left"),
    },
    "Reports": {
        "graph": ("graph", "the stack as a picture, with what the policies say"),
        "schema": ("schema", "the JSON Schema of tap.toml, ledger, findings or seal"),
    },
    "Setup": {
        "new": ("new", "a new stack, with handlers, tests and CI"),
        "config": ("config", "each setting and where it came from"),
        "doctor": ("doctor", "what is missing on this machine, and what mends it"),
        "completion": ("completion", "TAB in bash, zsh and fish"),
        "lsp": ("lsp", "the language server, for editors"),
    },
}
_COMMANDS = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}

# The machine's faults; any other OSError is a bug of ours and gets a crash report.
_MACHINE = {
    errno.ENOSPC: "is the disk full?",
    errno.EDQUOT: "your disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOMEM: "the machine is out of memory",
}


class _LazyGroup(CommandGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"tapstack.commands.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        # click would import every command for its help text.
        named = [
            CompletionItem(name, help=text)
            for name, (_, text) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                # One column through all sections.
                formatter.write_dl([(f"{name:<{width}}", text) for name, (_, text) in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])
        formatter.write_paragraph()
        formatter.write_text(
            "An option given wins over its environment variable (TAP_ENV, TAP_CHDIR, TAP_PLAN_TARGETS, ...), "
            "and that over tap.toml; `tap config` shows what holds."
        )


@click.group(
    cls=_LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "auto_envvar_prefix": "TAP",
    },
)
@click.version_option(__version__, prog_name="tap")
def tap() -> None:
    """Plan, judge, seal and apply Terraform stacks.

    \b
    Examples:
      tap plan               # on the embedded AWS: no account, nothing to set up
      tap apply --env prod   # the newest sealed plan of that environment
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run tap and exit with the documented code."""
    # A plan is a million objects that stay: to look for rubbish among them after each 700 takes a tenth of the time.
    gc.set_threshold(50_000, 20, 50)
    mask_streams()
    MASK.learn(of_environment(os.environ))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = _run(arguments)
    except (KeyboardInterrupt, click.Abort):
        code = _fail(Interrupted("Interrupted; nothing was left running."))
    except click.exceptions.NoArgsIsHelpError as failure:
        Screen().note(failure.format_message())
        code = int(ExitCode.USAGE)
    except click.ClickException as failure:
        context = getattr(failure, "ctx", None)
        code = _fail(
            InputError(failure.format_message(), hint=f"{context.command_path} --help" if context else None)
        )
    except TapError as failure:
        code = _fail(failure)
    except OSError as failure:
        code = _fail(_machine(failure)) if failure.errno in _MACHINE else _crash(failure)
    except Exception as failure:
        code = _crash(failure)
    _flush()
    # What is left ends with the process: Python would look through all of it once more, a tenth of a short command.
    gc.freeze()
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    if question := os.environ.get("_TAP_COMPLETE"):
        from tapstack.commands.completion import answer

        return answer(tap, question)
    result = tap.main(arguments, prog_name="tap", standalone_mode=False)
    return int(result) if isinstance(result, int) else 0


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(failure: TapError) -> int:
    Screen().error(failure.message, failure.hint)
    return int(failure.exit_code)


def _machine(failure: OSError) -> EnvironmentFailure:
    where = f"{failure.filename}: " if failure.filename else ""
    return EnvironmentFailure(f"{where}{failure.strerror}.", hint=_MACHINE[failure.errno or 0])


def _crash(failure: Exception) -> int:
    import tempfile
    import traceback

    # The traceback of the code, without values of variables: not every secret is one that the mask knows.
    text = "".join(traceback.format_exception(failure))
    try:
        descriptor, path = tempfile.mkstemp(prefix="tap-crash-", suffix=".txt")  # mode 0600
        with os.fdopen(descriptor, "w") as report:
            said = f"tap {__version__}, Python {sys.version}\n{' '.join(sys.argv[:2])}\n\n{text}"
            report.write(MASK.text(said))
    except OSError:
        path = "nowhere: it could not be written"
    Screen().error(
        f"Unexpected {type(failure).__name__}; the crash report is in {path}.",
        "please file it as an issue; look through it for secrets first",
    )
    return int(ExitCode.UNEXPECTED)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            drop(stream)
        except (AttributeError, ValueError):
            # Closed meanwhile, or before Python started, which makes it None.
            continue
