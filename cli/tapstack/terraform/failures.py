"""How a command of Terraform ended that did not succeed, as an error that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tapstack.errors import Interrupted, TerraformFailed
from tapstack.terraform import events, process

NO_PROVIDER = (
    "without a network, unpack a provider mirror (`terraform providers mirror DIR`) and set TAP_PROVIDER_MIRROR=DIR; "
    "`tap doctor` shows what was found"
)
_PROVIDER_LOST = ("Failed to query available provider packages", "Failed to install provider")


class StateKept(TerraformFailed):
    """Terraform could write the state nowhere: it is in the file `path`, or nowhere at all."""

    def __init__(self, message: str, path: Path | None, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class DiagnosedFailure(TerraformFailed):
    """Terraform failed and said why: `diagnostics` are its errors, already sent to the event handler."""

    def __init__(self, verb: str, diagnostics: list[events.Diagnostic], done: process.Finished) -> None:
        self.diagnostics = diagnostics
        count = len(diagnostics)
        if count:
            message = f"terraform {verb} failed with {count} error{'s' if count > 1 else ''}, shown above."
        else:
            message = text_failure(verb, done)
        super().__init__(message, hint=NO_PROVIDER if self.mentions(*_PROVIDER_LOST) else None)

    def mentions(self, *words: str) -> bool:
        """Whether any diagnostic's summary or detail contains one of `words`."""
        return any(word in f"{d.summary} {d.detail}" for d in self.diagnostics for word in words)


def raise_if_ended_early(argv: Sequence[str], done: process.Finished, timeout: float | None) -> None:
    """Raise where the command was stopped: by a signal, by its watch, or after `timeout` seconds."""
    verb = next((word for word in argv[1:] if word in {"init", "plan", "apply", "show", "output"}), "command")
    if done.stopped is not None:
        raise TerraformFailed(done.stopped)
    if done.timed_out:
        raise TerraformFailed(
            f"terraform {verb} was stopped after {timeout:g} s, the limit for one command.",
            hint="raise timeout_minutes under [stack] in tap.toml",
        )
    if done.signals:
        how = (
            "had already finished" if done.returncode == 0 else "was stopped and has cleaned up after itself"
        )
        raise Interrupted(f"Interrupted: terraform {verb} {how}.")


def text_failure(verb: str, done: process.Finished) -> str:
    """What a command that knows no JSON said in the end."""
    said = done.stderr.strip() or done.stdout.decode("utf-8", "replace").strip()
    if done.returncode < 0:
        return f"terraform {verb} was killed by signal {-done.returncode}." + (f"\n{said}" if said else "")
    return f"terraform {verb} failed with exit code {done.returncode}" + (
        f":\n{said}" if said else " and said nothing."
    )
