"""The gate: every pair accounted for, and closed whenever something keeps it from knowing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tapstack.errors import ExitCode, GateFailed
from tapstack.gate.engine import fingerprint, judge
from tapstack.gate.ledger import ErrorKind, GateError, Input, Ledger, undecided
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.gate.registry import Registry
from tapstack.model.document import DocumentError
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Unknown
from tapstack.terraform.source import ConfigurationError, Position

Answer = Callable[[Resource], Any]


def says(
    answer: Answer,
    policy: str = "ACME_1",
    name: str = "acme",
    enforcement: Enforcement = Enforcement.HARD_MANDATORY,
) -> type[Policy]:
    """A policy about every `a_b` that gives this answer."""

    def evaluate(self: Policy, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        given: Iterable[Evidence] = answer(resource)
        return given

    declared: dict[str, Any] = {
        "id": policy,
        "name": name,
        "title": name,
        "severity": Severity.MEDIUM,
        "enforcement": enforcement,
        "waivable": True,
        "resource_types": ("a_b",),
        "rationale": "Because.",
        "remediation": "x = 1",
        "references": ("https://example.com",),
    }
    return type(name, (Policy,), {**declared, "evaluate": evaluate, "__module__": "tests.acme"})


def stack(*addresses: str, declared: int = 1, deletions: tuple[str, ...] = ()) -> Stack:
    resources = {a: Resource(a, a.split(".")[0], a.split(".")[1]) for a in addresses}
    return Stack(Kind.PLAN, resources, declared=declared, deletions=deletions)


def asked(
    *policies: type[Policy],
    of: Stack | None = None,
    only: tuple[str, ...] = (),
    errors: Any = (),
    **settings: Any,
) -> Ledger:
    place = Position("main.tf", 3, 5)
    registry = Registry(policies, errors)
    return judge(of or stack("a_b.c"), registry, GateSettings(**settings), lambda *_: place, only)


FAILS = says(lambda _: [failed("It is wrong.", "x", actual=1, expected=2)])
PASSES = says(lambda _: [passed("It is right.", "x", 2)])
IS_UNKNOWN = says(lambda _: [unknown("It is not known.", "x", actual=Unknown(("var.x",)))])


def test_an_open_gate_has_passed_everything() -> None:
    ledger = asked(PASSES)
    assert (ledger.decision, ledger.exit_code, ledger.findings) == ("open", ExitCode.DONE, ())
    assert [other.verdict for other in ledger.others] == ["PASS"]


def test_a_finding_carries_all_that_is_known_about_it() -> None:
    ledger = asked(FAILS)
    assert (ledger.decision, ledger.exit_code) == ("closed", ExitCode.GATE_CLOSED)
    finding = ledger.findings[0]
    assert (finding.policy, finding.name, finding.address) == ("ACME_1", "acme", "a_b.c")
    assert (finding.verdict, finding.severity, finding.enforcement) == ("FAIL", "MEDIUM", "hard-mandatory")
    assert (finding.attribute, finding.actual, finding.expected) == ("x", 1, 2)
    assert (finding.message, finding.file, finding.line, finding.end_line) == (
        "It is wrong.",
        "main.tf",
        3,
        5,
    )
    assert finding.fingerprint == fingerprint("ACME_1", "a_b.c", "x")


def test_every_pair_is_accounted_for() -> None:
    other = says(
        lambda r: [passed("") if r.name == "c" else not_applicable("")], policy="ACME_2", name="other"
    )
    ledger = asked(FAILS, other, of=stack("a_b.c", "a_b.d", "e_f.g"))
    counts = dict(ledger.counts)
    assert (counts.pop("policies"), counts.pop("resources")) == (2, 3)
    assert counts == {"pass": 1, "fail": 2, "unknown": 0, "not_applicable": 3, "waived": 0, "error": 0}


@pytest.mark.parametrize(
    ("enforcement", "decision"),
    [("advisory", "open"), ("soft-mandatory", "closed"), ("hard-mandatory", "closed")],
)
def test_what_a_fail_does_is_a_matter_of_enforcement(enforcement: str, decision: str) -> None:
    ledger = asked(FAILS, parameters={"acme": {"enforcement": enforcement, "severity": "CRITICAL"}})
    assert ledger.decision == decision
    assert (ledger.findings[0].enforcement, ledger.findings[0].severity) == (enforcement, "CRITICAL")


@pytest.mark.parametrize(("unknown_does", "decision"), [("block", "closed"), ("warn", "open")])
def test_what_an_unknown_does_is_a_matter_of_settings(unknown_does: str, decision: str) -> None:
    ledger = asked(IS_UNKNOWN, unknown=unknown_does)
    assert ledger.decision == decision
    assert ledger.findings[0].actual == "(known after apply, from var.x)"


def test_an_unknown_of_an_advisory_policy_never_blocks() -> None:
    assert asked(IS_UNKNOWN, parameters={"acme": {"enforcement": "advisory"}}).decision == "open"


def test_the_worst_of_several_statements_is_the_verdict_and_every_fail_a_finding() -> None:
    mixed = says(
        lambda _: [passed(""), failed("1", "x"), not_applicable(""), unknown("?", "z"), failed("2", "y")]
    )
    ledger = asked(mixed)
    assert (ledger.counts["fail"], ledger.counts["pass"], ledger.counts["unknown"]) == (1, 0, 0)
    assert [finding.message for finding in ledger.findings] == ["1", "2", "?"]
    assert ledger.others == ()


def test_ignored_addresses_are_not_applicable_and_say_why() -> None:
    ignore = [{"address": "a_b.*", "reason": "legacy"}]
    ledger = asked(FAILS, parameters={"acme": {"ignore": ignore}})
    assert ledger.decision == "open"
    assert ledger.others[0].message == "ignored by [policies.acme]: legacy"


def _raises(_: Resource) -> Any:
    raise KeyError("x")


def _ends_the_process(_: Resource) -> Any:
    raise SystemExit(0)


def _raises_late(_: Resource) -> Any:
    yield passed("so far")
    raise RuntimeError("late")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_raises, "raised KeyError: 'x'"),
        (_ends_the_process, "raised SystemExit: 0"),
        (_raises_late, "raised RuntimeError: late"),
        (lambda _: None, "raised TypeError"),
        (lambda _: [], "gave no evidence"),
        (lambda _: ["PASS"], "gave str instead of Evidence"),
        (lambda _: [Evidence(Verdict.WAIVED, "")], "WAIVED is the gate's to say"),
        (lambda _: [passed("", attribute=3)], "are texts"),  # type: ignore[arg-type]
    ],
)
def test_a_policy_that_breaks_closes_the_gate(answer: Answer, said: str) -> None:
    ledger = asked(says(answer))
    assert (ledger.decision, ledger.exit_code, ledger.counts["error"]) == ("error", ExitCode.GATE_ERROR, 1)
    assert ledger.errors[0].kind is ErrorKind.POLICY_RAISED
    assert said in ledger.errors[0].message
    assert "ACME_1" in ledger.errors[0].message
    assert "a_b.c" in ledger.errors[0].message
    assert ledger.findings[0].verdict is Verdict.ERROR


def test_a_broken_policy_does_not_keep_the_others_from_being_asked() -> None:
    other = says(lambda _: [failed("wrong")], policy="ACME_2", name="other")
    assert [f.verdict for f in asked(says(_raises), other).findings] == ["ERROR", "FAIL"]


def test_an_interruption_is_not_taken_for_a_broken_policy() -> None:
    def interrupted(_: Resource) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(says(interrupted))


def test_a_policy_that_did_not_load_closes_the_gate_whatever_the_others_say() -> None:
    error = GateError(ErrorKind.POLICY_IMPORT, "it broke", "p.py")
    ledger = asked(PASSES, errors=(error,))
    assert (ledger.decision, ledger.errors) == ("error", (error,))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"parameters": {"acne": {}}},
            "[policies] names the policy acne, which does not exist; did you mean acme?",
        ),
        (
            {"disabled": ("ACME_11",)},
            "[policies] disabled names the policy ACME_11, which does not exist; did you mean",
        ),
        ({"only": ("zzz",)}, "--policy names the policy zzz, which does not exist."),
    ],
)
def test_a_named_policy_that_does_not_exist_closes_the_gate(settings: Any, said: str) -> None:
    ledger = asked(PASSES, **settings)
    assert ledger.exit_code is ExitCode.GATE_ERROR
    assert ledger.errors[0].kind is ErrorKind.UNKNOWN_POLICY
    assert ledger.errors[0].message.startswith(said)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"enforcment": "advisory"}, "there is no such parameter; did you mean enforcement?"),
        ({"enforcement": "mandatory"}, "(found 'mandatory')"),
        ({"ignore": [{"address": "a_b.c"}]}, "ignore.0.reason: Field required"),
        ({"ignore": [{"address": "a_b.c", "reason": ""}]}, "at least 1 character"),
    ],
)
def test_a_wrong_parameter_closes_the_gate_and_its_policy_counts_as_not_asked(
    parameters: dict[str, Any], said: str
) -> None:
    ledger = asked(FAILS, parameters={"acme": parameters})
    assert ledger.exit_code is ExitCode.GATE_ERROR
    assert said in ledger.errors[0].message
    assert "[policies.acme]" in ledger.errors[0].message
    assert (ledger.counts["error"], ledger.findings) == (1, ())


def test_what_is_disabled_is_listed_and_not_asked() -> None:
    other = says(lambda _: [passed("")], policy="ACME_2", name="other")
    ledger = asked(FAILS, other, disabled=("ACME_1",))
    assert (ledger.decision, ledger.disabled, ledger.counts["policies"]) == ("open", ("ACME_1",), 1)


def test_only_limits_the_policies_by_name_or_id() -> None:
    other = says(lambda _: [passed("")], policy="ACME_2", name="other")
    assert asked(FAILS, other, only=("ACME_2",)).decision == "open"
    assert asked(FAILS, other, only=("acme",)).decision == "closed"


@pytest.mark.parametrize("settings", [{"disabled": ("acme",)}, {"disabled": ("acme",), "only": ("acme",)}])
def test_a_gate_without_policies_is_not_open(settings: Any) -> None:
    ledger = asked(PASSES, **settings)
    assert ledger.exit_code is ExitCode.GATE_ERROR
    assert ledger.errors[0].message == "No policy was evaluated (acme disabled)."
    assert asked().exit_code is ExitCode.GATE_ERROR


def test_a_gate_without_resources_is_open_only_where_there_are_none_to_judge() -> None:
    assert asked(PASSES, of=stack(declared=3)).errors[0].kind is ErrorKind.NOTHING_EVALUATED
    assert asked(PASSES, of=stack(declared=0)).decision == "open"
    assert asked(PASSES, of=stack(declared=3, deletions=("a_b.c",))).decision == "open"


def test_resources_that_no_policy_is_for_leave_the_gate_open() -> None:
    ledger = asked(FAILS, of=stack("e_f.g"))
    assert (ledger.decision, ledger.counts["not_applicable"]) == ("open", 1)


def test_data_sources_are_not_judged() -> None:
    data = Stack(Kind.PLAN, {"data.a_b.c": Resource("data.a_b.c", "a_b", "c", mode="data")})
    assert asked(FAILS, of=data).counts["resources"] == 0


def test_findings_come_worst_first_and_always_in_the_same_order() -> None:
    critical = {"other": {"severity": "CRITICAL"}}
    other = says(lambda _: [failed("b", "b"), failed("a", "a")], policy="ACME_2", name="other")
    ledger = asked(FAILS, IS_UNKNOWN, other, of=stack("a_b.d", "a_b.c"), parameters=critical)
    assert [(f.policy, f.address, f.attribute) for f in ledger.findings[:4]] == [
        ("ACME_2", "a_b.c", "a"),
        ("ACME_2", "a_b.c", "b"),
        ("ACME_2", "a_b.d", "a"),
        ("ACME_2", "a_b.d", "b"),
    ]


def test_a_fingerprint_is_stable_and_differs_by_address_and_attribute() -> None:
    # Baselines and waivers outlive releases: this value may never change.
    assert fingerprint("P_1", "a.b", "c") == "40851029b3f87f5095bef140a53e5f73"
    assert (
        len({fingerprint("P_1", "a.b", "c"), fingerprint("P_1", "a.b", None), fingerprint("P_1", "a.bc", "")})
        == 3
    )


def test_what_was_found_is_kept_as_plain_values() -> None:
    values = {"a": (1, MISSING), "b": Unknown(computed=True), "c": {"d"}, "e": object}
    ledger = asked(says(lambda _: [failed("", actual=values)]))
    assert ledger.findings[0].actual == {
        "a": [1, None],
        "b": "(chosen by the provider)",
        "c": ["d"],
        "e": str(object),
    }


@pytest.mark.parametrize(
    ("error", "kind", "file"),
    [
        (ConfigurationError("no", file="main.tf", line=2), ErrorKind.PARSE, "main.tf"),
        (DocumentError("no"), ErrorKind.FORMAT, None),
        (GateFailed("no"), ErrorKind.FORMAT, None),
    ],
)
def test_an_input_that_can_not_be_read_is_a_ledger_too(
    error: GateFailed, kind: ErrorKind, file: str | None
) -> None:
    ledger = undecided(error, Input("plan", "plan.json"))
    assert (ledger.decision, ledger.exit_code) == ("error", ExitCode.GATE_ERROR)
    assert (ledger.errors[0].kind, ledger.errors[0].file) == (kind, file)
