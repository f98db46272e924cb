"""Checkov's own checks in their worker: what they say is in the ledger, and whatever goes wrong closes the gate."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapstack.gate.checkov_run import Scan, warmed_up
from tapstack.terraform.source import read_configuration
from tests.conftest import ROOT, Tap

pytestmark = pytest.mark.real

KEY = 'resource "aws_kms_key" "main" {\n  enable_key_rotation = false\n}\n'
LOGS = """
variable "days" {
  default = 30
}
resource "aws_cloudwatch_log_group" "one" {
  retention_in_days = var.days
}
"""
Inject = Callable[[str], None]


@pytest.fixture
def inject(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Inject:
    """Runs code at the start of the worker's Python, and of no other."""
    directory = tmp_path_factory.mktemp("injected")

    def write(code: str) -> None:
        (directory / "sitecustomize.py").write_text(
            "import sys\nif 'tapstack.gate.checkov_worker' in sys.orig_argv:\n"
            + "".join(f"    {line}\n" for line in code.splitlines())
        )
        monkeypatch.setenv("PYTHONPATH", str(directory))

    return write


def scan(directory: Path, text: str = KEY, **variables: Any) -> Scan:
    (directory / "main.tf").write_text(text)
    with warmed_up() as checkov:
        return checkov.scan_directory(read_configuration(directory).root, variables)


def only_error(found: Scan) -> tuple[str, str]:
    ((kind, message),) = [(str(error.kind), error.message) for error in found.errors]
    return kind, message


def checked(directory: Path, *arguments: str) -> dict[str, Any]:
    answer = Tap(directory)("check", *arguments, "--with-checkov", "--json")
    document: dict[str, Any] = json.loads(answer.out)
    assert document["exit_code"] == answer.code
    return document


