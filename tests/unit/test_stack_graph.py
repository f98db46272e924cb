"""A stack as a picture: boxes, arrows, verdicts, and names that would like to be more than names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.errors import InputError
from tapstack.gate.ledger import Decision, Finding, Input, Ledger, empty_counts
from tapstack.gate.policy import Enforcement, Severity, Verdict
from tapstack.model.hcl import from_hcl
from tapstack.model.plan import from_plan
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.state import from_state
from tapstack.report import graph_dot, graph_json, graph_mermaid, stack_graph, stack_needs
from tapstack.report.graph_colours import DARK, LIGHT
from tapstack.report.stack_graph import MOST_EDGES, MOST_NODES, Edge, StackGraph, Standing
from tapstack.terraform.source import read_configuration

GRAPH = Path(__file__).parents[1] / "policies" / "documents" / "graph"
SOURCE = read_configuration(GRAPH)
PLAN: Any = orjson.loads((GRAPH / "plan.json").read_bytes())
STATE: Any = orjson.loads((GRAPH / "state.json").read_bytes())
STACKS = {
    "hcl": from_hcl(SOURCE, {}),
    "plan and source": from_plan(PLAN, SOURCE),
    "plan": from_plan(PLAN),
    "state and source": from_state(STATE, SOURCE),
    "state": from_state(STATE),
}
KEY = 'aws_kms_key.main["data"]'


def finding(address: str, verdict: Verdict, policy: str = "key_rotation") -> Finding:
    return Finding(
        policy="CKV_TAP_1",
        name=policy,
        address=address,
        verdict=verdict,
        severity=Severity.HIGH,
        enforcement=Enforcement.HARD_MANDATORY,
        message="",
        fingerprint="",
        blocks=verdict is Verdict.FAIL,
    )


def ledger(*findings: Finding, decision: Decision = "open") -> Ledger:
    quiet = (Verdict.PASS, Verdict.NOT_APPLICABLE)
    loud = tuple(one for one in findings if one.verdict not in quiet)
    others = tuple(one for one in findings if one.verdict in quiet)
    return Ledger(decision, Input("hcl"), empty_counts(), loud, others)


def stack_of(tmp_path: Path, code: str) -> Stack:
    (tmp_path / "main.tf").write_text(code)
    return from_hcl(read_configuration(tmp_path), {})


def resource(name: str, *needs: str, index: str | None = None, mode: str = "managed") -> Resource:
    """One as a state has it: what it needs is written in it."""
    prefix = "data." if mode == "data" else ""
    key = "" if index is None else f'["{index}"]'
    return Resource(
        f"{prefix}aws_kms_key.{name}{key}", "aws_kms_key", name, mode=mode, index=index, depends_on=needs
    )


def state_of(resources: Iterable[Resource]) -> Stack:
    return Stack(Kind.STATE, {one.address: one for one in resources})


def arrows(graph: StackGraph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges if not edge.by_name}


# What is drawn


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())
def test_code_plan_and_state_are_the_same_picture(stack: Stack) -> None:
    expected = stack_graph.build(STACKS["hcl"], ledger())
    found = stack_graph.build(stack, ledger())
    assert [node.address for node in found.nodes] == [node.address for node in expected.nodes]
    assert len(found.nodes) == 19
    if stack is STACKS["plan"]:
        # It does not say what locals are made of.
        assert len(arrows(found)) == 16
    else:
        assert arrows(found) == arrows(expected)
        assert len(arrows(found)) == 23


def test_instances_are_one_box_and_modules_are_frames() -> None:
    graph = stack_graph.build(STACKS["plan"], ledger())
    keys = next(node for node in graph.nodes if node.address == "aws_kms_key.main")
    assert keys.instances == (KEY, 'aws_kms_key.main["logs"]')
    assert keys.lines == (("aws_kms_key",), ("main", "- not judged"), ('["data"], ["logs"]',))
    tables = [node for node in graph.nodes if node.resource.type == "aws_dynamodb_table" and node.module]
    assert [(node.module, node.lines[-1]) for node in tables] == [
        (("service", "store"), ("4 instances",)),
        (("standby", "store"), ("2 instances",)),
    ]
    assert graph.modules == (("service",), ("service", "store"), ("standby",), ("standby", "store"))


def test_what_is_needed_through_something_needed_has_no_arrow() -> None:
    stack = state_of(
        [resource("a"), resource("b", "aws_kms_key.a"), resource("c", "aws_kms_key.a", "aws_kms_key.b")]
    )
    graph = stack_graph.build(stack, ledger())
    assert arrows(graph) == {("aws_kms_key.b", "aws_kms_key.a"), ("aws_kms_key.c", "aws_kms_key.b")}


def test_a_data_source_is_looked_through_unless_it_is_asked_for() -> None:
    stack = state_of(
        [resource("a"), resource("d", "aws_kms_key.a", mode="data"), resource("b", "data.aws_kms_key.d")]
    )
    assert arrows(stack_graph.build(stack, ledger())) == {("aws_kms_key.b", "aws_kms_key.a")}
    shown = stack_graph.build(stack, ledger(), data=True)
    assert arrows(shown) == {("aws_kms_key.b", "data.aws_kms_key.d"), ("data.aws_kms_key.d", "aws_kms_key.a")}
    assert shown.nodes[-1].lines == (("data.aws_kms_key",), ("d",))


BY_NAME = """
resource "aws_sqs_queue" "one" {{
  name = "work"
}}
resource "aws_cloudwatch_metric_alarm" "one" {{
  namespace  = "AWS/SQS"
  dimensions = {{ QueueName = "work" }}
  {provider}
}}
provider "aws" {{
  region = "us-east-1"
}}
provider "aws" {{
  alias  = "west"
  region = "us-west-2"
}}
"""


def test_who_is_known_by_name_only_has_a_dashed_arrow(tmp_path: Path) -> None:
    graph = stack_graph.build(stack_of(tmp_path, BY_NAME.format(provider="")), ledger())
    assert graph.edges == (Edge("aws_cloudwatch_metric_alarm.one", "aws_sqs_queue.one", by_name=True),)
    assert "n1 -.-> n2\n" in graph_mermaid.render(graph)
    assert "n1 -> n2 [style=dashed" in graph_dot.render(graph)


def test_the_same_name_in_another_region_is_another_ones(tmp_path: Path) -> None:
    graph = stack_graph.build(stack_of(tmp_path, BY_NAME.format(provider="provider = aws.west")), ledger())
    assert graph.edges == ()


def test_a_name_beside_a_reference_adds_nothing(tmp_path: Path) -> None:
    code = BY_NAME.format(provider="depends_on = [aws_sqs_queue.one]")
    graph = stack_graph.build(stack_of(tmp_path, code), ledger())
    assert graph.edges == (Edge("aws_cloudwatch_metric_alarm.one", "aws_sqs_queue.one"),)


def test_focus_draws_what_is_needed_and_what_needs_it() -> None:
    chain = [
        resource("a"),
        resource("b", "aws_kms_key.a"),
        resource("c", "aws_kms_key.b"),
        resource("d", "aws_kms_key.c"),
    ]
    graph = stack_graph.build(state_of(chain), ledger(), focus="aws_kms_key.c")
    assert [node.resource.name for node in graph.nodes] == ["b", "c", "d"]
    assert arrows(graph) == {("aws_kms_key.d", "aws_kms_key.c"), ("aws_kms_key.c", "aws_kms_key.b")}


def test_focus_on_a_data_source_shows_it() -> None:
    stack = state_of([resource("d", mode="data"), resource("b", "data.aws_kms_key.d")])
    graph = stack_graph.build(stack, ledger(), focus="data.aws_kms_key.d")
    assert arrows(graph) == {("aws_kms_key.b", "data.aws_kms_key.d")}


def test_instances_that_need_different_things_need_all_of_them() -> None:
    stack = state_of(
        [resource("a"), resource("b"), *(resource("c", f"aws_kms_key.{one}", index=one) for one in "ab")]
    )
    assert arrows(stack_graph.build(stack, ledger())) == {
        ("aws_kms_key.c", "aws_kms_key.a"),
        ("aws_kms_key.c", "aws_kms_key.b"),
    }


def test_focus_shows_needs_that_follow_from_others_too() -> None:
    stack = state_of(
        [resource("a"), resource("b", "aws_kms_key.a"), resource("c", "aws_kms_key.a", "aws_kms_key.b")]
    )
    graph = stack_graph.build(stack, ledger(), focus="aws_kms_key.a")
    assert arrows(graph) == {("aws_kms_key.b", "aws_kms_key.a"), ("aws_kms_key.c", "aws_kms_key.a")}


@pytest.mark.parametrize("address", [KEY, "aws_kms_key.main"])
def test_focus_takes_an_instance_or_its_block(address: str) -> None:
    graph = stack_graph.build(STACKS["plan"], ledger(), focus=address)
    assert all("aws_kms_key.main" in (edge.source, edge.target) for edge in graph.edges)
    assert "aws_kms_key.main" in {node.address for node in graph.nodes}


def test_focus_on_nothing_names_what_is_near() -> None:
    with pytest.raises(InputError, match=r"--focus aws_kms_key.man: there is no such") as raised:
        stack_graph.build(STACKS["plan"], ledger(), focus="aws_kms_key.man")
    assert raised.value.hint == "did you mean aws_kms_key.main?"


# Limits


def test_a_stack_too_large_to_be_read_is_not_drawn() -> None:
    most = [resource(f"k{number}") for number in range(MOST_NODES)]
    assert len(stack_graph.build(state_of(most), ledger()).nodes) == MOST_NODES
    with pytest.raises(InputError, match="would have 201 blocks; more than 200 can't be read") as raised:
        stack_graph.build(state_of([*most, resource("more")]), ledger())
    assert "--focus" in (raised.value.hint or "")


def test_focus_on_what_all_need_is_too_large_as_well() -> None:
    all_ = [resource("key"), *(resource(f"k{number}", "aws_kms_key.key") for number in range(MOST_NODES))]
    with pytest.raises(InputError, match="201 blocks") as raised:
        stack_graph.build(state_of(all_), ledger(), focus="aws_kms_key.key")
    assert raised.value.hint == "give --focus one of those around it"
    assert len(stack_graph.build(state_of(all_), ledger(), focus="aws_kms_key.k7").nodes) == 2


def test_too_many_arrows_are_not_drawn() -> None:
    below = [resource(f"below{number}") for number in range(25)]
    above = [resource(f"above{number}", *(one.address for one in below)) for number in range(21)]
    with pytest.raises(InputError, match=f"525 arrows; more than {MOST_EDGES}"):
        stack_graph.build(state_of([*below, *above]), ledger())


def test_twenty_thousand_instances_are_a_few_boxes() -> None:
    keys = [resource("key", index=str(number)) for number in range(10_000)]
    others = [resource("other", "aws_kms_key.key", index=str(number)) for number in range(10_000)]
    graph = stack_graph.build(state_of([*keys, *others]), ledger())
    assert [node.lines[-1] for node in graph.nodes] == [("10000 instances",)] * 2
    assert arrows(graph) == {("aws_kms_key.other", "aws_kms_key.key")}


NEEDS = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef")))


@given(NEEDS)
def test_reducing_loses_no_need_even_in_a_circle(drawn: dict[str, set[str]]) -> None:
    needs = {one: drawn.get(one, set()) - {one} for one in "abcdef"}
    less = stack_needs.reduced(needs)
    assert all(less[one] <= needs[one] for one in needs)
    assert {one: _reach(less, one) for one in needs} == {one: _reach(needs, one) for one in needs}


@given(NEEDS)
def test_without_circles_every_arrow_that_is_left_is_needed(drawn: dict[str, set[str]]) -> None:
    needs = {one: {other for other in drawn.get(one, ()) if other < one} for one in "abcdef"}
    less = stack_needs.reduced(needs)
    for one in less:
        for other in less[one]:
            without = {**less, one: less[one] - {other}}
            assert other not in _reach(without, one)


def _reach(needs: dict[str, set[str]], start: str) -> set[str]:
    found = needs[start]
    while more := {further for one in found for further in needs[one]} - found:
        found = found | more
    return found


# Verdicts


@pytest.mark.parametrize(
    ("verdicts", "standing", "text"),
    [
        ((), Standing.NOT_JUDGED, "- not judged"),
        ((Verdict.NOT_APPLICABLE,), Standing.NOT_JUDGED, "- not judged"),
        ((Verdict.PASS, Verdict.NOT_APPLICABLE), Standing.PASS, "✓ pass"),
        ((Verdict.WAIVED, Verdict.PASS), Standing.WAIVED, "~ waived: key_rotation"),
        ((Verdict.UNKNOWN, Verdict.WAIVED), Standing.UNKNOWN, "? unknown: key_rotation"),
        ((Verdict.UNKNOWN, Verdict.FAIL, Verdict.PASS), Standing.FAIL, "✗ fail: key_rotation"),
        ((Verdict.FAIL, Verdict.ERROR), Standing.ERROR, "! error: key_rotation"),
    ],
)
def test_the_worst_verdict_counts(verdicts: tuple[Verdict, ...], standing: Standing, text: str) -> None:
    said = [finding("aws_kms_key.a", verdict) for verdict in verdicts]
    (node,) = stack_graph.build(state_of([resource("a")]), ledger(*said)).nodes
    assert node.standing is standing
    assert text in (node.lines[-1][-1])


def test_how_many_instances_have_it_and_which_policies_say_so() -> None:
    stack = state_of([resource("a", index=index) for index in "xyz"])
    said = [
        finding('aws_kms_key.a["x"]', Verdict.PASS, "five"),
        finding('aws_kms_key.a["y"]', Verdict.FAIL, "one"),
        finding('aws_kms_key.a["y"]', Verdict.FAIL, "two"),
        finding('aws_kms_key.a["z"]', Verdict.FAIL, "three"),
        finding('aws_kms_key.a["z"]', Verdict.UNKNOWN, "four"),
    ]
    graph = stack_graph.build(stack, ledger(*said, decision="closed"))
    (node,) = graph.nodes
    assert node.lines[2:] == (('["x"], ["y"], ["z"]',), ("✗ 2 of 3 fail: one, three + 1",))
    assert node.description == "aws_kms_key.a, 3 instances, 2 of 3 fail: one, three, two"
    assert graph.caption == "3 resources: 2 fail, 1 pass. The gate is closed."


def test_colour_is_never_the_only_difference() -> None:
    assert len({standing.sign for standing in Standing}) == len(Standing)
    assert set(LIGHT) == set(DARK) == set(Standing)


@pytest.mark.parametrize("colours", [*LIGHT.values(), *DARK.values()])
def test_every_box_can_be_read(colours: Any) -> None:
    light, dark = sorted((_luminance(colours.fill), _luminance(colours.text)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 7


def _luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Text

HOSTILE = [
    '"]:::x --> n1; click n1 call alert(1)',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "%%{init: {'securityLevel': 'loose'}}%%",
    "`**bold**` $$x$$ | {a} ((b)) #quot; &lt; style:#x;",
    "\\N \\G \\l \\n end\nsubgraph",
    "\u202eenif si lla\u202c",
    "💣 שלום \ud800",
    "x" * 500,
]


def hostile_graph() -> StackGraph:
    resources = [
        Resource(
            f'module.m.aws_kms_key.k{n}["{name}"]', "aws_kms_key", f"k{n}", module="module.m", index=name
        )
        for n, name in enumerate(HOSTILE)
    ]
    return stack_graph.build(state_of(resources), ledger())


def test_mermaid_takes_no_name_for_syntax() -> None:
    lines = graph_mermaid.render(hostile_graph()).splitlines()
    boxes = [line for line in lines if re.match(r"\s*n\d", line)]
    assert len(boxes) == len(HOSTILE)
    for box in boxes:
        label = re.fullmatch(r'    n\d+\["([^"]*)"\]:::not_judged', box)
        assert label is not None, box
        inside = re.sub(r"#\d+;", "", label[1].replace("<br/>", ""))
        assert not set(inside) & set("\"#$%&'*;<>\\^`{|}"), inside
        assert inside.isprintable()
        assert len(inside) < 100
    assert [line.strip() for line in lines if line.strip().startswith(("subgraph", "end"))] == [
        'subgraph m1["module.m"]',
        "end",
    ]


def test_dot_takes_no_name_for_syntax() -> None:
    text = graph_dot.render(hostile_graph())
    text.encode()
    for line in (line for line in text.splitlines() if re.match(r"\s*n\d+ \[", line)):
        label = re.fullmatch(r'    n\d+ \[label=<(.*)> class="not_judged" fillcolor=.*\]', line)
        assert label is not None, line
        inside = re.sub(r'</?(b|br/|font|font point-size="9")/?>', "", label[1])
        assert not set(inside) & set('<>"\\'), inside


def test_json_says_it_as_it_is() -> None:
    graph = stack_graph.build(STACKS["hcl"], ledger(finding(KEY, Verdict.FAIL)))
    document = orjson.loads(graph_json.render(graph))
    assert document["schema"] == "tap.graph/1"
    (key,) = [node for node in document["nodes"] if node["address"] == "aws_kms_key.main"]
    assert key == {
        "address": "aws_kms_key.main",
        "mode": "managed",
        "module": [],
        "verdict": "fail",
        "policies": ["key_rotation"],
        "instances": {KEY: "fail", 'aws_kms_key.main["logs"]': "not judged"},
    }
    assert len(document["edges"]) == 23


@pytest.mark.parametrize("render", [graph_mermaid.render, graph_dot.render, graph_json.render])
def test_the_order_of_the_input_changes_nothing(render: Any) -> None:
    stack = STACKS["plan"]
    turned = Stack(
        stack.kind, dict(reversed(list(stack.resources.items()))), root=stack.root, variables=stack.variables
    )
    assert render(stack_graph.build(turned, ledger())) == render(stack_graph.build(stack, ledger()))
