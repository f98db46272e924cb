"""What needs what in a stack, block by block: by reference where Terraform knows, by name where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tapstack.model.references import local_address
from tapstack.model.stack import Resource, Stack


def blocks_of(stack: Stack) -> dict[str, list[Resource]]:
    """The instances of each block, by the block's address without any keys."""
    found: dict[str, list[Resource]] = {}
    for resource in stack.resources.values():
        found.setdefault(_block_of(resource), []).append(resource)
    return found


def _block_of(resource: Resource) -> str:
    return ".".join((*(f"module.{name}" for name in resource.module_path), local_address(resource)))


def needs_of(stack: Stack, blocks: Mapping[str, list[Resource]]) -> dict[str, set[str]]:
    """What each block needs, as Terraform sees it."""
    of = {one.address: block for block, all_ in blocks.items() for one in all_}
    found: dict[str, set[str]] = {}
    for block, instances in blocks.items():
        # All instances of a block need the same, unless a state says otherwise.
        different = {one.depends_on: one for one in instances}
        addresses = {a for one in different.values() for a in stack.dependencies(one)}
        found[block] = {of[address] for address in addresses} - {block}
    return found


def without_hidden(needs: Mapping[str, set[str]], shown: set[str]) -> dict[str, set[str]]:
    """The same between `shown` alone: what is needed through something hidden is needed."""
    return {block: set(_first_of(needs, block, shown)) - {block} for block in sorted(shown)}


def _first_of(needs: Mapping[str, set[str]], block: str, shown: set[str]) -> Iterable[str]:
    seen: set[str] = set()
    rest = [*needs[block]]
    while rest:
        one = rest.pop()
        if one in seen:
            continue
        seen.add(one)
        if one in shown:
            yield one
        else:
            rest += needs[one]


def reduced(needs: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The fewest of the given needs from which all others follow; those within a cycle all stay."""
    reach = {one: _reached(needs, one) for one in needs}

    def follows(one: str, other: str) -> bool:
        return any(
            other in reach[between] and one not in reach[between] and between not in reach[other]
            for between in needs[one]
            if between != other
        )

    return {one: {other for other in needs[one] if not follows(one, other)} for one in needs}


def _reached(needs: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    rest = [*needs[start]]
    while rest:
        one = rest.pop()
        if one not in found:
            found.add(one)
            rest += needs[one]
    return found


def named_in(
    stack: Stack, blocks: Mapping[str, list[Resource]], needs: Mapping[str, set[str]]
) -> list[tuple[str, str]]:
    """Who names whom by a value, such as an alarm its function, where neither needs the other.

    The same name in another region is another one's.
    """
    found: set[tuple[str, str]] = set()
    for block in needs:
        for resource in blocks[block]:
            for use in stack.users(resource):
                user = _block_of(use.resource)
                if user in needs and user != block and _may_be_near(stack, resource, use.resource):
                    found.add((user, block))
    reach = {one: _reached(needs, one) for pair in found for one in pair}
    return sorted((one, other) for one, other in found if other not in reach[one] and one not in reach[other])


def _may_be_near(stack: Stack, one: Resource, other: Resource) -> bool:
    regions = {region for region in (stack.region(one), stack.region(other)) if isinstance(region, str)}
    return len(regions) < 2
