"""Which values are secrets: by Terraform's own marks, and by the names of attributes that its providers do not mark."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from tapstack.secret_names import is_about_secret, is_secret_name

# Values of attributes that only sound like a secret.
_HARMLESS: Final = re.compile(
    r"arn:|alias/|var\.|local\.|data\.|\$\{|(?i:required|optional|enabled|disabled|default|auto|managed)\Z"
    # A path; the characters of a key are more mixed.
    r"|\.{0,2}(?:/[A-Z]?[a-z0-9_.-]*)+\Z"
)
_MENTIONED: Final = re.compile(
    r"pass|pwd|secret|token|key|credential|psk|preshared|connection", re.IGNORECASE
)
_JSON_BEGINS: Final = frozenset("{[")
_CREDENTIALS_IN_URL: Final = re.compile(r"://[^/\s:@\"']*:([^/\s@\"']+)@")
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL
)
# name = "value", name: value, NAME=value, "name": "value"; what the value is, `_value_at` finds out.
_ASSIGNMENT: Final = re.compile(r"(?<![\w.-])[\"']?([A-Za-z_][\w-]*)[\"']?[ \t]*(?:=(?![=>])|:(?!:))[ \t]*")
_QUOTED: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'')
_NOT_CLOSED: Final = re.compile(r"[\"'](.*)")
_LONG: Final = re.compile(
    r'"""(.*?)"""|\'\'\'(.*?)\'\'\'|<<-?(\w+)\n(.*?)\n[ \t]*\3[ \t]*$', re.DOTALL | re.MULTILINE
)
_BARE: Final = re.compile(r"[^\s\"'#,;}\])]+")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?\Z")
_REFERENCE: Final = re.compile(r"[A-Za-z_][\w-]*(?:[(\[]|\.[A-Za-z_])")
# Where one is, and a key that is as often the path of one.
_NO_SECRETS_OF_ENVIRONMENT: Final = frozenset({"PWD", "OLDPWD", "TAP_SIGNING_KEY"})
_KEY_OF_ENVIRONMENT: Final = re.compile(r"(?i).*_?key")
_LONG_KEY: Final = 16
# A shorter one is a dummy: every sandbox's key is "test".
_LONG_ENVIRONMENT: Final = 8


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """The secrets among environment variables; of a TF_VAR_*, its variable's name counts."""
    for name, value in environ.items():
        yield from _in_text(value)
        plain = name.removeprefix("TF_VAR_")
        if name in _NO_SECRETS_OF_ENVIRONMENT:
            continue
        if is_secret_name(plain):
            yield from _named(value) if plain != name or len(value) >= _LONG_ENVIRONMENT else ()
        elif _KEY_OF_ENVIRONMENT.fullmatch(plain) and len(value) >= _LONG_KEY:
            yield from _named(value)


def of_document(document: Any) -> Iterator[Any]:
    """The secrets of a plan, a state or outputs, as `terraform show -json` and `output -json` write them."""
    if not isinstance(document, Mapping):
        return
    names = _Names()
    for change in (*_list(document, "resource_changes"), *_list(document, "resource_drift")):
        yield from _of_change(change.get("change"), names)
    for change in _mapping(document, "output_changes").values():
        yield from _of_change(change, names)
    for values in (document, document.get("prior_state"), {"values": document.get("planned_values")}):
        if isinstance(values, Mapping):
            yield from _of_values(_mapping(values, "values"), names)
    yield from _of_configuration(document, names)


class _Names:
    """Asks each object of one document once what the names in it give away: equal parts of a large one are one."""

    def __init__(self) -> None:
        self._asked: set[int] = set()

    def of(self, value: Any) -> Iterator[Any]:
        """As `by_name`; nothing where this very object was asked before. The document keeps it alive."""
        if id(value) in self._asked:
            return iter(())
        self._asked.add(id(value))
        return by_name(value)


