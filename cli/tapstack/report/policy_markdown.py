"""A policy's page as Markdown: Configuration, Examples, Why, How to fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tapstack.gate.examples import Examples
from tapstack.gate.policy import Policy, Verdict
from tapstack.report.policy_facts import HEADINGS, SHARED, parameters, text_of, word


def render(policy: type[Policy], examples: Examples) -> str:
    """The page, made of nothing but the policy and its examples: the same input gives the same text."""
    return "\n".join(_lines(policy, examples)) + "\n"


def short(policy: Policy) -> str:
    """What an editor shows beside a finding: what is decided, why, how to fix it, and where to read more."""
    facts = f"`{policy.id}`, severity {policy.effective_severity}, {policy.effective_enforcement}"
    paragraphs = [
        f"**{policy.name}**: {policy.title.rstrip('.')}.",
        facts,
        policy.rationale,
        f"```hcl\n{policy.remediation.strip()}\n```",
        "\n".join(f"- <{reference}>" for reference in policy.references),
    ]
    return "\n\n".join(paragraphs)


def table(policies: Iterable[tuple[type[Policy], str]]) -> list[str]:
    """A table of policies and the addresses of their pages."""
    rows = ["| id | policy | severity | enforcement | decides |", "|---|---|---|---|---|"]
    rows += [
        f"| {policy.id} | [{policy.name}]({page}) | {policy.severity} | {policy.enforcement} | {_cell(policy.title)} |"
        for policy, page in policies
    ]
    return rows


def _lines(policy: type[Policy], examples: Examples) -> Iterator[str]:
    yield f"# {policy.name}"
    yield ""
    yield f"{policy.title.rstrip('.')}."
    if text := text_of(policy):
        yield from ("", *text.splitlines())
    waivable = "can be waived" if policy.waivable else "can't be waived"
    yield ""
    yield f"`{policy.id}`, severity {policy.severity}, {policy.enforcement}, {waivable}."
    yield f"Asked about {_types(policy)}."
    yield from ("", "## Configuration", "")
    yield from _configuration(policy)
    yield from ("", "## Examples", "")
    yield "Each line `# expect:` is what the policy says of that resource; `tap policies test` sees that it does."
    yield from _examples(examples)
    yield from ("", "## Why", "", policy.rationale)
    yield from ("", "## How to fix", "", "```hcl", policy.remediation.strip("\n"), "```", "")
    yield from (f"- <{reference}>" for reference in policy.references)


def _types(policy: type[Policy]) -> str:
    if "*" in policy.resource_types:
        return "every resource"
    return ", ".join(f"`{type_}`" for type_ in policy.resource_types)


def _configuration(policy: type[Policy]) -> Iterator[str]:
    shared = ", ".join(f"`{name}`" for name in sorted(SHARED))
    own = [one for one in parameters(policy) if not one.is_shared]
    if not own:
        yield f"No parameters of its own; `[policies.{policy.name}]` takes {shared}, like every policy's table."
        return
    yield f"`[policies.{policy.name}]` takes these, and {shared}, like every policy's table."
    if text := text_of(policy.Parameters):
        yield from ("", *text.splitlines())
    yield from ("", "| parameter | type | default |", "|---|---|---|")
    for one in own:
        default = "unset" if one.default is None else f"`{word(one.default)}`"
        yield f"| `{one.name}` | {_cell(one.type)} | {_cell(default)} |"


def _examples(examples: Examples) -> Iterator[str]:
    for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE, None):
        files = [file for file in examples.files if file.shows is verdict]
        if files:
            yield from ("", f"### {HEADINGS[verdict]}")
        for file in files:
            yield from ("", "```hcl", file.text.strip("\n"), "```")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
