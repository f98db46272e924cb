"""Writes a new stack: a copy of the main stack under a name of its own, with tests and what CI needs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapstack import __version__
from tapstack.errors import EnvironmentFailure, InputError

# The import name of the main stack's directory; in a wheel it is a package without code of its own.
_TEMPLATE: Final = "tapstack_template"
# What is taken from there: it is a stack at work, with a `.tap` and further stacks beside it.
_TAKEN: Final = ("*.tf", "smoke.py", "handlers/*/*")
_STACK_FILES: Final = Path(__file__).with_name("stack_files")
# Written from there, by where they go: their names would mean something to the tools of this repository.
_WRITTEN: Final = {
    "Makefile": "Makefile",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "test_stack.py.txt": "tests/test_stack.py",
    "workflow.yml": ".github/workflows/tap.yml",
}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# That of the main stack's variable.
_COMPANY: Final = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class StackDraft:
    """A stack to be written into `directory`; raises InputError, in one sentence, for names that can't be.

    `name` is the stack's, and its Project tag; `company` is the first part of every resource's name.
    """

    directory: Path
    name: str
    company: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"{self.name!r} can't name a stack: expected 1 to 64 letters, digits, hyphens or underscores, "
                "the first a letter or digit.",
                hint="--name NAME",
            )
        if not _COMPANY.fullmatch(self.company):
            raise InputError(
                f"{self.company!r} can't be the company: expected 2 to 20 lower-case letters, digits or hyphens, "
                "a letter first and no hyphen last, since it begins every name.",
                hint="--company NAME",
            )


def write(draft: StackDraft) -> list[Path]:
    """Write the stack, and say which files; raises InputError unless the directory is new or empty."""
    _require_empty(draft.directory)
    made = []
    try:
        for name, content in sorted(_files(draft)):
            path = draft.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            made.append(path)
    except OSError as failure:
        raise EnvironmentFailure(
            f"{failure.filename or draft.directory} can't be written: {failure.strerror}.",
            hint="choose another directory",
        ) from failure
    return made


def _require_empty(directory: Path) -> None:
    if directory.is_dir():
        if any(directory.iterdir()):
            raise InputError(f"{directory} is not empty: a new stack goes into a new or an empty directory.")
    elif directory.exists() or directory.is_symlink():
        raise InputError(f"{directory} is not a directory.")


def _files(draft: StackDraft) -> Iterator[tuple[str, bytes]]:
    template = _template()
    for pattern in _TAKEN:
        for path in template.glob(pattern):
            if path.is_file():
                yield path.relative_to(template).as_posix(), path.read_bytes()
    yield "tap.toml", _settings(template / "tap.toml", draft).encode()
    for source, target in _WRITTEN.items():
        text = (_STACK_FILES / source).read_text("utf-8")
        yield target, text.replace("@name@", draft.name).replace("@version@", _public_version()).encode()


def _public_version() -> str:
    # What follows the + is this machine's own build, and pip takes no >= of it.
    return __version__.partition("+")[0]


def _template() -> Path:
    spec = importlib.util.find_spec(_TEMPLATE)
    for place in (spec.submodule_search_locations if spec else None) or ():
        if Path(place, "tap.toml").is_file():
            return Path(place)
    raise EnvironmentFailure(
        "This installation of tap lacks the template of a stack.", hint="install tapstack again"
    )


def _settings(path: Path, draft: StackDraft) -> str:
    """The main stack's tap.toml with the draft's names; everything else, its policies above all, as it is there."""
    text = path.read_text("utf-8")
    for pattern, value in (
        (r'^name = ".*"$', f'name = "{draft.name}"'),
        (r'company = "[^"]*"', f'company = "{draft.company}", project = "{draft.name}"'),
    ):
        text = re.sub(pattern, value, text, flags=re.MULTILINE)
    return text
