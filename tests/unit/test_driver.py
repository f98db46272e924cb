"""The exact arguments of every verb, for a binary, for OpenTofu and for the library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapstack.errors import InputError, Interrupted, TerraformFailed
from tapstack.terraform import process
from tapstack.terraform.binary import Binary
from tapstack.terraform.driver import Driver, PlanOptions
from tapstack.terraform.environment import terraform_environment
from tapstack.terraform.variable_files import VariableText

TERRAFORM = Binary(("/bin/terraform",), "terraform", "1.11.4", "PATH")
TOFU = Binary(("/bin/tofu",), "tofu", "1.9.0", "PATH")
LIBRARY = Binary(
    (sys.executable, "-m", "tapstack.terraform.library"), "library", "1.15.5", "installed package"
)


class Recorder:
    """Stands where the process would be started, and keeps what would have been started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answer: Any) -> None:
        self.argv: list[str] = []
        self.files: dict[str, tuple[str, int]] = {}
        self.answer = {
            "returncode": 0,
            "stdout": b"{}",
            "stderr": "",
            "signals": 0,
            "timed_out": False,
            "stopped": None,
        }
        self.answer |= answer
        monkeypatch.setattr(process, "run", self)

    def __call__(self, argv: list[str], **_: Any) -> process.Finished:
        self.argv = list(argv)
        for word in argv:
            if word.startswith("-var-file="):
                path = Path(word.partition("=")[2])
                self.files[path.name] = (path.read_text(), path.stat().st_mode & 0o777)
        return process.Finished(**self.answer, seconds=0.1)  # type: ignore[arg-type]


def driver(binary: Binary = TERRAFORM, **options: Any) -> Driver:
    return Driver(binary, Path("/stack"), {}, {}, **options)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


PLAN, STATE = Path("/p/tfplan"), Path("/s/terraform.tfstate")
# Every verb but `init`, which differs, with all that it is told.
VERBS: dict[str, tuple[Callable[[Driver], object], list[str]]] = {
    "plan": (
        lambda it: it.plan(PlanOptions(out=PLAN, targets=["a.b"])),
        [
            "plan",
            "-json",
            "-input=false",
            "-out=/p/tfplan",
            f"-state={STATE}",
            "-lock-timeout=5s",
            "-target=a.b",
        ],
    ),
    "apply": (
        lambda it: it.apply(PLAN),
        ["apply", "-json", "-input=false", f"-state={STATE}", "-lock-timeout=5s", "/p/tfplan"],
    ),
    "destroy": (
        lambda it: it.destroy(),
        [
            *["apply", "-destroy", "-json", "-auto-approve", "-input=false", f"-state={STATE}"],
            "-lock-timeout=5s",
        ],
    ),
    "show": (lambda it: it.show(PLAN), ["show", "-json", "-no-color", "/p/tfplan"]),
    "output": (lambda it: it.output(), ["output", "-json", "-no-color", f"-state={STATE}"]),
    "state push": (lambda it: it.state_push(PLAN), ["state", "push", "-no-color", "/p/tfplan"]),
    "workspace list": (lambda it: it.workspaces(), ["workspace", "list", "-no-color"]),
    "force-unlock": (lambda it: it.force_unlock("ID"), ["force-unlock", "-force", "-no-color", "ID"]),
}


@pytest.mark.parametrize("binary", [TERRAFORM, TOFU, LIBRARY], ids=lambda b: b.kind)
@pytest.mark.parametrize("verb", VERBS)
def test_every_kind_of_binary_gets_the_same_arguments(binary: Binary, verb: str, recorder: Recorder) -> None:
    call, arguments = VERBS[verb]
    call(driver(binary, state=STATE, lock_timeout=5))
    assert recorder.argv == [*binary.prefix, *arguments]


@pytest.mark.parametrize("binary", [TERRAFORM, TOFU, LIBRARY], ids=lambda b: b.kind)
def test_a_state_that_is_elsewhere_is_pulled_by_every_kind(binary: Binary, recorder: Recorder) -> None:
    assert driver(binary).state_pull() == b"{}"
    assert recorder.argv == [*binary.prefix, "state", "pull", "-no-color"]


def test_init_speaks_json_where_it_can(recorder: Recorder) -> None:
    driver().init()
    assert recorder.argv[1:] == ["init", "-json", "-input=false", "-no-color"]
    for binary in (TOFU, Binary(("/bin/terraform",), "terraform", "1.8.5", "PATH")):
        driver(binary).init()
        assert recorder.argv[1:] == ["init", "-input=false", "-no-color"]


def test_init_upgrades_only_when_told(recorder: Recorder) -> None:
    driver().init(upgrade=True)
    assert recorder.argv[1:] == ["init", "-json", "-input=false", "-no-color", "-upgrade"]


def test_plan_by_default(recorder: Recorder) -> None:
    driver().plan(PlanOptions(out=Path("/p/tfplan")))
    assert recorder.argv[1:] == ["plan", "-json", "-input=false", "-out=/p/tfplan"]


