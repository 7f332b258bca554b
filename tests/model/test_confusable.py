"""Two names that look the same are told apart by their code points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.confusable import are_confusable, skeleton, with_code_points
from tests.strategies import MANY


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        pytest.param("caf\u00e9", "cafe\u0301", "4 is U+00E9", id="composed-and-decomposed"),
        pytest.param("\u0430.root", "a.root", "1 is U+0430", id="cyrillic-a"),
        pytest.param("\u039f1", "O1", "1 is U+039F", id="greek-omicron"),
        pytest.param("run\u20137", "run-7", "4 is U+2013", id="en-dash"),
        pytest.param("a\u00a0b", "a b", "2 is U+00A0", id="no-break-space"),
        pytest.param("a\u200bb", "ab", "2 is U+200B", id="zero-width-space"),
        pytest.param("\ufeffab", "ab", "1 is U+FEFF", id="byte-order-mark"),
        pytest.param("\uff33\uff29", "SI", "1 is U+FF33, 2 is U+FF29", id="full-width"),
        pytest.param("\ufb01le", "file", "1 is U+FB01", id="ligature"),
    ],
)
def test_names_that_look_the_same_are_shown_with_their_code_points(one: str, other: str, shown: str) -> None:
    assert are_confusable(one, other)
    assert are_confusable(other, one)
    assert f"(character {shown}" in with_code_points(one)
    assert with_code_points(one) != with_code_points(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a", "a"), ("a", "b"), ("a", "A"), ("é", "e"), ("a-b", "a_b"), ("日", "本")]
)
def test_names_that_look_different_are_not_alike(one: str, other: str) -> None:
    assert not are_confusable(one, other)


def test_a_name_of_many_other_letters_is_shown_with_the_first_of_them() -> None:
    assert with_code_points("\u0430" * 9).endswith("5 is U+0430, and 4 more)")
    assert with_code_points("plain") == '"plain" (ASCII only)'


@given(st.text())
@MANY
def test_what_a_text_looks_like_looks_like_itself(text: str) -> None:
    assert skeleton(skeleton(text)) == skeleton(text)
