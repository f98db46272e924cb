"""Tells the mask what is secret before Terraform has said anything: what a stack's own files and variables hold.

The files are looked through as text, because one that does not parse is quoted by the very error about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tapstack import buffers
from tapstack.masking import MASK, MASKED
from tapstack.secret_names import is_secret_name
from tapstack.sensitive import by_name, leaves, of_text

_VARIABLE: Final = re.compile(r'^[ \t]*variable[ \t]+"?([\w-]+)"?[ \t]*\{', re.MULTILINE)
_IN_JSON: Final = re.compile(r'"([\w-]+)"\s*:\s*\{[^{}]*"(?:sensitive|ephemeral)"\s*:\s*true')
_IS_SECRET: Final = re.compile(r"\b(?:sensitive|ephemeral)[ \t]*=[ \t]*true\b")
_OUTSIDE: Final = re.compile(
    r"^[ \t]*(?:variable|output|resource|data|module|provider|locals|terraform|check)\b", re.MULTILINE
)
# How a module that lies beside is called, in a text that may not parse.
LOCAL_SOURCE: Final = re.compile(r'"?source"?\s*[=:]\s*"(\.\.?/[^"]*)"')
_MARKED: Final = re.compile(r'\bsensitive\(\s*"((?:[^"\\]|\\.)*)"')
_DEFAULT: Final = frozenset({"default"})
_PREFIX: Final = "TF_VAR_"


def of_stack(directory: Path, environ: Mapping[str, str]) -> None:
    """Learn what the files of a stack and the TF_VAR_* of its secret variables hold."""
    for path in _configuration(directory):
        text = _text(path)
        MASK.learn((*of_text(text), *_MARKED.findall(text)))
        MASK.learn(value for _, body in _secret_variables(text) for value in of_text(body, _DEFAULT))
    of_files(directory, (directory / "tap.toml", *_variable_files(directory)))
    given = {name.removeprefix(_PREFIX): text for name, text in environ.items() if name.startswith(_PREFIX)}
    of_variables(directory, given)


def of_files(directory: Path, paths: Iterable[Path]) -> None:
    """Learn what files assign to secret variables of the stack, or to names of secrets: .tfvars, tap.toml."""
    declared = declared_sensitive(directory)
    for path in paths:
        MASK.learn(of_text(_text(path), declared))


def of_variables(directory: Path, values: Mapping[str, Any]) -> None:
    """Learn the values of the stack's secret variables; a text may be an expression."""
    for name, value in values.items():
        if is_secret_variable(directory, name):
            MASK.learn(leaves(value))
            MASK.learn(by_name({"secret": value}))
            if isinstance(value, str):
                MASK.learn(of_text(f"secret = {value}"))


def hidden(directory: Path, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables with MASKED for the values of those that are secret."""
    return {
        name: MASKED if is_secret_variable(directory, name) else value for name, value in variables.items()
    }


def is_secret_variable(directory: Path, name: str) -> bool:
    """Whether a variable is declared sensitive or ephemeral in the root module, or is named like a secret."""
    return name in declared_sensitive(directory) or is_secret_name(name)


@lru_cache(maxsize=16)
def declared_sensitive(directory: Path) -> frozenset[str]:
    """The root module's variables that are sensitive or ephemeral."""
    texts = map(_text, _configuration_files(directory))
    return frozenset(name for text in texts for name, _ in _secret_variables(text))


def _secret_variables(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of each `variable` block that is sensitive; of JSON, the names."""
    for found in _VARIABLE.finditer(text):
        end = _OUTSIDE.search(text, found.end())
        body = text[found.end() : end.start() if end else len(text)]
        if _IS_SECRET.search(body):
            yield found[1], body
    if '"variable"' in text:
        yield from ((found[1], found[0]) for found in _IN_JSON.finditer(text))


def _configuration(directory: Path) -> Iterator[Path]:
    """The files of the root module and of the local modules it calls."""
    waiting, seen = [directory], set[Path]()
    while waiting:
        here = waiting.pop()
        if (resolved := here.resolve()) in seen:
            continue
        seen.add(resolved)
        for path in _configuration_files(here):
            yield path
            waiting += [here / source for source in LOCAL_SOURCE.findall(_text(path))]


def _configuration_files(directory: Path) -> list[Path]:
    return _files(directory, (".tf", ".tf.json"))


def _variable_files(directory: Path) -> list[Path]:
    return _files(directory, (".tfvars", ".tfvars.json"))


def _files(directory: Path, endings: tuple[str, ...]) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.name.endswith(endings))
    except OSError:
        # Whoever needs the directory says what is wrong with it.
        return []


def _text(path: Path) -> str:
    try:
        return buffers.read_text(path, errors="replace")
    except OSError:
        return ""
