"""The values of a word are read, and each mistake is kept with the word and the column in which it stands."""

from __future__ import annotations

import pytest

from goclient.errors import RequestError
from goclient.model.syntax.word_reader import WordReader

COLUMNS = {"Data": [" (column 5)", " (column 9)"]}


def refuse(text: str) -> int:
    raise RequestError(f"{text}: no", code="no")


@pytest.mark.parametrize(("items", "value"), [({}, None), ({"Data": ["12"]}, 12)])
def test_a_word_has_one_value_or_none(items: dict[str, list[str]], value: int | None) -> None:
    reader = WordReader(items, {})
    assert (reader.value("Data", "number", int), reader.errors) == (value, [])


def test_two_values_are_one_mistake_in_the_first_column() -> None:
    reader = WordReader({"Data": ["a", "b"]}, COLUMNS)
    assert reader.value("Data", "name", str) is None
    (error,) = reader.errors
    assert error.message == '--Data takes one name, not 2: "a", "b" (column 5)'
    assert (error.code, error.subject, error.hint) == ("one-value", "--Data", "give one")


def test_a_value_that_is_refused_is_told_with_its_word() -> None:
    reader = WordReader({"Data": ["x"]}, COLUMNS)
    assert reader.value("Data", "name", refuse) is None
    assert [(one.message, one.code, one.subject) for one in reader.errors] == [
        ("--Data=x: no (column 5)", "no", "--Data")
    ]


def test_a_mistake_is_told_in_the_column_of_its_own_item() -> None:
    reader = WordReader({"Data": ["a", "b"]}, COLUMNS)
    reader.refuse("Data", RequestError("b: no"), item=1)
    reader.wrong("OutputGO", "there is none", "add it")
    assert [one.message for one in reader.errors] == ["--Data=b: no (column 9)", "there is none"]
