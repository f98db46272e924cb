"""Loads what the first judgement of a directory would load, so that the next ones don't wait for it."""

from __future__ import annotations

from tapstack.gate.registry import load
from tapstack.terraform.source import tree


def warm_up() -> None:
    """The policy pack, and the grammar of HCL."""
    load()
    tree("warm = true\n", "nothing")
