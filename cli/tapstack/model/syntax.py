"""Terraform's expression language as a tree: what stands inside `${...}`, and templates around it.

Written by hand because hcl2's grammar, which reads whole files, knows no operator precedence, leaves a quoted
template unparsed, and takes exponential time on some unclosed quotes. The syntax is
https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args

_SPACE: Final = re.compile(r"(?:\s|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_IDENTIFIER: Final = re.compile(r"[^\W\d][\w-]*")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DIGITS: Final = re.compile(r"\d+")
_OPENING: Final = re.compile(r"[ \t]*\(")
_OPERATOR: Final = re.compile(r"==|!=|<=|>=|&&|\|\||[-+*/%<>]")
_HEREDOC: Final = re.compile(
    r"<<(-?)([^\W\d][\w.-]*)\r?\n(.*?)^[ \t]*\2(?=\r?$|\W)", re.DOTALL | re.MULTILINE
)
_LITERAL: Final = re.compile(r"(?:\$\$\{|%%\{|(?!\$\{|%\{).)+", re.DOTALL)
_QUOTED: Final = re.compile(r'(?:\$\$\{|%%\{|\\.|(?!\$\{|%\{)[^"\\\n])+')
_ESCAPE: Final = re.compile(r'\\(?:(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[nrt"\\])|(.))')
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ROOTS: Final = frozenset({"var", "local", "module", "data", "each", "count", "self", "path", "terraform"})
_KEYWORDS: Final = {"true": True, "false": False, "null": None}
_PRECEDENCE: Final = {
    operator: level
    for level, operators in enumerate(
        (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
    )
    for operator in operators
}
_MAX_DEPTH: Final = 60
_MAX_CHAIN: Final = 200
_MAX_DIGITS: Final = 100


class SyntaxProblem(Exception):
    """A text is not an expression that is understood here."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, string, bool or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Template:
    """Text made of its parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class TemplateFor:
    """`%{ for }`: the text of `body` for each element."""

    key: str | None
    value: str
    collection: Node
    body: Node


@dataclass(frozen=True, slots=True)
class TupleOf:
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """`{ a = b }`."""

    items: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Traversal:
    """`root.attribute["key"][0]`; an attribute is a str, an index a Node."""

    root: str
    steps: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """Steps from something that is no name, `f(x).a[0]`."""

    of: Node
    steps: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Splat:
    """`of[*].a`: `steps` from each element."""

    of: Node
    steps: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`; `expand` where the last one is followed by `...`."""

    name: str
    arguments: tuple[Node, ...]
    expand: bool


@dataclass(frozen=True, slots=True)
class Unary:
    """`-a` or `!a`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`a + b`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    """`a ? b : c`, and `%{ if }`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class For:
    """`[for ...]`, or `{for ...}` where `key_result` is set."""

    key: str | None
    value: str
    collection: Node
    key_result: Node | None
    result: Node
    group: bool
    condition: Node | None


Node: TypeAlias = (
    Literal
    | Template
    | TemplateFor
    | TupleOf
    | ObjectOf
    | Traversal
    | Access
    | Splat
    | Call
    | Unary
    | Binary
    | Conditional
    | For
)


class Key(str):
    """A string index, `["k"]`, as a step of a path; a plain str is an attribute, `.k`."""

    __slots__ = ()


Path: TypeAlias = tuple[str | int, ...]


