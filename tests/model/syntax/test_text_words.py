"""Our words are found in a text, and taken out of it, and the payload's pass byte for byte."""

from __future__ import annotations

import time

import pytest
from hypothesis import given

from goclient.model.syntax.options import KEYS
from goclient.model.syntax.parameters import read_typed
from goclient.model.syntax.shell import words
from goclient.model.syntax.text_words import find_words
from tests.strategies import MANY, mixed_payloads, payloads, raw_words


def split(text: str) -> tuple[dict[str, list[str]], str]:
    """The items of our dashed words in a text that has no mistakes, and the payload's own words."""
    found = find_words(text)
    assert (found.errors, found.globus) == ([], [])
    return found.items, found.payload


@given(payloads)
@MANY
def test_a_payload_without_our_words_passes_byte_for_byte(text: str) -> None:
    assert split(text) == ({}, text)


@given(mixed_payloads)
@MANY
def test_without_our_words_the_payloads_own_stay_as_they_stood(text: str) -> None:
    found = find_words(text)
    ours = tuple(f"--{key}=" for key in KEYS)
    own = [raw for raw, word in zip(raw_words(text), words(text), strict=True) if not word.value.startswith(ours)]
    assert raw_words(found.payload) == own
    assert found.items or found.payload == text
    assert split(found.payload) == ({}, found.payload)


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        pytest.param("a --Data=x", "a", id="at-the-end"),
        pytest.param("--Data=x a", "a", id="in-front"),
        pytest.param("a  --Data=x  b", "a  b", id="in-between"),
        pytest.param("--Data=x", "", id="alone"),
        pytest.param("a 'b  c' --Data=x --Data=y \"d\"", "a 'b  c' \"d\"", id="quotes-stay"),
        pytest.param("a \\\n  --Data=x \\\n  b", "a \\\n  b", id="a-command-on-several-lines"),
        pytest.param("a \\\n  --Data=x", "a", id="the-last-line-of-a-command-on-several"),
        pytest.param(r"a\  --Data=x", r"a\ ", id="after-an-escaped-blank"),
        pytest.param("a\\\t --Data=x", "a\\\t", id="after-an-escaped-tab"),
        pytest.param(r"a\\ --Data=x", r"a\\", id="after-an-escaped-backslash"),
    ],
)
def test_a_word_of_ours_is_cut_out_with_its_blanks_and_nothing_else(text: str, payload: str) -> None:
    items, rest = split(text)
    assert rest == payload
    assert set(items) == {"Data"}
    assert raw_words(rest) == [raw for raw in raw_words(text) if not raw.startswith("--Data=")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("--Database=prod", id="longer-name"),
        pytest.param("--Dat=x", id="shorter-name"),
        pytest.param("-Data=x", id="one-dash"),
        pytest.param("Data=x", id="no-dash"),
        pytest.param("---Data=x", id="three-dashes"),
        pytest.param("--data=x", id="other-case"),
        pytest.param("x--Data=x", id="inside-a-word"),
        pytest.param("'run --Data=x'", id="inside-quotes"),
        pytest.param(r"a\ --Data=x", id="after-an-escaped-blank"),
        pytest.param("-- --Data=x --Data", id="after-a-bare-double-dash"),
        pytest.param("--OverwriteGO=yes", id="a-word-that-nobody-types"),
        pytest.param(r"run \--Data=x", id="after-a-backslash"),
        pytest.param("dir-out=/x files-in=a,b", id="words-of-the-globus-pilot-that-say-no-mode"),
        pytest.param("'globus-user=me' \"dir-out=/x y\"", id="words-of-the-globus-pilot-in-quotes"),
        pytest.param(r"in-\mode=gc \in-mode=gc", id="words-of-the-globus-pilot-with-a-backslash"),
        pytest.param("-- globus-user=me in-mode=x globus-endpoint-inn=A", id="any-words-after-a-bare-double-dash"),
        pytest.param("globus=x globus-online-path=/x xglobus-user=me", id="words-that-are-not-nearly-ours"),
    ],
)
def test_only_whole_words_with_our_names_are_ours(text: str) -> None:
    assert split(text) == ({}, text)


def test_options_that_are_repeated_among_the_words_add_up() -> None:
    found = split("--Data=a,b run --Data=c --OutputGO=B:/o")
    assert found == ({"Data": ["a", "b", "c"], "OutputGO": ["B:/o"]}, "run")


def test_quotes_around_an_option_or_its_value_are_the_shells() -> None:
    items, _ = split("""'--StageinGOsrc=A:/a b' --Data="x y" --OutputGO=B:/o\\ p""")
    assert items == {"StageinGOsrc": ["A:/a b"], "Data": ["x y"], "OutputGO": ["B:/o p"]}


def test_every_option_without_a_value_is_reported_with_its_column() -> None:
    errors = find_words("run --Data x --OutputGO= --WorkingendpointGO=W --StageinGOsrc=''").errors
    text = "\n".join(error.message for error in errors)
    assert [error.subject for error in errors] == ["--Data", "--OutputGO", "--StageinGOsrc"]
    for shown in ('"--Data" has no value (column 5 ', '"--OutputGO=" has no value (column 14 ', '"--StageinGOsrc="'):
        assert shown in text
    assert all("after a bare --" in error.hint for error in errors)


def test_beside_its_mistakes_a_text_is_split() -> None:
    found = find_words("run --Data --OutputGO=B:/o 'x  y' --Data=a,,b")
    assert (found.items["OutputGO"], found.payload) == (["B:/o"], "run 'x  y'")
    assert [(error.subject, error.code) for error in found.errors] == [("--Data", "no-value"), ("--Data", "empty-item")]
    assert "(column 35 of --jobParameters)" in found.errors[1].message


def test_a_text_with_an_unbalanced_quote_is_not_split() -> None:
    found = find_words("run --Data=x 'y")
    assert (found.items, found.payload) == ({}, "run --Data=x 'y")
    assert [error.code for error in found.errors] == ["unbalanced-quote"]


@pytest.mark.parametrize("key", KEYS)
def test_each_of_the_seven_options_is_known(key: str) -> None:
    assert split(f"a --{key}=x b") == ({key: ["x"]}, "a b")


def test_words_that_would_need_a_mode_are_left_to_the_payload_with_a_warning() -> None:
    typed = read_typed("run dir-in=/d files-in=a")
    assert (typed.payload, bool(typed.spec), typed.errors) == ("run dir-in=/d files-in=a", False, [])
    assert [(one.level, one.subject) for one in typed.warnings] == [("warning", "dir-in"), ("warning", "files-in")]
    assert "in-mode" in typed.warnings[0].hint
    assert [doubt.subject for doubt in read_typed("run dir-in=/d --StageinGOsrc=A:/a").warnings] == ["dir-in"]


def test_many_words_without_a_value_take_linear_time() -> None:
    before = time.process_time()
    found = find_words("run" + " --Data" * 20_000)
    assert time.process_time() - before < 5  # it took half a minute when each word was looked for among all
    assert len(found.errors) == 20_000
