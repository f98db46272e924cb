"""Terraform's expressions without Terraform: never a wrong value, and as much of the right one as is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapstack.model.expression import (
    PartialJson,
    PartialText,
    Place,
    Unevaluable,
    evaluate,
    set_of,
    settled,
    unknowns,
    walk,
)
from tapstack.model.functions import FUNCTIONS
from tapstack.model.syntax import Path as Steps
from tapstack.model.values import Unknown

# Expressions and what `terraform console` (1.11.4) says jsonencode makes of them; "ERROR" where it refuses.
CONSOLE: dict[str, str] = json.loads((Path(__file__).parent / "expressions.json").read_text())
VALUES: dict[str, Any] = {
    "var.obj": {"a": 1, "b": ["x", "y"]},
    "var.s": "héllo",
    "var.l": ["b", "a"],
    "var.n": 3,
    "var.e": "",
    "local.t": set_of(["b", "a", "b"]),
    "local.m": {"z": 1, "y": "2"},
}


class Names:
    """A scope of the values above, in which resources are unknown."""

    def lookup(self, path: Steps) -> Any:
        name = ".".join(str(part) for part in path[:2])
        if name in VALUES:
            return walk(VALUES[name], path[2:])
        if len(path) < 2:
            raise Unevaluable
        return Place(self, path)


def value_of(code: str) -> Any:
    return evaluate(f"${{{code}}}", Names())


@pytest.mark.parametrize("code", CONSOLE)
def test_a_value_is_what_terraform_says_or_unknown(code: str) -> None:
    value = value_of(code)
    if CONSOLE[code] == "ERROR":
        assert isinstance(value, Unknown)
    elif next(unknowns(value), None) is None:
        assert settled(value) == json.loads(CONSOLE[code])
        assert type(settled(value)) is type(json.loads(CONSOLE[code]))


def test_nearly_all_of_it_is_known() -> None:
    unknown = [
        code for code, said in CONSOLE.items() if said != "ERROR" and isinstance(value_of(code), Unknown)
    ]
    assert sorted(unknown) == [
        "1 / 3",
        "[1] == [1]",
        'contains(["a"], 1)',
        'format("%[2]s %[1]s", "a", "b")',
        "jsonencode(0.0000001)",
        "length(var.s)",
        'replace("abc", "/b/", "x")',
        "upper(var.s)",
        'var.l == ["b","a"]',
    ]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("aws_x.y.arn", Unknown(("aws_x.y.arn",))),
        ("aws_x.y[var.l[0]].arn", Unknown(('aws_x.y["b"].arn',))),
        ("aws_x.y[aws_x.z.id].arn", Unknown(("aws_x.y", "aws_x.z.id"))),
        ('"${var.n}-${aws_x.y.id}"', Unknown(("aws_x.y.id",))),
        ("cidrsubnet(var.e, 8, aws_x.y.n)", Unknown(("var.e", "aws_x.y.n"))),
        ("merge({ a = 1 }, { b = aws_x.y.id })", {"a": 1, "b": Unknown(("aws_x.y.id",))}),
        ("merge({ a = 1 }, aws_x.y.tags)", Unknown(("aws_x.y.tags",))),
        ("concat([1], [aws_x.y.id])", [1, Unknown(("aws_x.y.id",))]),
        ("[for x in [aws_x.y, aws_x.z] : x.arn]", [Unknown(("aws_x.y.arn",)), Unknown(("aws_x.z.arn",))]),
        ("{ for k, v in { a = aws_x.y } : upper(k) => v.arn }", {"A": Unknown(("aws_x.y.arn",))}),
        ("[for x in aws_x.y.list : x.a]", Unknown(("aws_x.y.list",))),
        ("[for x in var.l : x if x == aws_x.y.id]", Unknown(("var.l", "aws_x.y.id"))),
        ("aws_x.y.on ? aws_x.a.arn : aws_x.b.arn", Unknown(("aws_x.y.on", "aws_x.a.arn", "aws_x.b.arn"))),
        ("var.n == 3 ? aws_x.a.arn : aws_x.b.arn", Unknown(("aws_x.a.arn",))),
        ("aws_x.y.on && false", False),
        ("true || aws_x.y.on", True),
        ("length([aws_x.y.id, 1])", 2),
        ("length(toset([aws_x.y.id, 1]))", Unknown(("aws_x.y.id",))),
        ("keys({ a = aws_x.y.id })", ["a"]),
        ('contains(["a", aws_x.y.id], "a")', True),
        ('contains(["a", aws_x.y.id], "b")', Unknown(("aws_x.y.id",))),
        ('coalesce("a", aws_x.y.id)', "a"),
        ("try(aws_x.y.id, 1)", Unknown(("aws_x.y.id",))),
        ("flatten([aws_x.y.id, [1]])", Unknown(("aws_x.y.id",))),
        ("sensitive(var.n)", Unknown(())),
        ("timestamp()", Unknown(())),
        ("each.key", Unknown(("each.key",))),
        ("{ (aws_x.y.id) = 1 }", Unknown(("aws_x.y.id",))),
    ],
)
def test_what_is_unknown_keeps_its_references_and_leaves_the_rest_known(code: str, value: Any) -> None:
    assert settled(value_of(code)) == value


def test_json_and_text_with_unknown_parts_are_unknown_and_know_the_rest() -> None:
    encoded = value_of("jsonencode({ a = [var.n, aws_x.y.arn] })")
    assert encoded == Unknown(("aws_x.y.arn",))
    assert isinstance(encoded, PartialJson)
    assert encoded.structure == {"a": [3, Unknown(("aws_x.y.arn",))]}
    text = value_of('"${var.n}:${aws_x.y.arn}/*"')
    assert isinstance(text, PartialText)
    assert text.parts == ("3", ":", Unknown(("aws_x.y.arn",)), "/*")


@pytest.mark.parametrize(
    "code",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "-" * 5000 + "1",
        "!" * 5000 + "true",
        "1" + " + 1" * 5000,
        "1" + " ? 1 : 1" * 5000,
        "var.obj" + "[0]" * 5000,
        '"${' * 500 + "1" + '}"' * 500,
        "[" * 5000,
        "9" * 5000,
        "1e999999",
        "99999999999" + "*99999999999" * 150,
        "range(100000000)",
        "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]",
        'join("", [for a in range(1000) : join("", [for b in range(1000) : "xxxxxxxxxxxx"])])',
        'regex("(a*)*b", "' + "a" * 100 + '")',
        'regex("(a|a)*b", "' + "a" * 100 + '")',
        'format("%999999999d", 1)',
        "{ " + "a = { " * 3000,
        '"' + "\\" * 999,
    ],
    ids=lambda code: code[:12],
)
def test_no_expression_takes_for_ever_or_breaks_anything(code: str) -> None:
    # Without a budget these would not end in anybody's lifetime.
    assert isinstance(value_of(code), Unknown)


_FRAGMENTS = st.sampled_from(
    [*'(){}[]",.:=?!<>|&%$~+-*/\\\n #', "${", "%{", "}", "for", "in", "if", "else", "endif", "endfor", "null", "true",
     "1", "0.5", '"a"', "x", "var.obj", "var.l", "var.n", "aws_x.y", "each.key", "[*]", ".*", "...", "=>", "==", "&&",
     "jsonencode(", "merge(", "try(", "can(", "format(", "regex(", "lookup(", "element(", "flatten(", "toset(",
     "substr(", "<<EOT\n", "\nEOT\n", "$${", "//", "/*", "*/"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(_FRAGMENTS, max_size=25).map("".join)))
@settings(max_examples=400, deadline=None)
def test_no_text_makes_it_raise(text: str) -> None:
    for template in (text, f"${{{text}}}"):
        list(unknowns(settled(evaluate(template, Names()))))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _FRAGMENTS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=4), below, max_size=4),
    max_leaves=12,
)
_FUNCTIONS = st.sampled_from(sorted(FUNCTIONS))


@given(_FUNCTIONS, st.lists(_JSON, max_size=4))
@settings(max_examples=600, deadline=None)
def test_no_argument_makes_a_function_raise(name: str, arguments: list[Any]) -> None:
    bound = {f"a{number}": argument for number, argument in enumerate(arguments)}
    code = f"${{{name}({', '.join(bound)})}}"
    list(unknowns(settled(evaluate(code, Names(), bound))))
