"""Waivers: who answers for a finding, until when, and what closes the gate because it says nothing of use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tapstack.deployment.waive import write
from tapstack.errors import InputError
from tapstack.gate.engine import judge
from tapstack.gate.ledger import Ledger
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import failed, passed
from tapstack.gate.registry import Registry
from tapstack.gate.waivers import Waiver, WaiverRules, utc_day
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.report import ledger_json, ledger_text
from tapstack.settings import load
from tapstack.terraform.source import Position
from tests.unit.test_gate_engine import FAILS, IS_UNKNOWN, PASSES, says

TODAY = date(2026, 11, 21)
GOOD = Waiver("ACME_1", "a_b.c", "payments", "split under way", date(2027, 1, 31), "OPS-1", "tap.toml:9")
MIXED = says(lambda r: [failed("Wrong.", "x") if r.name == "c" else passed("Right.", "x")])


def stack(*names: str, kind: Kind = Kind.PLAN, complete: bool = True) -> Stack:
    resources = {f"a_b.{n}": Resource(f"a_b.{n}", "a_b", n.partition("[")[0]) for n in names or ("c",)}
    return Stack(kind, resources, declared=1, complete=complete)


def asked(
    *waivers: Waiver,
    policy: Any = FAILS,
    of: Stack | None = None,
    only: tuple[str, ...] = (),
    place: Position | None = None,
    disabled: tuple[str, ...] = (),
    **rules: Any,
) -> Ledger:
    settings = GateSettings(
        waivers=waivers, disabled=disabled, waiver_rules=WaiverRules(**{"today": TODAY, **rules})
    )
    policies = policy if isinstance(policy, tuple) else (policy,)
    return judge(of or stack(), Registry(policies), settings, lambda *_: place, only)


def changed(**fields: Any) -> Waiver:
    return Waiver(**{name: getattr(GOOD, name) for name in Waiver.__slots__} | fields)


@pytest.mark.parametrize("policy", [FAILS, IS_UNKNOWN])
def test_a_waived_finding_no_longer_blocks_and_is_counted_apart(policy: Any) -> None:
    ledger = asked(GOOD, policy=policy)
    assert ledger.decision == "open"
    assert (ledger.counts["waived"], ledger.counts["fail"], ledger.counts["unknown"]) == (1, 0, 0)
    (finding,) = ledger.findings
    assert (finding.verdict, finding.blocks) == ("WAIVED", False)
    assert finding.waiver is not None
    assert finding.waiver["verdict"] == ("FAIL" if policy is FAILS else "UNKNOWN")
    assert {k: finding.waiver[k] for k in ("owner", "reason", "until", "ticket", "place", "days_left")} == {
        "owner": "payments",
        "reason": "split under way",
        "until": "2027-01-31",
        "ticket": "OPS-1",
        "place": "tap.toml:9",
        "days_left": 71,
    }


def test_a_waiver_covers_its_address_only() -> None:
    ledger = asked(GOOD, of=stack("c", "d"))
    assert [(f.address, f.verdict) for f in ledger.findings] == [("a_b.d", "FAIL"), ("a_b.c", "WAIVED")]
    assert ledger.decision == "closed"


def test_a_pattern_covers_what_it_matches_and_brackets_are_literal() -> None:
    two = stack('c["x"]', 'c["y"]')
    assert asked(changed(address="a_b.c[*]"), of=two).decision == "open"
    ledger = asked(changed(address='a_b.c["x"]'), of=two)
    assert [f.verdict for f in ledger.findings] == ["FAIL", "WAIVED"]


def test_a_policy_can_be_named_by_its_name() -> None:
    assert asked(changed(policy="acme")).decision == "open"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"owner": " "}, "lacks an owner"),
        ({"reason": ""}, "lacks a reason"),
        ({"until": None}, "lacks an end: until = YYYY-MM-DD"),
        ({"until": date(2026, 11, 20)}, "expired on 2026-11-20 (today is 2026-11-21, UTC)"),
        ({"until": date(2027, 5, 1)}, "max_waiver_days = 90 is the longest here"),
        ({"policy": "acne"}, "names a policy that does not exist; did you mean acme?"),
        ({"address": "a_b.d"}, "matches nothing"),
    ],
)
def test_a_waiver_that_is_wrong_closes_the_gate_names_itself_and_waives_nothing(
    fields: dict[str, Any], said: str
) -> None:
    ledger = asked(changed(**fields), max_days=90)
    assert (ledger.decision, int(ledger.exit_code)) == ("error", 4)
    (error,) = ledger.errors
    assert error.kind == "waiver"
    assert error.message.startswith("tap.toml:9: the waiver of ")
    assert said in error.message
    assert error.file == "tap.toml"
    assert [f.verdict for f in ledger.findings] == ["FAIL"]


def test_a_waiver_that_nothing_needs_any_more_closes_the_gate() -> None:
    ledger = asked(GOOD, policy=PASSES)
    assert ledger.decision == "error"
    assert "is no longer needed: a_b.c passes" in ledger.errors[0].message


def test_a_part_of_the_stack_can_not_tell_whether_a_waiver_is_needed() -> None:
    assert asked(changed(address="a_b.z"), policy=PASSES, of=stack(complete=False)).decision == "open"


def test_in_a_state_the_resource_has_to_exist_and_no_more() -> None:
    assert asked(GOOD, policy=PASSES, of=stack(kind=Kind.STATE)).decision == "open"
    assert asked(changed(address="a_b.z"), policy=PASSES, of=stack(kind=Kind.STATE)).decision == "error"


def test_hcl_that_can_not_be_expanded_leaves_an_instances_waiver_to_the_plan() -> None:
    one = changed(address='a_b.c["x"]')
    assert asked(one, policy=PASSES, of=stack(kind=Kind.HCL)).decision == "open"
    assert asked(one, policy=PASSES, of=stack("d", kind=Kind.HCL)).decision == "error"


def test_other_policies_waivers_are_left_alone_when_few_are_asked() -> None:
    other = says(lambda _: [passed("")], policy="ACME_2", name="other")
    assert asked(changed(policy="other"), policy=(PASSES, other), only=("acme",)).decision == "open"


def test_a_waiver_of_a_disabled_policy_is_an_error() -> None:
    ledger = asked(GOOD, policy=(FAILS, says(lambda _: [passed("")], "ACME_2", "other")), disabled=("acme",))
    assert "is idle: the policy is disabled" in ledger.errors[0].message


def test_a_policy_that_may_not_be_waived_is_not() -> None:
    strict = type("strict", (FAILS,), {"waivable": False, "__module__": "tests.acme"})
    ledger = asked(GOOD, policy=strict)
    assert ledger.decision == "error"
    assert "may not be waived" in ledger.errors[0].message
    settings = GateSettings({"acme": {"ignore": [{"address": "*", "reason": "no"}]}})
    ignored = judge(stack(), Registry((strict,)), settings, lambda *_: None)
    assert ignored.decision == "error"
    assert "[policies.acme] ignore: this policy may not be waived" in ignored.errors[0].message


def test_a_broken_policy_is_not_waived() -> None:
    def broken(_: Resource) -> Any:
        raise ValueError("no")

    ledger = asked(GOOD, policy=says(broken))
    assert (ledger.decision, ledger.counts["error"], ledger.counts["waived"]) == ("error", 1, 0)


@pytest.mark.parametrize("hours", [-12, -5, 0, 5.5, 14])
def test_the_day_is_utcs_on_both_sides_of_midnight_wherever_the_clock_stands(hours: float) -> None:
    zone = timezone(timedelta(hours=hours))
    last = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC).astimezone(zone)
    first = (datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC) + timedelta(seconds=1)).astimezone(zone)
    assert asked(GOOD, today=utc_day(last)).decision == "open"
    assert asked(GOOD, today=utc_day(first)).decision == "error"


def test_what_expires_within_two_weeks_is_listed_in_both_reports() -> None:
    far = changed(until=date(2026, 12, 6))
    near = changed(address="a_b.d", until=date(2026, 12, 5))
    ledger = asked(far, near, of=stack("c", "d"))
    assert [(f.address, f.waiver["until"]) for f in ledger.expiring if f.waiver] == [("a_b.d", "2026-12-05")]
    assert b'"until": "2026-12-05"' in ledger_json.render(ledger)
    text = ledger_text.render(ledger, width=100, colour=False)
    assert (
        "Waived: ACME_1 for a_b.d by payments until 2026-12-05 (in 14 days): split under way, OPS-1" in text
    )
    assert "(in 15 days)" not in text
    assert "2 waived" in text


# --- comments in the code

CODE = """resource "a_b" "c" {
  #checkov:skip=ACME_1:because of the migration
  x = 1
}
"""


@pytest.fixture
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Position:
    monkeypatch.chdir(tmp_path)
    Path("main.tf").write_text(CODE)
    return Position("main.tf", 1, 4)


def test_a_comment_in_the_code_counts_only_where_it_may(block: Position) -> None:
    assert asked(place=block).decision == "closed"
    ledger = asked(place=block, inline=True)
    assert ledger.decision == "open"
    assert ledger.findings[0].waiver is not None
    assert ledger.findings[0].waiver["place"] == "main.tf:2"
    assert ledger.findings[0].waiver["reason"] == "because of the migration"


def test_a_comment_speaks_of_the_resource_it_stands_in_only(block: Position) -> None:
    settings = GateSettings(waiver_rules=WaiverRules(today=TODAY, inline=True))
    places = {"c": block, "d": Position("main.tf", 4, 4)}
    ledger = judge(stack("c", "d"), Registry((FAILS,)), settings, lambda r, _: places[r.name])
    assert {f.address: f.verdict for f in ledger.findings} == {"a_b.c": "WAIVED", "a_b.d": "FAIL"}


@pytest.mark.parametrize(
    ("comment", "policy", "said"),
    [
        ("#checkov:skip=ACME_1", FAILS, "lacks a reason"),
        ("#checkov:skip=ACME_1:because", PASSES, "is not needed"),
        (
            "#checkov:skip=ACME_1:because",
            type("strict", (FAILS,), {"waivable": False, "__module__": "tests.acme"}),
            "may not be waived",
        ),
    ],
)
def test_a_comment_that_is_wrong_closes_the_gate(
    block: Position, comment: str, policy: Any, said: str
) -> None:
    Path("main.tf").write_text(f'resource "a_b" "c" {{\n  {comment}\n  x = 1\n}}\n')
    ledger = asked(place=block, policy=policy, inline=True)
    assert ledger.decision == "error"
    assert said in ledger.errors[0].message
    assert ledger.errors[0].message.startswith("main.tf:2: the waiver of ACME_1 for a_b.c")


# --- the file

BEFORE = """# who may change this: platform
[stack]   # the stack
name = "x"

