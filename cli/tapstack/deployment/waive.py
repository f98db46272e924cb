"""Writes a waiver into tap.toml, after the settings that are there and without touching them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tapstack.deployment.judge import gate_settings, policies_of, read_source, shown
from tapstack.errors import InputError, TapError
from tapstack.gate.engine import BACKEND_ADDRESS
from tapstack.gate.waivers import Waiver, admitted, checkov_waivers, is_checkovs
from tapstack.settings import FILE_NAME, Settings, load
from tapstack.terraform.addresses import is_absent, meant


def write(settings: Settings, waiver: Waiver) -> str:
    """Add a waiver; returns its place, file:line.

    Raises InputError for one that would close the gate, and for one that is there already; then nothing is written.
    """
    _refuse_what_is_wrong(settings, waiver)
    path = settings.directory / FILE_NAME
    before = path.read_text("utf-8") if settings.path else ""
    text = f"{before.rstrip()}\n\n{_table(waiver)}" if before.strip() else _table(waiver)
    _replace(path, text, settings)
    line = text.count("\n", 0, text.rindex("[[waivers]]")) + 1
    return f"{shown(path)}:{line}"


def _refuse_what_is_wrong(settings: Settings, waiver: Waiver) -> None:
    rules = gate_settings(settings).waiver_rules
    errors = [
        *admitted([waiver], rules, policies_of(settings), disabled=settings.policies.disabled).errors,
        *checkov_waivers([waiver], rules).errors,
    ]
    if errors:
        raise InputError("\n".join(error.message for error in errors))
    _refuse_what_is_not_there(settings, waiver)
    for there, place in settings.waivers:
        if (there.policy, there.address) == (waiver.policy, waiver.address):
            raise InputError(
                f"{place} waives {waiver.policy} for {waiver.address} already, until {there.until}.",
                hint="change its until there",
            )


def _refuse_what_is_not_there(settings: Settings, waiver: Waiver) -> None:
    if is_checkovs(waiver.policy) or waiver.address == BACKEND_ADDRESS:
        # Checkov has findings about what is no resource, and so have policies about the backend.
        return
    try:
        source = read_source(settings.directory)
    except TapError:
        # Then there is no telling.
        return
    if is_absent(waiver.address, source):
        raise InputError(
            f"There is no {waiver.address} in {shown(settings.directory)}, and a waiver that matches nothing closes "
            "the gate.",
            hint=meant(waiver.address, source),
        )


def _table(waiver: Waiver) -> str:
    fields = {
        "policy": waiver.policy,
        "address": waiver.address,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "ticket": waiver.ticket,
    }
    # What JSON escapes in a string, TOML's basic strings escape alike; DEL is TOML's alone.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
        for key, value in fields.items()
        if value
    ]
    return "\n".join(["[[waivers]]", *lines, f"until = {waiver.until}", ""])


def _replace(path: Path, text: str, settings: Settings) -> None:
    """Put the new text in place only when it reads back as settings, whole and at once."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tap-waive-") as aside:
        written = Path(aside, FILE_NAME)
        written.write_text(text, "utf-8")
        try:
            load(written.parent, settings.environment)
        except InputError as failure:
            raise InputError(
                f"{shown(path)} can't take a [[waivers]] table: {failure.message}",
                hint="is waivers = [...] written there? make it [[waivers]] tables",
            ) from failure
        if path.exists():
            written.chmod(path.stat().st_mode & 0o777)
        written.replace(path.resolve())
