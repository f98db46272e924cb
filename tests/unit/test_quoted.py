"""Blanking what is quoted: the same length and lines, nothing left that a simple grammar would stumble over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.terraform.quoted import NotClosed, blanked


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('a = "b"', 'a = "x"'),
        ('a = ""', 'a = ""'),
        (r'a = "\"" # "', 'a = "xx" # "'),
        ('a = "%{ if b == "c" }d%{ endif }"', 'a = "' + "x" * 27 + '"'),
        ('a = "${lookup({ b = "}" }, "c")}" == d', 'a = "' + "x" * 27 + '" == d'),
        ('a = "$${" + "%%{"', 'a = "xxx" + "xxx"'),
        ('a = "${\n  b\n}"', 'a = "xx\nxxx\nx"'),
        ('a = [<<X\n5" }\nX\n, 1]', 'a = ["xx\nxxxx\n"\n, 1]'),
        ("a = <<-EOT\n  EOTX\n  EOT \nb", 'a = "xxxxx\nxxxxxx\nxxxx" \nb'),
        ("a = <<EOT\nEOT\nb", 'a = "xxxx\nxx"\nb'),
        ('/* " */ a = 1 // "', '/* " */ a = 1 // "'),
        ("größe = p::q(x)", "gr__e = p__q(x)"),
        ("a = 1e3 + 2E-4", "a = 103 + 2004"),
        ("a = !!b != c", "a = ! b != c"),
        ("a << b", "a << b"),
    ],
)
def test_what_is_quoted_becomes_one_plain_string(written: str, expected: str) -> None:
    assert blanked(written) == expected


@pytest.mark.parametrize(
    ("written", "what", "at"),
    [
        ('a = "b\n"', "quoted string", 4),
        ('a = "${b"', "quoted string", 8),
        ('a = "${b', "${", 5),
        ("a = <<EOT\nb\n", "heredoc", 4),
        ("a /* b", "comment", 2),
    ],
)
def test_what_has_no_end_is_named_with_its_beginning(written: str, what: str, at: int) -> None:
    with pytest.raises(NotClosed) as caught:
        blanked(written)
    assert (caught.value.what, caught.value.at) == (what, at)


@given(st.text(alphabet='ab \n"\\${}%<-E#/*:é', max_size=60))
def test_length_and_lines_stay(text: str) -> None:
    try:
        result = blanked(text)
    except NotClosed:
        return
    assert len(result) == len(text)
    assert [i for i, c in enumerate(result) if c == "\n"] == [i for i, c in enumerate(text) if c == "\n"]
