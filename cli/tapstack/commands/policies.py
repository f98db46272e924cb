"""`tap policies list | show | test | new`: the pack's policies and the stack's own."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from tapstack.commands import candidates
from tapstack.commands.group import CommandGroup
from tapstack.commands.options import Common, common
from tapstack.deployment.judge import gate_settings, policies_of
from tapstack.errors import ExitCode, GateFailed, InputError
from tapstack.gate import examples, scaffold
from tapstack.gate.examples import Outcome, Result
from tapstack.gate.ledger import GateError
from tapstack.gate.parameters import select
from tapstack.gate.policy import Policy
from tapstack.gate.registry import Registry, load
from tapstack.report import policy_json, policy_markdown, policy_page
from tapstack.report.policy_facts import InForce
from tapstack.suggestion import nearest


@click.group("policies", cls=CommandGroup)
def command() -> None:
    """The policies: the pack's, and the stack's own ([policies] directory in tap.toml).

    \b
    Examples:
      tap policies list
      tap policies show log_group_retention
    """


@command.command("list")
@common
def list_(common: Common) -> int:
    """List every policy, with the parameters that tap.toml changes.

    Exit 4 where a policy does not load or the settings name one that does not exist.

    \b
    Examples:
      tap policies list
      tap policies list --env prod --json
    """
    registry = policies_of(common.settings)
    errors = (*registry.errors, *select(registry, gate_settings(common.settings), ()).errors)
    if common.as_json:
        listed = policy_json.listed(registry.policies, _in_force(common), _messages(errors))
        common.screen.result(listed)
    else:
        screen = common.screen
        width = screen.width if screen.out.isatty() else None
        screen.result(
            policy_page.table(registry.policies, _in_force(common), width=width, style=screen.style)
        )
    return _told(common, errors)


@command.command("show")
@click.argument("name", metavar="NAME|ID", shell_complete=candidates.policies)
@common
@click.option("--markdown", is_flag=True, help="The page as Markdown, without this stack's settings.")
def show(common: Common, name: str, markdown: bool) -> int:
    """Show one policy: what it decides, its parameters and where their values came from, why, how, examples.

    \b
    Examples:
      tap policies show log_group_retention
      tap policies show CKV_TAP_301 --env prod --json
    """
    registry = policies_of(common.settings)
    policy = _found(registry, name)
    shown = examples.read(policy)
    if markdown:
        common.screen.result(policy_markdown.render(policy, shown).rstrip("\n"))
    elif common.as_json:
        common.screen.result(policy_json.shown(policy, shown, _in_force(common)))
    else:
        screen = common.screen
        page = policy_page.render(policy, shown, _in_force(common), width=screen.width, style=screen.style)
        screen.result(page)
    wrong = select(Registry((policy,)), gate_settings(common.settings), (policy.name,)).errors
    return _told(common, [error for error in wrong if f"[policies.{policy.name}]" in error.message])


@command.command("test")
@click.argument("names", metavar="[NAME|ID]...", nargs=-1, shell_complete=candidates.policies)
@common
def test(common: Common, names: tuple[str, ...]) -> int:
    """Ask policies, with their default parameters, about their examples: of all, or of those named.

    An example is a .tf file in the directory beside the policy's file that has its name; each of its lines
    `# expect: ADDRESS VERDICT` is what the policy must say. Exit 1 where one gets another verdict; 4 where
    something could not be tried: a policy does not load, has no example that passes or none that fails.

    \b
    Examples:
      tap policies test
      tap policies test queue_has_owner CKV_TAP_301
    """
    registry = policies_of(common.settings)
    chosen = [_found(registry, name) for name in names] or registry.policies
    outcomes = [examples.run(policy) for policy in dict.fromkeys(chosen)]
    problems = [*_messages(registry.errors), *(problem for one in outcomes for problem in one.problems)]
    results = [result for one in outcomes for result in one.results]
    failing = [result for result in results if not result.ok]
    if common.as_json:
        common.screen.result(policy_json.tested(outcomes, problems))
    else:
        for result in failing:
            common.screen.result(_failure(result))
        for problem in problems:
            common.screen.error(problem)
        common.screen.result(
            f"Policies: {len(outcomes)}; examples: {len(results)}; as expected: {len(results) - len(failing)}; "
            f"not: {len(failing)}; could not be tried: {len(problems)}."
        )
    if problems:
        return int(ExitCode.GATE_ERROR)
    return int(ExitCode.FAILED if failing else ExitCode.DONE)


@command.command("new")
@click.argument("name")
@common
@click.option("--area", required=True, metavar="AREA", help="The folder it goes to, such as encryption.")
@click.option(
    "--type",
    "type_",
    default=scaffold.DEFAULT_TYPE,
    show_default=True,
    metavar="RESOURCE_TYPE",
    help="What it is asked about.",
)
@click.option("--attribute", metavar="NAME", help="What it decides on; default: a tag, for types with tags.")
@click.option("--id", "id_", metavar="ID", help="Default: the directory's next, from CKV_CUSTOM_1.")
@click.option(
    "--directory",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Default: the first of [policies] directory, or `policies` in the stack.",
)
def new(
    common: Common,
    name: str,
    area: str,
    type_: str,
    attribute: str | None,
    id_: str | None,
    root: Path | None,
) -> int:
    """Write a new policy: a small one that works, its examples, and its page; nothing is overwritten.

    An id is never used twice, nor changed once others name it. Examples of another type than the default may
    lack arguments that Terraform requires. `tap policies show NAME --markdown` prints the page anew.

    \b
    Examples:
      tap policies new queue_has_owner --area ownership
      tap policies new table_class --area cost --type aws_dynamodb_table --attribute table_class
    """
    own = common.settings.policy_directories()
    root = root or (own[0] if own else common.settings.directory / "policies")
    registry = load(_with(own, root))
    draft = scaffold.Draft(
        name=name,
        area=area,
        id=id_ or scaffold.next_id(root, area, registry),
        type=type_,
        attribute=attribute or scaffold.attribute_for(type_),
        directory=root,
    )
    made = [*scaffold.write(draft, registry)]
    outcome = _proved(own, draft)
    for error in registry.errors:
        if (error.file or "").endswith(".py"):
            common.screen.note(f"Its id was not looked at: {error.message}")
    if not scaffold.is_pack(root):
        page = policy_markdown.render(outcome.policy, examples.read(outcome.policy))
        draft.page.write_text(page, "utf-8")
        made.append(draft.page)
    _tell_made(common, draft, [os.path.relpath(path) for path in made], outcome)
    return int(ExitCode.DONE)


def _in_force(common: Common) -> InForce:
    return InForce(common.settings, gate_settings(common.settings))


def _found(registry: Registry, name: str) -> type[Policy]:
    policy = registry.find(name)
    if policy is not None:
        return policy
    for error in registry.errors:
        if error.file and Path(error.file).stem == name:
            raise GateFailed(error.message)
    known = [word for policy in registry.policies for word in (policy.name, policy.id)]
    near = nearest(name, known)
    meant = f" Did you mean {near}?" if near else ""
    raise InputError(f"There is no policy {name!r}.{meant}", hint="`tap policies list` shows all")


def _with(own: Sequence[Path], root: Path) -> list[Path]:
    """The stack's directories of policies that are there, and `root`."""
    known = {path.resolve() for path in own}
    added = [] if root.resolve() in known or scaffold.is_pack(root) else [root]
    return [path for path in (*own, *added) if path.exists()]


