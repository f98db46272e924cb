"""Ways to write the same configuration differently: what Terraform would make of it stays the same.

Each takes and gives a configuration as files by name, and says how addresses change.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tapstack.terraform.source import Block, read_configuration

Files = dict[str, str]
_ROOT_ONLY = {"terraform", "moved", "import", "removed"}
_SCALAR = re.compile(r'^(\s+)([a-z_0-9]+)(\s*=\s*)("[^"$%\\]*"|true|false|-?\d+(?:\.\d+)?)\s*$')


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration, and what each address of the original is called in it."""

    files: Files
    address: Callable[[str], str] = lambda address: address


@dataclass(frozen=True, slots=True)
class _Piece:
    """One top-level block with its text."""

    block: Block
    text: str


def pieces(files: Mapping[str, str]) -> list[_Piece]:
    """The top-level blocks of the root directory's files."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in files.items():
            Path(name, path).parent.mkdir(exist_ok=True, parents=True)
            Path(name, path).write_text(text)
        found = []
        for block in read_configuration(Path(name)).root.blocks:
            file = Path(block.position.file).name
            lines = files[file].splitlines()
            found.append(_Piece(block, "\n".join(lines[block.position.line - 1 : block.position.end_line])))
    return found


def reordered(files: Files, seed: int) -> Written:
    """Every block in another order, in one file."""
    texts = [piece.text for piece in pieces(files)]
    random.Random(seed).shuffle(texts)  # noqa: S311  # any order will do
    return Written({"main.tf": "\n\n".join(texts) + "\n"})


def split(files: Files, _seed: int) -> Written:
    """Every block in a file of its own."""
    return Written({f"part{number}.tf": f"{piece.text}\n" for number, piece in enumerate(pieces(files))})


def renamed(files: Files, _seed: int) -> Written:
    """Every resource under another name."""
    names = _resources(pieces(files))
    changed = {}
    for path, text in files.items():
        for kind, type_, name in names:
            text = text.replace(f'{kind} "{type_}" "{name}"', f'{kind} "{type_}" "{name}_again"')
            text = re.sub(rf"\b{type_}\.{name}\b", f"{type_}.{name}_again", text)
        changed[path] = text
    table = {f"{type_}.{name}" for _, type_, name in names}

    def address(old: str) -> str:
        return re.sub(
            r"((?:^|\.)(\w+\.[\w-]+))(?=$|\[)",
            lambda match: f"{match.group(1)}_again" if match.group(2) in table else match.group(1),
            old,
        )

    return Written(changed, address)


def in_module(files: Files, _seed: int) -> Written:
    """Everything one module deeper; outputs are passed on."""
    inside = [piece for piece in pieces(files) if piece.block.type not in _ROOT_ONLY]
    root = [piece for piece in pieces(files) if piece.block.type in _ROOT_ONLY]
    variables = [piece.block.labels[0] for piece in inside if piece.block.type == "variable"]
    lines = [piece.text for piece in root]
    lines += [piece.text for piece in inside if piece.block.type == "variable"]
    passed = "".join(f"  {name} = var.{name}\n" for name in variables)
    lines.append(f'module "deeper" {{\n  source = "./deeper"\n{passed}}}')
    lines += [
        f'output "{piece.block.labels[0]}" {{\n  value     = module.deeper.{piece.block.labels[0]}\n'
        f"  sensitive = {str(piece.block.attributes.get('sensitive', False)).lower()}\n}}"
        for piece in inside
        if piece.block.type == "output"
    ]
    return Written(
        {"main.tf": "\n\n".join(lines) + "\n", "deeper/main.tf": "\n\n".join(p.text for p in inside) + "\n"},
        lambda old: f"module.deeper.{old}",
    )


def counted(files: Files, _seed: int) -> Written:
    """Every resource that is one becomes the first of one."""
    return _repeated(files, "count = 1", "[0]")


def for_each(files: Files, _seed: int) -> Written:
    """Every resource that is one becomes the only one of a set."""
    return _repeated(files, 'for_each = toset(["only"])', '["only"]')


def _repeated(files: Files, argument: str, index: str) -> Written:
    single = {
        f"{piece.block.labels[0]}.{piece.block.labels[1]}"
        for piece in pieces(files)
        if piece.block.type == "resource" and not piece.block.attributes.keys() & {"count", "for_each"}
    }
    texts = []
    for piece in pieces(files):
        text = piece.text
        for name in single:
            text = re.sub(rf"(?<![\w.]){re.escape(name)}\b(?!\[)", f"{name}{index}", text)
        if piece.block.type == "resource" and ".".join(piece.block.labels) in single:
            text = text.replace("{", f"{{\n  {argument}", 1)
        texts.append(text)
    return Written(
        {"main.tf": "\n\n".join(texts) + "\n"}, lambda old: f"{old}{index}" if old in single else old
    )


def in_locals(files: Files, _seed: int) -> Written:
    """Every plain literal of a resource behind a local."""
    return _named(files, lambda name, value: f"locals {{\n  {name} = {value}\n}}", "local")


def in_variables(files: Files, _seed: int) -> Written:
    """Every plain literal of a resource behind a variable with that default."""
    return _named(files, lambda name, value: f'variable "{name}" {{\n  default = {value}\n}}', "var")


def _named(files: Files, declaration: Callable[[str, str], str], prefix: str) -> Written:
    texts = []
    declared: list[str] = []
    for piece in pieces(files):
        lines = piece.text.splitlines()
        if piece.block.type == "resource":
            heredoc = "<<" in piece.text
            for number, line in enumerate(lines):
                match = None if heredoc else _SCALAR.match(line)
                # Meta-arguments and provisioners take literals only.
                if match and match.group(2) not in {"prevent_destroy", "create_before_destroy", "count"}:
                    name = f"wrapped_{len(declared)}"
                    declared.append(declaration(name, match.group(4)))
                    lines[number] = f"{match.group(1)}{match.group(2)}{match.group(3)}{prefix}.{name}"
        texts.append("\n".join(lines))
    return Written({"main.tf": "\n\n".join([*texts, *declared]) + "\n"})


def _resources(found: list[_Piece]) -> list[tuple[str, str, str]]:
    return [
        (piece.block.type, piece.block.labels[0], piece.block.labels[1])
        for piece in found
        if piece.block.type in ("resource", "data")
    ]


def in_two_modules(files: Files, seed: int) -> Written:
    """Everything two modules deeper."""
    once = in_module(files, seed)
    twice = in_module({"main.tf": once.files["main.tf"]} | _below(once.files), seed)
    return Written(
        twice.files | {f"deeper/{path}": text for path, text in once.files.items() if path != "main.tf"},
        lambda old: f"module.deeper.module.deeper.{old}",
    )


def _below(files: Files) -> Files:
    return {path: text for path, text in files.items() if path != "main.tf"}


ALL: tuple[Callable[[Files, int], Written], ...] = (
    reordered,
    split,
    renamed,
    in_module,
    in_two_modules,
    counted,
    for_each,
    in_locals,
    in_variables,
)
