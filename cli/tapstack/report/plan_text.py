"""A plan for a person: what changes, grouped by action, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

# In the order of what a reader must not miss.
_ACTIONS = {
    "replace": ("-/+", "replace", "replaced", "yellow"),
    "delete": ("-", "destroy", "destroyed", "red"),
    "update": ("~", "change", "changed", "yellow"),
    "forget": (".", "forget", "forgotten", "yellow"),
    "import": ("=", "import", "imported", "cyan"),
    "create": ("+", "create", "created", "green"),
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
        return "No changes" + (f", but {_outputs(outputs_changed)}." if outputs_changed else ".")
    lines = [f"Changes: {summary({action: len(found) for action, found in groups.items()})}"]
    for action in sorted(groups, key=lambda name: list(_ACTIONS).index(name) if name in _ACTIONS else 0):
        sign, _, _, colour = _ACTIONS.get(action, ("?", action, action, "white"))
        addresses = sorted(groups[action])
        shown: Sequence[str] = addresses if full else addresses[:_LISTED]
        lines += [f"  {style(sign, colour):>3} {address}" for address in shown]
        if len(shown) < len(addresses):
            lines.append(f"      and {len(addresses) - len(shown)} more (--full shows them)")
    if outputs_changed:
        lines.append(f"  {_outputs(outputs_changed)}")
    return "\n".join(lines)


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


def _outputs(count: int) -> str:
    return f"{count} output{'s' if count > 1 else ''} change{'s' if count == 1 else ''}"
