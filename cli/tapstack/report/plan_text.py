"""A plan for a person: what changes, grouped by action, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

# In the order of what a reader must not miss.
_ACTIONS = {
    "replace": ("-/+", "replace", "yellow"),
    "delete": ("-", "destroy", "red"),
    "update": ("~", "change", "yellow"),
    "forget": (".", "forget", "yellow"),
    "import": ("=", "import", "cyan"),
    "create": ("+", "create", "green"),
}
_LISTED = 30

Style = Callable[[str, str], str]


def render(
    changes: Iterable[tuple[str, str]], outputs_changed: int, *, style: Style, full: bool = False
) -> str:
    """(address, action) pairs as lines; long groups are cut unless `full`. `style(text, colour)` may colour."""
    groups: dict[str, list[str]] = {}
    for address, action in changes:
        groups.setdefault(action, []).append(address)
    if not groups:
        return "No changes" + (f", but {outputs_changed} outputs change." if outputs_changed else ".")
    lines = [f"Changes: {summary({action: len(found) for action, found in groups.items()})}"]
    for action in sorted(groups, key=lambda name: list(_ACTIONS).index(name) if name in _ACTIONS else 0):
        sign, _, colour = _ACTIONS.get(action, ("?", action, "white"))
        addresses = sorted(groups[action])
        shown: Sequence[str] = addresses if full else addresses[:_LISTED]
        lines += [f"  {style(sign, colour):>3} {address}" for address in shown]
        if len(shown) < len(addresses):
            lines.append(f"      and {len(addresses) - len(shown)} more (--full shows them)")
    if outputs_changed:
        lines.append(f"  {outputs_changed} outputs change")
    return "\n".join(lines)


def summary(counts: Mapping[str, int]) -> str:
    """Counts per action in words: "22 to create, 1 to destroy"; "none" without any."""
    known = [f"{counts[action]} to {_ACTIONS[action][1]}" for action in _ACTIONS if counts.get(action)]
    other = [f"{count} to {action}" for action, count in counts.items() if action not in _ACTIONS]
    return ", ".join([*known, *other]) or "none"
