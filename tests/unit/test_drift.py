"""Drift: which attributes differ, what is new among the findings, the order, and how it reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from tapstack.errors import ExitCode, GateFailed
from tapstack.gate.drift import Drift, DriftedResource, assess
from tapstack.gate.ledger import Decision, ErrorKind, Finding, GateError, Input, Ledger, empty_counts
from tapstack.gate.policy import Enforcement, Severity, Verdict
from tapstack.model.drift import AttributeChange, Drifted, from_refresh
from tapstack.model.stack import Resource
from tapstack.model.state import from_state
from tapstack.report import drift_json, drift_text
from tapstack.terraform.source import Position


def entry(
    before: dict[str, Any] | None, after: dict[str, Any] | None, name: str = "one", **fields: Any
) -> dict[str, Any]:
    change = {key: fields.pop(key) for key in ("before_sensitive", "after_sensitive") if key in fields}
    actions = fields.pop("actions", ["update"] if after is not None else ["delete"])
    return {
        "address": f"aws_thing.{name}",
        "mode": "managed",
        "type": "aws_thing",
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": actions, "before": before, "after": after, **change},
        **fields,
    }


def plan(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    resources = [
        {key: one[key] for key in ("address", "mode", "type", "name")} | {"values": one["change"]["after"]}
        for one in entries
        if one["change"]["after"] is not None
    ]
    prior = {"format_version": "1.0", "values": {"root_module": {"resources": resources}}}
    return {"format_version": "1.2", "prior_state": prior, "resource_drift": [*entries], **fields}


def changed(
    before: dict[str, Any], after: dict[str, Any], **fields: Any
) -> dict[str, tuple[Any, Any] | None]:
    return {
        change.path: None if change.sensitive else (change.before, change.after)
        for one in from_refresh(plan(entry(before, after, **fields))).drifted
        for change in one.changes
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": (2, 3)}),
        ({"tags": None, "name": "", "rules": []}, {"tags": {}, "name": None, "rules": None}, {}),
        ({"tags": {"A": "1"}}, {"tags": None}, {"tags.A": ("1", None)}),
        ({"on": False}, {"on": None}, {"on": (False, None)}),
        ({"block": [{"on": True, "days": 1}]}, {"block": [{"on": False, "days": 1}]}, {"block.0.on": (True, False)}),
        ({"cidrs": ["a"]}, {"cidrs": ["a", "b"]}, {"cidrs": (["a"], ["a", "b"])}),
        ({"rule": [{"p": 443}]}, {"rule": [{"p": 22}, {"p": 443}]}, {"rule.0": (None, {"p": 22})}),
        ({"rule": [{"p": 22}, {"p": 443}]}, {"rule": [{"p": 22}]}, {"rule.1": ({"p": 443}, None)}),
        ({"rule": [{"p": 443, "c": 1}, {"p": 80}]}, {"rule": [{"p": 80}, {"p": 443, "c": 2}]}, {"rule.1.c": (1, 2)}),
        ({"order": ["a", "b"]}, {"order": ["b", "a"]}, {"order": (["a", "b"], ["b", "a"])}),
        ({"policy": '{"a": 1}'}, {"policy": '{ "a":1 }'}, {}),
        ({"p": '{"S": [{"E": "Deny"}]}'}, {"p": '{"S": [{"E": "Allow"}]}'}, {"p.S.0.E": ("Deny", "Allow")}),
        ({"text": "{no json"}, {"text": "{nor this"}, {"text": ("{no json", "{nor this")}),
        (
            {"tags": {"A": "1"}, "tags_all": {"A": "1", "D": "2"}},
            {"tags": {}, "tags_all": {}},
            {"tags.A": ("1", None), "tags_all.D": ("2", None)},
        ),
    ],
)  # fmt: skip
def test_the_innermost_values_that_differ_are_named(
    before: dict[str, Any], after: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert changed(before, after) == expected


def test_neither_side_of_a_sensitive_value_is_kept() -> None:
    before, after = {"value": "old", "box": [{"key": "old", "n": 1}]}, {"value": "new", "box": []}
    marks = {"value": True, "box": [{"key": True}]}
    assert changed(before, after, before_sensitive=marks, after_sensitive={"box": []}) == {
        "value": None,
        "box.0": ({"key": "(sensitive)", "n": 1}, None),
    }
    whole = changed({"policy": '{"a": 1}'}, {"policy": '{"a": 2}'}, after_sensitive={"policy": True})
    assert whole == {"policy": None}


def test_what_an_output_that_changes_is_made_from_is_marked() -> None:
    relevant = [{"resource": "aws_thing.one", "attribute": ["block", 0]}]
    document = plan(entry({"block": [{"a": 1}], "b": 1}, {"block": [{"a": 2}], "b": 2}))
    (one,) = from_refresh({**document, "relevant_attributes": relevant}).drifted
    assert {change.path: change.feeds_output for change in one.changes} == {"block.0.a": True, "b": False}


def test_a_resource_that_only_moved_has_not_drifted() -> None:
    moved = entry({"a": 1}, {"a": 1}, actions=["no-op"], previous_address="aws_thing.old")
    assert from_refresh(plan(moved)).drifted == ()


def test_the_state_before_has_the_old_values_and_what_was_deleted() -> None:
    gone = entry(
        {"a": 3}, None, "gone", module_address="module.m[0]", address="module.m[0].aws_thing.gone", index=0
    )
    document = plan(
        entry({"a": 1}, {"a": 2}),
        gone,
        output_changes={
            "size": {"actions": ["update"], "before": 1, "after": 2},
            "new": {"actions": ["create"], "before": None, "after": 5},
        },
    )
    values = document["prior_state"]["values"]
    values["outputs"] = {"size": {"value": 2, "sensitive": False}, "new": {"value": 5, "sensitive": False}}
    values["root_module"]["child_modules"] = [
        {
            "address": "module.n",
            "resources": [
                {
                    "address": "module.n.aws_thing.same",
                    "type": "aws_thing",
                    "name": "same",
                    "values": {"a": 9},
                }
            ],
        }
    ]
    refreshed = from_refresh(document)
    before, after = from_state(refreshed.before), from_state(refreshed.after)
    assert {name: one.get("a") for name, one in before.resources.items()} == {
        "aws_thing.one": 1,
        "module.m[0].aws_thing.gone": 3,
        "module.n.aws_thing.same": 9,
    }
    assert before.resources["module.m[0].aws_thing.gone"].module_path == ("m",)
    assert {name: one.get("a") for name, one in after.resources.items()} == {
        "aws_thing.one": 2,
        "module.n.aws_thing.same": 9,
    }
    assert (before.output_values["size"][0], after.output_values["size"][0]) == (1, 2)
    assert before.output_values["new"][0] == 5


@pytest.mark.parametrize(
    "document",
    [[], {"format_version": "9.0"}, {"format_version": "1.0", "resource_drift": [{}]}, plan(errored=True)],
)
def test_what_is_no_refreshed_plan_is_refused(document: Any) -> None:
    with pytest.raises(GateFailed):
        from_refresh(document)


def finding(
    name: str,
    severity: Severity = Severity.MEDIUM,
    policy: str = "CKV_TAP_301",
    verdict: Verdict = Verdict.FAIL,
    attribute: str = "a",
    **fields: Any,
) -> Finding:
    return Finding(
        policy=policy,
        name="a_policy",
        address=f"aws_thing.{name}",
        verdict=verdict,
        severity=severity,
        enforcement=fields.pop("enforcement", Enforcement.HARD_MANDATORY),
        message=fields.pop("message", "It is wrong."),
        fingerprint=f"{policy} {name} {attribute}",
        blocks=verdict is Verdict.FAIL,
        attribute=attribute,
        **fields,
    )


def ledger(*findings: Finding, errors: tuple[GateError, ...] = ()) -> Ledger:
    decision: Decision = "error" if errors else "closed" if findings else "open"
    return Ledger(decision, Input("state"), empty_counts(), findings, errors=errors)


def drifted(name: str, *, deleted: bool = False) -> Drifted:
    resource = Resource(f"aws_thing.{name}", "aws_thing", name)
    if deleted:
        return Drifted(resource, "delete")
    return Drifted(resource, "update", (AttributeChange("a", 1, 2),))


def nowhere(_resource: Resource, _attribute: str | None) -> Position | None:
    return None


def broken(before: Ledger, after: Ledger) -> list[Finding]:
    return [one for found in assess([], before, after, nowhere, 1).resources for one in found.findings]


def test_the_worst_comes_first_then_deletions_then_the_rest() -> None:
    found = assess(
        [drifted(name) for name in ("harmless", "medium", "other", "critical")]
        + [drifted("gone", deleted=True)],
        ledger(),
        ledger(
            finding("medium", policy="CKV_TAP_302"),
            finding("other", policy="CKV_TAP_301"),
            finding("critical", Severity.LOW),
            finding("critical", Severity.CRITICAL, "CKV_TAP_900"),
            finding("elsewhere", Severity.LOW),
        ),
        nowhere,
        9,
    )
    names = [one.address.removeprefix("aws_thing.") for one in found.resources]
    assert names == ["critical", "other", "medium", "elsewhere", "gone", "harmless"]
    assert [one.severity for one in found.resources[0].findings] == [Severity.CRITICAL, Severity.LOW]
    assert [one.action for one in found.resources] == [
        *("update", "update", "update"),
        "none",
        "delete",
        "update",
    ]
    assert [one.address for one in found.drifted] == [
        one.address for one in found.resources if not one.address.endswith("elsewhere")
    ]


def test_findings_that_were_there_before_are_counted_apart() -> None:
    old, new = finding("one", message="Old."), finding("two", message="New.")
    found = assess([drifted("one"), drifted("two")], ledger(old), ledger(old, new), nowhere, 2)
    assert found.earlier == 1
    assert {one.address: len(one.findings) for one in found.resources} == {
        "aws_thing.one": 0,
        "aws_thing.two": 1,
    }


def test_a_finding_that_says_something_else_in_the_same_place_is_the_same() -> None:
    before, after = (
        finding("one", actual=30, message="30 days."),
        finding("one", actual=60, message="60 days."),
    )
    assert broken(ledger(before), ledger(after)) == []


def test_a_finding_that_changed_places_is_the_same_and_does_not_hide_a_new_one() -> None:
    old = finding("one", attribute="rule.0.cidr", message="Port 443 is open.")
    moved = replace(old, attribute="rule.1.cidr", fingerprint="elsewhere")
    new = finding("one", attribute="rule.0.cidr", message="Port 22 is open.")
    assert broken(ledger(old), ledger(new, moved)) == [new]


def test_a_finding_that_was_not_known_to_be_one_is_new() -> None:
    before, after = finding("one", verdict=Verdict.UNKNOWN), finding("one")
    assert broken(ledger(before), ledger(after)) == [after]
    assert broken(ledger(after), ledger(before)) == []


def test_a_waived_finding_is_shown_and_breaks_nothing() -> None:
    waived = finding("one", Severity.CRITICAL, verdict=Verdict.WAIVED)
    found = assess([drifted("one"), drifted("two")], ledger(), ledger(waived, finding("two")), nowhere, 2)
    assert [one.address for one in found.resources] == ["aws_thing.two", "aws_thing.one"]
    assert (found.resources[1].findings, found.resources[1].broken) == ((waived,), ())


@pytest.mark.parametrize("which", ["before", "after"])
def test_a_state_that_can_not_be_judged_is_exit_4_and_breaks_nothing_that_is_known(which: str) -> None:
    error = GateError(ErrorKind.POLICY_RAISED, "A policy broke.")
    bad, good = ledger(errors=(error,)), ledger(finding("one"))
    before, after = (bad, good) if which == "before" else (good, bad)
    found = assess([drifted("one")], before, after, nowhere, 1)
    assert (found.errors, found.resources[0].findings) == ((error,), ())
    assert found.exit_code(detailed=True) is ExitCode.GATE_ERROR
    assert found.exit_code(detailed=False) is ExitCode.GATE_ERROR


def test_only_a_waiver_that_the_drift_made_idle_is_no_error() -> None:
    idle = GateError(ErrorKind.WAIVER, "The waiver matches nothing.")
    assert assess([], ledger(), ledger(errors=(idle,)), nowhere, 1).errors == ()
    assert assess([], ledger(errors=(idle,)), ledger(errors=(idle,)), nowhere, 1).errors == (idle,)


def test_drift_is_exit_2_only_if_asked_for_and_only_for_what_drifted() -> None:
    assert Drift((), 1, 0).exit_code(detailed=True) is ExitCode.DONE
    some = Drift((DriftedResource("a.b", "update"),), 1, 0)
    assert (some.exit_code(detailed=True), some.exit_code(detailed=False)) == (
        ExitCode.CHANGES,
        ExitCode.DONE,
    )


def text(found: Drift, width: int = 80, options: str = "") -> str:
    return drift_text.render(found, width=width, style=lambda text, _: text, where="AWS", options=options)


def test_the_text_is_what_a_person_reads() -> None:
    one = DriftedResource(
        'aws_thing.one["a"]',
        "update",
        (AttributeChange("a.0.b", None, {"c": ["x"], "d": None, "e": 0}), AttributeChange("key", None, None, True)),
        (finding("one", Severity.HIGH, expected=True, enforcement=Enforcement.ADVISORY),),
        "main.tf",
        7,
    )  # fmt: skip
    gone = DriftedResource("aws_thing.two", "delete")
    assert text(Drift((one, gone), 5, 3), options=" --env prod") == (
        'HIGH      aws_thing.one["a"]  main.tf:7  changed\n'
        "          a_policy (CKV_TAP_301, advisory): It is wrong. (expected true)\n"
        '            a.0.b: unset -> {"c": ["x"], "e": 0}\n'
        "            key: (sensitive) -> (sensitive)\n"
        "-         aws_thing.two  deleted\n"
        "\n"
        "Drift: 2 of 5 resources compared with AWS, 1 of them deleted. 1 breaks a policy.\n"
        "  Not counted: 3 findings that were there before.\n"
        "To undo it: `tap plan --env prod`, then `tap apply --env prod`, puts back what\n"
        "  the code says. To keep it: change the code until that plan is empty."
    )


def test_without_drift_the_text_is_one_sentence() -> None:
    assert text(Drift((), 1, 0)) == "No drift: 1 resource was compared with AWS, and nothing has changed."
    assert text(Drift((), 0, 0)) == "No drift: there was no resource to compare."


def test_the_text_is_one_screen_whatever_drifted() -> None:
    changes = tuple(AttributeChange(f"a{number}", "x" * 500, 1) for number in range(40))
    many = Drift(tuple(DriftedResource(f"aws_thing.n{n}", "update", changes) for n in range(99)), 99, 0)
    lines = text(many).splitlines()
    assert "            ... and 36 more; --json lists all" in lines
    assert "... and 93 more resources; --json lists all" in lines
    assert (len(lines) < 50, max(map(len, lines)) <= 160) == (True, True)


def test_what_aws_says_does_not_move_the_cursor() -> None:
    one = DriftedResource("aws_thing.one", "update", (AttributeChange("a", "x\x1b[2J", "y\n"),))
    assert "\x1b" not in text(Drift((one,), 1, 0))
    assert "a: x\\x1b[2J -> y\\n" in text(Drift((one,), 1, 0))


def test_the_json_says_what_could_not_be_decided() -> None:
    error = GateError(ErrorKind.POLICY_RAISED, "A policy broke.", "main.tf")
    found = Drift((DriftedResource("aws_thing.one", "update"),), 2, 0, (error,))
    document = orjson.loads(drift_json.render(found, "prod", ExitCode.GATE_ERROR))
    assert (document["environment"], document["drift"], document["exit_code"]) == ("prod", True, 4)
    assert document["errors"] == [{"kind": "policy-raised", "message": "A policy broke.", "file": "main.tf"}]
    assert "The gate could not decide what the drift breaks" in text(found)
