"""Reads a configuration's HCL: blocks, values as written, and the lines they stand on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from tapstack import buffers
from tapstack.errors import GateFailed, InputError
from tapstack.terraform import parse_cache, quoted
from tapstack.terraform.file_names import require_utf8
from tapstack.terraform.json_syntax import JsonBlock, read_json

# A block of these kinds in an override file changes the block of the same labels elsewhere.
_LABELS: Final = {"resource": 2, "data": 2, "module": 1, "provider": 1, "variable": 1}
_HEREDOC: Final = re.compile(r"<<(-?)([^\W\d][\w.-]*)\n(.*?)[ \t]*\2\Z", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPE: Final = re.compile(r'\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[nrt"\\])')
_CODE: Final = re.compile(r"[$%]\{")
_PROVIDER: Final = re.compile(r"[\w-]+\.[\w-]+")
_MAX_DIGITS: Final = 300
_NAMED: Final = 3

# The files that `terraform.override` and `terraform.imports` have in a directory for a while; they are nobody's
# configuration.
OVERRIDE_NAME: Final = "zz_tap_sandbox_override.tf"
IMPORTS_NAME: Final = "zz_tap_recovery.tf"
OWN_NAMES: Final = frozenset({OVERRIDE_NAME, IMPORTS_NAME})


class ConfigurationError(GateFailed):
    """A configuration can't be read; the message starts with file:line where a line is known."""

    kind = "parse"

    def __init__(self, message: str, *, file: str, line: int | None = None, hint: str | None = None) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}", hint=hint)
        self.file = file


