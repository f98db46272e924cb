"""What a running sandbox is, and the record by which other processes find it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

SCHEMA: Final = "tap.sandbox/1"
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A server and how to reach it; `started` is UTC in ISO 8601, `url` is http://127.0.0.1:PORT."""

    id: str
    pid: int
    port: int
    url: str
    log: Path
    started: str


def record_file(directory: Path) -> Path:
    """Where the record of the sandbox in `directory` lies."""
    return directory / "sandbox.json"


def log_file(directory: Path) -> Path:
    """Where the server of `directory` writes what went wrong."""
    return directory / "server.log"


def url_of(port: int) -> str:
    """The address of a sandbox: the IP, because S3 clients put the bucket before a host name."""
    return f"http://{LOOPBACK}:{port}"


def read(directory: Path) -> Sandbox | None:
    """The recorded sandbox, running or not; None without a record or with an unreadable one."""
    try:
        fields = json.loads(record_file(directory).read_text(encoding="utf-8"))
        if fields["schema"] != SCHEMA:
            return None
        port = int(fields["port"])
        return Sandbox(
            id=str(fields["id"]),
            pid=int(fields["pid"]),
            port=port,
            url=url_of(port),
            log=log_file(directory),
            started=str(fields["started"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(directory: Path, sandbox: Sandbox) -> None:
    """Write the record in one step, mode 0600."""
    fields = {"schema": SCHEMA, **{k: v for k, v in asdict(sandbox).items() if k not in ("log", "url")}}
    temporary = record_file(directory).with_suffix(f".{sandbox.pid}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(fields, stream, indent=2)
        stream.write("\n")
    temporary.replace(record_file(directory))


def remove(directory: Path, identity: str | None = None) -> None:
    """Remove the record; with `identity`, only if it is that sandbox's own."""
    recorded = read(directory)
    if identity is None or (recorded is not None and recorded.id == identity):
        record_file(directory).unlink(missing_ok=True)
