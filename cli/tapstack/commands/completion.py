"""`tap completion`, and the answers to what a shell asks at TAB."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any, Final

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from tapstack.errors import ExitCode
from tapstack.report.screen import Screen

# https://click.palletsprojects.com/en/stable/shell-completion/
QUESTION: Final = "_TAP_COMPLETE"
_SPECIAL: Final = re.compile(r"""([^\w%+,./:=@~-])""")


class _Whole(ShellComplete):
    """For shells that replace the whole word, where click answers with what follows the `=` of `--option=`."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        option, equals, _ = incomplete.partition("=")
        found = super().get_completions(args, incomplete)
        if equals and option.startswith("-"):
            for item in found:
                item.value = f"{option}={item.value}"
        return found


class _Bash(BashComplete):
    """bash makes three words of `a=b`, and puts what it gets into the line as it is."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        words: list[str] = []
        for word in (*args, incomplete):
            if words and (word == "=" or words[-1].endswith("=")):
                words[-1] += word
            else:
                words.append(word)
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        # Twice: click's script reads the answer in a way that takes one away.
        return f"{item.type}," + _SPECIAL.sub(r"\\\\\1", str(item.value))


class _Zsh(_Whole, ZshComplete):
    pass


class _Fish(_Whole, FishComplete):
    # Or a description ends at its first comma.
    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


_SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the script that lets TAB complete commands, options, and names: environments, policies, addresses, seals.

    To install it, put one line into the shell's own file, or, for fish, run one:

    \b
      ~/.bashrc    eval "$(tap completion bash)"
      ~/.zshrc     eval "$(tap completion zsh)"      # below compinit
      fish         tap completion fish > ~/.config/fish/completions/tap.fish

    \b
    Examples:
      eval "$(tap completion bash)"
      tap completion fish > ~/.config/fish/completions/tap.fish
    """
    Screen().result(_asked(ctx.find_root().command, shell).source().rstrip("\n"))
    return int(ExitCode.DONE)


def answer(program: click.Command, question: str) -> int:
    """Print what can stand at the cursor (`question` is such as `bash_complete`), or the script (`bash_source`).

    Whatever goes wrong, the prompt stays clean: then there is nothing to choose from.
    """
    shell, _, what = question.partition("_")
    if shell not in _SHELLS:
        return int(ExitCode.USAGE)
    said = ""
    with contextlib.suppress(Exception, KeyboardInterrupt), contextlib.redirect_stderr(io.StringIO()):
        asked = _asked(program, shell)
        said = asked.source() if what == "source" else asked.complete()
    if said:
        Screen().result(said.rstrip("\n"))
    return int(ExitCode.DONE)


def _asked(program: click.Command, shell: str) -> ShellComplete:
    return _SHELLS[shell](program, {}, "tap", QUESTION)
