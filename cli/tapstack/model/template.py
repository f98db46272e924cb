"""Templates of Terraform's JSON syntax: their literal text, their expressions, and what those refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_OPENING: Final = re.compile(r"(\$\$\{|%%\{)|\$\{|%\{")
_TOKEN: Final = re.compile(
    r'"|[A-Za-z_][\w-]*(?:\s*\.\s*(?:[A-Za-z_][\w-]*|\d+)|\[(?:"[^"$]*"|\d+)\])*(?:\s*\()?'
)
_ROOTS: Final = frozenset({"var", "local", "module", "data", "each", "count", "self", "path", "terraform"})


def split(template: str) -> Iterator[tuple[str, str]]:
    """("text", ...), ("code", ...) for `${code}` and ("directive", ...) for `%{directive}`, in order."""
    start = at = 0
    while (match := _OPENING.search(template, at)) is not None:
        if match[1]:
            at = match.end()
            continue
        end = _end_of_code(template, match.end())
        if match.start() > start:
            yield "text", _literal(template[start : match.start()])
        yield ("code" if match[0] == "${" else "directive"), template[match.end() : end].strip()
        start = at = end + 1
    if start < len(template):
        yield "text", _literal(template[start:])


def references(template: str) -> tuple[str, ...]:
    """What a template refers to ("var.x", "aws_kms_key.main.arn"), each once, in order."""
    return tuple(dict.fromkeys(_template_references(template)))


def _literal(text: str) -> str:
    return text.replace("$${", "${").replace("%%{", "%{")


def _end_of_code(text: str, at: int) -> int:
    depth = 1
    while at < len(text):
        if text[at] == '"':
            at = _end_of_string(text, at + 1)
        elif text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
        at += 1
    return len(text)


def _end_of_string(text: str, at: int) -> int:
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
        elif text.startswith(("${", "%{"), at) and text[at - 1] != text[at]:
            at = _end_of_code(text, at + 2)
        at += 1
    return at


def _template_references(template: str) -> Iterator[str]:
    for kind, part in split(template):
        if kind != "text":
            yield from _code_references(part)


def _code_references(code: str) -> Iterator[str]:
    at = 0
    while (match := _TOKEN.search(code, at)) is not None:
        at = match.end()
        if match[0] == '"':
            end = _end_of_string(code, at)
            yield from _template_references(code[at:end])
            at = end + 1
        elif _is_reference(match[0]):
            yield re.sub(r"\s*\.\s*", ".", match[0])


def _is_reference(token: str) -> bool:
    """Whether a token names something of the configuration, not a function or a `for` variable."""
    root, dot, _ = token.partition(".")
    return bool(dot) and not token.endswith("(") and (root.strip() in _ROOTS or "_" in root)
