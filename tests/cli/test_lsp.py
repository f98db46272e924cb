"""`tap lsp`, driven by a real client over its pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lsprotocol import types

from tests.cli.lsp_client import SECONDS, asynchronous, editor, uri_of

pytestmark = pytest.mark.real

KEY = """\
resource "aws_kms_key" "main" {
  description         = "Everything."
  enable_key_rotation = false
}
"""
TABLE = """\
resource "aws_dynamodb_table" "main" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}
"""
RANGE_KEY = '    type = "S"\n  }\n}'
RECOVERY = "  point_in_time_recovery {\n    enabled = true\n  }\n"
# Of all policies, only those that a test is about.
ONLY = """\
[policies]
disabled = [
  "required_tags", "naming_convention", "outputs_expose_arns", "dynamodb_encryption", "log_group_encryption",
  "state_is_locked_and_encrypted", "kms_key_policy_serves_its_users", "sqs_queue_encryption",
]
"""
OWN = '''\
"""A policy of the stack's own."""

import os, sys

from tapstack.gate.policy import Enforcement, Policy, Severity, failed, passed

print("imported")


class QueueDelay(Policy):
    id = "CKV_CUSTOM_1"
    name = "queue_delay"
    title = "Queues wait"
    severity = Severity.LOW
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = ("aws_sqs_queue",)
    rationale = "Because."
    remediation = "delay_seconds = 5"
    references = ("https://example.com/delay",)

    def evaluate(self, resource, stack):
        print("Content-Length: 5\\r\\n\\r\\nhello", flush=True)
        os.system("echo from a shell")
        sys.stdin.read()
        if resource.get("delay_seconds") == 7:
            os._exit(3)
        if resource.get("delay_seconds") == 5:
            yield passed("It waits.", "delay_seconds")
        else:
            yield failed("It does not wait.", "delay_seconds", expected=5)
