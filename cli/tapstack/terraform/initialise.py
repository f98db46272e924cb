"""Decides whether `terraform init` is needed: only when something it depends on has changed.

Two looks, the cheap one first: if no configuration file changed at all, nothing is parsed. If one did, the
parts that init reads (terraform, provider and module blocks, and the providers that resource types imply)
are compared with those of the last init.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from tapstack.terraform.binary import Binary

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
            # Terraform accepts it and hcl2 does not; without a record, init runs each time, which is only slow.
            self._path.unlink(missing_ok=True)
        else:
            self._write(*now)

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
        import hcl2

        modules: list[Path] = []
        waiting = [self._directory]
        parts: list[Any] = []
        try:
            while waiting:
                directory = waiting.pop()
                for path in _files([directory]):
                    text = path.read_text("utf-8")
                    document = orjson.loads(text) if path.suffix == ".json" else hcl2.loads(text)
                    parts.append([str(path), *_relevant(document)])
                    for source in _local_sources(document):
                        module = (directory / source).resolve()
                        if module.is_dir() and module not in modules:
                            modules.append(module)
                            waiting.append(module)
        except Exception:  # hcl2 raises whatever its grammar raises; "cannot tell" is the only answer needed
            return None
        digest = hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
        return digest, [str(module) for module in modules]


def _relevant(document: dict[str, Any]) -> list[Any]:
    types = sorted(
        {name.split("_")[0] for kind in ("resource", "data") for name in _labels(document.get(kind))}
    )
    modules = [
        {"source": body.get("source"), "version": body.get("version"), "name": name}
        for name, body in _bodies(document.get("module"))
    ]
    providers = sorted(_labels(document.get("provider")))
    return [_without_lines(document.get("terraform")), providers, modules, types]


def _without_lines(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_lines(inner) for key, inner in value.items() if not key.startswith("__")}
    return [_without_lines(inner) for inner in value] if isinstance(value, list) else value


def _bodies(blocks: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in blocks if isinstance(blocks, list) else [blocks] if blocks else []:
        for name, body in block.items():
            if isinstance(body, dict):
                yield name, body


def _labels(blocks: Any) -> Iterator[str]:
    return (name for name, _ in _bodies(blocks))


def _local_sources(document: dict[str, Any]) -> Iterator[str]:
    for _, body in _bodies(document.get("module")):
        source = body.get("source")
        source = source[0] if isinstance(source, list) else source
        if isinstance(source, str) and source.startswith(("./", "../")):
            yield source


def _files(directories: Iterable[Path]) -> list[Path]:
    return [
        path
        for directory in directories
        for path in sorted([*directory.glob("*.tf"), *directory.glob("*.tf.json")])
    ]


def _content(directories: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in _files(directories):
        digest.update(f"{path}\0{_digest(path)}\0".encode())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "absent"
