"""`python -m tests.bench`: measure, and write docs/benchmarks.md where asked to."""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

from tests.bench import page
from tests.bench.measure import Scope

SECTIONS = ("pipeline", "alone", "gate", "hcl", "startup", "apply", "rehearse", "phases")


def main() -> None:
    """One section after another; each is printed, and written to the page, as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of: {', '.join(SECTIONS)}; all by default"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often the sides take turns")
    parser.add_argument("--smoke", action="store_true", help="small and once: whether everything still runs")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace these sections in the page")
    parser.add_argument(
        "--peers", type=Path, metavar="VENV", help="where regorus, terraform-compliance, trivy are"
    )
    given = parser.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected of: {', '.join(SECTIONS)}")
    for name in given.sections or SECTIONS:
        module = importlib.import_module(f"tests.bench.{name}")
        with tempfile.TemporaryDirectory() as scratch:
            peers = given.peers.resolve() if given.peers else None
            scope = Scope(Path(scratch), 1 if given.smoke else given.rounds, given.smoke, peers)
            text = page.section(name, module.tables(scope), scope)
        print(text, flush=True)
        if given.write and text:
            page.write(given.write, name, text, SECTIONS)


if __name__ == "__main__":
    main()
