"""A name with wildcards is known as such, and what they would match is counted; no pattern is slow."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.wildcards import MOST_ALTERNATIVES, alternatives, has_wildcards, matching
from tests.strategies import MANY

NAMES = ["a.root", "b.root", "ab.root", ".hidden.root", "a1", "a2", "a10", "b1", "c,d", "run*", "[x]"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("*.root", ["a.root", "b.root", "ab.root"], id="star"),
        pytest.param(".*.root", [".hidden.root"], id="a-dot-that-is-typed"),
        pytest.param("?.root", ["a.root", "b.root"], id="one-character"),
        pytest.param("a?", ["a1", "a2"], id="one-character-at-the-end"),
        pytest.param("a[12]", ["a1", "a2"], id="class-that-may-be-an-index"),
        pytest.param("[a-c]1", ["a1", "b1"], id="range"),
        pytest.param("{a,b}.root", ["a.root", "b.root"], id="braces"),
        pytest.param("{a,b}{1,2}", ["a1", "a2", "b1"], id="two-braces"),
        pytest.param("a{1..10}", ["a1", "a2", "a10"], id="numbers-in-braces"),
        pytest.param("{a{1,2},b1}", ["a1", "a2", "b1"], id="braces-in-braces"),
        pytest.param("*", [name for name in NAMES if name != ".hidden.root"], id="everything-but-hidden-names"),
        pytest.param("*b*.*", ["b.root", "ab.root"], id="stars"),
        pytest.param("*.raw", [], id="nothing"),
    ],
)
def test_a_pattern_matches_the_names_that_a_shell_would_take(pattern: str, expected: list[str]) -> None:
    assert has_wildcards(pattern) or pattern == "a[12]"
    assert matching(pattern, NAMES) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a.root",
        "hits[1].root",
        "hits[12].root",
        "hits[].root",
        "a]b[",
        "${SN}.root",
        "x_${SN/P}",
        "{a}",
        "{}",
        "}{",
        "a{b",
        "c,d",
        "[!a]",
    ],
)
def test_an_ordinary_name_has_no_wildcards(name: str) -> None:
    assert not has_wildcards(name)


@given(st.text("ab*?."), st.text("ab."))
@MANY
def test_stars_and_question_marks_match_as_pythons_do(pattern: str, name: str) -> None:
    hidden = name.startswith(".") and not pattern.startswith(".")
    assert bool(matching(pattern, [name])) == (fnmatch.fnmatchcase(name, pattern) and not hidden)


@given(st.text() | st.text("{},.*?[]a1$"))
@MANY
def test_any_text_is_a_pattern_or_none(text: str) -> None:
    assert 1 <= len(alternatives(text)) <= MOST_ALTERNATIVES
    assert isinstance(has_wildcards(text), bool)


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 2000 + "b", "{a,b}" * 800, "{" * 4000 + "}" * 4000, "[" * 4000, "{0..999999}" * 300, "[a-\U0010ffff]"],
)
def test_a_hostile_pattern_costs_little(pattern: str) -> None:
    start = time.process_time()
    has_wildcards(pattern)
    matching(pattern, ["a" * 255] * 20)
    assert time.process_time() - start < 1