def _proved(own: Sequence[Path], draft: scaffold.Draft) -> Outcome:
    """The new policy, loaded from its file, and its examples."""
    importlib.invalidate_caches()
    return examples.run(_found(load(_with(own, draft.directory)), draft.name))


def _tell_made(common: Common, draft: scaffold.Draft, made: Sequence[str], outcome: Outcome) -> None:
    screen, settings = common.screen, common.settings
    if common.as_json:
        screen.result(policy_json.made(draft.id, draft.name, made))
    else:
        passing = sum(result.ok for result in outcome.results)
        screen.result("\n".join(f"Made {path}" for path in made))
        screen.result(f"{draft.id} {draft.name}: {passing} of {len(outcome.results)} examples as expected.")
    own = settings.policy_directories()
    if scaffold.is_pack(draft.directory):
        screen.note("`make docs` writes its page.")
    elif draft.directory.resolve() not in {path.resolve() for path in own}:
        named = [os.path.relpath(path, settings.directory) for path in (*own, draft.directory)]
        value = json.dumps(named if own else named[0])
        screen.note(f"To have it asked, tap.toml needs, under [policies]: directory = {value}")


def _failure(result: Result) -> str:
    place = f"{result.file}:{result.line}" if result.line else result.file
    expected = result.expected or "no line that expects anything"
    return (
        f"{place}: {result.address}: expected {expected}, got {result.actual or 'nothing'}: {result.message}"
    )


def _messages(errors: Iterable[GateError]) -> list[str]:
    return [error.message for error in errors]


def _told(common: Common, errors: Sequence[GateError]) -> int:
    for error in errors:
        common.screen.error(error.message)
    return int(ExitCode.GATE_ERROR if errors else ExitCode.DONE)
