"""Outputs that the pages of docs/ show, held against what the commands really say."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Final

from tests.conftest import ROOT, TAP, Answer, Tap

# What is different in every run, and what the pages say for it.
_SAME: Final = (
    (r"\b\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{16}\b", "20261122T031245.042Z-c9f208f2340ec7e8"),
    (r"\b\d{8}T\d{6}\.\d{3}Z", "20261122T031245.042Z"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "2026-11-22T03:12:45Z"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+ \+0000)? UTC", "2026-11-22 03:12:45 UTC"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2026-11-22 04:12 UTC"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "700871ef-9ce5-9967-68ad-3bd7eddd5ab7"),
    (r"\bafter \d+ s\b", "after 2 s"),
    (r"\b\d+ (second|minute)s? ago\b", "29 seconds ago"),
    (r"\(process \d+\b", "(process 4711"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:5000"),
    (r"\b(Request ?ID|HostID): [\w/+=-]*", r"\1: GOVW8TJ1"),
    (r"\b[\w+-]+@[\w-]+(\.[\w-]+)*", "me@laptop"),
    (r"\b(Terraform|Version:  ) 1\.\d+\.\d+\b", r"\1 1.11.4"),
    (r"\b\d+ bytes\b", "2359 bytes"),
)


def documented(page: str, name: str, text: str, names: Mapping[str, str] | None = None) -> None:
    """Compare `text` with the block `name` of docs/<page>.md; with TAP_WRITE_DOCS=1, write the block.

    The block is the fenced one right below a line `<!-- output: name -->`, which has to be there already. Times, ids,
    processes and ports become the same in every run; `names` maps other words of this run (a directory, a bucket) to
    what the page says for them. Raises AssertionError where page and text differ. Write with one process of pytest
    only: `TAP_WRITE_DOCS=1 .venv/bin/pytest -n 0 FILE`.
    """
    path = ROOT / "docs" / f"{page}.md"
    content = path.read_text("utf-8")
    block = re.search(
        rf"(?<=^<!-- output: {re.escape(name)} -->\n```text\n).*?(?=^```$)", content, re.M | re.S
    )
    assert block, f"docs/{page}.md has no block <!-- output: {name} -->"
    said = normalised(text, names or {})
    # A new policy changes none of these pages.
    said = re.sub(r"\b\d+ policies x\b", "38 policies x", said)
    said = re.sub(r"\b\d+ not applicable\b", "149 not applicable", said)
    if os.environ.get("TAP_WRITE_DOCS"):
        path.write_text(content[: block.start()] + said + content[block.end() :], "utf-8")
    else:
        assert block[0] == said, f"docs/{page}.md, {name}: TAP_WRITE_DOCS=1 writes what is said now"


def normalised(text: str, names: Mapping[str, str]) -> str:
    """`text` with one newline at its end and what changes from run to run made the same; longer names come first."""
    for word in sorted(names, key=len, reverse=True):
        text = text.replace(word, names[word])
    for pattern, same in _SAME:
        text = re.sub(pattern, same, text)
    return f"{text.rstrip()}\n"


def session(tap: Tap, *arguments: str, env: Mapping[str, str] | None = None) -> Answer:
    """Run tap and read both streams as one, 100 columns wide; `out` is what a terminal shows, with command and code."""
    done = subprocess.run(
        [str(TAP), *arguments],
        cwd=tap.directory,
        env={**tap.env, "COLUMNS": "100", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stdout, done.stdout
    return Answer(done.returncode, shown(arguments, done.stdout, done.returncode), "")


def shown(arguments: tuple[str, ...], said: str, code: int) -> str:
    """A command and what it said, as on a terminal; a code that is not 0 is asked for."""
    words = " ".join(f"'{one}'" if re.search(r"[^\w./:=@,+-]", one) else one for one in arguments)
    return f"$ tap {words}\n{said}" + (f"$ echo $?\n{code}\n" if code else "")
