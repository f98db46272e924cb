"""Where blocks and attributes stand in a text of HCL, to the character: for those who change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tapstack.terraform.source import tree


@dataclass(frozen=True, slots=True)
class Written:
    """An attribute: the offsets of its name, and of the first character of its value and the one after its last."""

    name: str
    start: int
    value_start: int
    value_end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A block, or a whole file, which has no type. `header_end` is the offset after its type and labels, `opening`
    and `closing` are those of what is between its braces."""

    type: str
    labels: tuple[str, ...]
    start: int
    header_end: int
    opening: int
    closing: int
    attributes: tuple[Written, ...]
    blocks: tuple[Section, ...]

    def attribute(self, name: str) -> Written | None:
        """The attribute of that name."""
        return next((one for one in self.attributes if one.name == name), None)

    def inner(self, type_: str, *labels: str) -> tuple[Section, ...]:
        """The blocks of that type, with these labels if any are named."""
        return tuple(one for one in self.blocks if one.type == type_ and (not labels or one.labels == labels))


def outline(text: str, shown: str) -> Section:
    """The sections of a text as `source.text_of` gives it. Raises what `source.tree` raises."""
    attributes, blocks = _body(text, tree(text, shown).children[0])
    return Section("", (), 0, 0, 0, len(text), attributes, blocks)


def find(section: Section, path: list[str]) -> Written | Section:
    """What a dotted path ("replica.1.kms_key_arn") leads to: the attribute, or the innermost block that is there."""
    while path:
        name, path = path[0], path[1:]
        if written := section.attribute(name):
            return written
        inner = section.inner(name) or section.inner("dynamic", name)
        if not inner:
            break
        number = int(path.pop(0)) if path and path[0].isdigit() else 0
        section = inner[min(number, len(inner) - 1)]
    return section


def _body(text: str, body: Any) -> tuple[tuple[Written, ...], tuple[Section, ...]]:
    attributes = tuple(_attribute(text, node) for node in body.children if node.data == "attribute")
    return attributes, tuple(_section(text, node) for node in body.children if node.data == "block")


def _attribute(text: str, node: Any) -> Written:
    name, value = node.children[0].children[0], node.children[1]
    written = text[value.meta.start_pos : value.meta.end_pos]
    start = value.meta.start_pos + len(written) - len(written.lstrip())
    end = value.meta.start_pos + len(written.rstrip())
    return Written(text[name.start_pos : name.end_pos], name.start_pos, start, end)


def _section(text: str, node: Any) -> Section:
    header, body = node.children[:-1], node.children[-1]
    words = [_word(part) for part in header]
    attributes, blocks = _body(text, body)
    end = words[-1][1]
    return Section(
        type=text[slice(*words[0])],
        labels=tuple(text[slice(*word)].strip('"') for word in words[1:]),
        start=words[0][0],
        header_end=end,
        # Between the last label and its brace there is nothing but space.
        opening=text.index("{", end) + 1,
        closing=text.rindex("}", end, node.meta.end_pos),
        attributes=attributes,
        blocks=blocks,
    )


def _word(part: Any) -> tuple[int, int]:
    token = part if isinstance(part, str) else part.children[0]
    return token.start_pos, token.end_pos  # type: ignore[union-attr]  # a token of lark's, which is a str
