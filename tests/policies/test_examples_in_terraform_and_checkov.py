"""The examples before Terraform itself, and the pack under plain checkov."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.registry import Registry
from tapstack.model.plan import from_plan
from tapstack.model.taggable import TAGGABLE, UNTAGGABLE
from tapstack.terraform import mirror
from tapstack.terraform.environment import terraform_environment
from tapstack.terraform.source import read_configuration
from tests.policies.conftest import PACK, examples_of, expectations, judge_hcl, judge_stack, verdicts

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


@dataclass
class Workspace:
    """One root module that calls every policy's examples as a module of the policy's name."""

    directory: Path
    env: Mapping[str, str]

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


@pytest.fixture(scope="module")
def examples(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("examples")
    calls = [f'provider "aws" {{{_OFFLINE}}}']
    for policy in registry.policies:
        target = root / policy.name
        shutil.copytree(examples_of(policy), target)
        (target / "offline_override.tf").write_text(_offline_providers(target))
        calls.append(f'module "{policy.name}" {{\n  source = "./{policy.name}"\n}}')
    (root / "main.tf").write_text("\n".join(calls) + "\n")
    workspace = Workspace(root, _environment(root))
    workspace.terraform("init", "-input=false", "-no-color", *_plugins())
    return workspace


def _offline_providers(directory: Path) -> str:
    """Override blocks for the providers that the examples configure themselves."""
    blocks = [block for block in read_configuration(directory).root.blocks if block.type == "provider"]
    return "".join(
        f'provider "{block.labels[0]}" {{\n  alias = "{block.attributes["alias"]}"{_OFFLINE}}}\n'
        for block in blocks
    )


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
    examples.terraform("plan", "-input=false", "-out=plan")
    stack = from_plan(json.loads(examples.terraform("show", "-json", "plan")))
    for policy in registry.policies:
        prefix = f"module.{policy.name}."
        found = verdicts(judge_stack(stack, registry, policy.name))
        own = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
        assert own == expectations(policy), policy.name


def test_the_list_of_taggable_types_is_the_providers(examples: Workspace) -> None:
    schemas = json.loads(examples.terraform("providers", "schema", "-json"))["provider_schemas"]
    types = schemas["registry.terraform.io/hashicorp/aws"]["resource_schemas"]
    tagged = {
        name.removeprefix("aws_")
        for name, type_ in types.items()
        if "tags_all" in type_["block"]["attributes"]
    }
    assert tagged == TAGGABLE
    assert {name.removeprefix("aws_") for name in types} - tagged == UNTAGGABLE


# Where checkov can't see what the gate sees: (policy, address) -> why. Its verdict there must be "nothing".
CHECKOV_SEES_LESS = {
    ("CKV_TAP_501", "aws_sqs_queue.by_provider"): "checkov shows a check no provider's default_tags",
    ("CKV_TAP_501", "aws_sqs_queue.by_both"): "checkov shows a check no provider's default_tags",
    ("CKV_TAP_501", "aws_sqs_queue.none"): "default_tags, unseen, could bring every key",
    ("CKV_TAP_501", "aws_sqs_queue.one_missing"): "default_tags, unseen, could bring the missing key",
}
_IN_CHECKOV = {"PASS": "passed", "FAIL": "failed"}


def _checkov(directory: Path, policies: Path, *checks: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "checkov.main", "--directory", str(directory)),
            *("--external-checks-dir", str(policies), "--framework", "terraform"),
            *("--check", ",".join(checks), "--output", "json", "--skip-download", "--soft-fail"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _checkov_verdicts(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (record["check_id"], record["resource"]): verdict
        for verdict in ("passed", "failed")
        for record in answer["results"][f"{verdict}_checks"]
    }


def test_plain_checkov_agrees_with_the_gate_wherever_it_sees_enough(registry: Registry) -> None:
    answer = _checkov(PACK, PACK, *(policy.id for policy in registry.policies))
    theirs = _checkov_verdicts(answer)
    ours: dict[tuple[str, str], str] = {}
    for policy in registry.policies:
        found = verdicts(judge_hcl(examples_of(policy), registry, policy.name))
        ours |= {(policy.id, address): verdict for address, verdict in found.items()}
    wanted = {pair: _IN_CHECKOV[verdict] for pair, verdict in ours.items() if verdict in _IN_CHECKOV}
    own_examples = {pair: verdict for pair, verdict in theirs.items() if pair in ours}
    differing = {pair for pair in ours if wanted.get(pair) != own_examples.get(pair)}
    assert differing == set(CHECKOV_SEES_LESS)
    assert not differing & own_examples.keys()


def test_a_policy_that_raises_fails_under_checkov(tmp_path: Path) -> None:
    policies, stack = tmp_path / "policies", tmp_path / "stack"
    policies.mkdir()
    stack.mkdir()
    (policies / "__init__.py").write_text("")
    (policies / "broken.py").write_text(_RAISES)
    (stack / "main.tf").write_text('resource "aws_kms_key" "k" {\n  enable_key_rotation = true\n}\n')
    assert _checkov_verdicts(_checkov(stack, policies, "CKV_ACME_1")) == {
        ("CKV_ACME_1", "aws_kms_key.k"): "failed"
    }


_RAISES = """
from tapstack.gate.policy import Enforcement, Policy, Severity


class Broken(Policy):
    id = "CKV_ACME_1"
    name = "broken"
    title = "Broken"
    severity = Severity.LOW
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = ("aws_kms_key",)
    rationale = "To break."
    remediation = "None."
    references = ("https://example.com",)

    def evaluate(self, resource, stack):
        raise KeyError("nothing")
"""
