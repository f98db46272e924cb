"""A policy that prints says nothing on stdout, which may be a document that a program reads."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Tap

pytestmark = pytest.mark.real

CHATTY = '''\
"""A policy that talks."""

from tapstack.gate.policy import Enforcement, Policy, Severity, passed

print("said at import")


class Chatty(Policy):
    id = "CKV_CUSTOM_1"
    name = "chatty"
    title = "Talks"
    severity = Severity.LOW
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = ("aws_cloudwatch_log_group",)
    rationale = "Because."
    remediation = "name = 1"
    references = ("https://example.com",)

    def evaluate(self, resource, stack):
        print("said about", resource.address)
        yield passed("It is there.")
'''


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "sarif")])
def test_a_document_stays_one(group: Tap, arguments: tuple[str, ...]) -> None:
    own = group.directory / "own" / "chatty.py"
    own.parent.mkdir()
    own.write_text(CHATTY)
    (group.directory / "tap.toml").write_text('[policies]\ndirectory = "own"\n')
    answer = group("check", "--var", "days=14", *arguments)
    assert answer.code == 0
    assert isinstance(json.loads(answer.out), dict)
    assert "said" not in answer.out
    assert answer.err == "said at import\nsaid about aws_cloudwatch_log_group.one\n"
