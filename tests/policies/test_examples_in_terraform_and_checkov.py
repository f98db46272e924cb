"""The examples before Terraform itself, and the pack under plain checkov: the same verdicts, or none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tapstack.deployment.judge import judge_directory
from tapstack.gate import checkov_block
from tapstack.gate import examples as examples_of_policies
from tapstack.gate.registry import Registry
from tapstack.model.plan import from_plan
from tapstack.model.taggable import TAGGABLE, UNTAGGABLE
from tapstack.settings import SANDBOX, load
from tapstack.terraform import mirror
from tapstack.terraform.environment import terraform_environment
from tapstack.terraform.source import read_configuration
from tests.conftest import ROOT
from tests.policies.checkov_differences import silent
from tests.policies.conftest import PACK, judge_hcl, judge_stack, verdicts

pytestmark = pytest.mark.real

# With these an AWS provider plans new resources without asking AWS anything.
_OFFLINE = """
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
"""


# Where a plan of the examples can't say what the code says.
NOT_PLANNED = {
    "kms_key_policy_has_no_cycle": "Terraform refuses to plan what the policy is about",
    "naming_convention": "it takes the names from the root module's variables",
    "outputs_expose_arns": "it judges the root module's outputs; here the examples are modules",
    "state_is_locked_and_encrypted": "a plan does not hold the backend",
}


@dataclass
class Workspace:
    """One root module that calls every configuration of every policy's examples.

    `calls` has the policy's name by the name of the call, which is the directory's as well.
    """

    directory: Path
    env: Mapping[str, str]
    calls: Mapping[str, str]

    def terraform(self, *arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.directory,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @cached_property
    def plan(self) -> Path:
        """The plan of all of them, as JSON."""
        self.terraform("plan", "-input=false", "-out=plan")
        path = self.directory / "plan.json"
        path.write_text(self.terraform("show", "-json", "plan"))
        return path

    def planned(self, registry: Registry) -> Iterator[tuple[str, dict[str, str]]]:
        """Each call, and the gate's verdicts about what it plans, by the address in the examples."""
        plan, source = json.loads(self.plan.read_bytes()), read_configuration(self.directory)
        for call, policy in self.calls.items():
            if policy in NOT_PLANNED:
                continue
            prefix = f"module.{call}."
            found = verdicts(judge_stack(from_plan(_only(call, plan), source), registry, policy))
            yield call, {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}

    def written(self, registry: Registry) -> Iterator[tuple[str, dict[str, str]]]:
        """Each call, and the gate's verdicts about its code."""
        for call, policy in self.calls.items():
            yield call, verdicts(judge_hcl(self.directory / call, registry, policy))


def _only(call: str, plan: dict[str, Any]) -> dict[str, Any]:
    """The plan of one call: other policies' examples are no part of its stack."""
    configuration, values = plan["configuration"], plan["planned_values"]["root_module"]
    address = f"module.{call}"
    return plan | {
        "planned_values": {
            "root_module": {"child_modules": [m for m in values["child_modules"] if m["address"] == address]}
        },
        "resource_changes": [
            change
            for change in plan["resource_changes"]
            if change["module_address"] == address or change["module_address"].startswith(f"{address}.")
        ],
        "configuration": configuration
        | {"root_module": {"module_calls": {call: configuration["root_module"]["module_calls"][call]}}},
    }


