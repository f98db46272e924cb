"""`tap policies`: what a person sees of the pack and of policies of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tapstack import app
from tapstack.gate import examples, scaffold
from tapstack.gate.registry import load
from tests.conftest import ROOT

OWN = '[policies]\ndirectory = "my_policies"\n'


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Policies = Callable[..., Answer]


@pytest.fixture
def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """tap in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run_(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as caught:
            app.main(arguments)
        captured = capsys.readouterr()
        return Answer(int(str(caught.value.code)), captured.out, captured.err)

    return run_


@pytest.fixture
def policies(run: Callable[..., Answer]) -> Policies:
    return lambda *arguments: run("policies", *arguments)


@pytest.fixture
def own(tmp_path: Path, policies: Policies) -> Path:
    """A stack with one policy of its own: that of `tap policies new`."""
    (tmp_path / "tap.toml").write_text(OWN)
    made = policies("new", "queue_has_owner", "--area", "ownership")
    assert (made.code, made.err) == (0, "")
    return tmp_path / "my_policies" / "ownership"


def test_the_list_has_a_line_for_every_policy(policies: Policies) -> None:
    answer = policies("list")
    for policy in load().policies:
        line = next(line for line in answer.out.splitlines() if line.startswith(f"{policy.id} "))
        assert line.split()[1:4] == [policy.name, str(policy.severity), str(policy.enforcement)]
        assert line.endswith(policy.title)


def test_the_list_marks_what_tap_toml_changes(policies: Policies, tmp_path: Path) -> None:
    (tmp_path / "tap.toml").write_text(
        '[policies]\ndisabled = ["kms_key_rotation"]\n\n'
        '[policies.log_group_retention]\nexactly = 30\nseverity = "LOW"\n'
        "[environments.prod.policies.log_group_retention]\nexactly = 365\n"
    )
    lines = policies("list", "--env", "prod").out.splitlines()
    rotation = next(line for line in lines if " kms_key_rotation " in line)
    retention = next(n for n, line in enumerate(lines) if " log_group_retention " in line)
    assert rotation.split()[3] == "disabled"
    assert lines[retention].split()[2] == "LOW"
    assert [line.strip() for line in lines[retention + 1 : retention + 3]] == [
        "exactly = 365  (tap.toml:8)",
        'severity = "LOW"  (tap.toml:6)',
    ]
    assert lines[-1].endswith("disabled: 1; with parameters from tap.toml: 1.")


def test_the_list_as_json_carries_the_same(policies: Policies, tmp_path: Path) -> None:
    (tmp_path / "tap.toml").write_text("[policies]\nCKV_TAP_301 = { exactly = 30 }\n")
    document = policies("list", "--json").document
    assert document["schema"] == "tap.policies/1"
    assert document["errors"] == []
    assert next(one for one in document["policies"] if one["name"] == "log_group_retention") == {
        "id": "CKV_TAP_301",
        "name": "log_group_retention",
        "area": "observability",
        "title": "CloudWatch log groups keep their events as long as agreed",
        "severity": "MEDIUM",
        "enforcement": "soft-mandatory",
        "waivable": True,
        "resource_types": ["aws_cloudwatch_log_group"],
        "disabled": False,
        "changed": {"exactly": {"value": 30, "source": "tap.toml:2"}},
    }


def test_settings_that_the_gate_could_not_use_are_told_by_the_list_and_the_page(
    policies: Policies, tmp_path: Path
) -> None:
    (tmp_path / "tap.toml").write_text("[policies.log_group_retention]\nexactly = 13\n")
    for arguments in (("list",), ("show", "log_group_retention")):
        answer = policies(*arguments)
        assert answer.code == 4
        assert "no value that CloudWatch accepts is exactly 13" in answer.err
        assert "exactly" in answer.out
    assert policies("show", "required_tags").code == 0


def test_a_page_says_what_is_decided_what_holds_here_why_and_how(policies: Policies, tmp_path: Path) -> None:
    (tmp_path / "tap.toml").write_text("[policies.log_group_retention]\nmin_days = 365\n")
    out = policies("show", "CKV_TAP_301").out
    assert out.splitlines()[:5] == [
        "log_group_retention  CKV_TAP_301  observability",
        "CloudWatch log groups keep their events as long as agreed",
        "MEDIUM, soft-mandatory, can be waived",
        "Asked about aws_cloudwatch_log_group",
        "",
    ]
    assert "  min_days    = 365  (tap.toml:2)\n                whole number; default unset\n" in out
    assert "  max_days    = unset  (default)\n                whole number\n" in out
    headings = [line for line in out.splitlines() if line[:1].isupper()][3:]
    assert headings == [
        "Parameters [policies.log_group_retention]",
        "Why",
        "How to fix",
        "References",
        "Passes (pass.tf)",
        "Fails (fail.tf)",
        "Not known before apply (unknown.tf)",
    ]
    assert '  resource "aws_cloudwatch_log_group" "two_weeks" {' in out


def test_a_page_as_json_has_the_parameters_and_the_examples(policies: Policies) -> None:
    document = policies("show", "kms_key_rotation", "--json").document
    assert document["schema"] == "tap.policy/1"
    assert document["parameters"][0] == {
        "name": "max_rotation_days",
        "type": "whole number, at least 90, at most 2560",
        "default": 365,
        "value": 365,
        "source": "default",
    }
    assert {one["shows"] for one in document["examples"]} == {"PASS", "FAIL", "UNKNOWN", "NOT_APPLICABLE"}


def test_a_value_that_follows_from_the_environment_is_told_with_it(
    policies: Policies, tmp_path: Path
) -> None:
    (tmp_path / "tap.toml").write_text("[environments.prod]\ndestroyable = false\n")
    out = policies("show", "destroyable_outside_production", "--env", "prod").out
    assert "  destroyable = false  (environments.prod)\n" in out
    assert policies("list", "--env", "prod").out.splitlines()[-1].endswith("from tap.toml: 0.")


def test_every_policy_has_a_page(policies: Policies) -> None:
    for policy in load().policies:
        answer = policies("show", policy.name)
        assert (answer.code, answer.err) == (0, "")
        assert policy.references[0] in answer.out


@pytest.mark.parametrize("command", ["show", "test"])
def test_an_unknown_name_is_wrong_usage_and_the_nearest_is_named(policies: Policies, command: str) -> None:
    answer = policies(command, "log_group_retentoin")
    assert answer.code == 64
    assert answer.err.startswith(
        "Error: There is no policy 'log_group_retentoin'. Did you mean log_group_retention?"
    )


def test_the_examples_of_the_pack_are_as_expected(policies: Policies) -> None:
    answer = policies("test")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Policies: {len(load().policies)}; examples: ")
    assert answer.out.endswith("; not: 0; could not be tried: 0.\n")


def test_a_new_policy_works_and_is_asked_beside_the_pack(policies: Policies, own: Path) -> None:
    answer = policies("test", "queue_has_owner")
    assert (answer.code, answer.out) == (
        0,
        "Policies: 1; examples: 3; as expected: 3; not: 0; could not be tried: 0.\n",
    )
    assert policies("show", "CKV_CUSTOM_1").out.splitlines()[0] == "queue_has_owner  CKV_CUSTOM_1  ownership"
    assert {path.name for path in own.rglob("*") if path.is_file() and path.suffix != ".pyc"} == {
        "__init__.py",
        "queue_has_owner.py",
        "queue_has_owner.md",
        "pass.tf",
        "fail.tf",
        "unknown.tf",
    }
    assert policies("show", "queue_has_owner", "--markdown").out == (own / "queue_has_owner.md").read_text()


def test_an_example_with_another_verdict_is_named_with_its_line(policies: Policies, own: Path) -> None:
    (own / "queue_has_owner" / "fail.tf").write_text(
        "# expect: aws_sqs_queue.untold FAIL\n# expect: aws_sqs_queue.empty PASS\n"
        'resource "aws_sqs_queue" "untold" {}\n\nresource "aws_sqs_queue" "empty" {\n  tags = { Owner = "" }\n}\n'
        'resource "aws_sqs_queue" "forgotten" {}\n'
    )
    answer = policies("test", "queue_has_owner")
    assert answer.code == 1
    place = "my_policies/ownership/queue_has_owner/fail.tf"
    assert answer.out.splitlines() == [
        f"{place}:2: aws_sqs_queue.empty: expected PASS, got FAIL: The attribute is not set.",
        f"{place}:8: aws_sqs_queue.forgotten: expected no line that expects anything, got FAIL: "
        "The attribute is not set.",
        "Policies: 1; examples: 5; as expected: 3; not: 2; could not be tried: 0.",
    ]
    document = policies("test", "queue_has_owner", "--json").document
    assert [one["address"] for one in document["examples"] if not one["ok"]] == [
        "aws_sqs_queue.empty",
        "aws_sqs_queue.forgotten",
    ]


def test_a_policy_that_raises_fails_its_examples(policies: Policies, own: Path) -> None:
    module = own / "queue_has_owner.py"
    module.write_text(module.read_text().replace("value = resource.get(_ATTRIBUTE)", "value = 1 / 0"))
    answer = policies("test", "queue_has_owner")
    assert answer.code == 1
    assert "expected PASS, got ERROR" in answer.out
    assert "ZeroDivisionError" in answer.out


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("pass.tf", None, "has no example that passes"),
        ("fail.tf", None, "has no example that fails"),
        ("pass.tf", "# expect: aws_sqs_queue.told PASSED\n", "expects nothing; write"),
        ("pass.tf", "#expect: aws_sqs_queue.told PASS\n", "expects nothing; write"),
        ("extra.tf", 'resource "aws_sqs_queue" {\n', "extra.tf"),
        (
            "extra.tf",
            "# expect: aws_sqs_queue.q PASS\n# expect: aws_sqs_queue.q FAIL\n",
            "aws_sqs_queue.q is expected to be two things",
        ),
    ],
)
def test_what_could_not_be_tried_is_no_success(
    policies: Policies, own: Path, file: str, text: str | None, said: str
) -> None:
    path = own / "queue_has_owner" / file
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    answer = policies("test", "queue_has_owner")
    assert answer.code == 4
    assert said in answer.err


