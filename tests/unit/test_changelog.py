"""CHANGELOG.md keeps to Keep a Changelog, and what breaks it is found."""

from __future__ import annotations

import pytest

from release.changelog import complaints, parse
from tests.conftest import ROOT

GOOD = """# Changelog

Words.

## [Unreleased]

## [1.10.0] - 2026-03-01

### Added

- A thing, which takes
  two lines.
- Another.

### Fixed

- A fault.

## [1.9.0] - 2026-02-28 [YANKED]

### Removed

- A thing.

[Unreleased]: ../../compare/v1.10.0...HEAD
[1.10.0]: ../../compare/v1.9.0...v1.10.0
[1.9.0]: ../../releases/tag/v1.9.0
"""


def test_the_changelog_keeps_to_the_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert complaints(text) == []
    assert sum(section.entries.total() for section in parse(text).sections) > 10


def test_the_parts_of_a_good_one() -> None:
    assert complaints(GOOD) == []
    unreleased, newer, older = parse(GOOD).sections
    assert (unreleased.name, unreleased.day, unreleased.groups) == ("Unreleased", None, [])
    assert (newer.name, newer.day, dict(newer.entries)) == ("1.10.0", "2026-03-01", {"Added": 2, "Fixed": 1})
    assert (older.name, older.day, older.groups) == ("1.9.0", "2026-02-28", ["Removed"])


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("## [Unreleased]\n", "", "the first section is not [Unreleased]"),
        ("## [Unreleased]", "## [Unreleased] - 2026-03-01", "[Unreleased] has a date"),
        ("## [1.10.0] - 2026-03-01", "## 1.10.0", "line 7: expected ## [VERSION] - YYYY-MM-DD"),
        ("## [1.10.0] - 2026-03-01", "## [1.10.0]", "[1.10.0] has no date YYYY-MM-DD"),
        ("2026-03-01", "2026-02-30", "[1.10.0] has no date YYYY-MM-DD"),
        ("2026-03-01", "20260301", "[1.10.0] has no date YYYY-MM-DD"),
        ("2026-03-01", "2026-02-27", "[1.10.0] is dated before [1.9.0]"),
        ("1.10.0", "1.8.0", "[1.8.0] stands above [1.9.0], which is newer"),
        ("1.10.0", "1.9.0", "[1.9.0] is there 2 times"),
        ("1.10.0", "1.10", "line 7: '1.10' is not a version X.Y.Z"),
        ("### Fixed", "### Bugs", "[1.10.0] has a group 'Bugs'; there are Added,"),
        ("### Fixed", "### Added", "[1.10.0] has Added 2 times"),
        ("- A fault.\n", "", "[1.10.0] says nothing under Fixed"),
        ("### Removed\n\n- A thing.\n", "", "[1.9.0] is empty"),
        ("### Removed\n\n", "", "[1.9.0] has entries outside a group"),
        ("- A fault.", "A fault.", "line 17: neither a heading, an entry (- ...) nor a link"),
        ("[1.9.0]: ../../releases/tag/v1.9.0\n", "", "[1.9.0] has no link at the end"),
        (
            "releases/tag/v1.9.0",
            "releases/tag/v1.8.0",
            "the link of [1.9.0] does not end with its tag v1.9.0",
        ),
        ("[1.9.0]: ", "[1.7.0]: ", "there is a link for [1.7.0], and no section"),
    ],
)
def test_what_breaks_the_form_is_said(was: str, becomes: str, said: str) -> None:
    assert was in GOOD
    assert any(one.startswith(said) for one in complaints(GOOD.replace(was, becomes)))
