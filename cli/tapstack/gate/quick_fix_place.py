"""Where in a block, and in a remediation's example, the attribute of a finding stands or belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tapstack.gate.engine import BACKEND
from tapstack.model.stack import Resource
from tapstack.terraform.outline import Section, Written


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attribute belongs: the innermost section that is there, and the blocks that are still missing."""

    file: str
    section: Section
    missing: tuple[str, ...]
    name: str

    @property
    def written(self) -> Written | None:
        """The attribute, where it is there already."""
        return None if self.missing else self.section.attribute(self.name)


def walk(file: str, section: Section, path: list[str]) -> Place | None:
    """Down to where the last of `path` belongs; None where a dynamic block makes what is on the way."""
    while len(path) > 1:
        name, rest = path[0], path[1:]
        number = int(rest.pop(0)) if rest[0].isdigit() else 0
        inner = section.inner(name)
        if section.inner("dynamic", name) or section.attribute(name) or not rest:
            return None
        if number >= len(inner):
            missing = (name, *(part for part in rest[:-1] if not part.isdigit()))
            return None if inner else Place(file, section, missing, rest[-1])
        section, path = inner[number], rest
    return Place(file, section, (), path[0])


def own_part(shown: Section, resource: Resource) -> Section | None:
    """The part of a remediation that speaks of the resource's own arguments."""
    if resource.type == BACKEND:
        blocks = [inner for one in shown.inner("terraform") for inner in one.inner("backend")]
        return blocks[0] if blocks else None
    own = [one for one in shown.inner("resource") if one.labels[:1] == (resource.type,)]
    if own:
        return own[0]
    return None if any(one.labels for one in shown.blocks) else shown


def leaf_of(section: Section, path: list[str]) -> Written | None:
    """An attribute of an example."""
    found = section_of(section, path)
    return found.attribute(path[-1]) if found else None


def section_of(section: Section, path: list[str]) -> Section | None:
    """The part of an example in which the last of `path` stands."""
    for name in path[:-1]:
        inner = section.inner(name)
        if len(inner) != 1:
            return None
        section = inner[0]
    return section


def paths_of(section: Section) -> Iterator[list[str]]:
    """The path of each attribute of an example."""
    for one in section.attributes:
        yield [one.name]
    for block in section.blocks:
        yield from ([block.type, *path] for path in paths_of(block))
