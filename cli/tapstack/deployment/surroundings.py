"""What a plan depends on, as it is now: files, tools, place. Asked when a plan is sealed and before it is applied."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from tapstack import __version__
from tapstack.deployment.backend import recorded
from tapstack.deployment.prepare import Prepared
from tapstack.errors import TapError
from tapstack.gate.registry import Registry
from tapstack.seal.statement import Configuration, Git, Tools, Where, digest, digest_of
from tapstack.settings import FILE_NAME, Settings
from tapstack.terraform import process
from tapstack.terraform.source import OWN_NAMES

LOCK_FILE: Final = ".terraform.lock.hcl"
_PROVIDER: Final = re.compile(r'^provider "([^"]+)" \{\n(?:.*\n)*?\s*version\s*=\s*"([^"]+)"', re.MULTILINE)
_USER_INFO: Final = re.compile(r"(?<=//)[^/@]*@")
# Longer strings of a plan are contents, not names.
_LONGEST_NAME: Final = 1024


def configuration(prepared: Prepared, named: Iterable[str] = ()) -> Configuration:
    """The digests of everything that is read, and the commit it belongs to.

    `named` are files beside the configuration, relative to the stack: those that resources upload.
    """
    settings = prepared.settings
    extra = [package.path for package in prepared.packages]
    extra += [settings.directory / name for name in (*settings.where.var_files, *named)]
    extra += _of_modules(prepared)
    return Configuration(files=file_digests(settings.directory, extra), git=commit(settings.directory))


def file_digests(directory: Path, extra: Iterable[Path]) -> dict[str, str]:
    """sha256 of every configuration file under `directory`, and of `extra`, by relative path.

    Hidden files and directories are left out, as Terraform leaves them, and so are stacks below this one, which have a
    tap.toml of their own; modules below the stack are covered.
    """
    paths = {*extra}
    for folder, folders, files in os.walk(directory):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not Path(folder, name, FILE_NAME).exists()
        ]
        paths |= {Path(folder, name) for name in files if _is_configuration(name)}
    # A link that leads nowhere is some editor's lock.
    found = {os.path.relpath(path, directory): path for path in paths if path.is_file()}
    return {name: digest(found[name].read_bytes()) for name in sorted(found)}


def _is_configuration(name: str) -> bool:
    if name in (LOCK_FILE, FILE_NAME):
        return True
    # They are there while another tap works on an embedded AWS, or recovers.
    left_out = name in OWN_NAMES or name.startswith(".")
    return not left_out and name.endswith((".tf", ".tf.json", ".tfvars", ".tfvars.json"))


def _of_modules(prepared: Prepared) -> Iterator[Path]:
    """The files of modules beside the stack ("../modules/x") and of downloaded ones, as init noted them."""
    directory = prepared.settings.directory
    try:
        noted = orjson.loads((prepared.data_dir / "modules" / "modules.json").read_bytes())["Modules"]
        folders = {directory / one["Dir"] for one in noted if one["Key"]}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return
    for folder in folders:
        yield from (path for path in folder.glob("*") if _is_configuration(path.name))


def uploaded(document: Mapping[str, Any], directory: Path) -> set[str]:
    """The files that a plan (`terraform show -json`) has AWS's provider read, relative to `directory`.

    The plan holds their names; what is in them is read during the apply.
    """
    texts: set[str] = set()
    for change in document.get("resource_changes") or ():
        if change["type"].startswith("aws_") and {"create", "update"} & {*change["change"]["actions"]}:
            texts.update(_texts(change["change"].get("after")))
    names = (text for text in texts if 0 < len(text) <= _LONGEST_NAME and text.isprintable())
    # An absolute path that leads elsewhere is one of a machine or container that the stack describes.
    paths = (
        directory / name for name in names if not name.startswith("/") or Path(name).is_relative_to(directory)
    )
    return {os.path.relpath(path, directory) for path in paths if _is_file(path)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for member in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(member)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a text that is too long for a name
        return False


def commit(directory: Path) -> Git | None:
    """The commit that is checked out; None without git, outside a repository, and before the first commit."""
    try:
        head = _git(directory, "rev-parse", "HEAD")
        changed = _git(directory, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    except (TapError, OSError):
        return None
    return None if head is None or changed is None else Git(commit=head, dirty=bool(changed))


def _git(directory: Path, *arguments: str) -> str | None:
    # Variables such as GIT_DIR would name another repository.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = process.run(["git", *arguments], cwd=directory, env=env, timeout=30)
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def tools(prepared: Prepared) -> Tools:
    """The versions of what plans and judges; providers are those of the lock file."""
    binary = prepared.driver.binary
    return Tools(
        terraform=f"{binary.kind} {binary.version}",
        providers=dict(_locked(prepared.settings.directory / LOCK_FILE)),
        tap=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()}_{platform.machine()}".lower(),
    )


def _locked(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_file():
        for match in _PROVIDER.finditer(path.read_text("utf-8")):
            yield match[1], match[2]


def where(
    prepared: Prepared, regions: tuple[str, ...], state: Mapping[str, Any], account_id: str | None
) -> Where:
    """The place; `state` has the "lineage" and "serial" that the plan starts from, or that are there now."""
    settings = prepared.settings
    return Where(
        environment=settings.environment,
        workspace=prepared.workspace.name,
        backend=backend(prepared),
        lineage=str(state.get("lineage") or ""),
        serial=int(state.get("serial") or 0),
        account_id=account_id,
        regions=regions,
        default_region=default_region(prepared) or "",
        endpoint=endpoint(prepared),
    )


def default_region(prepared: Prepared) -> str | None:
    """The region of providers that name none, as far as the environment says it: a profile may say another."""
    env = prepared.driver.env
    return env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None


def backend(prepared: Prepared) -> str:
    """Type and address of the state, as init recorded them: "s3 bucket=b key=k region=r". No credentials."""
    if prepared.settings.is_sandbox:
        return "local, the sandbox's"
    return recorded(prepared.data_dir).described()


def endpoint(prepared: Prepared) -> str:
    """Which AWS: "aws", "sandbox ID", or the addresses that AWS_ENDPOINT_URL* name."""
    if prepared.settings.is_sandbox:
        return f"sandbox {prepared.sandbox.id}" if prepared.sandbox else "no sandbox: it was stopped"
    named = {
        name: _USER_INFO.sub("", value)
        for name, value in prepared.driver.env.items()
        if name.startswith("AWS_ENDPOINT_URL")
    }
    return " ".join(f"{name}={value}" for name, value in sorted(named.items())) or "aws"


def policy_digests(registry: Registry) -> dict[str, str]:
    """sha256 of each policy's file, by id."""
    import inspect

    return {policy.id: digest(Path(inspect.getfile(policy)).read_bytes()) for policy in registry.policies}


def settings_digests(settings: Settings) -> tuple[str, str]:
    """Digests of what the settings say to the policies, and of the waivers."""
    parameters = {
        "parameters": settings.policy_parameters(),
        "disabled": settings.policies.disabled,
        "unknown": settings.policies.unknown,
    }
    return digest_of(parameters), digest_of([one.model_dump() for one, _ in settings.waivers])
