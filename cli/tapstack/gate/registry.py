"""Finds the policies: the pack's and the user's. What can't be loaded is an error, never skipped."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Final, NoReturn

from tapstack.errors import TapError
from tapstack.gate.ledger import ErrorKind, GateError
from tapstack.gate.policy import Policy
from tapstack.gate.printing import on_stderr
from tapstack.suggestion import nearest

PACK: Final = "tapstack_policies"
# Dotted, so that no policy of the user's is taken for one that checkov loads (see Policy).
_USERS: Final = "tapstack_user_policies"


@dataclass(frozen=True, slots=True)
class Registry:
    """The policies that loaded, by id, and why others didn't."""

    policies: tuple[type[Policy], ...]
    errors: tuple[GateError, ...] = ()

    def find(self, key: str) -> type[Policy] | None:
        """The policy of that name or id."""
        return next((policy for policy in self.policies if key in (policy.name, policy.id)), None)

    def nearest(self, key: str) -> str:
        """`; did you mean X?`, or nothing where no policy is called much like `key`."""
        known = [word for policy in self.policies for word in (policy.name, policy.id)]
        near = nearest(key, known)
        return f"; did you mean {near}?" if near else ""


def load(directories: Sequence[Path] | None = None) -> Registry:
    """The pack, and the policies below each directory: one per file, in a file of the policy's name.

    A directory beside a policy's file and named like it holds its examples and is left out.
    """
    found: dict[str, type[Policy]] = {}
    errors: list[GateError] = []
    for name, path in _modules(directories or (), errors):
        try:
            with on_stderr():
                policy = _only_policy(_imported(name, path), path)
            _check_unique(policy, found)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # SystemExit as well: a policy that ends the process at import would end it with its own status.
            errors.append(_import_error(path, error))
        else:
            found[policy.id] = policy
    return Registry(tuple(found[id_] for id_ in sorted(found)), tuple(errors))


def _modules(directories: Sequence[Path], errors: list[GateError]) -> Iterator[tuple[str, Path]]:
    pack = importlib.util.find_spec(PACK)
    if pack is None:
        errors.append(GateError(ErrorKind.POLICY_IMPORT, f"The policy pack {PACK} is not installed."))
    roots = [(PACK, Path(path)) for path in (pack.submodule_search_locations or () if pack else ())]
    roots += [(f"{_USERS}.n{number}", path) for number, path in enumerate(directories)]
    for prefix, root in roots:
        files = list(_files(root, errors))
        if not files:
            errors.append(
                GateError(ErrorKind.POLICY_IMPORT, f"There is no policy in {root}.", os.path.relpath(root))
            )
        for file in files:
            yield ".".join((prefix, *file.relative_to(root).with_suffix("").parts)), file


def _files(directory: Path, errors: list[GateError]) -> Iterator[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        message = f"The policy directory {directory} can't be read: {error.strerror}."
        errors.append(GateError(ErrorKind.POLICY_IMPORT, message, os.path.relpath(directory)))
        return
    modules = {entry.stem for entry in entries if entry.suffix == ".py"}
    for entry in entries:
        if entry.name.startswith((".", "__")):
            continue
        if entry.suffix == ".py":
            yield entry
        elif entry.is_dir() and entry.name not in modules:
            yield from _files(entry, errors)


def _imported(name: str, path: Path) -> ModuleType:
    if name.startswith(f"{PACK}."):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Uncached(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _Uncached(SourceFileLoader):
    def path_stats(self, path: str) -> NoReturn:  # noqa: ARG002 - the loader's interface
        # Bytecode is told from its source by size and second: a policy that is changed twice within one would be
        # judged by as it was.
        raise OSError


def _only_policy(module: ModuleType, path: Path) -> type[Policy]:
    policies = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Policy) and value.__module__ == module.__name__
    ]
    if len(policies) != 1:
        raise ImportError(f"a policy's file defines one Policy, this one defines {len(policies)}")
    policy: type[Policy] = policies[0]
    if policy.name != path.stem:
        raise ImportError(f"the policy is named {policy.name}, its file {path.stem}: they must be the same")
    if inspect.isabstract(policy):
        raise ImportError(f"{policy.name} does not implement evaluate()")
    return policy


def _check_unique(policy: type[Policy], found: dict[str, type[Policy]]) -> None:
    for other in found.values():
        if policy.id == other.id or policy.name == other.name:
            same = f"id {policy.id}" if policy.id == other.id else f"name {policy.name}"
            raise ImportError(f"{same} is taken by {inspect.getfile(other)}")


def _import_error(path: Path, error: BaseException) -> GateError:
    text = error.message if isinstance(error, TapError) else f"{type(error).__name__}: {error}"
    shown = os.path.relpath(path)
    return GateError(ErrorKind.POLICY_IMPORT, f"The policy in {shown} can't be loaded: {text}", shown)