@dataclass(frozen=True, slots=True)
class Position:
    """Lines of a file, from 1, both inclusive; `file` is relative to the working directory."""

    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block.

    Values are those of Terraform's JSON syntax (https://developer.hashicorp.com/terraform/language/syntax/json):
    None, bool, int, float, list, dict, and str, which is a template: `${var.x}` stands for an expression and
    `$${` for a literal `${`. `lines` has the position of each attribute, and of each member of an object that is
    written out ("tags.Name").
    """

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Any]
    blocks: tuple[Block, ...]
    position: Position
    lines: Mapping[str, Position]


@dataclass(frozen=True, slots=True)
class Module:
    """One directory of a configuration. `calls` maps module calls' names to the modules that were read."""

    directory: Path
    blocks: tuple[Block, ...]
    calls: Mapping[str, Module]
    unread: tuple[str, ...] = ()
    """A sentence for each file or module call that is part of the configuration and was not read."""
    _index: dict[tuple[str, ...], Block] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {(b.type, *b.labels): b for b in reversed(self.blocks)})

    def find(self, kind: str, *labels: str) -> Block | None:
        """The block of that kind with these labels."""
        return self._index.get((kind, *labels))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A root module and the local modules it calls."""

    root: Module

    def module(self, path: tuple[str, ...]) -> Module | None:
        """The module that a path of call names leads to; () is the root."""
        module: Module | None = self.root
        for name in path:
            module = module.calls.get(name) if module else None
        return module


def read_configuration(directory: Path) -> Configuration:
    """Every `*.tf` and `*.tf.json` of a directory and of the local modules it calls, override files merged as
    Terraform does.

    Raises InputError where there is no such file, ConfigurationError (a GateFailed) for what can't be read.
    """
    return Configuration(_read_module(directory, ()))


def position(
    configuration: Configuration,
    module: tuple[str, ...],
    type: str,  # noqa: A002 - the field's word
    name: str,
    *,
    mode: str = "managed",
    attribute: str | None = None,
) -> Position | None:
    """Where a resource's attribute stands, else its innermost block that is there, else the resource's block.

    `attribute` is a dotted path ("point_in_time_recovery.0.enabled"). None where the resource isn't found.
    """
    place = configuration.module(module)
    block = place.find("data" if mode == "data" else "resource", type, name) if place else None
    if block is None:
        return None
    parts = [part for part in (attribute or "").split(".") if part and not part.isdigit()]
    return _attribute_position(block, parts)


def _attribute_position(block: Block, parts: list[str]) -> Position:
    if not parts:
        return block.position
    for length in range(len(parts), 0, -1):
        if found := block.lines.get(".".join(parts[:length])):
            return found
    inner = [b for b in block.blocks if b.type == parts[0] or b.labels == (parts[0],)]
    return _attribute_position(inner[0], parts[1:]) if inner else block.position


def _read_module(directory: Path, callers: tuple[Path, ...]) -> Module:
    blocks: list[Block] = []
    unread: tuple[str, ...] = ()
    for file in _files(directory):
        found = read_file(file)
        blocks = _override(blocks, found) if _is_override(file) else [*blocks, *found]
    calls: dict[str, Module] = {}
    here = directory.resolve()
    for call in (b for b in blocks if b.type == "module" and b.labels):
        source = call.attributes.get("source")
        if isinstance(source, str) and source.startswith(("./", "../")):
            calls[call.labels[0]] = _called(call, directory / source, (*callers, here))
        else:
            at = call.position
            unread += (
                f"{at.file}:{at.line}: module {call.labels[0]} comes from {source}, which is not read",
            )
    return Module(directory, tuple(blocks), calls, unread)


def _called(call: Block, directory: Path, callers: tuple[Path, ...]) -> Module:
    at = call.lines["source"]
    if directory.resolve() in callers:
        raise ConfigurationError(f"module {call.labels[0]} calls itself.", file=at.file, line=at.line)
    try:
        return _read_module(directory, callers)
    except InputError as error:
        raise ConfigurationError(
            f"module {call.labels[0]} can't be read: {error.message}", file=at.file, line=at.line
        ) from error


def configuration_files(directory: Path) -> list[Path]:
    """The files that make up a module, in the order in which they count: override files last.

    Raises InputError for what is no directory that can be read, and for a name that is not UTF-8.
    """
    try:
        names = sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(
            f"{directory} can't be read as a directory of Terraform files: {error.strerror}."
        ) from error
    files = [
        directory / name
        for name in names
        if name.endswith((".tf", ".tf.json")) and name not in OWN_NAMES and not (directory / name).is_dir()
    ]
    for file in files:
        require_utf8(file)
    return sorted(files, key=_is_override)


def _files(directory: Path) -> list[Path]:
    files = configuration_files(directory)
    if not files:
        raise no_configuration(directory)
    return files


def no_configuration(directory: Path) -> InputError:
    """What to say of a directory without any; where there is some below it, the hint names that."""
    below = {
        str(file.parent.relative_to(directory))
        for pattern in ("*/*.tf", "*/*.tf.json", "*/*/*.tf", "*/*/*.tf.json")
        for file in directory.glob(pattern)
        if not any(part.startswith(".") for part in file.relative_to(directory).parts)
    }
    named = sorted(below, key=lambda name: (name.count(os.sep), name))
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return InputError(
        f"{directory} holds no Terraform configuration: expected at least one .tf file.",
        hint=f"there is some in {', '.join(named[:_NAMED])}{more}: name the one you mean"
        if named
        else "name the directory that holds some",
    )


def _is_override(file: Path) -> bool:
    stem = file.name.partition(".tf")[0]
    return stem == "override" or stem.endswith("_override")


def _override(blocks: list[Block], overrides: list[Block]) -> list[Block]:
    """Merge as https://developer.hashicorp.com/terraform/language/files/override says."""
    result = list(blocks)
    for new in overrides:
        key = _identity(new)
        at = next((i for i, old in enumerate(result) if key is not None and _identity(old) == key), None)
        if at is None:
            result.append(new)
            continue
        old, kinds = result[at], {b.type for b in new.blocks}
        result[at] = replace(
            old,
            attributes={**old.attributes, **new.attributes},
            lines={**old.lines, **new.lines},
            blocks=(*(b for b in old.blocks if b.type not in kinds), *new.blocks),
        )
    return result


def _identity(block: Block) -> tuple[Any, ...] | None:
    if _LABELS.get(block.type) != len(block.labels):
        return None
    return (block.type, *block.labels, block.attributes.get("alias"))


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def read_file(file: Path) -> list[Block]:
    """The top-level blocks of one file. Raises ConfigurationError."""
    text, shown = text_of(file), _shown(file)
    if file.suffix == ".json":
        return _parse_json(text, shown)
    kept = parse_cache.load(text)
    if kept is not None:
        return [_of_kept(block, shown) for block in kept]
    blocks = [block for kind, block in _items(text, shown) if kind == "block"]
    parse_cache.store(text, [_to_keep(block) for block in blocks])
    return blocks


def _to_keep(block: Block) -> list[Any]:
    """A block as JSON has it, without the name of its file: the same text may stand in another one."""
    at = block.position
    lines = {path: (where.line, where.end_line) for path, where in block.lines.items()}
    inner = [_to_keep(one) for one in block.blocks]
    return [block.type, block.labels, block.attributes, inner, at.line, at.end_line, lines]


def _of_kept(kept: list[Any], file: str) -> Block:
    kind, labels, attributes, inner, line, end_line, lines = kept
    return Block(
        type=kind,
        labels=tuple(labels),
        attributes=attributes,
        blocks=tuple(_of_kept(one, file) for one in inner),
        position=Position(file, line, end_line),
        lines={path: Position(file, *where) for path, where in lines.items()},
    )