'''


def workspace(directory: Path, **files: str) -> Path:
    """A directory with main.tf and a tap.toml."""
    directory.mkdir(parents=True)
    for name, text in ({"tap_toml": ONLY} | files).items():
        path = directory / name.replace("__", "/").replace("_toml", ".toml").replace("_tf", ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return directory


def said(diagnostics: object) -> list[tuple[int, int, int, int, str | int | None]]:
    assert isinstance(diagnostics, (list, tuple))
    return [
        (*(d.range.start.line, d.range.start.character, d.range.end.line, d.range.end.character), d.code)
        for d in diagnostics
    ]


@asynchronous
async def test_from_a_finding_to_its_end(tmp_path: Path) -> None:
    here = workspace(tmp_path / "one", main_tf=KEY)
    main = here / "main.tf"
    # Neither is ever looked for.
    async with editor(here, env={"TAP_TERRAFORM": "/nowhere/terraform", "PATH": "/nowhere"}) as one:
        (found,) = await one.open(main)
        assert said([found]) == [(2, 2, 2, 29, "CKV_TAP_101")]
        assert one.text_at(main, found.range) == "enable_key_rotation = false"
        assert found.message == "The key does not rotate. (enable_key_rotation: found false, expected true)"
        assert (found.severity, found.source) == (types.DiagnosticSeverity.Error, "tap")
        assert found.code_description
        assert found.code_description.href.startswith("https://docs.aws.amazon.com/kms/")

        page = await one.hover(main, 2, 5)
        assert page
        assert page.startswith("**kms_key_rotation**: Customer-managed KMS keys rotate automatically.\n")
        assert "```hcl\nenable_key_rotation = true\n```" in page
        assert await one.hover(main, 0, 12) == page
        assert await one.hover(main, 1, 5) is None
        assert await one.hover(main, 3, 0) is None

        (action,) = await one.actions(main, found)
        assert (action.title, action.kind) == ("Set enable_key_rotation = true", "quickfix")
        assert action.is_preferred
        assert list(action.diagnostics or ()) == [found]
        assert await one.apply(main, action) == ()
        assert one.texts[uri_of(main)] == KEY.replace("false", "true")
        assert await one.hover(main, 2, 5) is None
        # Nothing was written.
        assert main.read_text() == KEY
        assert await one.end() == 0


@asynchronous
async def test_what_is_missing_is_shown_at_the_header_and_added(tmp_path: Path) -> None:
    text = "// CRLF\n\n" + TABLE + '\nresource "aws_kms_key" "short" {}\n'
    here = workspace(tmp_path / "one", main_tf=text.replace("\n", "\r\n"))
    main = here / "main.tf"
    async with editor(here) as one:
        table, key = sorted(await one.open(main), key=lambda found: found.range.start.line)
        assert one.text_at(main, table.range) == 'resource "aws_dynamodb_table" "main"'
        assert one.text_at(main, key.range) == 'resource "aws_kms_key" "short"'
        (action,) = await one.actions(main, table)
        assert action.title == "Add point_in_time_recovery { enabled = true }"
        (key,) = await one.apply(main, action)
        (action,) = await one.actions(main, key)
        assert await one.apply(main, action) == ()
        assert one.texts[uri_of(main)] == (
            text.replace(RANGE_KEY, f"{RANGE_KEY[:-2]}\n\n{RECOVERY}}}")
            .replace('"short" {}', '"short" {\n  enable_key_rotation = true\n}')
            .replace("\n", "\r\n")
        )


@asynchronous
async def test_the_buffer_counts_until_it_is_closed(tmp_path: Path) -> None:
    here = workspace(tmp_path / "one", main_tf=KEY, table_tf=TABLE)
    main, table = here / "main.tf", here / "table.tf"
    async with editor(here) as one:
        assert len(await one.open(main)) == 1
        # The other files of the directory are judged as they are on disk.
        assert said(await one.until(uri_of(table), lambda told: len(told.diagnostics) == 1)) == [
            (0, 0, 0, 36, "CKV_TAP_201")
        ]
        assert await one.change(main, KEY.replace("false", "true")) == ()

        (broken,) = await one.change(main, KEY.replace("= false", "= = 1"))
        assert (broken.range.start.line, broken.severity) == (2, types.DiagnosticSeverity.Error)
        assert broken.message == "the HCL does not parse at `enable_key_rotation = = 1`."
        # What was found before is not said to hold.
        await one.until(uri_of(table), lambda told: not told.diagnostics)
        assert await one.hover(main, 0, 12) is None
        assert await one.actions(main, broken) == []
        (broken,) = await one.change(main, KEY.replace('"Everything."', '"Everything.'))
        assert broken.message == "a quoted string is not closed."
        assert (broken.range.start.line, broken.range.start.character) == (1, 2)

        assert await one.change(main, KEY.replace("false", "true")) == ()
        await one.open(table)
        one.close(main)
        # On disk it is as it was.
        await one.until(uri_of(main), lambda told: len(told.diagnostics) == 1)
        main.write_text(KEY.replace("false", "true"))
        one.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri_of(table)))
        )
        await one.until(uri_of(main), lambda told: not told.diagnostics)
        await one.until(uri_of(table), lambda told: len(told.diagnostics) == 1)
        one.close(table)
        await one.until(uri_of(table), lambda told: not told.diagnostics)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-32"])
@asynchronous
async def test_characters_are_counted_as_agreed(tmp_path: Path, encoding: str) -> None:
    text = 'resource "aws_kms_key" "schlüssel" {\n  /* 🔑 ö */ enable_key_rotation = false # 🔑\n}\n'
    here = workspace(tmp_path / "mit Leerzeichen und ümläuten 🔑", main_tf=text)
    main = here / "main.tf"
    encodings = () if encoding == "utf-16" else (encoding, "utf-16")
    async with editor(here, encodings=encodings) as one:
        (found,) = await one.open(main)
        start = (
            len("  /* 🔑 ö */ ".encode({"utf-8": "utf-8"}.get(encoding, f"{encoding}-le")))
            // {
                "utf-8": 1,
                "utf-16": 2,
                "utf-32": 4,
            }[encoding]
        )
        assert said([found]) == [(1, start, 1, start + 27, "CKV_TAP_101")]
        assert one.text_at(main, found.range) == "enable_key_rotation = false"
        assert await one.hover(main, 1, start)
        assert await one.hover(main, 1, start - 1) is None
        (action,) = await one.actions(main, found)
        assert await one.apply(main, action) == ()
        assert one.texts[uri_of(main)] == text.replace("false", "true")


@asynchronous
async def test_two_workspaces_and_what_is_no_file(tmp_path: Path) -> None:
    here, there = (workspace(tmp_path / name, main_tf=KEY) for name in ("here", "there"))
    async with editor(here, there) as one:
        assert len(await one.open(here / "main.tf")) == 1
        assert len(await one.open(there / "main.tf")) == 1
        await one.open("untitled:Untitled-1", KEY)
        await one.open("git:/somewhere/main.tf?HEAD", KEY)
        assert await one.hover("untitled:Untitled-1", 2, 5) is None
        nowhere = one.told[uri_of(here / "main.tf")].diagnostics[0]
        assert await one.actions("untitled:Untitled-1", nowhere) == []
        assert await one.change(here / "main.tf", KEY.replace("false", "true")) == ()
        assert len(one.told[uri_of(there / "main.tf")].diagnostics) == 1
        one.close(here / "main.tf")
        await one.until(uri_of(here / "main.tf"), lambda told: len(told.diagnostics) == 0)
        assert len(await one.change(there / "main.tf", KEY + "\n")) == 1
        assert set(one.told) == {uri_of(here / "main.tf"), uri_of(there / "main.tf")}


@asynchronous
async def test_a_module_is_judged_with_the_stack_that_calls_it(tmp_path: Path) -> None:
    module = 'variable "rotate" {\n  type = bool\n}\n\n' + KEY.replace("false", "var.rotate")
    call = 'module "key" {\n  source = "./modules/key"\n  rotate = false\n}\n'
    here = workspace(tmp_path / "one", main_tf=call, modules__key__main_tf=module, apart__main_tf=KEY)
    inner, main, apart = here / "modules" / "key" / "main.tf", here / "main.tf", here / "apart" / "main.tf"
    async with editor(here) as one:
        (found,) = await one.open(inner)
        assert one.text_at(inner, found.range) == "enable_key_rotation = var.rotate"
        await one.open(main)
        await one.change(main, call.replace("false", "true"))
        await one.until(uri_of(inner), lambda told: not told.diagnostics)
        # Nobody calls this one: it is judged alone, without the stack's tap.toml.
        codes = {found.code for found in await one.open(apart)}
        assert {"CKV_TAP_101", "CKV_TAP_501"} <= codes


@asynchronous
async def test_what_is_wrong_in_tap_toml_is_shown_there(tmp_path: Path) -> None:
    here = workspace(tmp_path / "one", main_tf=KEY)
    main, toml = here / "main.tf", here / "tap.toml"
    async with editor(here) as one:
        assert len(await one.open(main)) == 1
        await one.open(toml)
        (wrong,) = await one.change(toml, ONLY + '\n[stack]\nnmae = "orders"\n')
        assert one.text_at(toml, wrong.range) == 'nmae = "orders"'
        assert wrong.message == "unknown key stack.nmae; did you mean name?"
        # The gate is closed by that; what was said by the settings before is not said to hold.
        await one.until(uri_of(main), lambda told: not told.diagnostics)
        (wrong,) = await one.change(toml, ONLY + "\n[policies.kms_key_rotation]\nmax_rotation_days = 9\n[")
        assert "is not TOML" in wrong.message
        waiver = '\n[[waivers]]\npolicy = "kms_key_rotation"\naddress = "aws_kms_key.main"\nowner = "Ada"\n'
        (wrong,) = await one.change(toml, f'{ONLY}{waiver}reason = "Soon."\nuntil = 2020-01-01\n')
        assert one.text_at(toml, wrong.range) == "[[waivers]]"
        assert "expired on 2020-01-01" in wrong.message
        assert await one.change(toml, ONLY) == ()
        await one.until(uri_of(main), lambda told: len(told.diagnostics) == 1)


@asynchronous
async def test_a_file_that_is_not_saved_yet(tmp_path: Path) -> None:
    here = workspace(tmp_path / "one")
    async with editor(tmp_path) as one:
        (said_of_it,) = await one.open(here / "new.tf", KEY)
        assert "holds no Terraform configuration" in said_of_it.message
        (said_of_it,) = await one.open(tmp_path / "nowhere" / "new.tf", KEY)
        assert said_of_it.message == f"{tmp_path / 'nowhere'} can't be judged: No such file or directory."
        (here / "new.tf").write_text(KEY)
        one.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri_of(here / "new.tf")))
        )
        await one.until(
            uri_of(here / "new.tf"), lambda told: [d.code for d in told.diagnostics] == ["CKV_TAP_101"]
        )


@asynchronous
async def test_a_policy_can_do_what_it_likes(tmp_path: Path) -> None:
    queue = 'resource "aws_sqs_queue" "main" {\n  name = "orders"\n}\n'
    toml = ONLY.replace("[policies]\n", '[policies]\ndirectory = "own"\n')
    here = workspace(tmp_path / "one", main_tf=queue, tap_toml=toml)
    own = here / "own" / "queue_delay.py"
    own.parent.mkdir()
    own.write_text(OWN)
    main = here / "main.tf"
    async with editor(here) as one:
        (found,) = await one.open(main)
        assert (found.code, found.severity) == ("CKV_CUSTOM_1", types.DiagnosticSeverity.Information)
        (action,) = await one.actions(main, found)
        assert await one.apply(main, action) == ()
        assert '  name          = "orders"\n  delay_seconds = 5\n' in one.texts[uri_of(main)]
        (gone,) = await one.change(main, queue.replace("}", "  delay_seconds = 7\n}"))
        assert gone.message == "Its process ended without an answer: status 3."
        assert len(await one.change(main, queue)) == 1
        # The editor tells of files that others have changed.
        assert [one.method for one in one.registered] == ["workspace/didChangeWatchedFiles"]
        own.write_text(OWN.replace('"It does not wait."', '"It never waits."'))
        event = types.FileEvent(uri_of(own), types.FileChangeType.Changed)
        one.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        await one.until(
            uri_of(main), lambda told: "It never waits." in "".join(d.message for d in told.diagnostics)
        )


@asynchronous
async def test_what_was_judged_before_a_change_is_never_told(tmp_path: Path) -> None:
    """A policy that waits for a file makes a judgement as long as one likes."""
    go, asked = tmp_path / "go", tmp_path / "asked"
    slow = f"""
        import time
        print(resource.name, file=open({str(asked)!r}, "a"))
        while not os.path.exists({str(go)!r}): time.sleep(0.01)
        yield failed(f"It is {{resource.name}}.", "name")
"""
    toml = ONLY.replace("[policies]\n", '[policies]\ndirectory = "own"\n')
    policy = OWN.partition("        print(")[0].rstrip() + slow
    queue = 'resource "aws_sqs_queue" "one" {\n  name = "orders"\n}\n'
    here = workspace(tmp_path / "one", main_tf=queue, tap_toml=toml)
    (here / "own").mkdir()
    (here / "own" / "queue_delay.py").write_text(policy)
    main = here / "main.tf"
    go.touch()
    async with editor(here) as one:
        assert [found.message for found in await one.open(main)] == ["It is one."]
        go.unlink()
        one.type(main, queue.replace('"one"', '"second"'))
        async with asyncio.timeout(SECONDS):
            while "second" not in asked.read_text():
                await asyncio.sleep(0.01)
        one.type(main, queue.replace('"one"', '"third"'))
        # A round trip: the server knows of it before the judgement ends.
        await one.hover(main, 0, 0)
        go.touch()
        assert [found.message for found in await one.current(uri_of(main))] == ["It is third."]
        assert "It is second." not in {found.message for told in one.history for found in told.diagnostics}


@asynchronous
async def test_a_judgement_that_hangs_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    toml = ONLY.replace("[policies]\n", '[policies]\ndirectory = "own"\n')
    here = workspace(tmp_path / "one", main_tf='resource "aws_sqs_queue" "one" {\n}\n', tap_toml=toml)
    (here / "own").mkdir()
    hangs = f"""
        print(os.getpid(), file=open({str(asked)!r}, "a"))
        while True: pass
"""
    (here / "own" / "queue_delay.py").write_text(OWN.partition("        print(")[0].rstrip() + hangs)
    async with editor(here) as one:
        item = types.TextDocumentItem(
            uri_of(here / "main.tf"), "terraform", 1, (here / "main.tf").read_text()
        )
        one.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        async with asyncio.timeout(SECONDS):
            while not asked.exists() or not asked.read_text():
                await asyncio.sleep(0.01)
        # Half of what a judgement may take.
        async with asyncio.timeout(30):
            assert await one.end() == 0
            await _gone(int(asked.read_text()))


@asynchronous
async def test_an_editor_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    here = workspace(tmp_path / "one", main_tf=KEY)
    async with editor(here) as one:
        await one.open(here / "main.tf")
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(one.process.pid)], capture_output=True, text=True, check=True
        )
        children = [int(pid) for pid in listed.stdout.split()]
        assert len(children) == 1
        assert one.process.stdin is not None
        one.process.stdin.close()
        # Without a shutdown.
        assert await one.left() == 1
        for child in children:
            await asyncio.wait_for(_gone(child), SECONDS)


async def _gone(process: int) -> None:
    while Path(f"/proc/{process}").exists():
        await asyncio.sleep(0.01)


def test_without_pygls_one_sentence_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pygls'] = None; sys.modules['lsprotocol'] = None\n"
        "from tapstack.app import main; main(['lsp'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: The language server needs pygls, which is not installed.\n  -> pip install 'tapstack[lsp]'\n"
    )
