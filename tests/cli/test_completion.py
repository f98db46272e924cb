"""TAB, in real shells and as the shells ask for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapstack.app import _COMMANDS, tap
from tapstack.commands.completion import answer
from tapstack.gate.registry import load
from tapstack.report.formats import NAMES
from tests.cli.terminal import START, Terminal, opened
from tests.conftest import Tap

SETTINGS = """
[environments.prod]
[environments.staging]
[policies]
directory = "own"
"""
POLICY = 'raise SystemExit("nobody asked for this to run")\nclass Owner:\n    id = "CKV_CUSTOM_1"\n'
CODE = """
resource "aws_sqs_queue" "one" {
}
data "aws_region" "here" {}
module "edge" {
  source = "./edge"
}
output "queue_url" {
}
"""
STATE = {
    "resources": [
        {
            "mode": "managed",
            "type": "aws_sns_topic",
            "name": "many",
            "instances": [{"index_key": "red $one"}, {"index_key": 0}],
        }
    ]
}


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAP_ENV", "TAP_CHDIR"):
        monkeypatch.delenv(name, raising=False)


def make_stack(directory: Path) -> None:
    for name in ("edge", "own/ownership", ".tap/sandbox"):
        (directory / name).mkdir(parents=True)
    (directory / "tap.toml").write_text(SETTINGS)
    (directory / "main.tf").write_text(CODE)
    (directory / "edge" / "main.tf").write_text('resource "aws_kms_key" "main" {}\n')
    (directory / "own" / "ownership" / "queue_has_owner.py").write_text(POLICY)
    (directory / ".tap" / "sandbox" / "terraform.tfstate").write_text(json.dumps(STATE))
    for number, environment in enumerate(("sandbox", "prod", "sandbox")):
        plan = directory / ".tap" / "plans" / f"2026112{number}T101500.042Z-1f3a9c0d2b4e6f81"
        plan.mkdir(parents=True)
        (plan / "seal.json").write_text(json.dumps({"predicate": {"where": {"environment": environment}}}))
        finding = {"address": f'aws_lambda_function.fn["{environment}"]'}
        (plan / "ledger.json").write_text(json.dumps({"findings": [finding]}))
    for name in ("release.key", "release.key.pub", "other.pub"):
        (directory / name).touch()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "stack"
    make_stack(directory)
    monkeypatch.chdir(directory)
    return directory


Ask = Callable[..., list[str]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """What bash is told for a line whose last word is at the cursor; the prompt must stay clean."""

    def asked(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1) if shell != "fish" else words[-1])
        assert answer(tap, f"{shell}_complete") == 0
        said = capsys.readouterr()
        assert said.err == ""
        return [one.removeprefix("plain,") for one in said.out.splitlines()]

    return asked


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tap ", list(_COMMANDS)),
        ("tap pol", ["policies"]),
        ("tap policies s", ["show"]),
        ("tap plan --det", ["--detailed-exitcode"]),
        ("tap plan --env ", ["prod", "sandbox", "staging"]),
        ("tap plan --env=s", ["sandbox", "staging"]),
        ("tap plan --env = s", ["sandbox", "staging"]),
        ("tap plan --var a = b --env st", ["staging"]),
        ("tap policies show queue_has", ["queue_has_owner"]),
        ("tap policies test log_group_retention queue_has", ["queue_has_owner"]),
        ("tap check --policy CKV_C", ["CKV_CUSTOM_1"]),
        ("tap waive aws_sqs_queue.one log_group_r", ["log_group_retention"]),
        ("tap apply ", ["20261122T101500.042Z-1f3a9c0d2b4e6f81", "20261120T101500.042Z-1f3a9c0d2b4e6f81"]),
        ("tap verify --env prod ", ["20261121T101500.042Z-1f3a9c0d2b4e6f81"]),
        ("tap plan --target module.", ["module.edge", "module.edge.aws_kms_key.main"]),
        ("tap plan --target data.", ["data.aws_region.here"]),
        ("tap graph --focus aws_sqs", ["aws_sqs_queue.one"]),
        ("tap drift --env prod --target aws_lambda", [r'aws_lambda_function.fn\\[\\"prod\\"\\]']),
        ("tap waive aws_sn", [r'aws_sns_topic.many\\[\\"red\\ \\$one\\"\\]', r"aws_sns_topic.many\\[0\\]"]),
        ("tap check --format ", list(NAMES)),
        ("tap check --format sarif=", ["file,sarif="]),
        ("tap graph --format sv", ["svg"]),
        ("tap schema set", ["settings"]),
        ("tap backend migrate --to ", ["s3", "local"]),
        ("tap output q", ["queue_url"]),
        ("tap plan --sign ", ["release.key"]),
        ("tap plan --sign ot", ["file,ot"]),
        ("tap plan -C ed", ["dir,ed"]),
        ("tap check ma", ["file,ma"]),
        ("tap policies nonsense --env ", ["list", "show", "test", "new"]),
        ("tap plan nonsense --env p", ["prod"]),
        ("tap nonsense --env p", ["plan", "policies"]),
    ],
)
def test_what_bash_is_told(made: Path, ask: Ask, line: str, offered: list[str]) -> None:
    assert sorted(ask(line)) == sorted(offered)


def test_every_policy_is_offered_by_name_and_by_id(made: Path, ask: Ask) -> None:
    pack = load().policies
    assert set(ask("tap policies show ")) == {policy.name for policy in pack} | {"queue_has_owner"}
    assert set(ask("tap policies show C")) == {policy.id for policy in pack} | {"CKV_CUSTOM_1"}


def test_seals_are_offered_newest_first(made: Path, ask: Ask) -> None:
    offered = ask("tap apply 2026")
    assert offered == sorted(offered, reverse=True)


def test_the_stack_of_another_directory(made: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.parent)
    assert ask("tap plan --env p") == []
    assert ask("tap plan -C stack --env p") == ["prod"]
    monkeypatch.setenv("TAP_CHDIR", "stack")
    assert ask("tap plan --env p") == ["prod"]


def test_what_zsh_and_fish_are_told_of_commands(ask: Ask) -> None:
    assert ask("tap pol", "zsh") == ["plain", "policies", _COMMANDS["policies"][1]]
    assert ask("tap pol", "fish") == [f"policies\t{_COMMANDS['policies'][1]}"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_shells_that_replace_the_whole_word_get_the_whole_word(made: Path, ask: Ask, shell: str) -> None:
    assert "--env=prod" in " ".join(ask("tap plan --env=pr", shell)).split()


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("tap.toml", b"[environments", "tap plan --env "),
        ("tap.toml", b"\xff\xfe", "tap plan --env "),
        ("tap.toml", b"environments = 3", "tap plan --env "),
        ("tap.toml", b"policies = 3", "tap policies show log"),
        ("tap.toml", b"policies.directory = 3", "tap policies show log"),
        ("main.tf", b"\xff\xfe", "tap plan --target "),
        (".tap/sandbox/terraform.tfstate", b"{", "tap waive "),
        (".tap/plans/20261122T101500.042Z-1f3a9c0d2b4e6f81/seal.json", b"[]", "tap apply "),
        (".tap/plans/20261122T101500.042Z-1f3a9c0d2b4e6f81/ledger.json", b"", "tap waive "),
    ],
)
def test_what_is_broken_leaves_nothing_to_choose_from(
    made: Path, ask: Ask, file: str, content: bytes, line: str
) -> None:
    assert ask(line) != []
    (made / file).write_bytes(content)
    assert ask(line) == []


def test_a_module_that_calls_itself_ends(made: Path, ask: Ask) -> None:
    (made / "edge" / "main.tf").write_text('module "again" {\n  source = "../edge"\n}\n')
    assert ask("tap plan --target module.edge.module.again.") == ["module.edge.module.again.module.again"]


def test_a_shell_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(tap, "tcsh_complete") == 64
    assert capsys.readouterr() == ("", "")


@pytest.mark.real
@pytest.mark.parametrize("shell", list(START))
def test_the_prompt_stays_clean(made: Path, shell: str) -> None:
    """A whole process: not even what happens before the answer may be said."""
    (made / "tap.toml").write_text("[environments")
    for asked in (
        {"COMP_WORDS": "tap plan --env ", "COMP_CWORD": "3"},
        {},
        {"COMP_WORDS": "tap", "COMP_CWORD": "x"},
    ):
        said = Tap(made)(env={"_TAP_COMPLETE": f"{shell}_complete", **asked})
        assert (said.code, said.said) == (0, ""), asked


@pytest.mark.real
def test_the_script_is_also_had_the_way_that_click_documents() -> None:
    here = Tap(Path.cwd())
    for shell in START:
        script = here.succeeds("completion", shell)
        assert script.err == ""
        assert "_TAP_COMPLETE" in script.out
        assert here(env={"_TAP_COMPLETE": f"{shell}_source"}).out == script.out


@pytest.fixture(scope="module", params=list(START))
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    base = tmp_path_factory.mktemp(shell)
    make_stack(base / "stack")
    with opened(shell, base / "stack", base / "home") as one:
        yield one


@pytest.mark.real
@pytest.mark.parametrize(
    ("typed", "came"),
    [
        ("tap pol", "tap policies"),
        ("tap policies sh", "tap policies show"),
        ("tap plan --det", "tap plan --detailed-exitcode"),
        ("tap plan --env pr", "tap plan --env prod"),
        ("tap plan --env=pr", "tap plan --env=prod"),
        ("tap plan --var a=b --env st", "tap plan --var a=b --env staging"),
        ("tap policies show queue_has", "tap policies show queue_has_owner"),
        ("tap check --policy CKV_C", "tap check --policy CKV_CUSTOM_1"),
        ("tap verify --env prod 2", "tap verify --env prod 20261121T101500.042Z-1f3a9c0d2b4e6f81"),
        ("tap plan --target aws_sq", "tap plan --target aws_sqs_queue.one"),
        (r"tap waive aws_sns_topic.many\[0", "tap waive aws_sns_topic.many[0]"),
        ("tap check --format sar", "tap check --format sarif"),
        ("tap check main", "tap check main.tf"),
        ("tap plan --chdir ed", "tap plan --chdir edge"),
        ("tap plan --sign re", "tap plan --sign release.key"),
        ("tap nonsense --x", "tap nonsense --x"),
    ],
)
def test_tab_at_a_terminal(terminal: Terminal, typed: str, came: str) -> None:
    # zsh takes the slash of a directory away at the next space.
    assert " ".join(terminal.completed(typed)).removesuffix("/") == came


@pytest.mark.real
def test_a_key_that_the_shell_would_read_otherwise_arrives_as_it_is(terminal: Terminal) -> None:
    assert terminal.completed(r"tap waive aws_sns_topic.many\[\"r") == [
        "tap",
        "waive",
        'aws_sns_topic.many["red $one"]',
    ]


@pytest.mark.real
def test_a_broken_file_says_nothing_at_the_prompt(terminal: Terminal) -> None:
    terminal.run("mv tap.toml kept; echo '[broken' > tap.toml")
    before = len(terminal.said)
    assert terminal.completed("tap plan --env pr") == ["tap", "plan", "--env", "pr"]
    terminal.run("mv kept tap.toml")
    assert "Error" not in terminal.said[before:]
    assert "Traceback" not in terminal.said[before:]


@pytest.mark.real
@pytest.mark.parametrize("terminal", ["fish"], indirect=True)
def test_fish_shows_what_a_command_is_for_to_its_last_word(terminal: Terminal) -> None:
    before = len(terminal.said)
    terminal.run("complete -C 'tap sand'")
    assert f"sandbox\t{_COMMANDS['sandbox'][1]}\n" in terminal.said[before:]
