"""Decides whether `terraform init` is needed: only when something it depends on has changed.

Two looks, the cheap one first: if no configuration file changed at all, nothing is parsed. If one did, the
parts that init reads (terraform, provider and module blocks, and the providers that resource types imply)
are compared with those of the last init.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from tapstack.errors import TapError
from tapstack.terraform.binary import Binary
from tapstack.terraform.source import Block, configuration_files, read_file

_LOCK_FILE = ".terraform.lock.hcl"


class InitRecord:
    """Remembers, in `path`, what the last successful init of `directory` depended on."""

    def __init__(self, path: Path, directory: Path, binary: Binary, extra: tuple[str, ...] = ()) -> None:
        self._path = path
        self._directory = directory
        # The state and the provider packages live in the data directory, the selections in the lock file.
        self._tool = [binary.version, binary.path, str(directory), *extra]

    def needed(self) -> bool:
        """Whether init must run before the next command."""
        try:
            before = orjson.loads(self._path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return True
        if before.get("tool") != self._tool or before.get("lock") != _digest(self._directory / _LOCK_FILE):
            return True
        modules = [self._directory, *map(Path, before.get("modules", []))]
        if before.get("content") == _content(modules):
            return False
        now = self._structure()
        if now is None or before.get("structure") != now[0]:
            return True
        self._write(*now)
        return False

    def done(self) -> None:
        """Record that init has just succeeded."""
        now = self._structure()
        if now is None:
            # Terraform accepts what is not read here; without a record, init runs each time, which is only slow.
            self._path.unlink(missing_ok=True)
        else:
            self._write(*now)

    def forget(self) -> None:
        """Have init run before the next command."""
        self._path.unlink(missing_ok=True)

    def _write(self, structure: str, modules: list[str]) -> None:
        record = {
            "tool": self._tool,
            "lock": _digest(self._directory / _LOCK_FILE),
            "content": _content([self._directory, *map(Path, modules)]),
            "structure": structure,
            "modules": modules,
        }
        self._path.write_bytes(orjson.dumps(record))

    def _structure(self) -> tuple[str, list[str]] | None:
        modules: list[Path] = []
        waiting = [self._directory]
        parts: list[Any] = []
        try:
            while waiting:
                directory = waiting.pop()
                for path in configuration_files(directory):
                    blocks = read_file(path)
                    parts.append([str(path), *_relevant(blocks)])
                    for source in _local_sources(blocks):
                        module = (directory / source).resolve()
                        if module.is_dir() and module not in modules:
                            modules.append(module)
                            waiting.append(module)
        except (TapError, RecursionError):
            # Terraform will say what is wrong; "cannot tell" is the only answer needed.
            return None
        digest = hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
        return digest, [str(module) for module in modules]


def _relevant(blocks: Iterable[Block]) -> list[Any]:
    types: set[str] = set()
    providers: set[str] = set()
    modules: list[Any] = []
    settings: list[Any] = []
    for block in blocks:
        if block.type == "terraform":
            settings.append(_content_of(block))
        elif block.type == "module":
            modules.append([block.labels, *(block.attributes.get(name) for name in ("source", "version"))])
        elif block.type == "provider":
            providers.update(block.labels)
        elif block.type in ("resource", "data", "ephemeral") and block.labels:
            types.add(block.labels[0].partition("_")[0])
    return [settings, sorted(providers), modules, sorted(types)]


def _content_of(block: Block) -> list[Any]:
    return [block.type, block.labels, block.attributes, [_content_of(inner) for inner in block.blocks]]


def _local_sources(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        source = block.attributes.get("source")
        if block.type == "module" and isinstance(source, str) and source.startswith(("./", "../")):
            yield source


def _content(directories: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for directory in directories:
        with contextlib.suppress(TapError):  # a module that is gone has no content
            for path in configuration_files(directory):
                digest.update(f"{path}\0{_digest(path)}\0".encode())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "absent"
