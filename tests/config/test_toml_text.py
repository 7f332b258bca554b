"""A TOML text is read by its statements, so that a message has the line and a change leaves all the others."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.config.toml_text import NotToml, key, line_of, lines, parse, statements
from tests.strategies import MANY

TEXT = """\
# of all
a = 1
b = [
  1,
]

[t]
"x y" = "[no]"
[t.u]
z = '''
[neither]
'''
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a",), 2),
        (("b",), 3),
        (("t",), 7),
        (("t", "x y"), 8),
        (("t", "u"), 9),
        (("t", "u", "z"), 10),
        (("t", "none"), 7),
        (("none",), 0),
    ],
)
def test_the_line_of_a_key_is_its_own_or_that_of_what_it_is_in(keys: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, keys) == line


def test_statements_are_the_fewest_lines_that_are_toml_by_themselves() -> None:
    assert [(one.first, one.last, one.keys) for one in statements(TEXT) if one.keys] == [
        (1, 2, ("a",)),
        (2, 5, ("b",)),
        (6, 7, ("t",)),
        (7, 8, ("t", "x y")),
        (8, 9, ("t", "u")),
        (9, 12, ("t", "u", "z")),
    ]
    assert [one.keys for one in statements(TEXT) if one.is_header] == [("t",), ("t", "u")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = \n", 1, "(column 5)"),
        ("a = 1\nb = 'x\n", 2, ""),
        ("a = 1\nb = [", 2, ""),
        ("a = " + "[" * 100_000, 0, "it is nested too deeply"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(NotToml) as caught:
        parse(text)
    assert caught.value.line == line
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "written"), [("a-b_1", "a-b_1"), ("a b", '"a b"'), ("", '""'), ('"', '"\\""'), ("é", '"é"')]
)
def test_a_name_is_a_key_as_it_is_or_in_quotes(name: str, written: str) -> None:
    assert key(name) == written


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
@MANY
def test_any_name_is_read_back_from_its_key(name: str) -> None:
    assert tomllib.loads(f"{key(name)} = 1") == {name: 1}


@given(st.text(st.sampled_from("a\n\r\x0b\u2028")))
@MANY
def test_lines_end_where_those_of_toml_do_and_nothing_is_lost(text: str) -> None:
    assert "".join(lines(text)) == text
    assert all(line.find("\n") in (-1, len(line) - 1) for line in lines(text))