def theirs(document: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    """(id, file, first line, last line) of checkov's findings."""
    return [
        (one["policy"], one["file"], one["line"], one["end_line"])
        for one in document["findings"]
        if not one["policy"].startswith("CKV_TAP")
    ]


def test_failed_checks_are_findings_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(KEY)
    document = checked(tmp_path, "--policy", "kms_key_rotation")
    assert document["decision"] == "closed"
    assert theirs(document) == [("CKV2_AWS_64", "main.tf", 1, 3), ("CKV_AWS_7", "main.tf", 1, 3)]
    (rotation,) = [one for one in document["findings"] if one["policy"] == "CKV_AWS_7"]
    assert (rotation["verdict"], rotation["severity"], rotation["enforcement"], rotation["address"]) == (
        *("FAIL", "MEDIUM", "soft-mandatory"),
        "aws_kms_key.main",
    )
    assert rotation["name"] == "Ensure rotation for customer created CMKs is enabled"
    counts = document["counts"]
    assert (counts["checkov_pass"], counts["checkov_fail"], counts["checkov_skipped"]) == (2, 2, 0)
    verdicts = ("pass", "fail", "unknown", "not_applicable", "waived", "error")
    assert sum(counts[word] for word in verdicts) == counts["policies"] * counts["resources"]


def test_a_comment_in_the_code_skips_a_check_of_the_directory_and_of_the_plan(tmp_path: Path) -> None:
    documents = ROOT / "tests" / "policies" / "documents"
    text = (documents / "main.tf").read_text()
    header = 'resource "aws_kms_key" "west" {\n'
    assert header in text
    (tmp_path / "main.tf").write_text(
        text.replace(header, f"{header}  #checkov:skip=CKV_AWS_7,CKV2_AWS_64:why\n")
    )
    for module in documents.glob("*/*.tf"):
        (tmp_path / module.parent.name).mkdir(exist_ok=True)
        (tmp_path / module.parent.name / module.name).write_text(module.read_text())
    (tmp_path / "plan.json").write_bytes((documents / "plan.json").read_bytes())
    # That a new key does not rotate is known only after apply.
    for path, skipped in ((".", 2), ("plan.json", 1)):
        document = checked(tmp_path, path, "--policy", "kms_key_rotation")
        west = {one["policy"] for one in document["findings"] if one["address"] == "aws_kms_key.west"}
        assert west == {"CKV_TAP_101"}
        assert document["counts"]["checkov_skipped"] == skipped
        assert document["errors"] == []


def test_findings_about_a_plan_stand_at_the_lines_of_the_code(tmp_path: Path) -> None:
    documents = ROOT / "tests" / "policies" / "documents"
    document = checked(documents, "plan.json", "--policy", "kms_key_rotation")
    (group,) = [
        one
        for one in document["findings"]
        if (one["policy"], one["address"])
        == ("CKV_AWS_338", "module.archive.aws_cloudwatch_log_group.archive[0]")
    ]
    lines = (documents / group["file"]).read_text().splitlines()
    assert lines[group["line"] - 1].startswith('resource "aws_cloudwatch_log_group" "archive"')


def test_a_state_is_not_for_checkov() -> None:
    documents = ROOT / "tests" / "policies" / "documents"
    answer = Tap(documents)("check", "state.json", "--with-checkov")
    assert answer.code == 64
    assert "state.json is not a plan: checkov reads configurations and plans" in answer.err


def test_the_main_stack_passes() -> None:
    document = checked(ROOT, "-C", "terraform", "--policy", "kms_key_rotation")
    assert (document["decision"], document["findings"], document["errors"]) == ("open", [], [])
    assert document["counts"]["checkov_pass"] > 90
    assert document["counts"]["checkov_skipped"] == 9


def test_a_plan_asks_checkov_too(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "one" {}\nresource "terraform_data" "two" {\n  input = 1\n}\n'
    )
    answer = Tap(tmp_path)("plan", "--with-checkov", "--json")
    try:
        ledger = json.loads(answer.out)["ledger"]
        assert answer.code == 4
        assert [error["message"] for error in ledger["errors"]] == ["checkov has no check for any resource."]
    finally:
        Tap(tmp_path)("sandbox", "stop")


def test_data_resources_and_providers_have_their_addresses(tmp_path: Path) -> None:
    (tmp_path / "roles").mkdir()
    document = 'data "aws_iam_policy_document" "all" {\n  statement {\n    actions = ["*"]\n  }\n}\n'
    (tmp_path / "roles" / "main.tf").write_text(document)
    calls = 'module "roles" {\n  source = "./roles"\n}\n'
    provider = 'provider "aws" {\n  access_key = "AKIAIOSFODNN7EXAMPLE"\n}\n'
    found = {(check.id, check.address) for check in scan(tmp_path, document + calls + provider).failed}
    assert {
        ("CKV_AWS_49", "data.aws_iam_policy_document.all"),
        ("CKV_AWS_49", "module.roles.data.aws_iam_policy_document.all"),
        ("CKV_AWS_41", "aws.default"),
    } <= found


def test_variables_reach_checkov(tmp_path: Path) -> None:
    assert "CKV_AWS_338" in {check.id for check in scan(tmp_path, LOGS).failed}
    assert "CKV_AWS_338" not in {check.id for check in scan(tmp_path, LOGS, days=400).failed}


def test_directories_that_the_stack_does_not_call_are_left_alone(tmp_path: Path) -> None:
    for name in ("called", "beside", "called/inner/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "called" / "main.tf").write_text(KEY)
    (tmp_path / "beside" / "main.tf").write_text("resource {{{")
    (tmp_path / "called" / "inner" / "deep" / "main.tf").write_text("resource {{{")
    found = scan(tmp_path, 'module "keys" {\n  for_each = toset(["a"])\n  source   = "./called"\n}\n')
    assert found.errors == ()
    assert found.resources == {'module.keys["a"].aws_kms_key.main'}


def test_a_file_that_only_checkov_can_not_parse_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(KEY)
    root = read_configuration(tmp_path).root
    (tmp_path / "main.tf").write_text("resource {{{")
    with warmed_up() as checkov:
        found = checkov.scan_directory(root, {})
    assert ("parse", f"checkov can't parse {tmp_path / 'main.tf'}.") in [
        (str(error.kind), error.message) for error in found.errors
    ]


def test_a_comment_that_checkov_breaks_off_at_is_an_error(tmp_path: Path) -> None:
    kind, message = only_error(scan(tmp_path, KEY.replace("{\n", "{\n  #checkov:skip=:no id\n", 1)))
    assert kind == "policy-raised"
    assert message.startswith("checkov broke off: AttributeError")


def test_a_check_that_raises_is_an_error(tmp_path: Path, inject: Inject) -> None:
    inject(
        "from checkov.common.models.enums import CheckCategories\n"
        "from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck\n"
        "class Broken(BaseResourceCheck):\n"
        "    def scan_resource_conf(self, conf):\n"
        "        raise KeyError('nothing')\n"
        "Broken('Broken', 'CKV_ACME_1', [CheckCategories.IAM], ['aws_kms_key'])"
    )
    kind, message = only_error(scan(tmp_path))
    assert kind == "policy-raised"
    assert message.startswith("checkov: Failed to run check CKV_ACME_1 on /main.tf:aws_kms_key.main")
    assert message.endswith("(KeyError: 'nothing')")


def test_a_graph_check_that_raises_is_an_error(tmp_path: Path, inject: Inject) -> None:
    inject(
        "from checkov.common.graph.checks_infra.base_check import BaseGraphCheck\n"
        "from checkov.common.checks_infra.registry import get_graph_checks_registry\n"
        "original = BaseGraphCheck.run\n"
        "def run(self, graph):\n"
        "    if self.id == 'CKV2_AWS_64':\n"
        "        raise KeyError('nothing')\n"
        "    return original(self, graph)\n"
        "BaseGraphCheck.run = run"
    )
    assert only_error(scan(tmp_path)) == (
        "policy-raised",
        "checkov: Failed to run check CKV2_AWS_64 (KeyError: 'nothing')",
    )


def test_a_worker_that_is_killed_is_an_error(tmp_path: Path, inject: Inject) -> None:
    inject("import os, threading\nthreading.Timer(0.5, os.kill, (os.getpid(), 9)).start()")
    kind, message = only_error(scan(tmp_path))
    assert (kind, message) == ("policy-raised", "checkov's process ended with status -9: it said nothing.")


def test_a_worker_that_does_not_answer_in_time_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(KEY)
    with warmed_up(timeout=0.05) as checkov:
        found = checkov.scan_directory(read_configuration(tmp_path).root, {})
    assert only_error(found) == ("policy-raised", "checkov has not finished after 0.05 seconds.")


def test_an_answer_that_can_not_be_read_is_an_error(tmp_path: Path, inject: Inject) -> None:
    inject("print('Welcome')\nsys.stdout.flush()")
    kind, message = only_error(scan(tmp_path))
    assert kind == "policy-raised"
    assert message.startswith("checkov's process gave an answer that can't be read: ")


def test_checkov_that_is_not_there_is_an_error(tmp_path: Path, inject: Inject) -> None:
    inject("sys.modules['checkov'] = None")
    kind, message = only_error(scan(tmp_path))
    assert kind == "policy-import"
    assert message.startswith("checkov can't be loaded: ModuleNotFoundError: ")


def test_the_users_settings_can_not_make_checkov_look_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKV_IGNORED_DIRECTORIES", tmp_path.name)
    monkeypatch.setenv("CHECKOV_CHECK_FAIL_LEVEL", "WARNING")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    found = scan(tmp_path)
    assert {check.id for check in found.failed} == {"CKV_AWS_7", "CKV2_AWS_64"}
    assert found.errors == ()


def test_a_worker_that_is_not_needed_ends_with_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with warmed_up():
        (exchange,) = tmp_path.glob("tap-checkov-*")
        assert exchange.stat().st_mode & 0o077 == 0
    assert not exchange.exists()
    assert not [pid for pid in _workers() if Path("/proc", pid).exists()]


def _workers() -> list[str]:
    """Processes that this one started and that are checkov's workers."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("needs Linux's /proc")
    found = []
    for pid in children.read_text().split():
        with contextlib.suppress(OSError):  # it ended meanwhile
            if b"tapstack.gate.checkov_worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found