def written(path: Path) -> str:
    """A path as code: `aws_x.y["k"].arn`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif isinstance(step, Key):
            text += f"[{quoted(step)}]"
        else:
            text += f".{step}" if text else step
    return text


def quoted(key: str) -> str:
    """A string as a literal of the language, and as addresses have instance keys: `"k"`."""
    return json.dumps(key, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def traversals(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Traversal, bool]]:
    """Every name in a tree, and whether it is one of the configuration rather than one of `bound` or a `for`."""
    if isinstance(node, Traversal):
        yield node, node.root not in bound
    inside = bound
    if isinstance(node, (For, TemplateFor)):
        inside = bound | {node.value} | ({node.key} if node.key else set())
        yield from traversals(node.collection, bound)
    for below in _children(node):
        if not (isinstance(node, (For, TemplateFor)) and below is node.collection):
            yield from traversals(below, inside)


def references(node: Node) -> Iterator[str]:
    """What a tree refers to, as written: "var.x", "aws_kms_key.main.arn"."""
    for traversal, free in traversals(node):
        if free and (reference := written_reference(traversal)):
            yield reference


def written_reference(traversal: Traversal) -> str:
    """A traversal as written, up to the first index that is itself an expression; "" for what is no reference.

    A resource type always has an underscore; the iterator of a dynamic block is told from it by that.
    """
    if traversal.root not in _ROOTS and "_" not in traversal.root:
        return ""
    path: list[str | int] = [traversal.root]
    for step in traversal.steps:
        if isinstance(step, str):
            path.append(step)
        elif isinstance(step, Literal) and isinstance(step.value, (str, int)):
            path.append(Key(step.value) if isinstance(step.value, str) else step.value)
        else:
            break
    return written(tuple(path)) if len(path) > 1 and not isinstance(path[1], (int, Key)) else ""


def _children(node: Any) -> Iterator[Node]:
    for name in node.__slots__:
        yield from _nodes(getattr(node, name))


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, get_args(Node)):
        yield value


@lru_cache(maxsize=8192)
def template(text: str) -> Node:
    """The tree of a template of the JSON syntax, in which a backslash is itself. Raises SyntaxProblem."""
    return _parsed(_Parser(text).whole_template)


@lru_cache(maxsize=1024)
def expression(text: str) -> Node:
    """The tree of an expression. Raises SyntaxProblem."""
    return _parsed(_Parser(text).whole_expression)


def _parsed(read: Any) -> Node:
    try:
        node: Node = read()
    except RecursionError:
        raise SyntaxProblem("nested too deeply") from None
    return node


def number(text: str) -> int | float:
    """A decimal number, an int where it is whole. Raises SyntaxProblem for one that no computer should print."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise SyntaxProblem("a number that is no number") from None
    if len(text) > _MAX_DIGITS or not -_MAX_DIGITS < value.adjusted() < _MAX_DIGITS:
        raise SyntaxProblem("a number of too many digits")
    return int(value) if value == value.to_integral_value() else float(value)


@dataclass(slots=True)
class _Directive:
    """`%{ word ... }` while a template is put together."""

    word: str
    rest: Any = None