@pytest.fixture(scope="module")
def examples(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("examples")
    main = [f'provider "aws" {{{_OFFLINE}}}']
    calls = {}
    for policy in registry.policies:
        configurations = examples_of_policies.read(policy).configurations()
        for number, files in enumerate(configurations, 1):
            call = f"{policy.name}_{number}" if len(configurations) > 1 else policy.name
            calls[call] = policy.name
            target = root / call
            shutil.copytree(files[0].path.parent, target)
            for file in target.glob("*.tf"):
                if file.name not in {one.path.name for one in files}:
                    file.unlink()
            (target / "offline_override.tf").write_text(_offline_providers(target))
            if policy.name not in NOT_PLANNED:
                main.append(f'module "{call}" {{\n  source = "./{call}"\n}}')
    (root / "main.tf").write_text("\n".join(main) + "\n")
    workspace = Workspace(root, _environment(root), calls)
    workspace.terraform("init", "-input=false", "-no-color", *_plugins())
    return workspace


def _offline_providers(directory: Path) -> str:
    """Override blocks for the providers that the examples configure themselves."""
    blocks = [block for block in read_configuration(directory).root.blocks if block.type == "provider"]
    return "".join(
        f'provider "{block.labels[0]}" {{\n{_alias(block.attributes)}{_OFFLINE}}}\n' for block in blocks
    )


def _alias(provider: Mapping[str, Any]) -> str:
    return f'  alias = "{provider["alias"]}"' if "alias" in provider else ""


def _environment(root: Path) -> dict[str, str]:
    # No AWS_ variable of this machine's may reach the provider: nothing here has an AWS to talk to.
    base = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return terraform_environment(base, data_dir=root / ".terraform", cli_config=None)


def _plugins() -> list[str]:
    """Only from the mirror, where there is one: with another source beside it, `init` asks the network."""
    found = mirror.find(os.environ) if mirror.wanted(os.environ) else None
    return [f"-plugin-dir={found}"] if found else []


def test_terraform_validates_every_example(examples: Workspace) -> None:
    answer = json.loads(examples.terraform("validate", "-json"))
    assert (answer["valid"], answer["error_count"]) == (True, 0)


def test_every_example_is_formatted_as_terraform_does(examples: Workspace) -> None:
    assert examples.terraform("fmt", "-check", "-recursive", str(PACK)) == ""


def test_a_plan_of_the_examples_gets_the_verdicts_that_the_code_got(
    examples: Workspace, registry: Registry
) -> None:
    written = dict(examples.written(registry))
    for call, found in examples.planned(registry):
        assert found == written[call], call


def _types(examples: Workspace) -> Any:
    schemas = json.loads(examples.terraform("providers", "schema", "-json"))["provider_schemas"]
    return schemas["registry.terraform.io/hashicorp/aws"]["resource_schemas"]


def test_the_list_of_taggable_types_is_the_providers(examples: Workspace) -> None:
    types = _types(examples)
    tagged = {
        name.removeprefix("aws_")
        for name, type_ in types.items()
        if "tags_all" in type_["block"]["attributes"]
    }
    assert tagged == TAGGABLE
    assert {name.removeprefix("aws_") for name in types} - tagged == UNTAGGABLE


def test_the_lists_of_maps_are_the_providers(examples: Workspace) -> None:
    maps: set[str] = set()
    lists: set[str] = set()
    for type_ in _types(examples).values():
        _collect(type_["block"], maps, lists)
    assert maps - lists == checkov_block.MAPS
    assert maps & lists == checkov_block.MAPS_OR_BLOCKS


def _collect(block: Mapping[str, Any], maps: set[str], lists: set[str]) -> None:
    for name, attribute in block.get("attributes", {}).items():
        outer, inner = (*attribute["type"], "")[:2] if isinstance(attribute.get("type"), list) else ("", "")
        nesting = attribute.get("nested_type", {}).get("nesting_mode")
        if outer in ("map", "object") or nesting in ("single", "map"):
            maps.add(name)
        elif nesting or (isinstance(inner, list) and inner[0] in ("map", "object")):
            lists.add(name)
    for name, inner in block.get("block_types", {}).items():
        (lists if inner["nesting_mode"] in ("list", "set") else maps).add(name)
        _collect(inner["block"], maps, lists)


_IN_CHECKOV = {"PASS": "passed", "FAIL": "failed"}
_Verdicts = dict[tuple[str, str, str], str]  # (where, policy, address) -> verdict


def _checkov(*arguments: str | Path) -> list[dict[str, Any]]:
    """The records of a run with the pack, each with its "verdict"."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "checkov.main", *map(str, arguments)),
            *("--output", "json", "--skip-download", "--soft-fail"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["results"]["parsing_errors"] == []
    return [
        record | {"verdict": verdict}
        for verdict in ("passed", "failed")
        for record in answer["results"][f"{verdict}_checks"]
    ]


def _pack(registry: Registry) -> tuple[str | Path, ...]:
    return ("--external-checks-dir", PACK, "--check", ",".join(policy.id for policy in registry.policies))


def _assert_silent_only_where_listed(
    examples: Workspace,
    registry: Registry,
    ours: Iterator[tuple[str, dict[str, str]]],
    theirs: _Verdicts,
    framework: str,
) -> None:
    """Checkov's verdict about every example is the gate's or none, and none only for what the table names."""
    ids = {policy.name: policy.id for policy in registry.policies}
    found = {
        (call, address): (verdict, theirs.get((call, ids[examples.calls[call]], address)))
        for call, verdicts_ in ours
        for address, verdict in verdicts_.items()
    }
    wrong = {pair: both for pair, both in found.items() if both[1] not in (None, _IN_CHECKOV.get(both[0]))}
    assert wrong == {}
    nothing = {
        (examples.calls[call], address)
        for (call, address), (verdict, said) in found.items()
        if said is None and verdict in _IN_CHECKOV
    }
    listed = silent(framework).keys()
    assert {"not listed": sorted(nothing - listed), "stale": sorted(listed - nothing)} == {
        "not listed": [],
        "stale": [],
    }


def test_checkov_agrees_with_the_gate_about_code_or_says_nothing(
    examples: Workspace, registry: Registry
) -> None:
    theirs: _Verdicts = {}
    for record in _checkov("--directory", examples.directory, "--framework", "terraform", *_pack(registry)):
        call = record["file_path"].split("/")[1]
        address = record["resource"].removeprefix(f"module.{call}.")
        theirs[call, record["check_id"], address] = record["verdict"]
    _assert_silent_only_where_listed(examples, registry, examples.written(registry), theirs, "terraform")


def test_checkov_agrees_with_the_gate_about_a_plan_or_says_nothing(
    examples: Workspace, registry: Registry
) -> None:
    theirs: _Verdicts = {}
    for record in _checkov("--file", examples.plan, "--framework", "terraform_plan", *_pack(registry)):
        _, call, address = record["resource"].split(".", 2)
        theirs[call, record["check_id"], address] = record["verdict"]
    _assert_silent_only_where_listed(examples, registry, examples.planned(registry), theirs, "terraform_plan")


@pytest.mark.parametrize(
    "stack",
    [ROOT / "terraform", *sorted(path.parent for path in ROOT.glob("terraform/examples/*/tap.toml"))],
    ids=lambda stack: stack.name,
)
def test_checkov_never_contradicts_the_gate_about_a_stack(stack: Path, registry: Registry) -> None:
    ledger = judge_directory(stack, load(stack, SANDBOX), {})
    ours = {(finding.policy, finding.address): finding.verdict for finding in ledger.others}
    ours |= {(finding.policy, finding.address): finding.verdict for finding in reversed(ledger.findings)}
    theirs = {
        (record["check_id"], record["resource"]): record["verdict"]
        for record in _checkov("--directory", stack, "--framework", "terraform", *_pack(registry))
        if Path(record["file_abs_path"]).parent == stack
    }
    both = ours.keys() & theirs.keys()
    assert len(both) >= 10
    assert {
        pair: (str(ours[pair]), theirs[pair]) for pair in both if _IN_CHECKOV[ours[pair]] != theirs[pair]
    } == {}