def test_files_that_expect_of_the_same_address_are_judged_one_by_one(policies: Policies, own: Path) -> None:
    for name, verdict in (("fail", "FAIL"), ("pass", "PASS")):
        tags = '{ Owner = "payments" }' if name == "pass" else "{}"
        (own / "queue_has_owner" / f"{name}.tf").write_text(
            f'# expect: aws_sqs_queue.q {verdict}\nresource "aws_sqs_queue" "q" {{\n  tags = {tags}\n}}\n'
        )
    assert policies("test", "queue_has_owner").code == 0
    (own / "queue_has_owner" / "fail.tf").write_text("# expect: aws_sqs_queue.q FAIL\nresource {\n")
    broken = policies("test", "queue_has_owner")
    assert broken.code == 4
    assert "my_policies/ownership/queue_has_owner/fail.tf" in broken.err
    registry = load([own.parent])
    policy = registry.find("queue_has_owner")
    assert policy is not None
    assert len(examples.read(policy).configurations()) == 3


@pytest.mark.parametrize("arguments", [("test",), ("list",), ("show", "broken"), ("test", "broken")])
def test_a_policy_that_does_not_load_is_told_with_its_file(
    policies: Policies, own: Path, arguments: tuple[str, ...]
) -> None:
    (own / "broken.py").write_text("import nowhere_to_be_found\n")
    answer = policies(*arguments)
    assert answer.code == 4
    assert "my_policies/ownership/broken.py can't be loaded: ModuleNotFoundError" in answer.err


