"""A report as a comment on a pull request: as GitHub would show it, and never too long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tapstack import __version__
from tapstack.report import formats
from tapstack.report.report import Report
from tests.unit.reports import BROKEN, CLOSED, FINDING, LEDGER, OPEN, PLAN, REFUSED, Change, finding, many

LARGEST = 65_536


def of(*findings: Any) -> Report:
    return replace(CLOSED, ledger=replace(LEDGER, findings=findings))


def text(report: Report) -> str:
    return formats.render("markdown", report).decode()


def tokens(report: Report) -> Iterator[Token]:
    for token in MarkdownIt("commonmark", {"linkify": False}).parse(text(report)):
        yield token
        yield from token.children or ()


def test_a_comment_whole() -> None:
    assert text(replace(CLOSED, plan=PLAN)) == (
        "<!-- tap report -->\n"
        "### tap: the gate is closed\n"
        "\n"
        "`terraform`, environment `sandbox`: 1 finding blocks.\n"
        "\n"
        "**Plan to apply:** 1 to replace, 2 to create, 2 outputs change.\n"
        "\n"
        "2 policies x 4 resources: 1 pass, 1 fail, 1 unknown, 1 waived, 4 not applicable.\n"
        "\n"
        "<details open><summary>1 finding blocks</summary>\n"
        "\n"
        "\n"
        "**MEDIUM** log&#95;group&#95;retention (`CKV_TAP_301`, soft-mandatory)\n"
        "\n"
        "```hcl\n"
        "retention_in_days = 14\n"
        "```\n"
        "\n"
        '- `aws_cloudwatch_log_group.fn["reader"]`, `terraform/tap_stack.tf:67`: The log group keeps its events for '
        "30 days. `retention_in_days`: found `30`, expected `exactly 14`.\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>1 finding does not block</summary>\n"
        "\n"
        "\n"
        "**MEDIUM** log&#95;group&#95;retention (`CKV_TAP_301`, soft-mandatory)\n"
        "\n"
        "```hcl\n"
        "retention_in_days = 14\n"
        "```\n"
        "\n"
        "- `aws_cloudwatch_log_group.later`, `terraform/tap_stack.tf:90` (not known before apply): The retention is "
        "not known yet. `retention_in_days`: found `(known after apply)`, expected `exactly 14`.\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>1 finding is waived, 1 until a day within 14 days</summary>\n"
        "\n"
        "- `CKV_TAP_101` for `aws_kms_key.old` by payments until 2026-12-05: shared until the split\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>Changes: 1 to replace, 2 to create, 2 outputs change</summary>\n"
        "\n"
        "```text\n"
        "replace  aws_kms_key.main\n"
        "create   aws_sqs_queue.a\n"
        "create   aws_sqs_queue.b\n"
        "```\n"
        "\n"
        "</details>\n"
        "\n"
        f"<sub>tap {__version__}</sub>\n"
    )


def test_the_first_lines_say_what_came_of_it() -> None:
    titles = [text(report).splitlines()[1] for report in (CLOSED, OPEN, BROKEN, REFUSED)]
    assert titles == [
        "### tap: the gate is closed",
        "### tap: the gate is open",
        "### tap: the gate could not decide, which counts as closed",
        "### tap: refused by a guard",
    ]
    assert "main.tf" in text(BROKEN)
    assert "max&#95;replace" in text(REFUSED)


def test_an_open_gate_says_how_to_apply() -> None:
    assert f"`tap apply --env prod {PLAN.id}`" in text(replace(OPEN, plan=PLAN, options=" --env prod"))
    assert PLAN.id not in text(replace(CLOSED, plan=PLAN))


@pytest.mark.parametrize(("findings", "changes"), [(50_000, 20_000), (50_000, 0), (0, 20_000), (400, 400)])
def test_it_is_never_too_long_and_says_what_it_left_out(findings: int, changes: int) -> None:
    report = many(findings, changes)
    said = text(report)
    assert len(said.encode()) < LARGEST
    assert len(said.encode()) > 20_000
    shown = {
        "blocking findings": said.count("group["),
        "changes": len(re.findall(r"^(?:create|destroy) ", said, re.MULTILINE)),
    }
    left_out = {
        name: int(number) for number, name in re.findall(r"(\d+) ((?:blocking|other) findings|changes)", said)
    }
    blocking = left_out.get("blocking findings", 0) + left_out.get("other findings", 0)
    assert shown["blocking findings"] + blocking == findings
    assert shown["changes"] + left_out.get("changes", 0) == changes
    assert said.count("<details") == said.count("</details>")


def test_what_is_destroyed_is_not_what_is_left_out() -> None:
    said = text(many(0, 20_000))
    assert len(re.findall(r"^destroy ", said, re.MULTILINE)) == 20


@given(st.text(st.characters(codec="utf-8"), max_size=2000), st.integers(1, 300))
def test_no_text_makes_it_too_long(word: str, number: int) -> None:
    report = replace(
        of(*(finding(message=word, address=word or "x", attribute=word) for _ in range(number))),
        plan=replace(PLAN, changes=[Change(word, "create")] * number),
        stack=word.replace("\0", "") or ".",
    )
    assert len(formats.render("markdown", report)) < LARGEST


@pytest.mark.parametrize(
    "word",
    [
        "@everybody",
        "</details>",
        "<script>x</script>",
        "`code`",
        "```\n</details>",
        "[link](https://example.com)",
        "![x](https://example.com/x.png)",
        "https://example.com",
        "#1",
        "a\n\n# title",
        "*bold* _it_ ~~gone~~ | table |",
        "\x1b[2J",
        "<!-- ",
    ],
)
def test_text_of_a_configuration_is_only_text(word: str) -> None:
    report = replace(
        of(finding(message=word, address=word, attribute=word, actual=word, expected=word)),
        plan=replace(PLAN, changes=[Change(word, "create")]),
    )
    plain = replace(
        of(finding(message="w", address="w", attribute="w", actual="w", expected="w")),
        plan=replace(PLAN, changes=[Change("w", "create")]),
    )
    # The same page, whatever the words: no new links, titles, folds or HTML.
    assert [token.type for token in tokens(report)] == [token.type for token in tokens(plain)]
    for token in tokens(report):
        # Outside of code, GitHub finds no mention and no reference, and no address in what was written.
        if token.type == "text":
            assert not re.search(r"@\w|#\d", token.content)
        if token.type == "inline":
            assert "://" not in re.sub(r"(`+).*?\1", "", token.content)


def test_findings_of_one_policy_have_one_head() -> None:
    said = text(of(FINDING, finding(address="a.b"), finding(policy="ACME_1", name="x")))
    assert said.count("```hcl") == 1
    assert said.count("**MEDIUM**") == 2
