"""Terraform's JSON lines, and its diagnostics as a person reads them."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tapstack.terraform import events

DIAGNOSTIC = {
    "@level": "error",
    "@message": "Error: Invalid value for variable",
    "type": "diagnostic",
    "diagnostic": {
        "severity": "error",
        "summary": "Invalid value for variable",
        "detail": "environment must be dev, stage or prod.",
        "range": {"filename": "tap_stack.tf", "start": {"line": 12, "column": 1, "byte": 0}, "end": {}},
        "snippet": {
            "context": 'variable "environment"',
            "code": 'variable "environment" {',
            "start_line": 12,
            "highlight_start_offset": 0,
            "highlight_end_offset": 22,
            "values": [{"traversal": "var.environment", "statement": 'is "test"'}],
        },
    },
}


def test_a_diagnostic_shows_file_line_snippet_and_values() -> None:
    diagnostic = events.parse(orjson.dumps(DIAGNOSTIC)).diagnostic
    assert diagnostic is not None
    assert events.render(diagnostic) == (
        "Error: Invalid value for variable\n"
        '  tap_stack.tf:12, in variable "environment"\n'
        '    12 | variable "environment" {\n'
        "       | ^^^^^^^^^^^^^^^^^^^^^^\n"
        '       | where var.environment is "test"\n'
        "  environment must be dev, stage or prod."
    )


def test_offsets_count_bytes_of_the_whole_snippet() -> None:
    snippet = {
        "code": 'a = "é"\nb = oops',
        "start_line": 1,
        "highlight_start_offset": 13,
        "highlight_end_offset": 17,
    }
    raw = {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "s", "snippet": snippet}}
    diagnostic = events.parse(orjson.dumps(raw)).diagnostic
    assert diagnostic is not None
    assert events.render(diagnostic).splitlines()[-2:] == ["     2 | b = oops", "       |     ^^^^"]


def test_an_apply_event_names_address_action_and_seconds() -> None:
    line = orjson.dumps(
        {
            "type": "apply_complete",
            "@message": "aws_kms_key.main: Creation complete",
            "hook": {"resource": {"addr": "aws_kms_key.main"}, "action": "create", "elapsed_seconds": 12},
        }
    )
    event = events.parse(line)
    assert (event.kind, event.address, event.action, event.elapsed) == (
        "apply_complete",
        "aws_kms_key.main",
        "create",
        12,
    )


def test_the_deprecation_of_our_own_option_is_noise_and_an_error_never_is() -> None:
    flag = events.Diagnostic("warning", "Deprecated flag: -state", "", "", "", 0, None)
    assert events.is_noise(flag)
    assert not events.is_noise(events.Diagnostic("error", "Deprecated flag: -state", "", "", "", 0, None))


@given(st.binary())
def test_no_line_is_too_strange(line: bytes) -> None:
    assert events.parse(line).kind