def text_of(file: Path) -> str:
    """What a file says, with newlines as ends of lines and one more at the end. Raises ConfigurationError."""
    shown = _shown(file)
    try:
        text = buffers.read_text(file)
    except OSError as error:
        raise ConfigurationError(f"the file can't be read: {error.strerror}.", file=shown) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            "the file is not UTF-8, which Terraform requires.", file=shown, line=line
        ) from error
    # Terraform skips a byte order mark in HCL, and refuses it in JSON.
    return (text if file.suffix == ".json" else text.removeprefix("\ufeff")).replace("\r\n", "\n") + "\n"


def _parse_json(text: str, shown: str) -> list[Block]:
    try:
        found = read_json(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"the JSON does not parse: {error.msg}.", file=shown, line=error.lineno
        ) from None
    except ValueError as error:
        raise ConfigurationError(f"the JSON is no configuration: {error}.", file=shown) from None
    whole = Position(shown, 1, text.rstrip("\n").count("\n") + 1)
    return [_of_json(block, whole) for block in found]


def _of_json(block: JsonBlock, whole: Position) -> Block:
    """JSON is read without lines: everything stands in its file."""
    return Block(
        type=block.type,
        labels=block.labels,
        attributes=block.attributes,
        blocks=tuple(_of_json(inner, whole) for inner in block.blocks),
        position=whole,
        lines=dict.fromkeys(block.attributes, whole),
    )


@cache
def _grammar() -> Any:
    # Building the grammar takes 100 ms; only commands that read HCL pay for it.
    from hcl2.parser import hcl2

    return hcl2.lark_parser


def read_variables(file: Path) -> dict[str, Any]:
    """The values of a .tfvars file, as expressions of the JSON syntax. Raises ConfigurationError."""
    text, shown = text_of(file), _shown(file)
    if file.suffix == ".json":
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ConfigurationError(f"the JSON does not parse: {error}.", file=shown) from None
        if not isinstance(document, dict):
            raise ConfigurationError("an object of variables was expected.", file=shown)
        return {name: _literal(value) for name, value in document.items()}
    return {item[0]: item[1] for kind, item in _items(text, shown) if kind == "attribute"}