def of_outputs(outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[Any]:
    """The secrets among outputs, by name to {"value", "sensitive"}."""
    for name, output in outputs.items():
        if output.get("sensitive"):
            yield from leaves(output.get("value"))
        yield from by_name({name: output.get("value")})


def _of_change(change: Any, names: _Names) -> Iterator[Any]:
    if isinstance(change, Mapping):
        for when in ("before", "after"):
            yield from marked(change.get(when), change.get(f"{when}_sensitive"))
            yield from names.of(change.get(when))


def _of_values(values: Mapping[str, Any], names: _Names) -> Iterator[Any]:
    yield from of_outputs(_mappings(values, "outputs"))
    waiting = [_mapping(values, "root_module")]
    while waiting:
        module = waiting.pop()
        waiting += _list(module, "child_modules")
        for resource in _list(module, "resources"):
            yield from marked(resource.get("values"), resource.get("sensitive_values"))
            yield from names.of(resource.get("values"))
            if resource.get("type") == "random_string" and is_secret_name(str(resource.get("name"))):
                yield _mapping(resource, "values").get("result")


def _of_configuration(document: Mapping[str, Any], names: _Names) -> Iterator[Any]:
    configuration = _mapping(document, "configuration")
    for provider in _mappings(configuration, "provider_config").values():
        yield from by_name(provider.get("expressions"))
    root = _mapping(configuration, "root_module")
    given = {name: one.get("value") for name, one in _mappings(document, "variables").items()}
    yield from by_name(given)
    for name, declared in _mappings(root, "variables").items():
        if declared.get("sensitive"):
            yield from leaves(given.get(name))
    yield from _of_module(root, names)


def _of_module(module: Mapping[str, Any], names: _Names) -> Iterator[Any]:
    variables = _mappings(module, "variables")
    yield from by_name({name: declared.get("default") for name, declared in variables.items()})
    yield from (
        leaf for one in variables.values() if one.get("sensitive") for leaf in leaves(one.get("default"))
    )
    for resource in _list(module, "resources"):
        yield from names.of(resource.get("expressions"))
        for provisioner in _list(resource, "provisioners"):
            yield from by_name(provisioner.get("expressions"))
    for call in _mappings(module, "module_calls").values():
        called, expressions = _mapping(call, "module"), _mapping(call, "expressions")
        yield from by_name(expressions)
        for name, declared in _mappings(called, "variables").items():
            if declared.get("sensitive"):
                yield from leaves(_mapping(expressions, name).get("constant_value"))
        yield from _of_module(called, names)


def marked(value: Any, marks: Any) -> Iterator[Any]:
    """The texts and numbers of `value` where the tree beside it, a `*_sensitive` of Terraform's, says true."""
    if marks is True:
        yield from leaves(value)
    elif isinstance(marks, Mapping) and isinstance(value, Mapping):
        for key, below in marks.items():
            if below:
                yield from marked(value.get(key), below)
    elif isinstance(marks, list) and isinstance(value, list):
        for item, below in zip(value, marks, strict=False):
            if below:
                yield from marked(item, below)


def leaves(value: Any) -> Iterator[Any]:
    """Every text and number in a secret value, and what a text of it holds by name."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value
        yield from _in_text(value)
    elif value is not None and not isinstance(value, bool):
        yield value


def by_name(value: Any, *, inside: bool = False) -> Iterator[Any]:
    """The secrets in `value` that the names of its keys give away; `inside` one, every name that does not deny it."""
    found: list[Any] = []
    _look_by_name(value, inside, found)
    return iter(found)


def _look_by_name(value: Any, inside: bool, found: list[Any]) -> None:
    # Half a million values in a plan of 20,000 resources: what is frequent is asked first, and without generators.
    if isinstance(value, str):
        found += _named(value) if inside else _in_text(value)
    elif isinstance(value, list):
        for item in value:
            _look_by_name(item, inside, found)
    elif isinstance(value, (dict, Mapping)):
        name = value.get("name")
        if isinstance(name, str) and "value" in value and is_secret_name(name):
            found += _named(value["value"])
        for key, item in value.items():
            secret = is_secret_name(key) or (inside and not is_about_secret(key))
            if isinstance(item, (str, list, dict)):
                _look_by_name(item, secret, found)
            elif item is None or isinstance(item, (bool, int, float)) or not isinstance(item, Mapping):
                if secret:
                    found += _named(item)
            else:
                _look_by_name(item, secret, found)


def _named(value: Any) -> Iterator[Any]:
    """A value that its name calls a secret, unless it looks like none."""
    if isinstance(value, str):
        if not _HARMLESS.match(value):
            yield from leaves(value)
            yield from of_text(value)
            with_lines = _decoded(value)
            if with_lines:
                yield with_lines
                yield from of_text(with_lines)
    elif not isinstance(value, (Mapping, list)):
        yield from leaves(value)


def _in_text(text: str) -> list[str]:
    """What is a secret in any text: credentials in addresses, private keys, and what JSON in it calls one."""
    found: list[str] = []
    if "://" in text and "@" in text:
        found += _CREDENTIALS_IN_URL.findall(text)
    if "PRIVATE KEY-----" in text:
        found += _PRIVATE_KEY.findall(text)
    if text[:1] in _JSON_BEGINS and _MENTIONED.search(text):
        found += (leaf for leaf in by_name(_json(text)) if isinstance(leaf, str))
    return found


def of_text(text: str, secret: Mapping[str, Any] | frozenset[str] = frozenset()) -> Iterator[str]:
    """The secrets in a text that assigns them to names: HCL, TOML, JSON, a script, whether it is well-formed or not.

    `secret` are names that count although nothing in them says so.
    """
    yield from (one for one in _in_text(text) if "${" not in one)
    for found in _ASSIGNMENT.finditer(text):
        if found[1] in secret or is_secret_name(found[1]):
            spaced = text[found.end(1) : found.end()].strip("\"'") not in ("=", ":")
            yield from (one for one in _value_at(text, found.end(), spaced) if not _HARMLESS.match(one))


def _value_at(text: str, at: int, spaced: bool) -> Iterator[str]:
    """The texts of the value that begins at `at`; without quotation marks, HCL has expressions there, and not `spaced`
    as a shell would."""
    if long := _LONG.match(text, at):
        body = long[1] or long[2] or long[4] or ""
        yield body
        yield from of_text(body)
    elif quoted := _QUOTED.match(text, at):
        yield from _unquoted(quoted)
    elif text[at : at + 1] in ("{", "["):
        inner = text[at : _end(text, at)]
        for quoted in _QUOTED.finditer(inner):
            if inner[quoted.end() :].lstrip()[:1] not in ("=", ":"):
                yield from _unquoted(quoted)
    elif begun := _NOT_CLOSED.match(text, at):
        yield begun[1]
    elif (bare := _BARE.match(text, at)) and (
        _NUMBER.match(bare[0]) or not (spaced or _REFERENCE.match(bare[0]))
    ):
        yield bare[0]


def _unquoted(quoted: re.Match[str]) -> Iterator[str]:
    written = quoted[1] if quoted[1] is not None else quoted[2]
    yield written
    if "\\" in written and isinstance(read := _json(f'"{written}"'), str):
        yield read
    if "$${" in written or "%%{" in written:
        yield written.replace("$${", "${").replace("%%{", "%{")


def _end(text: str, at: int) -> int:
    """Where the bracket at `at` is closed, texts in it left aside; the end where it is not."""
    depth = 0
    while at < len(text):
        if quoted := _QUOTED.match(text, at):
            at = quoted.end()
            continue
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            return at
    return len(text)


def _json(text: str) -> Any:
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _decoded(text: str) -> str:
    """The lines that a base64 text stands for, such as user data's; "" for anything else."""
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded if "\n" in decoded and decoded.isascii() else ""


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _mappings(value: Any, key: str) -> Mapping[str, Mapping[str, Any]]:
    """The members of a mapping that are mappings: a document that was tampered with may have others."""
    return {name: one for name, one in _mapping(value, key).items() if isinstance(one, Mapping)}


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
