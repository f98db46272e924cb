"""What every format promises: the same bytes for the same report, no secret, and text for odd values."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from tapstack.commands.reporting import Wanted, parse
from tapstack.errors import InputError
from tapstack.gate.ledger import ErrorKind, GateError
from tapstack.masking import MASK
from tapstack.report import formats
from tapstack.report.report import Page, Report
from tests.unit.reports import BROKEN, CLOSED, LEDGER, OPEN, PLAN, REFUSED, WAIVED, Change, finding, many

# Every format writes some of these characters in a way of its own.
CANARY = "c4nary<&>\"'%,:`|@#\\n\n*_~ in two lines"
PIECES = ("c4nary", "in two lines")


@pytest.mark.parametrize("name", formats.NAMES)
@pytest.mark.parametrize(
    "report", [CLOSED, OPEN, BROKEN, REFUSED, replace(CLOSED, plan=PLAN, everything=True)]
)
def test_the_same_report_gives_the_same_bytes(name: str, report: Report) -> None:
    said = formats.render(name, report)
    assert said == formats.render(name, report)
    assert said.endswith(b"\n")
    assert said.decode()


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mask of this process knows the canary, until the test is over."""
    for name, empty in (("_secrets", set()), ("_forms", set()), ("_lengths", {})):
        monkeypatch.setattr(MASK, name, empty)
    MASK.learn([CANARY])


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("name", [*formats.NAMES, "summary"])
def test_a_secret_is_in_no_format(name: str) -> None:
    waiver = {**(WAIVED.waiver or {}), "reason": CANARY, "owner": CANARY}
    found = (
        finding(message=f"it is {CANARY}!", actual=CANARY, expected=[CANARY], address=f'a_b.c["{CANARY}"]'),
        replace(WAIVED, waiver=waiver),
    )
    ledger = replace(
        LEDGER,
        decision="error",
        findings=found,
        others=(finding(message=CANARY, actual=CANARY, verdict=LEDGER.others[0].verdict),),
        errors=(GateError(ErrorKind.PARSE, f"main.tf:1: {CANARY}"),),
    )
    plan = replace(PLAN, changes=(Change(f'a_b.c["{CANARY}"]', "create"),), refusals=(f"no {CANARY}",))
    report = replace(CLOSED, ledger=ledger, plan=plan, everything=True, page=Page(40))
    said = (formats.summary(report) if name == "summary" else formats.render(name, report)).decode()
    assert "(sensitive)" in re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), said)
    for piece in PIECES:
        assert piece not in said


@pytest.mark.parametrize("odd", [2**70, float("nan"), "\udcff", [{"a": 2**64}], {"b": None}, "", " ", -1.5])
@pytest.mark.parametrize("name", formats.NAMES)
def test_an_odd_value_breaks_no_format(name: str, odd: Any) -> None:
    report = replace(
        CLOSED, ledger=replace(LEDGER, findings=(finding(actual=odd, expected=odd, message=str(odd)),))
    )
    said = formats.render(name, report).decode()
    if name in ("json", "sarif", "gitlab"):
        json.loads(said)
    if name == "junit":
        ElementTree.fromstring(said)  # noqa: S314


@pytest.mark.parametrize("name", formats.NAMES)
def test_fifty_thousand_findings_and_twenty_thousand_changes_are_rendered(name: str) -> None:
    assert formats.render(name, many(50_000, 20_000))


# --- the option


def test_formats_and_files() -> None:
    assert parse([]) == Wanted()
    wanted = parse(["text", "sarif=a.sarif", "junit=b=c.xml"])
    assert wanted.stdout == "text"
    assert {str(path): name for path, name in wanted.files.items()} == {
        "a.sarif": "sarif",
        "b=c.xml": "junit",
    }
    assert wanted.names == {"text", "sarif", "junit"}
    assert parse(["sarif=-"]) == parse(["sarif=/dev/stdout"]) == parse(["sarif"])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["xml"], "--format xml: there is no format 'xml'; there are text, json, "),
        ([""], "there is no format ''"),
        (["text", "json"], "--format text and --format json both go to stdout."),
        (["sarif="], "--format sarif=: a file was expected after the =."),
        (["sarif=/"], "--format sarif=/: / is a directory; a file was expected."),
        (["sarif=/no/such/x"], "--format sarif=/no/such/x: there is no directory /no/such."),
        (["sarif=x", "junit=x"], "--format sarif and --format junit both go to x."),
    ],
)
def test_a_slip_of_the_pen_is_said_before_anything_is_done(given: list[str], sentence: str) -> None:
    with pytest.raises(InputError) as failure:
        parse(given)
    assert sentence in failure.value.message
