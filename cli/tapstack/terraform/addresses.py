"""The addresses that a configuration gives to its blocks.

https://developer.hashicorp.com/terraform/cli/state/resource-addressing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tapstack.suggestion import nearest
from tapstack.terraform.source import Configuration, Module

_KEY: Final = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
_MODULES: Final = r"(?:module\.[\w-]+\.)*"
_ADDRESS: Final = re.compile(rf"{_MODULES}(?:(?:data\.)?[\w-]+\.[\w-]+|module\.[\w-]+)")


def without_keys(address: str) -> str:
    """The address of the block that an instance comes from: `aws_kms_key.one["eu"]` is one of `aws_kms_key.one`."""
    return _KEY.sub("", address)


def is_absent(address: str, configuration: Configuration) -> bool:
    """Whether an address surely names nothing in a configuration.

    Nothing is sure of what is no plain address, such as a pattern, and within a module that was not read.
    """
    block = without_keys(address)
    if not _ADDRESS.fullmatch(block) or block in _blocks(configuration.root):
        return False
    module = configuration.root
    for name in re.findall(r"module\.([\w-]+)\.", block):
        if not module.find("module", name):
            return True
        if name not in module.calls:
            return False
        module = module.calls[name]
    return True


def meant(address: str, configuration: Configuration) -> str:
    """`did you mean X?`, or where to look."""
    near = nearest(without_keys(address), _blocks(configuration.root))
    return f"did you mean {near}?" if near else "`tap graph` shows what there is"


def _blocks(module: Module, prefix: str = "") -> Iterator[str]:
    for block in module.blocks:
        if block.type in ("resource", "data"):
            mode = "data." if block.type == "data" else ""
            yield f"{prefix}{mode}{'.'.join(block.labels)}"
        elif block.type == "module":
            yield f"{prefix}module.{block.labels[0]}"
    for name, called in module.calls.items():
        yield from _blocks(called, f"{prefix}module.{name}.")
