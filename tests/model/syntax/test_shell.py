"""Words are split as a shell splits them, and each word's place in the text is known."""

from __future__ import annotations

import re
import shlex
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from goclient.errors import RequestError
from goclient.model.syntax.shell import words
from tests.strategies import MANY, mixed_payloads

shell_texts = st.text(st.sampled_from("ab=-'\"\\ \t\r\n#$`;é\u00a0\u2028\0"), max_size=30) | st.text(max_size=30)


def values(text: str) -> list[str]:
    return [word.value for word in words(text)]


def by_shlex(text: str) -> list[str] | None:
    """Return what the standard library's shell splitting gives; None for a quote that is not closed."""
    try:
        return shlex.split(text, posix=True)
    except ValueError:
        return None


@given(shell_texts)
@MANY
def test_words_are_those_of_shlex_and_what_shlex_rejects_is_rejected(text: str) -> None:
    assume(not re.search(r"\\\r?\n", text))
    expected = by_shlex(text)
    if expected is None:
        with pytest.raises(RequestError) as caught:
            words(text)
        assert caught.value.code == "unbalanced-quote"
    else:
        assert values(text) == expected


@given(mixed_payloads)
@MANY
def test_a_words_place_holds_the_word_and_only_blanks_are_between_words(text: str) -> None:
    position = 0
    for word in words(text):
        assert re.fullmatch(r"(?:[ \t\r\n]|\\\r?\n)*", text[position : word.start])
        assert values(text[word.start : word.end]) == [word.value]
        position = word.end
    assert re.fullmatch(r"(?:[ \t\r\n]|\\\r?\n)*", text[position:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param(" \t\r\n", [], id="only-blanks"),
        pytest.param("a  b\tc\nd\r\ne", ["a", "b", "c", "d", "e"], id="every-blank"),
        pytest.param("'a b' \"c d\"", ["a b", "c d"], id="quotes-keep-blanks"),
        pytest.param("a'b c'\"d e\"f", ["ab cd ef"], id="quotes-inside-a-word"),
        pytest.param("'' \"\"", ["", ""], id="empty-words"),
        pytest.param(r"a\ b \' \" \\", ["a b", "'", '"', "\\"], id="backslash-outside-quotes"),
        pytest.param(r'"a\"b" "a\\b" "a\$b\n"', ['a"b', "a\\b", r"a\$b\n"], id="backslash-in-double-quotes"),
        pytest.param(r"'a\b'", [r"a\b"], id="backslash-in-single-quotes"),
        pytest.param("a#b # c", ["a#b", "#", "c"], id="a-hash-is-no-comment"),
        pytest.param("a\u00a0b", ["a\u00a0b"], id="a-no-break-space-is-no-blank"),
        pytest.param("'a\nb'", ["a\nb"], id="a-newline-in-quotes-stays"),
        pytest.param("$HOME `id` $(id) ~ *", ["$HOME", "`id`", "$(id)", "~", "*"], id="nothing-is-expanded"),
    ],
)
def test_quoting_is_a_shells(text: str, expected: list[str]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a \\\n  b", ["a", "b"], id="after-a-blank"),
        pytest.param("a\\\nb", ["a", "b"], id="after-a-word"),
        pytest.param("\\\na \\\n", ["a"], id="at-both-ends"),
        pytest.param("a \\\r\n b", ["a", "b"], id="with-a-carriage-return"),
        pytest.param("a\\\\\nb", ["a\\", "b"], id="an-escaped-backslash-is-none"),
    ],
)
def test_a_backslash_at_the_end_of_a_line_joins_the_lines_of_a_command(text: str, expected: list[str]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "column", "shown"),
    [
        pytest.param("run 'a b", 5, "'a b", id="single-quote"),
        pytest.param('run "a b', 5, '"a b', id="double-quote"),
        pytest.param("run it's", 7, "'s", id="apostrophe"),
        pytest.param('run "a\\"', 5, '"a\\"', id="escaped-closing-quote"),
        pytest.param("run \\", 5, "\\", id="lone-backslash"),
    ],
)
def test_an_unbalanced_quote_is_shown_where_it_opens(text: str, column: int, shown: str) -> None:
    with pytest.raises(RequestError) as caught:
        words(text)
    assert caught.value.exit_code == 10
    assert f"column {column}: " in caught.value.message
    assert shown in caught.value.message
    assert caught.value.hint


LONG = 1 << 18  # characters


@pytest.mark.parametrize(
    ("piece", "end", "count"),
    [
        pytest.param(" ", "", 0, id="blanks"),
        pytest.param("\\\n", "", 0, id="joined-lines"),
        pytest.param("\\\r\n ", "", 0, id="joined-lines-with-carriage-returns"),
        pytest.param("a", "", 1, id="one-word"),
        pytest.param("a ", "", LONG // 2, id="many-words"),
        pytest.param("\\a", "", 1, id="backslashes"),
        pytest.param("''", "", 1, id="single-quotes"),
        pytest.param('""', "", 1, id="double-quotes"),
        pytest.param("a", "'", None, id="a-single-quote-that-opens-at-the-end"),
        pytest.param('\\"', '"', None, id="a-double-quote-that-opens-at-the-end"),
        pytest.param("a''", '"', None, id="quotes-then-an-open-one"),
        pytest.param("a\\b", "\\", None, id="a-lone-backslash-at-the-end"),
    ],
)
@pytest.mark.parametrize("start", ["", "'", '"'], ids=["plain", "after-a-single-quote", "after-a-double-quote"])
def test_a_long_text_takes_linear_time(start: str, piece: str, end: str, count: int | None) -> None:
    text = start + piece * (LONG // len(piece)) + end
    before = time.process_time()
    try:
        found = len(words(text))
    except RequestError:
        found = None
    assert time.process_time() - before < 5  # a quadratic search of it takes minutes
    if not start:
        assert found == count


@pytest.mark.parametrize(
    "text",
    [
        'a;"',
        "a;'",
        "it's",
        '"',
        "'",
        "\\",
        'a"b" "',
        "a'b' '",
        '"a\\"',
        "a\\ b\\",
        "''\"",
        "it's --StageinGOsrc=SITE1:/a",
    ],
)
def test_what_python_3_11_2_took_for_balanced_is_not(text: str) -> None:
    with pytest.raises(RequestError):
        words(text)
