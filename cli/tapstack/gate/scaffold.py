"""Writes a new policy: a small one that works, with the examples that prove it."""

from __future__ import annotations

import importlib.util
import inspect
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapstack.errors import InputError
from tapstack.gate.registry import PACK, Registry
from tapstack.model.taggable import TAGGABLE

# A queue needs no argument at all, which makes for short examples.
DEFAULT_TYPE: Final = "aws_sqs_queue"
USERS_PREFIX: Final = "CKV_CUSTOM"
_PACKS_PREFIX: Final = "CKV_TAP"
_TAG: Final = "tags.Owner"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_TYPE: Final = re.compile(r"[a-z][a-z0-9]*_[a-z0-9_]*[a-z0-9]")
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]*|tags\.[A-Za-z][A-Za-z0-9_-]*")
_ID: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_\d+")
# What the template imports or may not be shadowed.
_TAKEN: Final = frozenset({"Enforcement", "Evidence", "Policy", "Severity", "Resource", "Stack", "Unknown"})
_LINE: Final = 110


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy to be written: `directory` is the root of the policies, `attribute` an argument or `tags.KEY`.

    Raises InputError, in one sentence, for what can't be a policy.
    """

    name: str
    area: str
    id: str
    type: str
    attribute: str
    directory: Path

    def __post_init__(self) -> None:
        _require("name", self.name, _NAME, "queue_has_owner")
        _require("area", self.area, _NAME, "ownership")
        _require("type", self.type, _TYPE, DEFAULT_TYPE)
        _require("attribute", self.attribute, _ATTRIBUTE, f"kms_key_id or {_TAG}")
        _require("id", self.id, _ID, f"{USERS_PREFIX}_1")

    @property
    def file(self) -> Path:
        """The policy's module."""
        return self.directory / self.area / f"{self.name}.py"

    @property
    def examples(self) -> Path:
        """The directory of its examples."""
        return self.directory / self.area / self.name

    @property
    def page(self) -> Path:
        """Its page in Markdown."""
        return self.directory / self.area / f"{self.name}.md"


def attribute_for(type_: str) -> str:
    """What a scaffold starts from: a tag. Raises InputError for a type that has no tags."""
    _require("type", type_, _TYPE, DEFAULT_TYPE)
    if type_.removeprefix("aws_") in TAGGABLE and type_.startswith("aws_"):
        return _TAG
    raise InputError(
        f"{type_} is not known to have tags, which the scaffold would start from.",
        hint="name the argument the policy is about: --attribute NAME",
    )


def is_pack(directory: Path) -> bool:
    """Whether a directory of policies is the pack itself, as in tap's own repository."""
    pack = importlib.util.find_spec(PACK)
    places = (pack.submodule_search_locations or ()) if pack else ()
    return directory.resolve() in {Path(place).resolve() for place in places}


def next_id(directory: Path, area: str, registry: Registry) -> str:
    """The number after the greatest of the directory's own policies (of the area's, in the pack).

    Without any: CKV_CUSTOM_1, or in the pack the next free hundred. The pack's CKV_TAP is never given to others.
    """
    own = is_pack(directory)
    among = (directory / area if own else directory).resolve()
    ids = [p.id for p in registry.policies if among in Path(inspect.getfile(p)).resolve().parents]
    if ids:
        prefix, number = max((_split(id_) for id_ in ids), key=lambda pair: pair[1])
    elif own:
        greatest = max(
            _split(policy.id)[1] for policy in registry.policies if policy.id.startswith(_PACKS_PREFIX)
        )
        prefix, number = _PACKS_PREFIX, greatest // 100 * 100 + 100
    else:
        prefix, number = USERS_PREFIX, 0
    taken = {policy.id for policy in registry.policies}
    while f"{prefix}_{number + 1}" in taken:
        number += 1
    return f"{prefix}_{number + 1}"


