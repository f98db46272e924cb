"""The server's life: started once, found, ended, never leaked, never confused with another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tapstack.errors import ExitCode, SandboxFailed
from tapstack.sandbox import daemon
from tapstack.sandbox.daemon import Sandbox

from .conftest import client_of, eventually

pytestmark = pytest.mark.real


def gone(sandbox: Sandbox) -> bool:
    return not daemon.alive(sandbox)


def test_a_started_sandbox_answers_is_found_and_ends(own_directory: Path) -> None:
    sandbox = daemon.start(own_directory)
    assert daemon.alive(sandbox)
    assert daemon.find(own_directory) == sandbox
    assert client_of(sandbox, "sts").get_caller_identity()["Account"] == "123456789012"
    assert daemon.stop(own_directory) == sandbox
    assert gone(sandbox)
    assert daemon.find(own_directory) is None
    assert daemon.stop(own_directory) is None


def test_directory_record_and_log_are_for_their_owner_only(own_directory: Path) -> None:
    sandbox = daemon.start(own_directory)
    assert stat.S_IMODE(own_directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((own_directory / "sandbox.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(sandbox.log.stat().st_mode) == 0o600


def test_a_second_start_is_refused_and_names_the_first(own_directory: Path) -> None:
    sandbox = daemon.start(own_directory)
    with pytest.raises(SandboxFailed, match=rf"process {sandbox.pid} at {sandbox.url}"):
        daemon.start(own_directory)
    assert daemon.find(own_directory) == sandbox


def test_a_stale_record_is_cleaned(own_directory: Path) -> None:
    sandbox = daemon.start(own_directory)
    os.kill(sandbox.pid, signal.SIGKILL)
    assert eventually(lambda: gone(sandbox))
    assert (own_directory / "sandbox.json").exists()
    assert daemon.find(own_directory) is None
    assert not (own_directory / "sandbox.json").exists()


def test_after_a_kill_a_new_one_starts_and_is_not_taken_for_the_old(own_directory: Path) -> None:
    old = daemon.start(own_directory)
    os.kill(old.pid, signal.SIGKILL)
    assert eventually(lambda: gone(old))
    new = daemon.start(own_directory, port=old.port)
    assert new.port == old.port
    assert gone(old)
    assert daemon.alive(new)


def test_a_process_that_took_over_the_recorded_pid_is_not_killed(own_directory: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        sandbox = daemon.start(own_directory)
        record = own_directory / "sandbox.json"
        fields = json.loads(record.read_text())
        os.kill(sandbox.pid, signal.SIGKILL)
        assert eventually(lambda: gone(sandbox))
        record.write_text(json.dumps({**fields, "pid": bystander.pid}))
        assert daemon.stop(own_directory) is None
        assert bystander.poll() is None
        bystander.kill()


def test_a_hung_server_is_reported_and_can_be_ended(own_directory: Path) -> None:
    sandbox = daemon.start(own_directory)
    os.kill(sandbox.pid, signal.SIGSTOP)
    with pytest.raises(SandboxFailed, match=f"process {sandbox.pid} is there but does not answer"):
        daemon.find(own_directory)
    assert daemon.stop(own_directory, timeout=0.5) == sandbox
    assert gone(sandbox)


def test_a_port_in_use_is_one_sentence_with_the_port(own_directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            SandboxFailed, match=rf"^port {port} is already in use on 127\.0\.0\.1$"
        ) as caught:
            daemon.start(own_directory, port=port)
    assert caught.value.hint == "name another port, or none to have a free one chosen"
    assert caught.value.exit_code == ExitCode.FAILED
    assert daemon.find(own_directory) is None


def test_concurrent_callers_get_one_and_the_same_server(own_directory: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tapstack.sandbox import daemon;"
        "print(daemon.ensure(Path(sys.argv[1])).pid)"
    )
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(own_directory)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    answers = {caller.communicate(timeout=60)[0].strip() for caller in callers}
    found = daemon.find(own_directory)
    assert found is not None
    assert answers == {str(found.pid)}


def test_the_server_survives_its_starter_and_has_no_variable_of_it(own_directory: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tapstack.sandbox import daemon;"
        "daemon.start(Path(sys.argv[1]))"
    )
    caller = {
        **os.environ,
        "AWS_PROFILE": "production",
        "HTTPS_PROXY": "http://proxy.corp",
        "SECRET": "canary",
    }
    subprocess.run([sys.executable, "-c", program, str(own_directory)], check=True, env=caller)
    sandbox = daemon.find(own_directory)
    assert sandbox is not None
    environment = Path(f"/proc/{sandbox.pid}/environ").read_bytes()
    assert not [word for word in (b"production", b"proxy.corp", b"canary") if word in environment]


def test_only_loopback_is_listened_on(sandbox: Sandbox) -> None:
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{sandbox.port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F:{sandbox.port:04X}"]


def test_the_server_ends_by_itself_when_its_directory_is_deleted(own_directory: Path) -> None:
    sandbox = daemon.start(own_directory)
    shutil.rmtree(own_directory)
    assert eventually(lambda: gone(sandbox), 8)


def test_a_patch_that_no_longer_fits_ends_the_start_and_is_named(
    own_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from moto.kms.responses import KmsResponse; del KmsResponse.get_key_rotation_status"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(
        SandboxFailed, match=r"patch 'KMS rotation period' does not fit moto \d.*get_key_rotation"
    ):
        daemon.start(own_directory)
    assert daemon.find(own_directory) is None


def test_the_daemon_and_the_environment_import_no_server() -> None:
    program = (
        "import sys, tapstack.sandbox.daemon, tapstack.sandbox.environment;"
        "print({name.split('.')[0] for name in sys.modules} & {'moto', 'boto3', 'botocore', 'werkzeug', 'requests'})"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Host": "evil.example:80"}])
def test_a_web_page_is_not_answered(sandbox: Sandbox, header: dict[str, str]) -> None:
    request = urllib.request.Request(f"{sandbox.url}/_tap/identity", headers=header)  # noqa: S310 - our own server
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(request, timeout=5)
    assert caught.value.code == 403