def _literal(value: Any) -> Any:
    """A value of a .tfvars.json, in which a string is no template."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return {key: _literal(item) for key, item in value.items()} if isinstance(value, dict) else value


def _items(text: str, shown: str) -> list[tuple[str, Any]]:
    try:
        return list(_Reader(text, shown).body(tree(text, shown).children[0]))
    except RecursionError:
        raise ConfigurationError("the HCL is nested too deeply to be read.", file=shown) from None


def tree(text: str, shown: str) -> Any:
    """The parse tree of a text, with offsets into it; node names are those of hcl2's grammar. Raises
    ConfigurationError, in which the file is called `shown`, and RecursionError."""
    from lark.exceptions import LarkError, UnexpectedInput

    try:
        return _grammar().parse(quoted.blanked(text))
    except quoted.NotClosed as error:
        begins = text.count("\n", 0, error.at) + 1
        raise ConfigurationError(f"a {error.what} is not closed.", file=shown, line=begins) from error
    except UnexpectedInput as error:
        line = error.line if isinstance(error.line, int) and error.line > 0 else None
        raise ConfigurationError(
            f"the HCL does not parse{_near(text, line)}.",
            file=shown,
            line=line,
            hint="`terraform validate` says more",
        ) from error
    except (LarkError, RuntimeError) as error:
        raise ConfigurationError("the HCL does not parse.", file=shown) from error


def _near(text: str, line: int | None) -> str:
    return f" at `{text.split(chr(10))[line - 1].strip()[:60]}`" if line else " at its end"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns the parse tree of a text, which was made of it when blanked, into blocks.

    Node names are those of hcl2's grammar.
    """

    text: str
    file: str

    def body(self, tree: Any) -> Iterator[tuple[str, Any]]:
        """("attribute", (name, value, position)) and ("block", Block) in the order of the text."""
        for node in tree.children:
            if node.data == "attribute":
                yield "attribute", self._attribute(node)
            else:
                yield "block", self._block(node)

    def _attribute(self, node: Any) -> tuple[str, Any, Position]:
        name, expression = node.children[0].children[0], node.children[1]
        return self._written(name), self.value(expression), self._position(expression, node.meta.line)

    def _block(self, node: Any) -> Block:
        kind, *labels, body = node.children
        items = list(self.body(body))
        attributes = [item for what, item in items if what == "attribute"]
        return Block(
            type=self._written(kind.children[0]),
            labels=tuple(self._label(label) for label in labels),
            attributes={name: value for name, value, _ in attributes},
            blocks=tuple(item for what, item in items if what == "block"),
            position=Position(self.file, node.meta.line, node.meta.end_line),
            lines={
                path: position
                for item, (name, _, position) in zip(self._expressions(body), attributes, strict=True)
                for path, position in ((name, position), *self._members(name, item))
            },
        )

    def _expressions(self, body: Any) -> Iterator[Any]:
        return (node.children[1] for node in body.children if node.data == "attribute")

    def _members(self, path: str, expression: Any) -> Iterator[tuple[str, Position]]:
        """The position of each member of an object that is written out."""
        node = expression.children[0] if expression.data == "expr_term" else None
        for element in (
            () if node is None or isinstance(node, str) or node.data != "object" else node.children
        ):
            key = self._key(element.children[0])
            if key is not None:
                value = element.children[-1]
                yield f"{path}.{key}", self._position(value, element.meta.line)
                yield from self._members(f"{path}.{key}", value)

    def _label(self, label: Any) -> str:
        return self._written(label)[1:-1] if isinstance(label, str) else self._written(label.children[0])

    def _position(self, expression: Any, line: int) -> Position:
        return Position(self.file, line, line + self._source(expression).count("\n"))

    def _written(self, token: Any) -> str:
        return self.text[token.start_pos : token.end_pos]

    def _source(self, node: Any) -> str:
        return self.text[node.meta.start_pos : node.meta.end_pos].strip()

    def value(self, node: Any) -> Any:
        """An expression as a value of the JSON syntax."""
        if node.data == "expr_term":
            return self._term(node, node.children[0])
        if node.data == "unary_op":
            operand = self.value(node.children[1])
            if (
                str(node.children[0]) == "-"
                and isinstance(operand, (int, float))
                and not isinstance(operand, bool)
            ):
                return -operand
        return f"${{{self._source(node)}}}"

    def _term(self, term: Any, child: Any) -> Any:
        if isinstance(child, str):
            text = self._written(child)
            return _heredoc(text) if text.startswith("<<") else self._quoted(term, text[1:-1])
        read = _TERMS.get(child.data)
        if read is None:
            return f"${{{self._source(term)}}}"
        return read(self, child)

    def _quoted(self, term: Any, text: str) -> str:
        """A quoted template; one with escapes beside code, in which they mean something else, stays code itself."""
        if "\\" in text and _CODE.search(text.replace("$${", "").replace("%%{", "")):
            return f"${{{self._source(term)}}}"
        return _unescape(text)

    def _name(self, node: Any) -> Any:
        name = self._written(node.children[0])
        return _KEYWORDS.get(name, f"${{{name}}}")

    def _integer(self, node: Any) -> Any:
        digits = self._source(node)
        # Python refuses to read numbers of thousands of digits; `1e3` is none for the grammar.
        return int(digits) if digits.isdigit() and len(digits) <= _MAX_DIGITS else f"${{{digits}}}"

    def _number(self, node: Any) -> float:
        return float(self._source(node))

    def _tuple(self, node: Any) -> list[Any]:
        return [self.value(child) for child in node.children]

    def _object(self, node: Any) -> Any:
        result: dict[str, Any] = {}
        for element in node.children:
            key = self._key(element.children[0])
            if key is None:
                return f"${{{self._source(node)}}}"
            result[key] = self.value(element.children[-1])
        return result

    def _key(self, node: Any) -> str | None:
        """A key that is written out; None for one that is computed. Those of `providers` may have a dot."""
        if node.data == "identifier":
            return self._written(node.children[0])
        literal = node.data == "expr_term" and isinstance(node.children[0], str)
        if not literal:
            text = self._source(node)
            return text if _PROVIDER.fullmatch(text) else None
        key = _unescape(self._written(node.children[0])[1:-1])
        return None if "${" in key or "%{" in key else key


def _heredoc(text: str) -> str:
    match = _HEREDOC.match(text)
    if match is None:
        return f"${{{text}}}"
    lines = match[3].split("\n")[:-1]
    if match[1]:
        margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
        lines = [line[margin:] for line in lines]
    return "".join(f"{line}\n" for line in lines)


_KEYWORDS: Final = {"true": True, "false": False, "null": None}
_TERMS: Final = {
    "expr_term": _Reader.value,
    "identifier": _Reader._name,
    "int_lit": _Reader._integer,
    "float_lit": _Reader._number,
    "tuple": _Reader._tuple,
    "object": _Reader._object,
}


def _unescape(text: str) -> str:
    """A quoted text without its backslashes."""
    return _ESCAPE.sub(lambda match: _unescaped(match[1]), text) if "\\" in text else text


def _unescaped(escape: str) -> str:
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    code = int(escape[1:], 16)
    return chr(code) if code <= 0x10FFFF else f"\\{escape}"
