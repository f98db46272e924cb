"""Changes to HCL: what comes out is what `terraform fmt` would write."""

from __future__ import annotations

import pytest

from tapstack.terraform.edit import Edit, add_attributes, add_block, add_section, applied, cut, put
from tapstack.terraform.outline import Section, Written, find, outline


def block(text: str) -> Section:
    return outline(f"{text}\n", "main.tf").blocks[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {}", "a {\n  name = 1\n}"),
        ("a {\n}", "a {\n  name = 1\n}"),
        ("a { b = 1 }", "a {\n  b = 1\n  name = 1\n}"),
        ("a {\n  b = 1 # why\n}", "a {\n  b    = 1 # why\n  name = 1\n}"),
        ("a {\n  longer = 1\n}", "a {\n  longer = 1\n  name   = 1\n}"),
        ("a {\n  x = 1\n\n  b = 1\n}", "a {\n  x = 1\n\n  b    = 1\n  name = 1\n}"),
        ("a {\n  # x\n\n  b {\n  }\n}", "a {\n  name = 1\n\n  # x\n\n  b {\n  }\n}"),
        ("a {\n  b = <<E\nx = 1\nE\n}", "a {\n  b = <<E\nx = 1\nE\n\n  name = 1\n}"),
        ("a {\n  b = 1\n\n  c {\n  }\n}", "a {\n  b    = 1\n  name = 1\n\n  c {\n  }\n}"),
    ],
)
def test_an_attribute_is_added_after_the_last(text: str, expected: str) -> None:
    assert applied(text, add_attributes(text, block(text), {"name": "1"})) == expected


def test_attributes_are_added_in_order_and_below_each_other() -> None:
    text = "a {\n  b = 1\n}"
    assert applied(text, add_attributes(text, block(text), {"cc": "2", "ddd": "3"})) == (
        "a {\n  b   = 1\n  cc  = 2\n  ddd = 3\n}"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {}", "a {\n  in {\n    x = 1\n  }\n}"),
        ("a {\n}", "a {\n  in {\n    x = 1\n  }\n}"),
        ("a { b = 1 }", "a {\n  b = 1\n\n  in {\n    x = 1\n  }\n}"),
        ("a {\n  b = 1\n  # last\n}", "a {\n  b = 1\n  # last\n\n  in {\n    x = 1\n  }\n}"),
    ],
)
def test_a_block_is_added_at_the_end(text: str, expected: str) -> None:
    assert applied(text, (add_block(text, block(text), "in {\n  x = 1\n}"),)) == expected


def test_a_block_inside_a_block_is_indented_with_it() -> None:
    text = "a {\n  b {\n    c = 1\n  }\n}"
    inner = block(text).blocks[0]
    assert applied(text, (add_block(text, inner, "in {\n  x = 1\n}"),)) == (
        "a {\n  b {\n    c = 1\n\n    in {\n      x = 1\n    }\n  }\n}"
    )


def test_a_block_of_its_own_follows() -> None:
    text = "a {\n} # a\n\nb {\n}"
    assert applied(text, (add_section(text, block(text), "c {\n}"),)) == "a {\n} # a\n\nc {\n}\n\nb {\n}"


def test_what_is_taken_out_leaves_the_rest_aligned() -> None:
    text = "a {\n  b      = 1\n  longer = 2 # x\n  c      = 3\n}"
    section = block(text)
    written = section.attribute("longer")
    assert written
    assert applied(text, cut(text, section, written)) == "a {\n  b = 1\n  c = 3\n}"


def test_a_value_is_replaced_and_nothing_else() -> None:
    text = "a {\n  b = [ 1,\n 2 ] # why\n}"
    written = block(text).attribute("b")
    assert written
    assert applied(text, (put(written, "3"),)) == "a {\n  b = 3 # why\n}"


def test_what_is_added_at_one_place_keeps_its_order() -> None:
    assert applied("ab", (Edit(1, 1, "1"), Edit(1, 1, "2"), Edit(0, 1, "x"))) == "x12b"


def test_a_path_leads_to_the_attribute_or_as_far_as_there_is_something() -> None:
    text = 'a "x" "y" {\n  r {\n    k = 1\n  }\n  r {\n    k = 2\n  }\n  dynamic "d" {\n  }\n}'
    section = block(text)
    assert section.labels == ("x", "y")
    second = find(section, ["r", "1", "k"])
    assert isinstance(second, Written)
    assert text[second.start : second.value_end] == "k = 2"
    missing = find(section, ["r", "0", "other"])
    assert isinstance(missing, Section)
    assert text[missing.start : missing.header_end] == "r"
    dynamic = find(section, ["d", "0", "k"])
    assert isinstance(dynamic, Section)
    assert dynamic.type == "dynamic"
    assert find(section, ["nothing"]) == section
