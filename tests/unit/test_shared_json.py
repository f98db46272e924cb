"""Large documents: the same as orjson reads, with equal parts held once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.model import shared_json

# JSON may end in white space; with this much, anything counts as large.
_LARGE = b" " * 1_000_000

_LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text()
_TREE = st.recursive(
    _LEAF, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3)
)
# Few of them, so that some are met again.
_SOME = st.sampled_from([{}, [], {"name": "a", "tags": {}}, {"name": "a" * 40}, [{"b": 1.5}, None], "a" * 40])


def _object(known: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """An object with some of `known`, anything instead of them at times, and others."""
    some = st.fixed_dictionaries({}, optional={name: value | _SOME | _TREE for name, value in known.items()})
    return st.builds(lambda one, more: more | one, some, st.dictionaries(st.text(), _TREE, max_size=2))


_RESOURCES = {"resources": st.lists(_object({"address": st.text(), "values": _SOME, "expressions": _SOME}))}
_VALUES: st.SearchStrategy[Any] = st.deferred(
    lambda: _object({**_RESOURCES, "child_modules": st.lists(_VALUES, max_size=2)})
)
_MODULE: st.SearchStrategy[Any] = st.deferred(
    lambda: _object(
        {**_RESOURCES, "module_calls": st.dictionaries(st.text(), _object({"module": _MODULE}), max_size=2)}
    )
)
_CHANGES = st.lists(_object({"change": _object({"before": _SOME, "after": _SOME, "after_unknown": _SOME})}))
_DOCUMENT = _object(
    {
        "planned_values": _object({"root_module": _VALUES}),
        "prior_state": _object({"values": _object({"root_module": _VALUES})}),
        "resource_changes": _CHANGES,
        "configuration": _object({"root_module": _MODULE}),
    }
)


def _read(text: bytes) -> Any:
    return shared_json.read(text + _LARGE)


@given(_DOCUMENT | _TREE)
def test_it_is_what_orjson_reads(document: Any) -> None:
    text = orjson.dumps(document)
    assert orjson.dumps(_read(text)) == orjson.dumps(orjson.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"nothing",
        b'{"planned_values": {"root_module": {"resources": [{"values": {"a": tru}}]}}}',
        b'{"resource_changes": [{"change": {"after": "\xff\xff\xff\xff"}}]}',
        b'{"resource_changes": [{"address": "\\ud800"}]}',
        b'{"resource_changes": []} {}',
        b'{"configuration": {"root_module": ' + b"[" * 3000 + b"]" * 3000 + b"}}",
        b'{"planned_values": {"root_module": ' + b'{"child_modules": [' * 2000 + b"]}" * 2000 + b"}}",
    ],
)
def test_what_is_no_json_is_refused_as_orjson_does(text: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError) as expected:
        orjson.loads(text + _LARGE)
    with pytest.raises(orjson.JSONDecodeError) as said:
        _read(text)
    assert str(said.value) == str(expected.value)


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"null",
        b'{"resource_changes": null}',
        b'{"resource_changes": {"change": 1}}',
        b'{"a": 1, "a": 2}',
    ],
)
def test_another_form_is_read_all_the_same(text: bytes) -> None:
    assert _read(text) == orjson.loads(text)


def test_planned_values_are_those_of_the_change() -> None:
    values = {"name": "orders", "tags": {"Project": "tap"}}
    text = orjson.dumps(
        {
            "resource_changes": [{"address": "a.b", "change": {"after": values, "before": None}}],
            "planned_values": {"root_module": {"child_modules": [{"resources": [{"values": values}]}]}},
        }
    )
    document = _read(text)
    planned = document["planned_values"]["root_module"]["child_modules"][0]["resources"][0]
    assert planned["values"] is document["resource_changes"][0]["change"]["after"]


def test_calls_of_one_module_share_it_and_its_blocks() -> None:
    from tapstack.model.scope import scope_of_plan

    block = {"mode": "managed", "type": "a", "name": "b", "expressions": {"x": {"references": ["var.y"]}}}
    call = {"module": {"resources": [block]}, "expressions": {"y": {"constant_value": 1}}}
    other = {**call, "expressions": {"y": {"constant_value": 2}}}
    calls = {"module_calls": {"one": call, "two": other}}
    configuration = _read(orjson.dumps({"configuration": {"root_module": calls}}))["configuration"]
    one, two = configuration["root_module"]["module_calls"].values()
    assert one["module"] is two["module"]
    root = scope_of_plan(configuration)
    assert root.children["one"].path == ("one",)
    assert root.children["two"].path == ("two",)
    assert root.children["one"].resources["a.b"] is root.children["two"].resources["a.b"]
    assert root.calls["one"].member("y") == 1
    assert root.calls["two"].member("y") == 2
