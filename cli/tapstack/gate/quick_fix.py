"""What could be written in the code to end a finding. Whether it does is for the gate to say: judge it with the edit.

Proposed are values that the finding names ("exactly 14", true), constants of the policy's remediation, references to
the one kind of resource that the remediation refers to, and the block that the remediation shows. Nothing is proposed
that only the author can know: a name, a tag, a statement, an address range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tapstack.errors import TapError
from tapstack.gate.engine import BACKEND
from tapstack.gate.ledger import Finding
from tapstack.gate.quick_fix_place import Place, leaf_of, own_part, paths_of, section_of, walk
from tapstack.model.stack import Resource
from tapstack.terraform.edit import Edit, add_attributes, add_block, add_section, cut, one_line, put
from tapstack.terraform.outline import Section, Written, outline
from tapstack.terraform.source import Block, Module

_NUMBER: Final = re.compile(r"(?:exactly|at most|at least) (-?\d+(?:\.\d+)?)(?: %)?")
_WORD: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_CODE: Final = re.compile(r"(?P<name>\w+) = \[(?P<item>[\w.]+)\]")
_QUOTED: Final = re.compile(r'"[^"$%\\]*"')
_PLAIN: Final = re.compile(rf"true|false|-?\d+(?:\.\d+)?|{_QUOTED.pattern}")
_REFERENCE: Final = re.compile(r"\b(?P<type>aws_\w+)\.(?P<name>\w+)\.(?P<attribute>\w+)")
_OTHER_REFERENCE: Final = re.compile(r"\b(?:var|local|data|module|each|count)\.")
_REGION: Final = re.compile(r"\b[a-z]{2}(?:-[a-z]+)+-\d\b")
_KEY: Final = "aws_kms_key"
# With more keys than this, which one is meant is not for a menu.
_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Fix:
    """One way out. `file` is relative to the working directory; the edits are offsets into its text."""

    title: str
    file: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """The module that a resource stands in, and the text and outline of each of its files, by the file's name as
    positions have it."""

    module: Module
    texts: dict[str, str]
    outlines: dict[str, Section]


def fixes(finding: Finding, remediation: str, resource: Resource, code: Code) -> Iterator[Fix]:
    """What may end a finding about a resource, the likeliest first; nothing where no edit is plain."""
    if finding.attribute is None:
        return
    try:
        shown = outline(remediation + "\n", "remediation")
    except TapError:
        return
    found = _Search(finding, remediation, shown, resource, code)
    yield from found.in_the_resource()
    yield from found.in_a_resource_beside()


@dataclass(frozen=True, slots=True)
class _Search:
    finding: Finding
    remediation: str
    shown: Section
    resource: Resource
    code: Code

    def in_the_resource(self) -> Iterator[Fix]:
        place = self._place(self.finding.attribute or "")
        if place is None or place.section.closing < 0:
            return
        example = own_part(self.shown, self.resource)
        if place.missing:
            yield from self._missing_block(place, example)
            return
        path = [part for part in (self.finding.attribute or "").split(".") if not part.isdigit()]
        leaf = leaf_of(example, path) if example else None
        for value in dict.fromkeys(self._values(place, self._text(leaf))):
            yield self._set(place, value)
        around = section_of(example, path) if example and leaf else None
        if around:
            yield from self._whole(place, around)
        if str(self.finding.expected).startswith("no ") and self._is_plain(place):
            text = self.code.texts[place.file]
            assert place.written is not None  # noqa: S101 - or it were not plain
            yield Fix(f"Remove {place.name}", place.file, cut(text, place.section, place.written))

    def _whole(self, place: Place, example: Section) -> Iterator[Fix]:
        """Everything that the remediation sets there: one attribute may be worth nothing without the other."""
        missing = [one for one in example.attributes if place.section.attribute(one.name) is None]
        names = [one.name for one in missing if one.name != place.name]
        if not names:
            return
        snippet = "\n".join(self._text(one) for one in missing)
        if place.written:
            wanted = example.attribute(place.name)
            if not self._is_plain(place) or not _PLAIN.fullmatch(self._text(wanted)):
                return
        for values in self._with_references(snippet):
            added = {one.name: value for one, value in zip(missing, values.split("\n"), strict=True)}
            edits = add_attributes(self.code.texts[place.file], place.section, added)
            title = ", ".join(f"{name} = {value}" for name, value in added.items())
            if not place.written:
                yield Fix(f"Add {title}", place.file, edits)
                continue
            corrected = self._set(place, self._text(example.attribute(place.name)))
            yield Fix(f"{corrected.title}, {title}", place.file, (*corrected.edits, *edits))

    def in_a_resource_beside(self) -> Iterator[Fix]:
        """The remediation is one resource or output, which stands beside the one that the finding is about."""
        if len(self.shown.blocks) != 1 or self.shown.attributes or self.resource.address.endswith("]"):
            return
        block = self.shown.blocks[0]
        if block.type != "resource" or block.labels[0] == self.resource.type:
            return
        beside = [one for one in self.code.module.blocks if self._is_about_it(one, block.labels[0])]
        if beside:
            yield from self._correct(block, beside[0])
            return
        own = self._own_block()
        if own is None:
            return
        file, section = own
        name = self.resource.name
        for text in self._with_references(self._text(block)):
            renamed = text.replace(f'"{block.labels[1]}" {{', f'"{name}" {{', 1)
            text_of_file = self.code.texts[file]
            added = add_section(text_of_file, section, renamed)
            yield Fix(f"Add {block.labels[0]}.{name}{_with(text)}", file, (added,))

    def _correct(self, example: Section, beside: Block) -> Iterator[Fix]:
        """One attribute of the resource beside: the finding's, or else the only constant that the example has."""
        section = self._section(beside.position.file, "resource", beside.labels)
        if section is None:
            return
        name = self.finding.attribute or ""
        constants = [
            path for path in paths_of(example) if _PLAIN.fullmatch(self._text(leaf_of(example, path)))
        ]
        paths = [[name]] if leaf_of(example, [name]) else constants
        if len(paths) != 1:
            return
        leaf = leaf_of(example, paths[0])
        place = walk(beside.position.file, section, paths[0])
        if leaf and place and not place.missing:
            fix = self._set(place, self._text(leaf))
            yield Fix(f"{fix.title} in {'.'.join(beside.labels)}", fix.file, fix.edits)

    def _values(self, place: Place, example: str) -> Iterator[str]:
        """Texts of values: what the finding expects, then what the remediation shows."""
        expected, text = self.finding.expected, self._written(place)
        if isinstance(expected, bool):
            yield str(expected).lower()
        elif isinstance(expected, (int, float)):
            yield str(expected)
        elif isinstance(expected, str):
            if number := _NUMBER.fullmatch(expected):
                yield number[1]
            # A word is a value where the attribute takes words, and prose elsewhere.
            elif _WORD.fullmatch(expected) and (_QUOTED.fullmatch(text) or _QUOTED.fullmatch(example)):
                yield f'"{expected}"'
            elif (said := _CODE.fullmatch(expected)) and said["name"] == place.name:
                yield _joined(text, said["item"])
        if not isinstance(expected, (bool, int, float)) and _PLAIN.fullmatch(example) and example[0] != '"':
            yield example
        yield from self._referring(text, example)

    def _referring(self, text: str, example: str) -> Iterator[str]:
        """The example with the stack's own resources: where nothing is written, or a key that is not the stack's."""
        reference = _REFERENCE.search(example)
        if reference is None or reference[0] != example.strip("[]"):
            return
        if not text or (reference["type"] == _KEY and _QUOTED.fullmatch(text)):
            for name in self._names(reference["type"]):
                yield example.replace(f".{reference['name']}.", f".{name}.")

    def _missing_block(self, place: Place, example: Section | None) -> Iterator[Fix]:
        blocks = example.inner(place.missing[0]) if example else ()
        if len(blocks) != 1 or len(place.missing) != 1:
            return
        leaf = blocks[0].attribute(place.name)
        if leaf is None:
            return
        text = self._text(blocks[0])
        for snippet in self._with_references(text):
            added = add_block(self.code.texts[place.file], place.section, snippet)
            yield Fix(f"Add {place.missing[0]}{_with(snippet)}", place.file, (added,))

    def _with_references(self, snippet: str) -> Iterator[str]:
        """A snippet with the names of the stack's own resources in it; nothing where one has no counterpart."""
        if _OTHER_REFERENCE.search(snippet):
            return
        named = {(one["type"], one["name"]) for one in _REFERENCE.finditer(snippet)}
        others = {one for one in named if one[0] != self.resource.type}
        for type_, name in named - others:
            snippet = snippet.replace(f"{type_}.{name}.", f"{type_}.{self.resource.name}.")
        if not others:
            yield snippet
        elif len(others) == 1:
            type_, name = others.pop()
            for own in self._names(type_):
                yield snippet.replace(f"{type_}.{name}.", f"{type_}.{own}.")

    def _set(self, place: Place, value: str) -> Fix:
        text, written = self.code.texts[place.file], place.written
        if written:
            return Fix(f"Set {place.name} = {value}", place.file, (put(written, value),))
        edits = add_attributes(text, place.section, {place.name: value})
        return Fix(f"Add {place.name} = {value}", place.file, edits)

    def _place(self, attribute: str) -> Place | None:
        own = self._own_block()
        return walk(*own, attribute.split(".")) if own else None

    def _own_block(self) -> tuple[str, Section] | None:
        """The resource's block in the file that the finding names, which may be an override's."""
        file = self.finding.file or ""
        if self.resource.type == BACKEND:
            blocks = [
                inner
                for one in self._blocks(file)
                if one.type == "terraform"
                for inner in one.inner("backend")
            ]
            return (file, blocks[0]) if len(blocks) == 1 else None
        section = self._section(file, "resource", (self.resource.type, self.resource.name))
        return (file, section) if section else None

    def _section(self, file: str, type_: str, labels: tuple[str, ...]) -> Section | None:
        found = [one for one in self._blocks(file) if one.type == type_ and one.labels == labels]
        return found[0] if found else None

    def _blocks(self, file: str) -> tuple[Section, ...]:
        return self.code.outlines[file].blocks if file in self.code.outlines else ()

    def _is_about_it(self, block: Block, type_: str) -> bool:
        if block.type != "resource" or block.labels[:1] != (type_,):
            return False
        address = f"{self.resource.type}.{self.resource.name}."
        return any(address in str(value) for value in block.attributes.values())

    def _names(self, type_: str) -> list[str]:
        """The module's resources of a type that are one each."""
        return [
            block.labels[1]
            for block in self.code.module.blocks
            if block.type == "resource" and block.labels[:1] == (type_,) and self._may_stand(block)
        ][:_MOST]

    def _may_stand(self, block: Block) -> bool:
        """Whether a resource is a single one, where it is wanted, and if it is a key one that encrypts data."""
        own = self.code.module.find("resource", self.resource.type, self.resource.name)
        here = own.attributes.get("provider") if own else None
        said = block.attributes
        return (
            not {"count", "for_each"} & said.keys()
            # The policy itself sees to it where it speaks of a region.
            and (said.get("provider") == here or bool(_REGION.search(str(self.finding.expected))))
            and said.get("key_usage", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
            and said.get("customer_master_key_spec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
        )

    def _written(self, place: Place) -> str:
        written = place.written
        return self.code.texts[place.file][written.value_start : written.value_end] if written else ""

    def _is_plain(self, place: Place) -> bool:
        return bool(_PLAIN.fullmatch(self._written(place)))

    def _text(self, part: Section | Written | None) -> str:
        """A part of the remediation as it is written there."""
        if part is None:
            return ""
        if isinstance(part, Written):
            return self.remediation[part.value_start : part.value_end]
        return self.remediation[part.start : part.closing + 1]


def _joined(written: str, item: str) -> str:
    """A list with one more item."""
    items = written.strip()[1:-1].strip().rstrip(",") if written.strip().startswith("[") else ""
    return f"[{items}, {item}]" if items else f"[{item}]"


def _with(snippet: str) -> str:
    """Which of the stack's resources a snippet names, for a title."""
    names = dict.fromkeys(one[0] for one in _REFERENCE.finditer(snippet) if one["type"] == _KEY)
    return (
        f" with {', '.join(names)}" if names else f" {{ {one_line(snippet)} }}" if len(snippet) < 80 else ""
    )
