"""The one tree of errors: every class knows its exit code, every message is a sentence for a person."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit status means; the table in docs/exit-codes.md is generated from this."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    GATE_CLOSED = 3
    GATE_ERROR = 4
    SEAL_BROKEN = 5
    REFUSED = 6
    USAGE = 64
    UNEXPECTED = 70
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for tables and help texts."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done; the gate is open",
    ExitCode.FAILED: "Terraform, AWS or the machine failed; the message says which",
    ExitCode.CHANGES: "with --detailed-exitcode only: success, and there are changes",
    ExitCode.GATE_CLOSED: "the gate is closed: at least one policy blocks",
    ExitCode.GATE_ERROR: "the gate could not decide, which counts as closed",
    ExitCode.SEAL_BROKEN: "the seal does not hold: what would be applied is not what was judged",
    ExitCode.REFUSED: "refused by a guard",
    ExitCode.USAGE: "wrong usage, settings or input files",
    ExitCode.UNEXPECTED: "unexpected: the path of a crash report is printed",
    ExitCode.INTERRUPTED: "interrupted, after Terraform has finished its own clean-up",
}


class TapError(Exception):
    """A failure with a sentence a person can act on.

    `message` says what is wrong and where; `hint`, if any, what to do about it.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class EnvironmentFailure(TapError):
    """The machine is at fault: a missing program, a full disk, a directory that can't be written."""


class TerraformFailed(TapError):
    """Terraform ended with an error; its diagnostics have been shown or are in the message."""


class SandboxFailed(TapError):
    """The embedded AWS could not be started, or is gone."""


class GateClosed(TapError):
    """At least one policy blocks."""

    exit_code = ExitCode.GATE_CLOSED


class GateFailed(TapError):
    """The gate could not decide: a policy broke, a file did not parse, nothing was evaluated."""

    exit_code = ExitCode.GATE_ERROR


class SealBroken(TapError):
    """What would be applied is not what was judged."""

    exit_code = ExitCode.SEAL_BROKEN


class Refused(TapError):
    """A guard of the environment forbids it."""

    exit_code = ExitCode.REFUSED


class InputError(TapError):
    """Something the user wrote is wrong: an option, tap.toml, a handler."""

    exit_code = ExitCode.USAGE


class Interrupted(TapError):
    """A signal ended the command, after Terraform finished its own clean-up."""

    exit_code = ExitCode.INTERRUPTED