[policies.log_group_retention]
exactly = 14  # agreed
"""


def test_waive_adds_a_table_and_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tap.toml").write_text(BEFORE)
    hostile = 'quote " and \\ back\nslash \x7f \u202e'
    waiver = Waiver("CKV_TAP_301", 'aws_x.y["é"]', "me", hostile, date(2999, 1, 1), "T-1")
    place = write(load(tmp_path, "sandbox"), waiver)
    text = (tmp_path / "tap.toml").read_text()
    assert text.startswith(BEFORE)
    assert place.endswith("tap.toml:8")
    ((section, where),) = load(tmp_path, "sandbox").waivers
    assert (section.address, section.reason, section.until) == ('aws_x.y["é"]', hostile, date(2999, 1, 1))
    assert where.endswith("tap.toml:8")
    with pytest.raises(InputError, match="already, until 2999-01-01"):
        write(load(tmp_path, "sandbox"), waiver)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"policy": "log_group_retenshun"}, "did you mean log_group_retention"),
        ({"policy": "CKV_TAP_103"}, "may not be waived"),
        ({"until": date(2020, 1, 1)}, "expired"),
        ({"owner": ""}, "lacks an owner"),
        ({"policy": "CKV_AWS_7", "reason": ""}, "lacks a reason"),
    ],
)
def test_waive_writes_nothing_that_would_close_the_gate(
    tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    (tmp_path / "tap.toml").write_text(BEFORE)
    good = {
        "policy": "CKV_TAP_301",
        "address": "a.b",
        "owner": "me",
        "reason": "r",
        "until": date(2999, 1, 1),
    }
    with pytest.raises(InputError, match=said):
        write(load(tmp_path, "sandbox"), Waiver(**(good | fields)))  # type: ignore[arg-type]
    assert (tmp_path / "tap.toml").read_text() == BEFORE


def test_waive_does_not_touch_a_file_it_can_not_add_to(tmp_path: Path) -> None:
    inline = 'waivers = [{ policy = "CKV_TAP_302", address = "x.y" }]\n'
    (tmp_path / "tap.toml").write_text(inline)
    waiver = Waiver("CKV_TAP_301", "a.b", "me", "r", date(2999, 1, 1))
    with pytest.raises(InputError, match=r"make it \[\[waivers\]\] tables|can't take a"):
        write(load(tmp_path, "sandbox"), waiver)
    assert (tmp_path / "tap.toml").read_text() == inline


def test_a_waiver_can_be_for_some_environments(tmp_path: Path) -> None:
    text = (
        '[environments.prod]\n[[waivers]]\npolicy = "CKV_TAP_301"\naddress = "a.b"\nenvironments = ["prod"]\n'
    )
    (tmp_path / "tap.toml").write_text(text)
    assert load(tmp_path, "sandbox").waivers == ()
    assert len(load(tmp_path, "prod").waivers) == 1
    (tmp_path / "tap.toml").write_text(text.replace('["prod"]', '["production"]'))
    with pytest.raises(InputError, match="environment 'production'"):
        load(tmp_path, "prod")
