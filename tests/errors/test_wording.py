"""Values, counts and dates in a message are on one line, and fit to print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors.wording import cite, innermost, pluralize, printable, quote, timestamp, utc
from goclient.secrets import MASK, register
from tests.strategies import MANY


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("a b", '"a b"', id="plain"),
        pytest.param("", '""', id="nothing"),
        pytest.param("é日本", '"é日本"', id="unicode"),
        pytest.param("a\nb\tc\0", '"a\\nb\\tc\\x00"', id="control-characters"),
        pytest.param("\x1b[31m", '"\\x1b[31m"', id="terminal-escape"),
        pytest.param("\u2028\u202e", '"\\u2028\\u202e"', id="line-separator-and-direction"),
        pytest.param("\udcff", '"\\udcff"', id="half-a-character"),
        pytest.param(7, '"7"', id="a-number"),
        pytest.param("x" * 200, f'"{"x" * 200}"', id="as-long-as-may-be"),
        pytest.param("x" * 201, f'"{"x" * 200}…"', id="longer"),
    ],
)
def test_a_value_is_quoted_on_one_line_without_control_characters(value: object, shown: str) -> None:
    assert quote(value) == shown


@given(st.text(st.characters()))  # with the halves of characters that file names may have
@MANY
def test_any_text_can_be_quoted_and_printed(text: str) -> None:
    for shown in (quote(text), printable(text)):
        assert shown.isprintable()
        assert shown.encode().decode() == shown
    assert printable(text) == text or not text.isprintable()


def test_what_somebody_else_wrote_is_hidden_before_it_is_cut() -> None:
    register("the-token-of-jdoe")
    assert cite("x" * 590 + "the-token-of-jdoe") == "x" * 590 + MASK[:10] + ("…" if len(MASK) > 10 else "")
    assert cite("a\nb", 2) == "a\\n…"


@pytest.mark.parametrize(("number", "shown"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1000, "1000 files")])
def test_a_noun_has_the_plural_that_its_number_asks_for(number: int, shown: str) -> None:
    assert pluralize(number, "file") == shown


def test_a_time_is_written_for_people_and_for_programs() -> None:
    assert (utc(1764012605.9), timestamp(1764012605.9)) == ("2025-11-24 19:30:05 UTC", "2025-11-24T19:30:05Z")


class Wrapped(Exception):
    """As requests keeps the reason of a failure."""

    def __init__(self, reason: object) -> None:
        super().__init__("outside")
        self.reason = reason


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("why"), "why"),
        (ValueError(), "ValueError"),
        (OSError(2, "No such file", "/x"), "No such file"),
        (ValueError(OSError(2, "No such file")), "No such file"),
        (caused(ValueError("outside"), KeyError("inside")), "'inside'"),
        (Wrapped(TimeoutError("timed out")), "timed out"),
        (Wrapped("a text"), "outside"),
    ],
)
def test_of_a_chain_of_errors_the_innermost_says_why(error: Exception, words: str) -> None:
    assert innermost(error) == words


def test_errors_that_are_each_other_s_cause_have_words_too() -> None:
    first, second = ValueError("first"), KeyError("second")
    assert innermost(caused(first, caused(second, first)))