def test_ids_go_on_from_the_greatest_in_the_directory(policies: Policies, own: Path) -> None:
    second = policies("new", "table_class", "--area", "cost", "--type", "aws_dynamodb_table", "--json")
    assert (second.document["id"], second.err) == ("CKV_CUSTOM_2", "")
    given = policies("new", "other", "--area", "cost", "--id", "ACME_7", "--json")
    assert given.document["id"] == "ACME_7"
    assert policies("new", "third", "--area", "cost", "--json").document["id"] == "ACME_8"


def test_in_the_pack_ids_go_on_within_the_area() -> None:
    registry, pack = load(), ROOT / "policies"
    numbers = [int(policy.id.rpartition("_")[2]) for policy in registry.policies]
    logging = max(number for number in numbers if number // 100 == 3)
    assert scaffold.is_pack(pack)
    assert scaffold.next_id(pack, "observability", registry) == f"CKV_TAP_{logging + 1}"
    assert scaffold.next_id(pack, "brand_new", registry) == f"CKV_TAP_{max(numbers) // 100 + 1}01"


def test_without_a_directory_in_the_settings_the_line_to_add_is_told(
    policies: Policies, tmp_path: Path
) -> None:
    answer = policies("new", "queue_has_owner", "--area", "ownership")
    assert answer.code == 0
    assert 'under [policies]: directory = "policies"' in answer.err
    assert (tmp_path / "policies" / "ownership" / "queue_has_owner.py").exists()
    assert "queue_has_owner" not in policies("list").out
    # Its id is taken nevertheless.
    assert policies("new", "second", "--area", "cost", "--json").document["id"] == "CKV_CUSTOM_2"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("queue_has_owner",), "The name queue_has_owner is taken by"),
        (("log_group_retention",), "The name log_group_retention is taken by"),
        (("another", "--id", "CKV_CUSTOM_1"), "The id CKV_CUSTOM_1 is taken by"),
        (("another", "--id", "acme-1"), "The id 'acme-1' can't be used"),
        (("Another",), "The name 'Another' can't be used"),
        (("../another",), "can't be used"),
        (("another", "--type", "queue"), "The type 'queue' can't be used"),
        (("another", "--attribute", "a b"), "The attribute 'a b' can't be used"),
        (("another", "--type", "aws_lambda_permission"), "--attribute NAME"),
        (("occupied",), "exists; nothing was written"),
        (("written",), "exists; nothing was written"),
    ],
)
def test_a_new_policy_overwrites_and_repeats_nothing(
    policies: Policies, own: Path, arguments: tuple[str, ...], said: str
) -> None:
    (own / "occupied").mkdir()
    (own / "written.md").write_text("mine")
    before = sorted(path for path in own.parent.rglob("*") if path.suffix != ".pyc")
    answer = policies("new", *arguments, "--area", "ownership")
    assert answer.code == 64
    assert said in answer.err
    assert sorted(path for path in own.parent.rglob("*") if path.suffix != ".pyc") == before