class _Parser:
    """Recursive descent over one text. Newlines are blanks: all of it stands inside brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole_template(self) -> Node:
        return self._template_of(self._parts(_LITERAL, lambda: self.at >= len(self.text), str))

    def whole_expression(self) -> Node:
        node = self.expression()
        self._skip()
        if self.at < len(self.text):
            raise SyntaxProblem(f"unexpected {self.text[self.at]!r}")
        return node

    # Characters

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None  # noqa: S101 - it matches nothing at least
        self.at = match.end()

    def _next(self, *expected: str) -> str | None:
        """The one of `expected` that comes next, which is taken."""
        self._skip()
        for one in expected:
            if self.text.startswith(one, self.at):
                self.at += len(one)
                return one
        return None

    def _peek(self, expected: str) -> bool:
        self._skip()
        return self.text.startswith(expected, self.at)

    def _require(self, expected: str) -> None:
        if self._next(expected) is None:
            raise SyntaxProblem(f"{expected} is missing")

    def _identifier(self) -> str:
        self._skip()
        match = _IDENTIFIER.match(self.text, self.at)
        if match is None:
            raise SyntaxProblem("a name is missing")
        self.at = match.end()
        return match[0]

    def _word(self, word: str) -> bool:
        """Whether the keyword `word` comes next, which is taken."""
        self._skip()
        match = _IDENTIFIER.match(self.text, self.at)
        if match is None or match[0] != word:
            return False
        self.at = match.end()
        return True

    # Expressions

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise SyntaxProblem("nested too deeply")
        node = self._binary(0)
        if self._next("?"):
            yes = self.expression()
            self._require(":")
            node = Conditional(node, yes, self.expression())
        self.depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        node = self._unary()
        for _ in range(_MAX_CHAIN):
            self._skip()
            match = _OPERATOR.match(self.text, self.at)
            if match is None or _PRECEDENCE[match[0]] < level:
                return node
            self.at = match.end()
            node = Binary(match[0], node, self._binary(_PRECEDENCE[match[0]] + 1))
        raise SyntaxProblem("too many operators")

    def _unary(self) -> Node:
        operator = None if self._peek("!=") else self._next("-", "!")
        if operator is None:
            return self._postfix(self._primary())
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise SyntaxProblem("nested too deeply")
        node = Unary(operator, self._unary())
        self.depth -= 1
        return node

    def _primary(self) -> Node:
        self._skip()
        start = self.text[self.at : self.at + 1]
        if start == '"':
            self.at += 1
            return self._quoted()
        if start == "(":
            self.at += 1
            node = self.expression()
            self._require(")")
            # `{ (a) = b }` has the key that a stands for, `{ a = b }` the key "a".
            return Access(node, ()) if isinstance(node, Traversal) and not node.steps else node
        if start == "[":
            return self._tuple()
        if start == "{":
            return self._object()
        if start == "<":
            return self._heredoc()
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return Literal(number(match[0]))
        return self._named(self._identifier())

    def _named(self, name: str) -> Node:
        while self.text.startswith("::", self.at):
            self.at += 2
            name = f"{name}::{self._identifier()}"
        if opening := _OPENING.match(self.text, self.at):
            self.at = opening.end()
            return self._call(name)
        return Literal(_KEYWORDS[name]) if name in _KEYWORDS else Traversal(name, ())

    def _call(self, name: str) -> Node:
        arguments: list[Node] = []
        while not self._next(")"):
            arguments.append(self.expression())
            if self._next("..."):
                self._require(")")
                return Call(name, tuple(arguments), expand=True)
            if not self._next(","):
                self._require(")")
                break
        return Call(name, tuple(arguments), expand=False)

    def _postfix(self, node: Node) -> Node:
        for _ in range(_MAX_CHAIN):
            if self.text.startswith("[*]", self.at):
                self.at += 3
                node = Splat(node, self._steps(indexes=True))
            elif self.text.startswith(".*", self.at):
                self.at += 2
                node = Splat(node, self._steps(indexes=False))
            else:
                steps = self._steps(indexes=True)
                if not steps:
                    return node
                node = (
                    Traversal(node.root, (*node.steps, *steps))
                    if isinstance(node, Traversal)
                    else Access(node, steps)
                )
        raise SyntaxProblem("too many steps")

    def _steps(self, *, indexes: bool) -> tuple[str | Node, ...]:
        steps: list[str | Node] = []
        while len(steps) < _MAX_CHAIN:
            start = self.at
            self._skip()
            if self.text.startswith((".*", "[*]", "..."), self.at):
                self.at = start
                break
            if self.text.startswith(".", self.at):
                self.at += 1
                self._skip()
                if match := _DIGITS.match(self.text, self.at):
                    self.at = match.end()
                    steps.append(Literal(number(match[0])))
                else:
                    steps.append(self._identifier())
            elif indexes and self.text.startswith("[", self.at) and "\n" not in self.text[start : self.at]:
                self.at += 1
                steps.append(self.expression())
                self._require("]")
            else:
                self.at = start
                break
        return tuple(steps)

    def _tuple(self) -> Node:
        self._require("[")
        if self._word("for"):
            return self._for(object_of=False)
        items: list[Node] = []
        while not self._next("]"):
            items.append(self.expression())
            if not self._next(","):
                self._require("]")
                break
        return TupleOf(tuple(items))

    def _object(self) -> Node:
        self._require("{")
        start = self.at
        if self._word("for") and not self._peek("="):
            return self._for(object_of=True)
        self.at = start
        items: list[tuple[Node, Node]] = []
        while not self._next("}"):
            key = self.expression()
            if isinstance(key, Traversal) and not key.steps:
                key = Literal(key.root)
            elif isinstance(key, Literal) and not isinstance(key.value, str):
                key = Literal(str(key.value).lower() if key.value is not None else "null")
            if self._next("=", ":") is None:
                raise SyntaxProblem("= is missing")
            items.append((key, self.expression()))
            self._next(",")
        return ObjectOf(tuple(items))

    def _for(self, *, object_of: bool) -> Node:
        key, value, collection = self._for_intro()
        self._require(":")
        key_result = None
        result = self.expression()
        if object_of:
            self._require("=>")
            key_result, result = result, self.expression()
        group = bool(self._next("..."))
        condition = self.expression() if self._word("if") else None
        self._require("}" if object_of else "]")
        return For(key, value, collection, key_result, result, group, condition)

    def _for_intro(self) -> tuple[str | None, str, Node]:
        key, value = None, self._identifier()
        if self._next(","):
            key, value = value, self._identifier()
        if not self._word("in"):
            raise SyntaxProblem("in is missing")
        return key, value, self.expression()

    # Templates

    def _quoted(self) -> Node:
        parts = self._parts(_QUOTED, lambda: self.text.startswith('"', self.at), _unescaped)
        self.at += 1
        return self._template_of(parts)

    def _heredoc(self) -> Node:
        match = _HEREDOC.match(self.text, self.at)
        if match is None:
            raise SyntaxProblem("a heredoc without its end")
        self.at = match.end()
        return template(heredoc_text(match[3], trimmed=bool(match[1])))

    def _parts(self, literal: re.Pattern[str], ended: Any, read: Any) -> list[Node | _Directive]:
        """Literal texts, expressions and directives up to the end, blanks stripped where a `~` says so."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise SyntaxProblem("nested too deeply")
        parts: list[Node | _Directive] = []
        strip = False
        while not ended():
            if match := literal.match(self.text, self.at):
                self.at = match.end()
                text = read(match[0].replace("$${", "${").replace("%%{", "%{"))
                parts.append(Literal(text.lstrip() if strip else text))
                strip = False
                continue
            opening = self._next_raw("${", "%{")
            if self.text.startswith("~", self.at):
                self.at += 1
                if parts and isinstance(last := parts[-1], Literal):
                    parts[-1] = Literal(str(last.value).rstrip())
            parts.append(self.expression() if opening == "${" else self._directive())
            strip = bool(self._next("~"))
            self._require("}")
            if isinstance(parts[-1], Literal):
                # `${"x"}` isn't literal text: blanks in it stay.
                parts[-1] = Template((parts[-1],))
        self.depth -= 1
        return parts

    def _next_raw(self, *expected: str) -> str:
        for one in expected:
            if self.text.startswith(one, self.at):
                self.at += len(one)
                return one
        raise SyntaxProblem("a quoted text is not closed")

    def _directive(self) -> _Directive:
        word = self._identifier()
        if word == "if":
            return _Directive(word, self.expression())
        if word == "for":
            return _Directive(word, self._for_intro())
        if word not in ("else", "endif", "endfor"):
            raise SyntaxProblem(f"{word} is no directive")
        return _Directive(word)

    def _template_of(self, parts: list[Node | _Directive]) -> Node:
        rest = list(reversed(parts))
        node, _ = _assembled(rest, ())
        return node


