"""What can stand at the cursor of a shell: names read from the files of the stack, without running or importing them.

Each function is a click completion callback. What can't be read raises; `completion.answer` then offers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from tapstack.settings import FILE_NAME, SANDBOX

_ID: Final = re.compile(r'^    id(?:: [^=]+)? = "(\w+)"', re.MULTILINE)
_HEADER: Final = re.compile(
    r'^[ \t]*(resource|data|module|output)[ \t]+"([\w-]+)"(?:[ \t]+"([\w-]+)")?[ \t]*\{', re.MULTILINE
)
_SOURCE: Final = re.compile(r'^[ \t]*source[ \t]*=[ \t]*"(\.{1,2}/[^"$]*)"', re.MULTILINE)
# A state that takes longer to read than anybody waits at a prompt.
_LARGEST: Final = 20_000_000


def environments(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The environments of tap.toml."""
    return _beginning(incomplete, sorted({SANDBOX, *_settings(ctx).get("environments", {})}))


def policies(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of policies, the pack's and the stack's own; ids once the word begins like one."""
    named = _settings(ctx).get("policies", {}).get("directory", [])
    own = [_directory(ctx) / one for one in ([named] if isinstance(named, str) else named)]
    files = [
        file
        for root in (*_pack(), *own)
        for file in sorted(root.rglob("*.py"))
        if not file.name.startswith((".", "_"))
    ]
    found = _beginning(incomplete, [file.stem for file in files])
    if incomplete[:1] == "C":
        ids = [match[1] for file in files if (match := _ID.search(file.read_text("utf-8")))]
        found += _beginning(incomplete, sorted(ids))
    return found


def seals(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the environment's sealed plans, newest first."""
    return _beginning(incomplete, [directory.name for directory in _sealed(ctx)])


def addresses(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Addresses of the configuration's blocks and of what a local state or the newest plan's findings name.

    Data sources are offered once the word begins like one.
    """
    found = {*_blocks(_directory(ctx), "", ()), *_recorded(ctx)}
    wanted = [one for one in found if "data." in incomplete or "data." not in one]
    return _beginning(incomplete, sorted(wanted))


def outputs(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The outputs that the configuration declares."""
    declared = [header[2] for header, _ in _headers(_directory(ctx)) if header[1] == "output"]
    return _beginning(incomplete, sorted(declared))


def formats(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """The formats of reports; a file behind the `=`."""
    from tapstack.report.formats import NAMES

    if "=" in incomplete:
        return [CompletionItem(incomplete, type="file")]
    return _beginning(incomplete, list(NAMES))


def keys(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Private keys, which have their public one beside them; any file where there are none."""
    folder = incomplete.rpartition("/")[0]
    publics = sorted(Path(folder or ("/" if incomplete.startswith("/") else ".")).glob("*.pub"))
    privates = [
        f"{folder}/{one.stem}" if folder else one.stem for one in publics if one.with_suffix("").is_file()
    ]
    return _beginning(incomplete, privates) or [CompletionItem(incomplete, type="file")]


def directories(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Directories, which the shell knows best."""
    return [CompletionItem(incomplete, type="dir")]


def _beginning(incomplete: str, words: list[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _directory(ctx: click.Context) -> Path:
    return Path(ctx.params.get("directory") or ".")


def _settings(ctx: click.Context) -> dict[str, Any]:
    import tomllib

    path = _directory(ctx) / FILE_NAME
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def _pack() -> list[Path]:
    import importlib.util

    pack = importlib.util.find_spec("tapstack_policies")
    return [Path(one) for one in (pack.submodule_search_locations or ())] if pack else []


def _sealed(ctx: click.Context) -> Iterator[Path]:
    import orjson

    for directory in sorted((_directory(ctx) / ".tap" / "plans").glob("[!.]*/"), reverse=True):
        seal = directory / "seal.json"
        if seal.is_file():
            where = orjson.loads(seal.read_bytes())["predicate"]["where"]
            if where["environment"] == ctx.params.get("environment", SANDBOX):
                yield directory


def _headers(directory: Path) -> Iterator[tuple[re.Match[str], str]]:
    """The header of every block of a module, and the text from there to the next one."""
    for file in sorted(directory.glob("*.tf")):
        text = file.read_text("utf-8")
        found = list(_HEADER.finditer(text))
        for header, end in zip(found, [*(one.start() for one in found[1:]), len(text)], strict=True):
            yield header, text[header.end() : end]


def _blocks(directory: Path, prefix: str, callers: tuple[Path, ...]) -> Iterator[str]:
    """Found by their first lines: reading the language takes seconds where a stack is large."""
    here = directory.resolve()
    for header, body in _headers(directory):
        kind, label, name = header.groups()
        if kind == "module":
            yield f"{prefix}module.{label}"
            source = _SOURCE.search(body)
            if source and here not in callers:
                yield from _blocks(directory / source[1], f"{prefix}module.{label}.", (*callers, here))
        elif kind != "output" and name:
            yield f"{prefix}{'data.' if kind == 'data' else ''}{label}.{name}"


def _recorded(ctx: click.Context) -> Iterator[str]:
    """Addresses with the keys of their instances."""
    import orjson

    directory, environment = _directory(ctx), str(ctx.params.get("environment", SANDBOX))
    for state in (directory / ".tap" / environment / "terraform.tfstate", directory / "terraform.tfstate"):
        if state.is_file() and state.stat().st_size < _LARGEST:
            for resource in orjson.loads(state.read_bytes()).get("resources", ()):
                yield from _instances(resource)
    for newest in _sealed(ctx):
        ledger = orjson.loads((newest / "ledger.json").read_bytes())
        yield from (finding["address"] for finding in ledger.get("findings", ()))
        return


def _instances(resource: dict[str, Any]) -> Iterator[str]:
    import json

    module = f"{resource['module']}." if "module" in resource else ""
    mode = "data." if resource["mode"] == "data" else ""
    for instance in resource["instances"]:
        key = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
        yield f"{module}{mode}{resource['type']}.{resource['name']}{key}"
