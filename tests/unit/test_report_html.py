"""A report as HTML: one file, a policy that names its own digests, and names that stay names."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.deployment import apply_timeline
from tapstack.gate.engine import judge
from tapstack.gate.ledger import Ledger
from tapstack.gate.locate import locator
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Verdict
from tapstack.gate.registry import load
from tapstack.masking import MASK
from tapstack.model.hcl import from_hcl
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.report import formats, html_findings, html_timeline
from tapstack.report.graph_colours import DARK, LIGHT, css_class
from tapstack.report.html_tables import VERDICTS
from tapstack.report.report import Report, Step, Timeline
from tapstack.report.stack_graph import Standing
from tapstack.terraform.source import read_configuration
from tests.unit.reports import (
    BROKEN,
    CLOSED,
    FINDING,
    HOSTILE,
    LEDGER,
    OPEN,
    PLAN,
    REFUSED,
    TIMELINE,
    WAIVED,
    Change,
    finding,
    hostile,
    many,
)

GRAPH = Path(__file__).parents[1] / "policies" / "documents" / "graph"


class Page(HTMLParser):
    """What a browser makes of it: elements with their attributes, and texts by element."""

    def __init__(self, said: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open = ""
        self.feed(said.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, _tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open, data))

    def inside(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    @property
    def tables(self) -> Any:
        return json.loads(next(text for text in self.inside("script") if text.startswith("{")))

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag not in ("script", "style"))


def page(report: Report) -> Page:
    return Page(formats.render("html", report))


def judged(directory: Path = GRAPH) -> Report:
    source = read_configuration(directory)
    stack = from_hcl(source, {})
    ledger = judge(stack, load(), GateSettings(), locator(source))
    return Report(ledger, str(directory), model=stack)


GRAPHED = judged()
EVERYTHING = replace(CLOSED, plan=PLAN, timeline=TIMELINE)
REPORTS = [CLOSED, OPEN, BROKEN, REFUSED, EVERYTHING, GRAPHED]


# --- one file, and what it lets happen


@pytest.mark.parametrize("report", REPORTS)
def test_the_policy_names_the_digests_of_the_only_script_and_style(report: Report) -> None:
    said = formats.render("html", report).decode()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', said)
    assert policy
    assert said.index(policy[0]) < said.index("<style")
    digests = {}
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", said, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        digests[tag] = f"{tag}-src 'sha256-{digest}'"
    assert policy[1].split("; ") == [
        "default-src 'none'",
        digests["script"],
        digests["style"],
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize("report", REPORTS)
def test_it_needs_no_other_file_and_fetches_nothing(report: Report) -> None:
    said = page(report)
    for tag, attributes in said.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "style", "srcset", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        link = attributes.get("href") or "#"
        assert link.startswith("#") or (tag == "a" and attributes.get("rel") == "noreferrer")
    code = said.inside("style") + [text for text in said.inside("script") if not text.startswith("{")]
    assert len(code) == 2
    links = {address for text in code for address in re.findall(r"https?://[^\s\"']+", text)}
    assert links == {"http://www.w3.org/2000/svg"}  # a name, and no address
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
        "url(h",
    ):
        assert word not in "".join(code)


@pytest.mark.parametrize("report", REPORTS)
def test_the_elements_are_closed_and_every_part_has_its_heading(report: Report) -> None:
    void = {"meta", "br", "input", "link", "img", "hr"}
    said = re.sub(r"<(script|style)\b.*?</\1>", "", formats.render("html", report).decode(), flags=re.DOTALL)
    opened: list[str] = []
    for end, tag in re.findall(r"<(/?)([a-z][a-z0-9]*)", said):
        if end:
            assert opened.pop() == tag
        elif tag not in void:
            opened.append(tag)
    assert opened == []
    ids = [attributes["id"] for _, attributes in page(report).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    sections = [one for tag, one in page(report).elements if tag == "section"]
    assert [one["id"] for one in sections][:4] == ["summary", "findings", "graph", "ledger"]
    assert {one["aria-labelledby"] for one in sections} <= set(ids)


def test_the_same_report_is_the_same_file_whatever_the_order_of_its_sets() -> None:
    assert formats.render("html", judged()) == formats.render("html", judged())


def test_its_colours_are_those_of_the_pictures() -> None:
    styles = (Path(html_findings.__file__).parent / "html_files" / "report.css").read_text()
    day, night = styles.split("prefers-color-scheme: dark", 1)
    for standing in Standing:
        name = css_class(standing).replace("_", "-")
        for colours, part in ((LIGHT, day), (DARK, night)):
            assert f"--{name}-fill: {colours[standing].fill};" in part
            assert f"--{name}: {colours[standing].border};" in part


# --- names that would like to be more


def test_hostile_names_are_text() -> None:
    said = page(hostile())
    assert Counter(tag for tag, _ in said.elements)["script"] == 2
    for tag, attributes in said.elements:
        assert tag not in ("img", "b")
        assert not [name for name in attributes if name.startswith("on")]
    for text in (HOSTILE[0], HOSTILE[1], HOSTILE[3]):
        assert text in said.text
        assert any(text in one for one in said.tables["strings"])
    assert said.tables["resources"][-1]


def test_what_turns_the_direction_of_writing_is_written_out() -> None:
    whole = formats.render("html", hostile()).decode()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029\x00\x1b]", whole)
    assert "evil\\u202egnp.exe\\u2028\\u2066" in page(hostile()).text
    assert 'aws_x.y["evil\\u202egnp.exe\\u2028\\u2066"]' in page(hostile()).tables["resources"]


def test_a_secret_that_would_be_written_otherwise_is_masked_before() -> None:
    secret = "swordfish<\x07canary>"
    MASK.learn([secret])
    found = finding(address=f'a.b["{secret}"]', file=f"{secret}.tf")
    passed = finding(message=f"it is {secret}", verdict=Verdict.PASS, blocks=False)
    report = replace(
        EVERYTHING,
        ledger=replace(LEDGER, findings=(found,), others=(passed,)),
        timeline=replace(TIMELINE, steps=(Step(f'a.b["{secret}"]', "create", 0.0, 1.0, "done"),)),
        plan=replace(PLAN, changes=(Change(f'a.b["{secret}"]', "create"),)),
    )
    said = formats.render("html", report).decode()
    assert "swordfish" not in said
    assert "canary" not in said


@given(st.text(), st.text())
def test_no_text_ends_what_it_stands_in(message: str, address: str) -> None:
    report = replace(CLOSED, ledger=replace(LEDGER, findings=(finding(message=message, address=address),)))
    said = page(report)
    assert [tag for tag, _ in said.elements].count("script") == 2
    assert len(said.tables["findings"]) == 1


# --- what it says


def test_summary_and_findings_need_no_script() -> None:
    said = page(EVERYTHING).text
    assert "The gate is closed" in said
    assert "2 policies x 4 resources: 1 pass, 1 fail, 1 unknown, 1 waived, 4 not applicable." in said
    assert "1 finding blocks: 1 medium." in said
    for one in (FINDING, WAIVED):
        assert one.address in said
        assert one.message in said
    assert "waived by payments until 2026-12-05: shared until the split (OPS-1)" in said
    assert "terraform/tap_stack.tf:67" in said
    assert "retention_in_days = 14" in said
    assert "Plan to apply: 1 to replace, 2 to create, 2 outputs change." in said
    assert "Refused by a guard" in page(REFUSED).text
    assert "1 resource is replaced, and max_replace is 0." in page(REFUSED).text
    assert "main.tf:2: a block was expected" in page(BROKEN).text


def test_links_lead_to_the_documentation_and_tell_nobody_where_from() -> None:
    links = [one for tag, one in page(CLOSED).elements if tag == "a" and not str(one["href"]).startswith("#")]
    assert links
    assert all(str(one["href"]).startswith("https://") and one["rel"] == "noreferrer" for one in links)


def test_every_pair_that_the_ledger_counts_is_in_the_tables() -> None:
    for report in (GRAPHED, judged(Path(__file__).parents[2] / "terraform")):
        tables = page(report).tables
        pairs: dict[tuple[int, int], int] = {}
        for resource, policy, verdict, *_ in tables["findings"]:
            pairs[resource, policy] = min(verdict, pairs.get((resource, policy), verdict))
        for policy, steps, verdicts, _ in tables["quiet"]:
            resource = 0
            for step, verdict in zip(steps, verdicts, strict=True):
                resource += step
                pairs.setdefault((resource, policy), int(verdict))
        found = Counter(VERDICTS[verdict] for verdict in pairs.values())
        found[Verdict.NOT_APPLICABLE] += tables["asked"] * tables["asked_of"] - len(pairs)
        for verdict in Verdict:
            assert found[verdict] == report.ledger.counts[verdict.lower()], verdict


def test_the_graph_has_blocks_references_and_source() -> None:
    tables = page(GRAPHED).tables
    text = tables["strings"]
    blocks = [text[row[0]] for row in tables["blocks"]]
    assert len(blocks) == 19
    edges = {(blocks[one], blocks[other], text[where]) for one, other, _, where in tables["edges"]}
    assert ("aws_sqs_queue.dead_letters", "aws_kms_key.main", "kms_master_key_id") in edges
    queue = tables["blocks"][blocks.index("aws_sqs_queue.dead_letters")]
    file, first, lines, last = tables["sources"][queue[4]]
    assert file.endswith("main.tf")
    assert lines[0] == 'resource "aws_sqs_queue" "dead_letters" {'
    assert (lines[-1], len(lines)) == ("}", last - first + 1)
    assert [tables["resources"][one] for one in queue[5]] == [
        "aws_sqs_queue.dead_letters[0]",
        "aws_sqs_queue.dead_letters[1]",
    ]


def test_a_secret_in_the_code_is_not_in_the_source(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_db_instance" "one" {\n  password = "hunter2"\n  api_token = [\n    "hunter2"\n  ]\n'
        "  client_secret = <<EOT\nhunter2\nEOT\n  engine = 1\n}\n"
    )
    said = formats.render("html", judged(tmp_path)).decode()
    assert "hunter2" not in said
    (_, _, lines, _) = page(judged(tmp_path)).tables["sources"][0]
    assert lines == [
        'resource "aws_db_instance" "one" {',
        "  password = (sensitive)",
        "  api_token = (sensitive)",
        "  client_secret = (sensitive)",
        "  engine = 1",
        "}",
    ]


# --- the timeline


def test_the_timeline_has_a_row_and_a_bar_for_each_step() -> None:
    said = page(EVERYTHING)
    assert "failed after 20.0 s; 3 steps (1 done, 1 failed, 1 in flight)." in said.text
    bars = [one for tag, one in said.elements if tag == "rect"]
    assert [(bar["class"], bar["x"], bar["width"]) for bar in bars] == [
        ("done", "50", "500"),
        ("failed", "75", "25"),
        ("in-flight", "100", "900"),
    ]
    assert "timeline" not in [one.get("id") for _, one in page(CLOSED).elements]


def test_a_timeline_of_many_steps_shows_the_longest() -> None:
    steps = [Step(f"a.b{number}", "create", float(number), number + 1.0, "done") for number in range(2_000)]
    steps[1_999] = Step("a.longest", "create", 0.0, 1_000.0, "done")
    rows = "\n".join(html_timeline.render(replace(TIMELINE, seconds=2_000.0, steps=tuple(steps))))
    assert rows.count("<rect") == html_timeline.MOST
    assert "a.longest" in rows
    assert "1500 shorter steps are not in this list." in rows


def lines(*entries: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in entries)


def at(second: float) -> str:
    return f"2026-11-21T10:16:{second:06.3f}+00:00"


def test_a_journal_tells_how_an_apply_went(tmp_path: Path) -> None:
    start = {"stage": "verified", "plan": "p", "operation": "apply"}
    resource = {"address": "a.b", "action": "create"}
    journal = tmp_path / "apply.jsonl"
    assert apply_timeline.read(journal) is None
    begun = lines(
        {"at": at(0), **start},
        {"at": at(0.5), "stage": "apply_start", "address": "a.before", "action": "create"},
        {"at": at(10), **start},
        {"at": at(11), "stage": "apply_start", **resource},
    )
    journal.write_bytes(begun + b'{"at": "cut o')
    assert apply_timeline.read(journal) == Timeline(
        "p", "apply", at(10), 1.0, "cut short", (Step("a.b", "create", 1.0, None, "in flight"),)
    )
    journal.write_bytes(
        begun
        + lines(
            {"at": at(12.5), "stage": "apply_errored", **resource},
            {"at": "never", "stage": "apply_start", **resource},
            {"at": at(13), "stage": "failed"},
        )
    )
    assert apply_timeline.read(journal) == Timeline(
        "p", "apply", at(10), 3.0, "failed", (Step("a.b", "create", 1.0, 2.5, "failed"),)
    )


# --- large ones


def of_20_000() -> Stack:
    def resources() -> Iterable[Resource]:
        for number in range(20_000):
            address = f"module.m{number % 400}.aws_sqs_queue.queue_{number}"
            yield Resource(address, "aws_sqs_queue", f"queue_{number}", module=f"module.m{number % 400}")

    return Stack(Kind.STATE, {one.address: one for one in resources()})


@pytest.mark.slow
def test_50_000_findings_and_20_000_resources_stay_under_20_mb() -> None:
    stack = of_20_000()
    addresses = list(stack.resources)
    findings = tuple(
        finding(
            address=addresses[number % 20_000],
            message=f"The queue {addresses[number % 20_000]} keeps its messages for {number} seconds.",
            fingerprint=f"{number:032x}",
            line=number,
        )
        for number in range(50_000)
    )
    passed = tuple(
        finding(address=address, verdict=Verdict.PASS, message=f"All is well with {address}.", blocks=False)
        for address in addresses
    )
    policies = tuple(policy() for policy in load().policies)
    ledger: Ledger = replace(LEDGER, findings=findings, others=passed * 5, policies=policies)
    whole = formats.render("html", replace(many(0, 20_000), ledger=ledger, model=stack))
    assert len(whole) < 20_000_000
    said = Page(whole)
    tables = said.tables
    assert len(tables["findings"]) == 50_000
    assert tables["asked"] * tables["asked_of"] == len(policies) * 20_001  # the backend is one more
    assert "49500 findings are not in this list; the ledger below and the JSON report have all." in said.text
    assert html.escape("and 19,800 more") in whole.decode()