def _assembled(rest: list[Node | _Directive], ends: tuple[str, ...]) -> tuple[Node, str]:
    """The template up to one of the directives `ends` (or the end), and which one it was. Consumes `rest`."""
    parts: list[Node] = []
    while rest:
        part = rest.pop()
        if not isinstance(part, _Directive):
            parts.append(part)
        elif part.word == "if":
            yes, end = _assembled(rest, ("else", "endif"))
            no: Node = Literal("")
            if end == "else":
                no, _ = _assembled(rest, ("endif",))
            parts.append(Conditional(part.rest, yes, no))
        elif part.word == "for":
            body, _ = _assembled(rest, ("endfor",))
            key, value, collection = part.rest
            parts.append(TemplateFor(key, value, collection, body))
        elif part.word in ends:
            return _joined(parts, text=True), part.word
        else:
            raise SyntaxProblem(f"{part.word} without its beginning")
    if ends:
        raise SyntaxProblem(f"{ends[-1]} is missing")
    return _joined(parts, text=False), ""


def _joined(parts: list[Node], *, text: bool) -> Node:
    if not parts:
        return Literal("")
    if len(parts) == 1 and (isinstance(parts[0], Literal) or not text):
        # The only expression of a template keeps its type.
        one = parts[0]
        return one.parts[0] if isinstance(one, Template) and len(one.parts) == 1 else one
    return Template(tuple(parts))


def heredoc_text(body: str, *, trimmed: bool) -> str:
    """The text of a heredoc's lines; `trimmed` (`<<-`) takes the smallest indentation off each."""
    lines = body.split("\n")
    if trimmed:
        margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
        lines = [line[margin:] for line in lines]
    return "\n".join(lines)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape is None:
        raise SyntaxProblem(f"\\{match[2]} is no escape")
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    code = int(escape[1:], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise SyntaxProblem(f"\\{escape} is no character")
    return chr(code)