def test_an_area_that_would_be_taken_for_examples_is_refused(policies: Policies, own: Path) -> None:
    (own.parent / "flat.py").write_text("x = 1\n")
    answer = policies("new", "another", "--area", "flat")
    assert answer.code == 64
    assert "would be taken for the examples of" in answer.err


def test_what_new_writes_is_clean_in_style_and_types(policies: Policies, own: Path) -> None:
    long = "vpc_endpoint_connection_notification"
    assert policies("new", "unknown", "--area", "words").code == 0
    assert policies("new", "wide", "--area", "words", "--type", f"aws_{long}", "--attribute", "vpc").code == 0
    for tool in (
        ("ruff", "check", "--config", str(ROOT / "pyproject.toml"), "."),
        ("ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), "."),
        (
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "my_policies/ownership/queue_has_owner.py",
            "my_policies/words",
        ),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *tool],
            cwd=own.parents[1],
            # mypy does not see what an editable installation puts on the path.
            env=os.environ | {"MYPYPATH": str(ROOT / "cli")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_check_asks_the_stacks_own_policies(run: Callable[..., Answer], own: Path) -> None:
    stack = own.parents[1]
    (stack / "main.tf").write_text('resource "aws_sqs_queue" "orders" {}\n')
    answer = run("check", ".", "--policy", "queue_has_owner")
    assert answer.code == 0
    assert "CKV_CUSTOM_1  (advisory)" in answer.out
    (stack / "tap.toml").write_text(
        f'{OWN}\n[policies.queue_has_owner]\nenforcement = "hard-mandatory"\naccepted = ["payments"]\n'
    )
    closed = run("check", ".", "--policy", "queue_has_owner")
    assert closed.code == 3
    assert "one of payments" in closed.out


def test_a_plan_is_asked_about_by_the_stacks_own_policies(run: Callable[..., Answer], own: Path) -> None:
    plan = str(ROOT / "tests" / "policies" / "documents" / "plan.json")
    answer = run("check", plan, "--policy", "CKV_CUSTOM_1", "--json")
    assert answer.code == 0
    found = [(one["address"], one["verdict"]) for one in answer.document["findings"]]
    assert found == [("aws_sqs_queue.dead_letters", "UNKNOWN")]


def test_several_directories_can_be_named(run: Callable[..., Answer], own: Path) -> None:
    stack = own.parents[1]
    made = run("policies", "new", "second", "--area", "more", "--directory", "shared")
    assert made.err.endswith('directory = ["my_policies", "shared"]\n')
    (stack / "tap.toml").write_text('[policies]\ndirectory = ["my_policies", "shared"]\n')
    ids = [one["id"] for one in run("policies", "list", "--json").document["policies"]]
    assert ids[:2] == ["CKV_CUSTOM_1", "CKV_CUSTOM_2"]


def test_a_directory_of_policies_that_is_missing_closes_the_gate(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "tap.toml").write_text('[policies]\ndirectory = "nowhere"\n')
    (tmp_path / "main.tf").write_text('resource "aws_sqs_queue" "orders" {}\n')
    for arguments in (("check", "."), ("policies", "list"), ("policies", "test")):
        answer = run(*arguments)
        assert answer.code == 4
        said = " ".join((answer.out + answer.err).split())
        assert "nowhere can't be read: No such file or directory." in said


@pytest.mark.parametrize("value", ["3", "['a', 3]", "''", "[['a']]"])
def test_a_directory_that_is_no_directory_is_named_with_its_line(
    run: Callable[..., Answer], tmp_path: Path, value: str
) -> None:
    (tmp_path / "tap.toml").write_text(f"[policies]\ndirectory = {value}\n")
    answer = run("policies", "list")
    assert answer.code == 64
    assert "tap.toml:2: policies.directory is " in answer.err
    assert "expected a directory, or a list of directories." in answer.err
