"""A plan for a person: what changes, grouped by action, on one screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tapstack.report.visible import visible

# In the order of what a reader must not miss.
_ACTIONS = {
    "replace": ("-/+", "replace", "replaced", "yellow"),
    "delete": ("-", "destroy", "destroyed", "red"),
    "update": ("~", "change", "changed", "yellow"),
    "forget": (".", "forget", "forgotten", "yellow"),
    "move": (">", "move", "moved", "cyan"),
    "import": ("=", "import", "imported", "cyan"),
    "create": ("+", "create", "created", "green"),
}
# So many in all, those first that must not be missed; and of each action, at least so many.
_LISTED = 30
_LISTED_ALWAYS = 3
_NUMBERS = re.compile(r"(\d+)")

Style = Callable[[str, str], str]


def render(
    changes: Iterable[tuple[str, str]], outputs_changed: int, *, style: Style, full: bool = False
) -> str:
    """(address, action) pairs as lines; long groups are cut unless `full`. `style(text, colour)` may colour."""
    groups: dict[str, list[str]] = {}
    for address, action in changes:
        groups.setdefault(action, []).append(address)
    if not groups:
        return "No changes" + (f", but {_outputs(outputs_changed)}." if outputs_changed else ".")
    lines = [f"Changes: {summary({action: len(found) for action, found in groups.items()})}"]
    left = _LISTED
    for action in sorted(groups, key=lambda name: order().get(name, 0)):
        sign, word, _, colour = _ACTIONS.get(action, ("?", action, action, "white"))
        addresses = sorted(groups[action], key=in_order)
        shown: Sequence[str] = addresses if full else addresses[: max(left, _LISTED_ALWAYS)]
        left -= len(shown)
        if len(groups) > 1:
            # Signs alone tell nothing to who listens to them.
            lines.append(f"  to {word}:")
        lines += [f"  {' ' * (3 - len(sign))}{style(sign, colour)} {visible(address)}" for address in shown]
        if len(shown) < len(addresses):
            lines.append(f"      and {len(addresses) - len(shown)} more (--full shows them)")
    if outputs_changed:
        lines.append(f"  {_outputs(outputs_changed)}")
    return "\n".join(lines)


def steps(counts: Mapping[str, int]) -> int:
    """How many resources Terraform begins and ends with: one that is replaced is destroyed and created."""
    return sum(counts.values()) + counts.get("replace", 0)


def summary(counts: Mapping[str, int], *, done: bool = False) -> str:
    """Counts per action in words: "22 to create, 1 to destroy", or "22 created, 1 destroyed"; "nothing" without any."""
    order = [*_ACTIONS, *(action for action in counts if action not in _ACTIONS)]
    words = {action: _ACTIONS.get(action, ("?", action, action, "white")) for action in order}
    return (
        ", ".join(
            f"{counts[action]} {words[action][2] if done else f'to {words[action][1]}'}"
            for action in order
            if counts.get(action)
        )
        or "nothing"
    )


def in_order(address: str) -> list[tuple[int, str]]:
    """A sort key by which the second of ten comes before the tenth."""
    return [(len(part) if part.isdecimal() else 0, part) for part in _NUMBERS.split(address)]


def order() -> Mapping[str, int]:
    """Where each action stands among those that must not be missed: 0 is first."""
    return {action: number for number, action in enumerate(_ACTIONS)}


def verb(action: str) -> str:
    """What Terraform's users call an action: "destroy" for delete."""
    return _ACTIONS.get(action, ("", action))[1]


def _outputs(count: int) -> str:
    return f"{count} output{'s' if count > 1 else ''} change{'s' if count == 1 else ''}"
