"""What is known of a stack's variables before any plan, found where Terraform finds it.

https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson

from tapstack.deployment import known_secrets
from tapstack.errors import InputError, TapError
from tapstack.model.hcl import constant
from tapstack.settings import Settings
from tapstack.terraform.source import configuration_files, read_file, read_variables
from tapstack.terraform.variable_files import VariableText

_PREFIX: Final = "TF_VAR_"


def named(variables: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts as a mapping; the last of a name wins. Raises InputError for anything else."""
    texts = {}
    for given in variables:
        name, separator, text = given.partition("=")
        if not separator or not name.strip():
            raise InputError(f"--var {given!r}: NAME=VALUE was expected.")
        texts[name.strip()] = text
    return texts


def given_variables(
    settings: Settings, variables: Sequence[str], environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Each variable's value, in the order of precedence of a plan.

    That is TF_VAR_*, the files that Terraform loads by itself, tap.toml's files and values, and those of the
    command line. Raises ConfigurationError for a file that does not parse, InputError for one that is not there.
    """
    found: dict[str, Any] = {
        name.removeprefix(_PREFIX): text for name, text in environ.items() if name.startswith(_PREFIX)
    }
    for file in (
        *_loaded(settings.directory),
        *(settings.directory / name for name in settings.where.var_files),
    ):
        if not file.is_file():
            raise InputError(f"{file} is not a file; a .tfvars file was expected.")
        found |= {name: constant(value) for name, value in read_variables(file).items()}
    found |= settings.where.variables | named(variables)
    known_secrets.of_variables(settings.directory, found)
    return found


def for_apply(
    settings: Settings,
    var_files: Sequence[Path] = (),
    plain: Mapping[str, str] = MappingProxyType({}),
    expressions: Mapping[str, str] = MappingProxyType({}),
) -> list[VariableText]:
    """The values of ephemeral variables, which no plan keeps, for the apply; those that Terraform finds itself are
    left out. `plain` and `expressions` are those of the command line, texts by name."""
    names = _ephemeral(settings.directory)
    if not names:
        return []
    found: dict[str, Any] = {}
    for file in (*(settings.directory / name for name in settings.where.var_files), *var_files):
        found |= {name: constant(value) for name, value in read_variables(file).items()}
    found |= {**settings.where.variables, **plain}
    values = {name: value for name, value in found.items() if name in names and name not in expressions}
    hcl = "".join(f"{name} = {text}\n" for name, text in expressions.items() if name in names)
    texts = (VariableText(orjson.dumps(values, default=str), "json"), VariableText(hcl.encode(), "hcl"))
    return [one for one in texts if len(one.text) > len("{}")]


def _ephemeral(directory: Path) -> set[str]:
    """The root module's ephemeral variables. What can't be read has none: Terraform says what is wrong with it."""
    names: set[str] = set()
    for file in configuration_files(directory):
        with contextlib.suppress(TapError, OSError, RecursionError):
            if b"ephemeral" in file.read_bytes():
                names |= {
                    block.labels[0]
                    for block in read_file(file)
                    if block.type == "variable" and block.labels and block.attributes.get("ephemeral") is True
                }
    return names


def _loaded(directory: Path) -> Iterator[Path]:
    yield from (file for name in ("", ".json") if (file := directory / f"terraform.tfvars{name}").is_file())
    yield from sorted((*directory.glob("*.auto.tfvars"), *directory.glob("*.auto.tfvars.json")))
