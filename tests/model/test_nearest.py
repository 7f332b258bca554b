"""A word that is not known is answered with the known one that it is nearly, or with all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.nearest import CLOSE, hint_of_known, nearest
from tests.strategies import MANY

KNOWN = ("check", "explain", "status", "settings")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("chekc", "did you mean check?"),
        ("STATUS", "did you mean status?"),
        ("setting", "did you mean settings?"),
        ("zzz", "one of check, explain, status, settings"),
        ("", "one of check, explain, status, settings"),
    ],
)
def test_the_hint_is_the_nearest_word_or_all(word: str, hint: str) -> None:
    assert hint_of_known(word, KNOWN) == hint


def test_the_nearest_comes_first_and_no_more_than_were_asked_for() -> None:
    assert nearest("statu", ("stats", "status", "stale")) == ["status", "stats", "stale"]
    assert nearest("statu", ("stats", "status", "stale"), most=1) == ["status"]


def test_a_word_that_may_be_somebody_else_s_must_be_closer() -> None:
    assert nearest("sttus-x", KNOWN) == ["status"]
    assert nearest("sttus-x", KNOWN, ratio=CLOSE) == []


@given(st.sampled_from(KNOWN))
@MANY
def test_a_known_word_is_nearest_to_itself_in_capitals(word: str) -> None:
    assert nearest(word.upper(), KNOWN, most=1, ratio=1) == [word]