def write(draft: Draft, registry: Registry) -> tuple[Path, ...]:
    """The files that were made. Raises InputError, before anything is written, where one would be overwritten."""
    for policy in registry.policies:
        if draft.name == policy.name or draft.id == policy.id:
            same = f"id {draft.id}" if draft.id == policy.id else f"name {draft.name}"
            raise InputError(f"The {same} is taken by {inspect.getfile(policy)}.")
    area = draft.file.parent
    if area.with_suffix(".py").exists():
        raise InputError(f"{area} would be taken for the examples of {area.with_suffix('.py')}.")
    files = _texts(draft)
    for path in (*files, draft.examples, draft.page):
        if path.exists():
            raise InputError(f"{path} exists; nothing was written.")
    for path, text in (*_packages(draft), *files.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return tuple(files)


def _require(what: str, value: str, pattern: re.Pattern[str], example: str) -> None:
    if pattern.fullmatch(value) is None:
        raise InputError(f"The {what} {value!r} can't be used; expected something like {example}.")


def _split(id_: str) -> tuple[str, int]:
    prefix, _, number = id_.rpartition("_")
    return prefix, int(number)


def _packages(draft: Draft) -> list[tuple[Path, str]]:
    """checkov loads external checks from packages only."""
    wanted = (
        (draft.directory / "__init__.py", '"""Our own policies: one per file, in a folder per area."""\n'),
        (draft.file.parent / "__init__.py", f'"""Policies about {draft.area.replace("_", " ")}."""\n'),
    )
    return [(path, text) for path, text in wanted if not path.exists()]


def _texts(draft: Draft) -> Mapping[Path, str]:
    example = {
        name: _resource(draft, label, value)
        for name, label, value in (
            ("pass", "told", '"payments"'),
            ("fail", "untold", None),
            ("unknown", "told_later", "terraform_data.elsewhere.output"),
        )
    }
    return {
        draft.file: _module(draft),
        draft.examples / "pass.tf": f"# expect: {draft.type}.told PASS\n\n{example['pass']}",
        draft.examples / "fail.tf": f"# expect: {draft.type}.untold FAIL\n\n{example['fail']}",
        draft.examples / "unknown.tf": (
            f"# expect: {draft.type}.told_later UNKNOWN\n\n"
            "# Its output is known after apply, like the answer of another system.\n"
            'resource "terraform_data" "elsewhere" {\n  input = "payments"\n}\n\n'
            f"{example['unknown']}"
        ),
    }


def _resource(draft: Draft, label: str, value: str | None) -> str:
    block, _, key = draft.attribute.partition(".")
    head = f'resource "{draft.type}" "{label}" {{'
    if value is None:
        return f"{head}}}\n"
    if key:
        return f"{head}\n  {block} = {{\n    {key} = {value}\n  }}\n}}\n"
    return f"{head}\n  {block} = {value}\n}}\n"


def _module(draft: Draft) -> str:
    block, _, key = draft.attribute.partition(".")
    fix = f'{block} = {{ {key} = "payments" }}' if key else f'{block} = "payments"'
    provider, _, kind = draft.type.partition("_")
    docs = f"https://registry.terraform.io/providers/hashicorp/{provider}/latest/docs/resources/{kind}"
    one_line = f'    references = ("{docs}",)'
    references = one_line if len(one_line) <= _LINE else f'    references = (\n        "{docs}",\n    )'
    text = _MODULE
    for mark, written in (
        ("ATTRIBUTE", draft.attribute),
        ("CLASS", _class_name(draft.name)),
        ("ID", draft.id),
        ("NAME", draft.name),
        ("TYPE", draft.type),
        ("FIX", fix),
    ):
        text = text.replace(f"<{mark}>", written)
    return text.replace("<REFERENCES>", references)


def _class_name(name: str) -> str:
    camel = "".join(part.capitalize() for part in name.split("_"))
    return f"{camel}Policy" if camel in _TAKEN or keyword.iskeyword(camel) else camel


_MODULE: Final = '''"""Decides on <ATTRIBUTE> of <TYPE>."""

from __future__ import annotations

from collections.abc import Iterable

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, is_unset

_ATTRIBUTE = "<ATTRIBUTE>"


class <CLASS>(Policy):
    """The attribute is set, to one of `accepted` where there are any."""

    id = "<ID>"
    name = "<NAME>"
    title = "<TYPE> sets <ATTRIBUTE>"
    severity = Severity.MEDIUM
    # Closes no gate yet; soft-mandatory and hard-mandatory do.
    enforcement = Enforcement.ADVISORY
    waivable = True
    resource_types = ("<TYPE>",)
    rationale = "Say here what goes wrong where <ATTRIBUTE> is not set."
    remediation = '<FIX>'
<REFERENCES>

    class Parameters(Policy.Parameters):
        """`accepted` lists the values that pass; where it is empty, any does."""

        accepted: tuple[str, ...] = ()

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the value is there, known and accepted."""
        value = resource.get(_ATTRIBUTE)
        accepted = self.parameters.accepted
        expected = f"one of {', '.join(accepted)}" if accepted else "any value"
        if is_unset(value) or value == "":
            yield failed("The attribute is not set.", _ATTRIBUTE, expected=expected)
        elif isinstance(value, Unknown):
            yield unknown("The value is not known yet.", _ATTRIBUTE, actual=value, expected=expected)
        elif accepted and value not in accepted:
            yield failed("The value is not accepted.", _ATTRIBUTE, actual=value, expected=expected)
        else:
            yield passed("The attribute is set.", _ATTRIBUTE, value)
'''