def test_plan_with_everything(recorder: Recorder) -> None:
    options = PlanOptions(
        out=Path("/p/tfplan"),
        targets=["aws_kms_key.a", 'aws_sqs_queue.b["c"]'],
        destroy=True,
        refresh_only=True,
    )
    driver(state=Path("/s/terraform.tfstate"), lock_timeout=5).plan(options)
    assert recorder.argv[1:] == [
        "plan",
        "-json",
        "-input=false",
        "-out=/p/tfplan",
        "-state=/s/terraform.tfstate",
        "-lock-timeout=5s",
        "-target=aws_kms_key.a",
        '-target=aws_sqs_queue.b["c"]',
        "-destroy",
        "-refresh-only",
    ]


def test_variables_travel_in_private_files_in_order_and_never_as_arguments(
    recorder: Recorder, tmp_path: Path
) -> None:
    given = tmp_path / "given.tfvars"
    given.write_text('a = "file"\n')
    texts: list[Path | VariableText] = [
        VariableText(b'{"a":"hunter2"}', "json"),
        given,
        VariableText(b'b = ["hunter2"]\n', "hcl"),
    ]
    driver().plan(PlanOptions(out=Path("/p/tfplan"), variables=texts))
    assert [Path(w).name for w in recorder.argv if "-var" in w] == [
        "0.tfvars.json",
        "given.tfvars",
        "2.tfvars",
    ]
    assert "hunter2" not in " ".join(recorder.argv)
    assert recorder.files["0.tfvars.json"] == ('{"a":"hunter2"}', 0o600)
    assert recorder.files["2.tfvars"] == ('b = ["hunter2"]\n', 0o600)
    left = [
        Path(w.partition("=")[2])
        for w in recorder.argv
        if w.startswith("-var-file=") and "tap-variables" in w
    ]
    assert left
    assert not any(path.exists() for path in left)


def test_apply_takes_a_plan_file_and_asks_nothing(recorder: Recorder) -> None:
    driver(state=Path("/s/t.tfstate")).apply(Path("/private/tfplan"))
    assert recorder.argv[1:] == ["apply", "-json", "-input=false", "-state=/s/t.tfstate", "/private/tfplan"]


def test_destroy_plans_and_destroys_in_one_run(recorder: Recorder) -> None:
    driver(state=Path("/s/state")).destroy([VariableText(b'{"a": 1}', "json")])
    *words, variables = recorder.argv
    assert words == [
        "/bin/terraform",
        "apply",
        "-destroy",
        "-json",
        "-auto-approve",
        "-input=false",
        "-state=/s/state",
    ]
    assert variables.startswith("-var-file=")
    assert recorder.files == {"0.tfvars.json": ('{"a": 1}', 0o600)}


def test_show_reads_a_plan_the_kept_state_or_the_backends(recorder: Recorder) -> None:
    driver().show(Path("/p/tfplan"))
    assert recorder.argv[1:] == ["show", "-json", "-no-color", "/p/tfplan"]
    driver(state=Path("/s/t.tfstate")).show()
    assert recorder.argv[1:] == ["show", "-json", "-no-color", "/s/t.tfstate"]
    driver().show()
    assert recorder.argv[1:] == ["show", "-json", "-no-color"]


def test_output_reads_the_kept_state(recorder: Recorder) -> None:
    assert driver(state=Path("/s/t.tfstate")).output() == {}
    assert recorder.argv[1:] == ["output", "-json", "-no-color", "-state=/s/t.tfstate"]


def test_a_signal_is_reported_as_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, returncode=1, signals=1)
    with pytest.raises(Interrupted, match="terraform apply was stopped and has cleaned up after itself"):
        driver().apply(Path("/p"))


def test_a_timeout_says_how_long_and_what_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, returncode=1, timed_out=True)
    with pytest.raises(TerraformFailed, match="stopped after 60 s") as caught:
        driver(timeout=60).apply(Path("/p"))
    assert caught.value.hint == "raise timeout_minutes under [stack] in tap.toml"


def test_a_killed_terraform_is_named_with_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, returncode=-9)
    with pytest.raises(TerraformFailed, match=r"terraform apply was killed by signal 9\."):
        driver().apply(Path("/p"))


def test_terraforms_variables_are_owned_and_the_users_pass(tmp_path: Path) -> None:
    base = {
        "TF_VAR_a": "1",
        "TF_LOG": "DEBUG",
        "TF_DATA_DIR": "/x",
        "TF_INPUT": "1",
        "TF_CLI_CONFIG_FILE": "/absent",
    }
    env = terraform_environment(base, data_dir=tmp_path, cli_config=None)
    assert env == {
        "TF_VAR_a": "1",
        "TF_LOG": "DEBUG",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_DATA_DIR": str(tmp_path),
        "CHECKPOINT_DISABLE": "1",
    }


def test_arguments_from_the_environment_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TF_CLI_ARGS_apply is set"):
        terraform_environment({"TF_CLI_ARGS_apply": "-auto-approve"}, data_dir=tmp_path, cli_config=None)
